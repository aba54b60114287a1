#pragma once
// Projects, keys, limits and budgets as the admin API writes and reads them.
//
// limits: a list of {per, model, requests_per_minute, tokens_per_minute, parallel}, or one such object.
// budgets: a list of {per, model, tag, period, limit_usd, alarm_percent}, or the short form {daily, weekly, monthly}.
#include <boost/json.hpp>

#include "andon/access/budget_book.hpp"
#include "andon/access/keyring.hpp"
#include "andon/base/error.hpp"

namespace andon::admin {

boost::json::object to_json(const access::project_settings&);
boost::json::object to_json(const access::key_info&);
boost::json::object to_json(const access::budget_reading&);
/// The budget is one that this principal's calls count for, and its own, its project's or its key's.
bool counts_for(const access::bound_budget& rule, const access::principal& who);

/// What a body changed, for the permission that it needs.
struct changed_fields {
  bool limits_or_budgets = false;
};

/// Applies the body's fields onto `out`; fields that are absent keep their value. `id` is taken from the body only
/// where `with_id`. Errors: invalid_argument naming the field.
result<changed_fields> read_project(const boost::json::object& body, access::project_settings& out, bool with_id);
result<changed_fields> read_key(const boost::json::object& body, access::key_settings& out);

}  // namespace andon::admin
