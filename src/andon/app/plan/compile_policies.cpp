#include "andon/app/plan/compile_policies.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace andon::app {
namespace {

slo::decision_act act_of(policy_act_choice from) {
  switch (from) {
    case policy_act_choice::notify: return slo::decision_act::notify;
    case policy_act_choice::freeze: return slo::decision_act::freeze;
    case policy_act_choice::tighten: return slo::decision_act::tighten;
    case policy_act_choice::roll_back: break;
  }
  return slo::decision_act::roll_back;
}

class policy_compiler {
public:
  policy_compiler(const settings& from, const slo::watch_plan& watched, diagnostics& found) : from_(from), found_(found) {
    for (const auto& one : watched.objectives) known_.push_back(one.name);
  }

  std::vector<slo::policy_spec> run() {
    for (const auto& [name, one] : from_.objectives.entries)
      if (!one.policy.empty() && !from_.policies.entries.contains(one.policy))
        complain("objectives." + name + ".policy", fmt::format("there is no policy '{}'", one.policy), near_or(one.policy, names_of(from_.policies), "declare it under `policies`"));
    std::vector<slo::policy_spec> out;
    for (const auto& [name, one] : from_.policies.entries) out.push_back(policy(name, one));
    return out;
  }

private:
  void complain(const std::string& path, std::string message, std::string hint = {}) { found_.add(from_.places.at(path), path, std::move(message), std::move(hint)); }

  template <class T>
  static std::vector<std::string> names_of(const table_of<T>& of) {
    std::vector<std::string> out;
    for (const auto& [name, one] : of.entries) out.push_back(name);
    return out;
  }

  static std::string near_or(const std::string& name, const std::vector<std::string>& among, std::string otherwise) {
    const auto close = nearest(name, among);
    return close.empty() ? std::move(otherwise) : "did you mean '" + close + "'?";
  }

  std::vector<std::string> objectives(const std::string& path, const std::string& policy, const policy_settings& one) {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < one.objectives.size(); ++i) {
      const auto& name = one.objectives[i];
      const auto at = fmt::format("{}.objectives[{}]", path, i);
      if (std::ranges::find(out, name) != out.end()) complain(at, fmt::format("'{}' stands here twice", name));
      else if (std::ranges::find(known_, name) == known_.end())
        complain(at, fmt::format("there is no objective '{}' that is measured", name), near_or(name, known_, "declare it under `objectives` or in a file of `openslo`"));
      else out.push_back(name);
    }
    for (const auto& [name, objective] : from_.objectives.entries)
      if (objective.policy == policy && std::ranges::find(out, name) == out.end()) out.push_back(name);
    if (!out.empty() || !one.objectives.empty()) return out;
    if (known_.empty()) complain(path, "there is no objective whose budget it could look after", "declare one under `objectives`");
    return known_;
  }

  slo::policy_spec policy(const std::string& name, const policy_settings& one) {
    const auto path = "policies." + name;
    slo::policy_spec out{.name = name, .objectives = objectives(path, name, one)};
    out.margin = one.margin / 100;
    out.least = std::chrono::floor<slo::seconds>(one.hold);
    out.min_events = one.min_events;
    if (one.steps.empty() && !found_.says_of(path)) complain(path + ".steps", "has no step, so nothing would ever happen");
    std::optional<double> last;
    for (std::size_t i = 0; i < one.steps.size(); ++i) {
      const auto at = fmt::format("{}.steps[{}]", path, i);
      auto made = step(at, one.steps[i]);
      if (made.left && last && *made.left > *last) complain(at + ".left", fmt::format("{:g} is more than the step before it has", *made.left * 100), "steps stand in the order in which the budget goes");
      if (made.left) last = made.left;
      if (std::ranges::find(out.steps, made.name(), &slo::policy_step::name) != out.steps.end()) complain(at, fmt::format("'{}' stands here twice", made.name()));
      out.steps.push_back(std::move(made));
    }
    return out;
  }

  slo::policy_step step(const std::string& path, const policy_step_settings& one) {
    slo::policy_step out;
    out.act = act_of(one.act);
    if (one.left) out.left = *one.left / 100;
    out.burn = one.burn;
    out.severity = one.severity;
    out.within = std::chrono::floor<slo::seconds>(one.within);
    out.tighten = {one.routes, one.avoid, one.avoid_worst, one.attempts, one.queue, !one.hedging};
    if (!one.left && !one.burn && !found_.says_of(path)) complain(path, "says nothing of when it begins", "give it `left`, `burn` or both");
    if (one.severity.empty()) complain(path + ".severity", "is empty");
    if (one.act == policy_act_choice::tighten) tightening(path, one);
    else only_for(path, "tighten", {"routes", "avoid", "avoid_worst", "attempts", "queue", "hedging"});
    if (one.act != policy_act_choice::roll_back) only_for(path, "roll-back", {"within"});
    return out;
  }

  void only_for(const std::string& path, std::string_view act, std::initializer_list<const char*> names) {
    for (const auto* name : names)
      if (const auto at = path + "." + name; from_.places.has(at)) complain(at, fmt::format("belongs to act `{}` alone", act));
  }

  void tightening(const std::string& path, const policy_step_settings& one) {
    std::vector<const route_settings*> routes;
    for (std::size_t i = 0; i < one.routes.size(); ++i) {
      const auto found = from_.routes.entries.find(one.routes[i]);
      if (found != from_.routes.entries.end()) routes.push_back(&found->second);
      else complain(fmt::format("{}.routes[{}]", path, i), fmt::format("there is no route '{}'", one.routes[i]), near_or(one.routes[i], names_of(from_.routes), "declare it under `routes`"));
    }
    if (one.routes.empty())
      for (const auto& [name, route] : from_.routes.entries) routes.push_back(&route);
    for (std::size_t i = 0; i < one.avoid.size(); ++i) avoided(fmt::format("{}.avoid[{}]", path, i), one.avoid[i], routes);
    if (one.avoid.empty() && !one.avoid_worst && !one.attempts && !one.queue && one.hedging)
      complain(path, "tightens nothing", "give it avoid, avoid_worst, attempts, queue or hedging: false");
    else if (one.avoid_worst && std::ranges::none_of(routes, [](const auto* route) { return route->targets.size() > 1; }))
      complain(path + ".avoid_worst", "no route of the step has a second target to go to");
  }

  void avoided(const std::string& path, const std::string& model, const std::vector<const route_settings*>& routes) {
    bool there = false, others = false;
    for (const auto* route : routes)
      if (std::ranges::find(route->targets, model, &target_settings::model) != route->targets.end()) there = true, others |= route->targets.size() > 1;
    if (!from_.models.entries.contains(model)) complain(path, fmt::format("there is no model '{}'", model), near_or(model, names_of(from_.models), "declare it under `models`"));
    else if (!there) complain(path, fmt::format("no route of the step has the target '{}'", model));
    else if (!others) complain(path, fmt::format("'{}' is the only target wherever it stands", model), "there is nothing to go to instead");
  }

  const settings& from_;
  diagnostics& found_;
  std::vector<std::string> known_;
};

}  // namespace

std::vector<slo::policy_spec> compile_policies(const settings& from, const slo::watch_plan& watched, diagnostics& found) { return policy_compiler(from, watched, found).run(); }

}  // namespace andon::app
