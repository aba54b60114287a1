// A caller's view of itself: for keys that may see nothing else.
#include <boost/json.hpp>

#include "andon/access/budget_book.hpp"
#include "andon/admin/access_json.hpp"
#include "andon/admin/handlers.hpp"
#include "andon/admin/json_out.hpp"
#include "andon/base/money.hpp"
#include "andon/base/time_text.hpp"
#include "andon/ledger/store.hpp"

namespace andon::admin::handlers {
namespace {

namespace json = boost::json;

/// What each user has for itself has no one reading, so it is shown without.
json::object limit_json(const access::directory& in, const access::bound_limit& rule, access::bucket_time now) {
  json::object out;
  out["name"] = rule.name;
  out["model"] = rule.only_route == access::route_index::none ? json::value(nullptr) : json::value(in.name_of(rule.only_route).view());
  out["each_user"] = rule.state == nullptr;
  const auto bucket = [&](std::string_view what, const access::bucket_rate& rate, const access::bucket access::limit_state::*which) {
    if (!rate.limited()) return;
    out[what] = rate.limit;
    if (rule.state != nullptr) out[std::string(what) + "_left"] = (rule.state->*which).remaining(rate, now);
  };
  bucket("requests_per_minute", rule.requests, &access::limit_state::requests);
  bucket("tokens_per_minute", rule.tokens, &access::limit_state::tokens);
  if (rule.parallel >= 0) {
    out["parallel"] = rule.parallel;
    if (rule.state != nullptr) out["parallel_left"] = std::max<std::int64_t>(rule.parallel - rule.state->parallel.load(std::memory_order_relaxed), 0);
  }
  return out;
}

json::array limits_of(const access::directory& in, const access::principal& who, access::bucket_time now) {
  json::array out;
  const auto add = [&](const std::vector<const access::bound_limit*>& rules) {
    for (const auto* rule : rules)
      if (rule->owner == access::scope::key || rule->owner == access::scope::project) out.emplace_back(limit_json(in, *rule, now));
  };
  add(who.limits);
  for (const auto& of_route : who.route_limits) add(of_route);
  return out;
}

json::array budgets_of(const access::directory& in, const access::principal& who, wall_time now) {
  json::array out;
  for (const auto& reading : access::read_budgets(in, now)) {
    const auto owner = reading.rule->owner;
    if ((owner == access::scope::key || owner == access::scope::project) && counts_for(*reading.rule, who)) out.emplace_back(to_json(reading));
  }
  return out;
}

/// Calls and costs of the key since a time, from its Records.
result<json::object> spending(const services& with, const request& asked, wall_time since) {
  auto where = ledger::parse_filter("key:" + asked.who->key.str() + " started>=" + format_rfc3339(since), asked.now);
  if (!where) return fail(errc::internal, "the key's name is no filter");
  const auto found = with.records->index().aggregate({.where = std::move(*where), .max_groups = 1, .wait = asked.wait});
  if (!found) return std::unexpected(found.error());
  const auto& sum = found->total;
  return json::object{{"since", format_rfc3339(since)}, {"calls", sum.count}, {"errors", sum.errors}, {"cost_usd", format_usd(sum.cost)}, {"unpriced", sum.unpriced},
                      {"input", sum.input.value()}, {"output", sum.output.value()}, {"complete", found->complete}};
}

}  // namespace

result<reply> self(const services& with, const request& asked) {
  const auto info = with.keys.key(asked.who->key);
  if (!info) return std::unexpected(info.error());
  json::object out;
  out["key"] = to_json(*info);
  const auto& in_force = *asked.who.in();
  out["limits"] = limits_of(in_force, *asked.who, access::to_ticks(with.time.mono()));
  out["budgets"] = budgets_of(in_force, *asked.who, asked.now);
  out["spending"] = nullptr;
  if (with.records == nullptr) return reply{.body = json_text(out)};
  const auto today = std::chrono::floor<std::chrono::days>(asked.now);
  const std::chrono::year_month_day date{today};
  auto day = spending(with, asked, today);
  if (!day) return std::unexpected(std::move(day.error()));
  auto month = spending(with, asked, std::chrono::sys_days{date.year() / date.month() / std::chrono::day{1}});
  if (!month) return std::unexpected(std::move(month.error()));
  out["spending"] = json::object{{"day", std::move(*day)}, {"month", std::move(*month)}};
  return reply{.body = json_text(out)};
}

}  // namespace andon::admin::handlers
