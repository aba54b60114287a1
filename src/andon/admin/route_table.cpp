#include "andon/admin/route_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "andon/admin/handlers.hpp"
#include "andon/base/json_text.hpp"

namespace andon::admin {
namespace {

using enum access::permission;
using namespace handlers;
constexpr auto any = std::nullopt;

constexpr std::array table{
    admin_path{"GET", "/", reach::anyone, any, "", "The status page.", conduct::at_once, page},
    admin_path{"GET", "/healthz", reach::anyone, any, "", "200 while the program runs.", conduct::at_once, health},
    admin_path{"GET", "/readyz", reach::anyone, any, "", "200 while calls are taken, else 503.", conduct::at_once, readiness},
    admin_path{"GET", "/metrics", reach::anyone, any, "", "Metrics in Prometheus text form.", conduct::blocking, metrics_text},
    admin_path{"GET", "/api/v1/status", reach::installation, metrics_read, "", "Version, Plan, ledger account, counts.", conduct::blocking, status},
    admin_path{"GET", "/api/v1/paths", reach::project, models_list, "", "This table.", conduct::at_once, paths},
    admin_path{"GET", "/api/v1/filter-reference", reach::project, models_list, "", "The filter language, as Markdown.", conduct::at_once, filter_page},
    admin_path{"GET", "/api/v1/records", reach::project, records_read, "q cursor limit content timeout",
               "Records that match a filter, newest first. content=true gives whole Records and needs content.read, as does a filter with words.", conduct::blocking, search_records},
    admin_path{"GET", "/api/v1/records/aggregate", reach::project, records_read, "q by bucket percentiles_of percentiles max_groups timeout",
               "Counts, sums and percentiles by fields and time. A filter with words needs content.read.", conduct::blocking, aggregate_records},
    admin_path{"GET", "/api/v1/records/export", reach::project, records_export, "q max timeout", "Whole Records as JSON lines, streamed.", conduct::stream,
               nullptr, export_records},
    admin_path{"GET", "/api/v1/records/follow", reach::project, records_read, "q after limit content",
               "Records as they come; waits up to 10 s for the first. Without `after`: from now on.", conduct::poll, follow_records},
    admin_path{"GET", "/api/v1/records/{id}", reach::project, content_read, "", "One whole Record.", conduct::blocking, record_by_id},
    admin_path{"POST", "/api/v1/ledger/verify", reach::installation, ledger_verify, "", "Reads the whole journal and checks it.", conduct::blocking, verify_ledger},
    admin_path{"GET", "/api/v1/projects", reach::project, projects_read, "", "Projects and their settings.", conduct::blocking, list_projects},
    admin_path{"POST", "/api/v1/projects", reach::installation, projects_write, "", "Creates a project.", conduct::blocking, create_project},
    admin_path{"GET", "/api/v1/projects/{id}", reach::project, projects_read, "", "One project.", conduct::blocking, project_by_id},
    admin_path{"PUT", "/api/v1/projects/{id}", reach::installation, projects_write, "", "Replaces a project's settings.", conduct::blocking, replace_project},
    admin_path{"DELETE", "/api/v1/projects/{id}", reach::installation, projects_write, "", "Deletes a project that has no keys.", conduct::blocking, delete_project},
    admin_path{"GET", "/api/v1/keys", reach::project, keys_read, "project", "Keys and their settings; never a secret.", conduct::blocking, list_keys},
    admin_path{"POST", "/api/v1/keys", reach::project, keys_write, "", "Creates a key. Its secret is in this reply and nowhere else.", conduct::blocking, create_key},
    admin_path{"GET", "/api/v1/keys/{id}", reach::project, keys_read, "", "One key.", conduct::blocking, key_by_id},
    admin_path{"PATCH", "/api/v1/keys/{id}", reach::project, keys_write, "", "Changes the fields that are given.", conduct::blocking, change_key},
    admin_path{"DELETE", "/api/v1/keys/{id}", reach::project, keys_write, "", "Deletes a key; it stops working at once.", conduct::blocking, delete_key},
    admin_path{"POST", "/api/v1/keys/{id}/rotate", reach::project, keys_write, "",
               "A new secret; the old one stays good for `overlap` (\"24h\"; absent: ends at once).", conduct::blocking, rotate_key},
    admin_path{"POST", "/api/v1/keys/{id}/block", reach::project, keys_block, "", "Blocks a key.", conduct::blocking, block_key},
    admin_path{"POST", "/api/v1/keys/{id}/unblock", reach::project, keys_block, "", "Lets a blocked key work again.", conduct::blocking, unblock_key},
    admin_path{"GET", "/api/v1/budgets", reach::project, budgets_read, "", "Budgets in force: limit, spent, reserved, reset.", conduct::blocking, budgets},
    admin_path{"GET", "/api/v1/self", reach::project, self_read, "timeout", "The own key: settings, limits and what is left of them, budgets, spending of the day and month (UTC).",
               conduct::blocking, self},
    admin_path{"GET", "/api/v1/audit", reach::project, audit_read, "since until project key target refused cursor limit timeout",
               "Who changed what, when, from where and how it ended, newest first; refused acts too.", conduct::blocking, list_audit},
    admin_path{"GET", "/api/v1/objectives", reach::installation, metrics_read, "", "Objectives: budget, burn rates, alerts, time to page in an outage.", conduct::blocking, objectives},
    admin_path{"GET", "/api/v1/objectives/{name}", reach::installation, metrics_read, "", "One objective.", conduct::blocking, objective_by_name},
    admin_path{"GET", "/api/v1/objectives/{name}/series", reach::installation, metrics_read, "since until step",
               "Good and total events over time. since, until: a time or an age (6h).", conduct::blocking, objective_chart},
    admin_path{"GET", "/api/v1/objectives/{name}/causes", reach::installation, metrics_read, "since until",
               "What ate the budget: bad events by origin, error, model and key, most first; by whole hours. Without times: over the objective's window.", conduct::blocking, objective_causes},
    admin_path{"GET", "/api/v1/objectives/{name}/recount", reach::installation, metrics_read, "since until timeout",
               "Its good and total events counted again from the journal, without the watch's sums. since, until: a time or an age (6h); 24h without them.", conduct::blocking, objective_recount},
    admin_path{"GET", "/api/v1/objective-rules", reach::installation, metrics_read, "", "The objectives as recording and alerting rules of Prometheus, over the counters of /metrics.", conduct::blocking, objective_rules},
    admin_path{"GET", "/api/v1/indicators", reach::installation, metrics_read, "", "Indicators and their groups.", conduct::blocking, indicators},
    admin_path{"GET", "/api/v1/indicators/{name}/series", reach::installation, metrics_read, "since until step group",
               "An indicator over time: events, and for numbers mean and quantiles (within 1 %). group: values of its dimensions, separated by commas; without it all together.", conduct::blocking, indicator_chart},
    admin_path{"GET", "/api/v1/signals", reach::installation, metrics_read, "", "Alerts of objectives and rules that hold now.", conduct::blocking, alerts_firing},
    admin_path{"GET", "/api/v1/measures", reach::project, models_list, "", "What can be measured, as Markdown.", conduct::at_once, measures_page},
    admin_path{"POST", "/api/v1/measures/{measure}/samples", reach::installation, operate, "",
               "A number from elsewhere, as of now, for a measure that takes samples: {\"value\":4}, or {\"good\":9,\"total\":10} for one that is a share.", conduct::blocking, take_sample},
    admin_path{"GET", "/api/v1/agreements", reach::installation, metrics_read, "", "Agreements: promises, credits, exclusions.", conduct::blocking, agreements},
    admin_path{"GET", "/api/v1/agreements/{name}/statements", reach::installation, metrics_read, "", "Months of which statements were issued, newest first.", conduct::blocking, agreement_statements},
    admin_path{"GET", "/api/v1/agreements/{name}/statements/{month}", reach::installation, metrics_read, "format revision",
               "The statement of a month (2026-10, now, last): as it was issued (revision: an earlier one), else a preliminary one. format: json, html or pdf.", conduct::blocking, agreement_statement},
    admin_path{"POST", "/api/v1/agreements/{name}/statements/{month}", reach::installation, operate, "",
               "Issues the statement of a month that is over, once; {\"reason\":…} issues a further revision.", conduct::blocking, issue_statement},
    admin_path{"GET", "/api/v1/kpis", reach::installation, metrics_read, "", "KPIs: value, target, trend, objectives.", conduct::blocking, kpis},
    admin_path{"GET", "/api/v1/kpis/{name}", reach::installation, metrics_read, "", "One KPI.", conduct::blocking, kpi_by_name},
    admin_path{"POST", "/api/v1/kpis/{name}/values", reach::installation, operate, "",
               "A value from outside: {at, value, note}; at: a time, now when left out. One of the same time takes its place.", conduct::blocking, put_kpi_value},
    admin_path{"GET", "/api/v1/routes", reach::installation, metrics_read, "", "Routes, their targets and the targets' health.", conduct::blocking, routes},
    admin_path{"POST", "/api/v1/targets/{model}/pause", reach::installation, operate, "for", "Takes a model out of all routes (for=1h; absent: until resumed). While the plan is frozen: {override_reason}.",
               conduct::blocking, pause_target},
    admin_path{"POST", "/api/v1/targets/{model}/resume", reach::installation, operate, "", "Takes a model back in. While the plan is frozen: {override_reason}.", conduct::blocking, resume_target},
    admin_path{"GET", "/api/v1/drills", reach::installation, metrics_read, "limit", "Drills, newest first: bounds, outcome, realised times and losses.", conduct::blocking, list_drills},
    admin_path{"GET", "/api/v1/drills/{id}", reach::installation, metrics_read, "", "One drill.", conduct::blocking, drill_by_id},
    admin_path{"POST", "/api/v1/drills", reach::installation, operate, "",
               "Begins a drill: {kind, for, target, share, even_when_firing, restarted_by}. It ends by itself.", conduct::blocking, start_drill},
    admin_path{"DELETE", "/api/v1/drills", reach::installation, operate, "", "Ends the drill under way.", conduct::blocking, stop_drill},
    admin_path{"GET", "/api/v1/config", reach::installation, config_read, "", "The configuration in force as YAML, secrets masked.", conduct::blocking, configuration},
    admin_path{"POST", "/api/v1/config/reload", reach::installation, config_write, "", "Reads the configuration file again. While the plan is frozen, or to undo a roll-back: {override_reason}, which needs decisions.write, too.", conduct::blocking, reload},
    admin_path{"POST", "/api/v1/drain", reach::installation, operate, "", "Ends the program gracefully.", conduct::blocking, drain},
    admin_path{"GET", "/api/v2/status", reach::installation, alerts_read, "", "Alertmanager: version, configuration of routes.", conduct::blocking, alert_status},
    admin_path{"GET", "/api/v2/receivers", reach::installation, alerts_read, "", "Alertmanager: names of the receivers.", conduct::blocking, alert_receivers},
    admin_path{"GET", "/api/v2/alerts", reach::installation, alerts_read, "active silenced inhibited muted unprocessed filter* receiver", "Alertmanager: alerts that fire.", conduct::blocking, list_alerts},
    admin_path{"POST", "/api/v2/alerts", reach::installation, alerts_write, "", "Alertmanager: takes alerts, as Prometheus sends them.", conduct::blocking, post_alerts, nullptr, false},
    admin_path{"GET", "/api/v2/alerts/groups", reach::installation, alerts_read, "active silenced inhibited muted unprocessed filter* receiver", "Alertmanager: alerts by group and receiver.",
               conduct::blocking, list_alert_groups},
    admin_path{"GET", "/api/v2/silences", reach::installation, alerts_read, "filter*", "Alertmanager: silences, ended ones for five days.", conduct::blocking, list_silences},
    admin_path{"POST", "/api/v2/silences", reach::installation, alerts_write, "", "Alertmanager: makes or changes a silence; `recurrence` makes it come again.", conduct::blocking, put_silence},
    admin_path{"GET", "/api/v2/silence/{id}", reach::installation, alerts_read, "", "Alertmanager: one silence.", conduct::blocking, silence_by_id},
    admin_path{"DELETE", "/api/v2/silence/{id}", reach::installation, alerts_write, "", "Alertmanager: ends a silence.", conduct::blocking, expire_silence},
    admin_path{"POST", "/v2/enqueue", reach::anyone, any, "", "PagerDuty Events v2 for those who know one of alerting.intake_keys.", conduct::blocking, take_event, nullptr, false},
    admin_path{"GET", "/alert/{token}", reach::anyone, any, "", "The page behind a link in a message; the link is signed.", conduct::blocking, link_page, nullptr, true, true},
    admin_path{"POST", "/alert/{token}", reach::anyone, any, "", "Does what the link is for, once.", conduct::blocking, follow_link, nullptr, true, true},
    admin_path{"GET", "/api/v1/alerts/messages", reach::installation, alerts_read, "state since limit", "Messages to receivers, newest first; state=dead gives the dead letters.", conduct::blocking, list_messages},
    admin_path{"POST", "/api/v1/alerts/messages/{id}/retry", reach::installation, alerts_write, "", "Sends a dead letter again.", conduct::blocking, retry_message},
    admin_path{"DELETE", "/api/v1/alerts/messages/{id}", reach::installation, alerts_write, "", "Drops a dead letter.", conduct::blocking, drop_message},
    admin_path{"POST", "/api/v1/alerts/receivers/{name}/test", reach::installation, alerts_write, "", "A trial alert to each way of a receiver.", conduct::blocking, test_receiver},
    admin_path{"GET", "/api/v1/oncall", reach::installation, alerts_read, "at", "Who is on call, by schedule.", conduct::blocking, on_call_now},
    admin_path{"GET", "/api/v1/oncall/{schedule}", reach::installation, alerts_read, "days", "The coming shifts of a schedule, and its overrides.", conduct::blocking, list_shifts},
    admin_path{"POST", "/api/v1/oncall/{schedule}/overrides", reach::installation, alerts_write, "", "Somebody takes over: {person, from, until}.", conduct::blocking, add_override},
    admin_path{"DELETE", "/api/v1/oncall/overrides/{id}", reach::installation, alerts_write, "", "Takes an override back.", conduct::blocking, delete_override},
    admin_path{"GET", "/api/v1/incidents", reach::installation, alerts_read, "since limit", "Incidents, open ones and those of the last days, newest first.", conduct::blocking, list_incidents},
    admin_path{"POST", "/api/v1/incidents", reach::installation, alerts_write, "", "Opens an incident by hand: {escalation, title}.", conduct::blocking, open_incident},
    admin_path{"GET", "/api/v1/incidents/{id}", reach::installation, alerts_read, "timeout", "An incident with its timeline of alerts, messages, acts and failing calls.", conduct::blocking, incident_by_id},
    admin_path{"GET", "/api/v1/incidents/{id}/postmortem", reach::installation, alerts_read, "timeout", "A draft of the post-mortem, as Markdown.", conduct::blocking, post_mortem},
    admin_path{"POST", "/api/v1/incidents/{id}/acknowledge", reach::installation, alerts_write, "", "Stops the escalation.", conduct::blocking, acknowledge_incident},
    admin_path{"POST", "/api/v1/incidents/{id}/resolve", reach::installation, alerts_write, "", "Ends the incident; those who were told hear it.", conduct::blocking, resolve_incident},
    admin_path{"POST", "/api/v1/incidents/{id}/notes", reach::installation, alerts_write, "", "Adds a line to the timeline: {text}.", conduct::blocking, add_incident_note},
    admin_path{"GET", "/api/v1/report", reach::installation, alerts_read, "since brief timeout", "What happened since (24h ago when left out): calls, alerts, incidents, messages, acts. brief=true: only what fires, incidents and who is on call.", conduct::blocking, overnight},
    admin_path{"GET", "/api/v1/decisions", reach::installation, decisions_read, "open objective policy act since until cursor limit",
               "Decisions of error-budget policies, and people's overrides and roll-backs, newest first.", conduct::blocking, list_decisions},
    admin_path{"GET", "/api/v1/decisions/{id}", reach::installation, decisions_read, "", "One Decision with its evidence.", conduct::blocking, decision_by_id},
    admin_path{"POST", "/api/v1/decisions/{id}/end", reach::installation, decisions_write, "", "Ends a Decision although its condition holds: {reason}. It comes again only after the condition was over.",
               conduct::blocking, end_decision},
    admin_path{"GET", "/api/v1/plans", reach::installation, decisions_read, "", "Configurations that were in force, newest first, and whether the file is.", conduct::blocking, list_plans},
    admin_path{"GET", "/api/v1/plans/{number}", reach::installation, config_read, "", "One of them as YAML, secrets masked.", conduct::blocking, plan_by_number},
    admin_path{"GET", "/api/v1/plans/{number}/diff", reach::installation, config_read, "with", "How it differs from another (with=NUMBER), or from the file (without), secrets masked.", conduct::blocking, plan_difference},
    admin_path{"POST", "/api/v1/plans/{number}/roll-back", reach::installation, decisions_write, "", "Puts it in force instead of the file, until that is edited: {reason}. A Decision.", conduct::blocking, roll_back_plan},
    admin_path{"GET", "/api/v1/feedback/summary", reach::project, records_read, "project route from to timeout",
               "What users said, by project and route: response rate, CSAT, thumbs, resolved, score and NPS with 95 % intervals. from, to: a time or an age (7d); without them 30 days until now.", conduct::blocking, feedback_sums},
};

// A path without a permission is one that says so, none has more than two arguments, every path has exactly one way to run, and strangers do not write into
// the audit log.
static_assert([] {
  for (const auto& path : table)
    if (std::ranges::count(path.pattern, '{') > 2 || (path.whom == reach::anyone) == path.needs.has_value() || (path.run == nullptr) != (path.how == conduct::stream) ||
        (path.run_stream == nullptr) == (path.how == conduct::stream) || (path.whom == reach::anyone && path.method != "GET" && path.audited && !path.by_link))
      return false;
  return true;
}());

/// Splits off the first segment, without its slash.
std::string_view take_segment(std::string_view& rest) {
  rest.remove_prefix(1);
  const auto end = std::min(rest.find('/'), rest.size());
  const auto out = rest.substr(0, end);
  rest.remove_prefix(end);
  return out;
}

/// What stands for the pattern's `{…}`, decoded; nothing when the path is another.
std::optional<std::pair<std::string, std::string>> fit(std::string_view pattern, std::string_view path) {
  std::array<std::string_view, 2> arguments;
  std::size_t n = 0;
  while (!pattern.empty() && !path.empty()) {
    if (pattern[0] != '/' || path[0] != '/') return std::nullopt;
    const auto wanted = take_segment(pattern);
    const auto given = take_segment(path);
    if (wanted.starts_with('{')) {
      if (given.empty()) return std::nullopt;
      arguments[n++] = given;
    } else if (wanted != given) {
      return std::nullopt;
    }
  }
  if (!pattern.empty() || !path.empty()) return std::nullopt;
  auto first = percent_decode(arguments[0], false), second = percent_decode(arguments[1], false);
  if (!first || !second) return std::nullopt;
  return std::pair(std::move(*first), std::move(*second));
}

std::string_view name_of(reach whom) {
  switch (whom) {
    case reach::anyone: return "anyone";
    case reach::project: return "own project";
    case reach::installation: return "installation";
  }
  return "";
}

std::string roles_of(const admin_path& path) {
  if (!path.needs) return "anyone";
  std::string out;
  for (std::size_t i = 0; i < access::role_count; ++i) {
    const auto who = static_cast<access::role>(i);
    if (access::allows(who, *path.needs)) out.append(out.empty() ? "" : ", ").append(access::to_string(who));
  }
  return out;
}

}  // namespace

std::span<const admin_path> admin_paths() { return table; }

match find_path(std::string_view method, std::string_view path) {
  match out;
  for (const auto& one : table) {
    auto arguments = fit(one.pattern, path);
    if (!arguments) continue;
    if (one.method == method || (method == "HEAD" && one.method == "GET")) return {&one, std::move(arguments->first), std::move(arguments->second), {}};
    // A literal path hides a pattern that would fit as well: /records/export is no record's id.
    if (out.allow.find(one.method) == std::string::npos) out.allow.append(out.allow.empty() ? "" : ", ").append(one.method);
  }
  return out;
}

bool may_call(const admin_path& path, const access::principal& who) {
  if (!path.needs) return true;
  return path.whom == reach::installation ? who.may(*path.needs) : access::allows(who.role, *path.needs);
}

std::string paths_json() {
  std::string out = R"({"data":[)";
  for (const auto& path : table) {
    if (&path != table.data()) out += ',';
    out += fmt::format(R"({{"method":{},"path":{},"permission":{},"for":{},"roles":{},"arguments":{},"summary":{}}})", json_string(path.method),
                       json_string(path.pattern), path.needs ? json_string(access::to_string(*path.needs)) : "null", json_string(name_of(path.whom)),
                       json_string(roles_of(path)), json_string(path.arguments), json_string(path.summary));
  }
  return out + "]}";
}

std::string paths_markdown() {
  std::string out = "# Admin API\n\nEvery path with the permission it needs. `own project`: a key bound to a project sees and changes that project only; "
                    "`installation`: such a key is refused.\n\n| method | path | permission | roles | reach | query | what it does |\n| --- | --- | --- | --- | --- | --- | --- |\n";
  for (const auto& path : table)
    out += fmt::format("| {} | `{}` | {} | {} | {} | {} | {} |\n", path.method, path.pattern, path.needs ? access::to_string(*path.needs) : "none",
                       roles_of(path), name_of(path.whom), path.arguments, path.summary);
  return out;
}

}  // namespace andon::admin
