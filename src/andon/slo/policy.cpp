#include "andon/slo/policy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <map>

#include "andon/base/time_text.hpp"

namespace andon::slo {
namespace {

namespace json = boost::json;

constexpr double burn_rest = 0.5;           // of its bound: below it a burn rate is over
constexpr double rounding = 1e-9;           // a target's binary form
constexpr std::size_t most_causes = 3;

std::string rate_text(double rate) { return rate >= 100 ? fmt::format("{:.0f}", rate) : fmt::format("{:.3g}", rate); }
/// A budget that was spent a thousand times over is not told to the percent.
std::string percent(double share) { return share < -10 ? "less than -1000 %" : fmt::format("{:.4g} %", share * 100); }

bool begins(const policy_spec& policy, const policy_step& step, const objective_status& of) {
  if (of.filling || !of.budget.spent || !has_enough_events(policy, of)) return false;
  if (step.left && *of.budget.left() > *step.left + rounding) return false;
  return !step.burn || (of.budget.burn_rate && *of.budget.burn_rate >= *step.burn);
}

/// Why it is over; empty: it is not.
std::string ends(const policy_spec& policy, const policy_step& step, const objective_status& of, const step_in_force& since, instant now) {
  if (of.filling || now - since.since < policy.least) return {};
  const auto left = of.budget.left();
  const bool renewed = !of.what.over.is_rolling() && of.budget.begin > since.window_begin;
  if (!left) {
    if (renewed) return "a new period has begun";
    if (of.what.over.is_rolling() && now - since.since >= of.what.over.length) return "what ate the budget has left the window, and nothing came since";
    return {};
  }
  if (step.left && renewed && *left > *step.left) return fmt::format("a new period has begun: {} of its budget is left", percent(*left));
  // Where the bound and the margin come to more than there is, a whole budget ends it.
  if (step.left && *left >= std::min(*step.left + policy.margin, 1 - rounding)) return fmt::format("{} of the budget is left again", percent(*left));
  if (step.burn && of.budget.burn_rate && *of.budget.burn_rate < *step.burn * burn_rest) return fmt::format("the burn rate is down to {:.3g}", *of.budget.burn_rate);
  return {};
}

const objective_status* find(std::span<const objective_status> in, const std::string& name) {
  const auto found = std::ranges::find(in, name, [](const auto& one) -> const auto& { return one.what.name; });
  return found == in.end() ? nullptr : &*found;
}

struct known_step {
  const policy_spec* policy;
  const policy_step* step;
};
std::optional<known_step> find(std::span<const policy_spec> in, const step_in_force& of) {
  const auto policy = std::ranges::find(in, of.policy, &policy_spec::name);
  if (policy == in.end() || std::ranges::find(policy->objectives, of.objective) == policy->objectives.end()) return std::nullopt;
  const auto step = std::ranges::find(policy->steps, of.step, &policy_step::name);
  if (step == policy->steps.end()) return std::nullopt;
  return known_step{&*policy, &*step};
}

std::vector<std::pair<cause, std::int64_t>> by_loss(const losses& eaten) {
  std::vector<std::pair<cause, std::int64_t>> out(eaten.begin(), eaten.end());
  std::ranges::sort(out, [](const auto& a, const auto& b) { return std::pair(-a.second, a.first) < std::pair(-b.second, b.first); });
  return out;
}

json::value number(const std::optional<double>& from) { return from ? json::value(*from) : json::value(nullptr); }

std::vector<std::string> texts(const json::object& from, std::string_view name) {
  std::vector<std::string> out;
  if (const auto* found = from.if_contains(name); found != nullptr && found->is_array())
    for (const auto& one : found->get_array())
      if (one.is_string()) out.emplace_back(std::string_view(one.get_string()));
  return out;
}

std::optional<std::int64_t> count(const json::object& from, std::string_view name) {
  const auto* found = from.if_contains(name);
  return found != nullptr && found->is_int64() ? std::optional(found->get_int64()) : std::nullopt;
}

bool flag(const json::object& from, std::string_view name) {
  const auto* found = from.if_contains(name);
  return found != nullptr && found->is_bool() && found->get_bool();
}

}  // namespace

std::string policy_step::name() const {
  std::string out(to_string(act));
  if (left) out += fmt::format(" at {} left", percent(*left));
  if (burn) out += fmt::format("{} burn rate {:.4g}", left ? " and" : " at", *burn);
  return out;
}

bool has_enough_events(const policy_spec& policy, const objective_status& of) {
  return of.what.method != budgeting::occurrences || static_cast<double>(of.budget.events.total) / unit_of(of.what) >= static_cast<double>(policy.min_events);
}

judgement judge(std::span<const policy_spec> policies, std::span<const objective_status> objectives, std::span<const step_in_force> in_force, instant now) {
  judgement out;
  for (auto one = in_force.rbegin(); one != in_force.rend(); ++one) {
    const auto known = find(policies, *one);
    if (!known) {
      out.ends.push_back({one->decision, "the policy no longer says so", one->waived});
      continue;
    }
    const auto* stands = find(objectives, one->objective);
    if (stands == nullptr) continue;
    if (auto why = ends(*known->policy, *known->step, *stands, *one, now); !why.empty()) out.ends.push_back({one->decision, std::move(why), one->waived});
  }
  for (const auto& policy : policies)
    for (const auto& name : policy.objectives) {
      const auto* stands = find(objectives, name);
      if (stands == nullptr) continue;
      for (const auto& step : policy.steps) {
        const auto is_this = [&](const step_in_force& one) { return one.policy == policy.name && one.objective == name && one.step == step.name(); };
        if (begins(policy, step, *stands) && std::ranges::none_of(in_force, is_this)) out.begins.push_back({&policy, &step, stands});
      }
    }
  return out;
}

std::string reason_of(const objective_status& of) {
  const auto unit = unit_of(of.what);
  return fmt::format("objective {} has {} of its budget left over {} (burn rate {}, {:.6g} of {:.6g} events bad)", of.what.name,
                     of.budget.spent ? percent(*of.budget.left()) : "an unknown share", of.what.over.text(),
                     of.budget.burn_rate ? rate_text(*of.budget.burn_rate) : "unknown", static_cast<double>(of.budget.events.bad()) / unit,
                     static_cast<double>(of.budget.events.total) / unit);
}

std::string evidence_of(const objective_status& of, const losses& eaten) {
  const auto unit = unit_of(of.what);
  const auto rows = by_loss(eaten);
  std::int64_t all = 0;
  for (const auto& [why, bad] : rows) all += bad;
  json::array causes;
  for (const auto& [why, bad] : std::span(rows).first(std::min(rows.size(), most_causes)))
    causes.emplace_back(json::object{{"origin", why.origin}, {"error", why.error}, {"model", why.model}, {"key", why.key}, {"share", static_cast<double>(bad) / static_cast<double>(all)}});
  return json::serialize(json::object{{"objective", of.what.name},
                                      {"target", of.what.target},
                                      {"window", of.what.over.text()},
                                      {"window_begin", format_rfc3339(wall_time{of.budget.begin})},
                                      {"budget_left", number(of.budget.left())},
                                      {"burn_rate", number(of.budget.burn_rate)},
                                      {"events", static_cast<double>(of.budget.events.total) / unit},
                                      {"bad_events", static_cast<double>(of.budget.events.bad()) / unit},
                                      {"causes", std::move(causes)}});
}

std::string worst_model(const losses& eaten, const std::function<bool(std::string_view model)>& may) {
  std::map<std::string, std::int64_t> by_model;
  for (const auto& [why, bad] : eaten)
    if (!why.model.empty() && may(why.model)) by_model[why.model] += bad;
  const auto worst = std::ranges::max_element(by_model, {}, [](const auto& one) { return one.second; });
  return worst == by_model.end() ? std::string{} : worst->first;
}

std::string to_json(const tightening& from) {
  json::object out;
  if (!from.routes.empty()) out["routes"] = json::value_from(from.routes);
  if (!from.avoid.empty()) out["avoid"] = json::value_from(from.avoid);
  if (from.avoid_worst) out["avoid_worst"] = true;
  if (from.attempts) out["attempts"] = *from.attempts;
  if (from.queue) out["queue"] = *from.queue;
  if (from.no_hedging) out["no_hedging"] = true;
  return json::serialize(out);
}

tightening tightening_of(std::string_view text) {
  boost::system::error_code failed;
  const auto read = json::parse(text, failed);
  if (failed || !read.is_object()) return {};
  const auto& from = read.get_object();
  return {texts(from, "routes"), texts(from, "avoid"), flag(from, "avoid_worst"), count(from, "attempts"), count(from, "queue"), flag(from, "no_hedging")};
}

}  // namespace andon::slo
