#pragma once
// The handlers that the table of paths names. Each runs on one of the API's threads and may block.
#include "andon/admin/admin_api.hpp"
#include "andon/admin/request.hpp"

namespace andon::admin::handlers {

// system.cpp
result<reply> page(const services&, const request&);
result<reply> health(const services&, const request&);
result<reply> readiness(const services&, const request&);
result<reply> metrics_text(const services&, const request&);
result<reply> paths(const services&, const request&);
result<reply> filter_page(const services&, const request&);
result<reply> status(const services&, const request&);
result<reply> configuration(const services&, const request&);
result<reply> reload(const services&, const request&);
result<reply> drain(const services&, const request&);
// audit.cpp
result<reply> list_audit(const services&, const request&);
// targets.cpp
result<reply> routes(const services&, const request&);
result<reply> pause_target(const services&, const request&);
result<reply> resume_target(const services&, const request&);
// records.cpp
result<reply> search_records(const services&, const request&);
result<reply> record_by_id(const services&, const request&);
result<reply> aggregate_records(const services&, const request&);
result<reply> follow_records(const services&, const request&);
result<void> export_records(const services&, const request&, const piece_writer&);
result<reply> verify_ledger(const services&, const request&);
// projects.cpp
result<reply> list_projects(const services&, const request&);
result<reply> create_project(const services&, const request&);
result<reply> project_by_id(const services&, const request&);
result<reply> replace_project(const services&, const request&);
result<reply> delete_project(const services&, const request&);
result<reply> budgets(const services&, const request&);
// objectives.cpp
result<reply> objectives(const services&, const request&);
result<reply> objective_by_name(const services&, const request&);
result<reply> objective_chart(const services&, const request&);
result<reply> objective_causes(const services&, const request&);
result<reply> objective_recount(const services&, const request&);
result<reply> indicators(const services&, const request&);
result<reply> indicator_chart(const services&, const request&);
result<reply> alerts_firing(const services&, const request&);
result<reply> objective_rules(const services&, const request&);
result<reply> take_sample(const services&, const request&);
result<reply> measures_page(const services&, const request&);
// business.cpp
result<reply> agreements(const services&, const request&);
result<reply> agreement_statements(const services&, const request&);
result<reply> agreement_statement(const services&, const request&);
result<reply> issue_statement(const services&, const request&);
result<reply> kpis(const services&, const request&);
result<reply> kpi_by_name(const services&, const request&);
result<reply> put_kpi_value(const services&, const request&);
// drills.cpp
result<reply> list_drills(const services&, const request&);
result<reply> drill_by_id(const services&, const request&);
result<reply> start_drill(const services&, const request&);
result<reply> stop_drill(const services&, const request&);
// self.cpp
result<reply> self(const services&, const request&);
// keys.cpp
result<reply> list_keys(const services&, const request&);
result<reply> create_key(const services&, const request&);
result<reply> key_by_id(const services&, const request&);
result<reply> change_key(const services&, const request&);
result<reply> delete_key(const services&, const request&);
result<reply> rotate_key(const services&, const request&);
result<reply> block_key(const services&, const request&);
result<reply> unblock_key(const services&, const request&);
// alerts_v2.cpp
result<reply> alert_status(const services&, const request&);
result<reply> alert_receivers(const services&, const request&);
result<reply> list_alerts(const services&, const request&);
result<reply> list_alert_groups(const services&, const request&);
result<reply> post_alerts(const services&, const request&);
result<reply> list_silences(const services&, const request&);
result<reply> put_silence(const services&, const request&);
result<reply> silence_by_id(const services&, const request&);
result<reply> expire_silence(const services&, const request&);
result<reply> take_event(const services&, const request&);
// oncall.cpp
result<reply> list_messages(const services&, const request&);
result<reply> retry_message(const services&, const request&);
result<reply> drop_message(const services&, const request&);
result<reply> test_receiver(const services&, const request&);
result<reply> on_call_now(const services&, const request&);
result<reply> list_shifts(const services&, const request&);
result<reply> add_override(const services&, const request&);
result<reply> delete_override(const services&, const request&);
result<reply> list_incidents(const services&, const request&);
result<reply> open_incident(const services&, const request&);
result<reply> acknowledge_incident(const services&, const request&);
result<reply> resolve_incident(const services&, const request&);
result<reply> add_incident_note(const services&, const request&);
// alert_report.cpp
result<reply> incident_by_id(const services&, const request&);
result<reply> post_mortem(const services&, const request&);
result<reply> overnight(const services&, const request&);
// feedback.cpp
result<reply> feedback_sums(const services&, const request&);
// decisions.cpp
result<reply> list_decisions(const services&, const request&);
result<reply> decision_by_id(const services&, const request&);
result<reply> end_decision(const services&, const request&);
result<reply> list_plans(const services&, const request&);
result<reply> plan_by_number(const services&, const request&);
result<reply> plan_difference(const services&, const request&);
result<reply> roll_back_plan(const services&, const request&);
// alert_link.cpp
result<reply> link_page(const services&, const request&);
/// For whoever opened a link at night and cannot use it: why, and what to do instead.
reply refused_link(const error& why);
result<reply> follow_link(const services&, const request&);

}  // namespace andon::admin::handlers
