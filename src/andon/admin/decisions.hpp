#pragma once
// What the handlers of Decisions share with those of changes that a freeze keeps from being made.
#include <boost/json/object.hpp>

#include "andon/admin/handlers.hpp"
#include "andon/slo/decision_store.hpp"

namespace andon::admin {

/// Null where Decisions are not kept.
slo::decision_store* decisions_of(const services& with);
/// Who asks, and `override_reason` of the body. errc::bad_json, invalid_argument, forbidden (a reason, without the permission).
result<change_cause> cause_of(const request& asked);
/// errc::plan_frozen: a policy freezes the plan and the body gives no reason.
result<void> may_change(const services& with, const request& asked, const std::string& what);
/// How many are in force and how the plan stands to the file; empty where Decisions are not kept.
boost::json::object decisions_json(const services& with);

}  // namespace andon::admin
