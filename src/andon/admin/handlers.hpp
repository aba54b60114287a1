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

}  // namespace andon::admin::handlers
