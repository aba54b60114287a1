#include "andon/admin/access_json.hpp"
#include "andon/base/money.hpp"
#include "andon/base/time_text.hpp"

namespace andon::admin {

namespace json = boost::json;

bool counts_for(const access::bound_budget& rule, const access::principal& who) {
  for (const auto* own : who.budgets)
    if (own == &rule) return rule.owner != access::scope::gateway;
  for (const auto& of_route : who.route_budgets)
    for (const auto* own : of_route)
      if (own == &rule) return rule.owner != access::scope::gateway && rule.owner != access::scope::route;
  return false;
}

json::object to_json(const access::budget_reading& reading) {
  const auto& rule = *reading.rule;
  const auto left = rule.limit - reading.spent - reading.reserved;
  json::object out;
  out["name"] = rule.name;
  out["owner"] = access::to_string(rule.owner);
  out["period"] = access::to_string(rule.length);
  out["begins"] = format_rfc3339(reading.in.begin);
  out["resets"] = format_rfc3339(reading.in.end);
  out["limit_usd"] = format_usd(rule.limit);
  out["spent_usd"] = format_usd(reading.spent);
  out["reserved_usd"] = format_usd(reading.reserved);
  out["left_usd"] = left < nano_usd{} ? "0" : format_usd(left);
  out["alarm_percent"] = rule.alarm_percent;
  out["alarm"] = reading.alarm;
  return out;
}

}  // namespace andon::admin
