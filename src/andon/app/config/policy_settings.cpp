#include "andon/app/config/policy_settings.hpp"

namespace andon::app {
namespace {

schema<policy_step_settings> policy_step() {
  using s = policy_step_settings;
  schema<s> out;
  out.value("act", &s::act, "notify: an alert. freeze: changes of the plan are refused without a reason. tighten: routes are tightened. roll-back: the configuration of before comes back.").required();
  out.value("left", &s::left, "Begins when at most this share of the budget is left, in percent; below 0 it is overspent.", between(-10'000.0, 100.0));
  out.value("burn", &s::burn, "Begins when the budget also burns at least this fast over the last hour; 1 uses it up exactly over the window.", at_least(0.001));
  out.value("severity", &s::severity, "Of the alert that tells of the step.");
  out.list("routes", &s::routes, "With tighten: these routes; left out: all.");
  out.list("avoid", &s::avoid, "With tighten: models that are asked only when no other target of the route can.");
  out.value("avoid_worst", &s::avoid_worst, "With tighten: avoid the model that ate most of the budget, if another target of the route is healthy.");
  out.value("attempts", &s::attempts, "With tighten: at most so many tries of one target.", between<std::int64_t>(1, 10));
  out.value("queue", &s::queue, "With tighten: at most so many calls wait for a place.", between<std::int64_t>(0, 1'000'000));
  out.value("hedging", &s::hedging, "With tighten: false lets no second target be asked while the first is silent.");
  out.value("within", &s::within, "With roll-back: how old the change may be that it takes back.", between<nanoseconds>(1min, 365 * 24h));
  return out;
}

}  // namespace

schema<policy_settings> policy_schema() {
  using s = policy_settings;
  schema<s> out;
  out.list("objectives", &s::objectives, "Whose budgets it looks after, beside those that name it; left out and named by none: all.");
  out.items("steps", &s::steps, policy_step(), nullptr, "What happens, in the order in which the budget goes: `left` never rises.").required();
  out.value("margin", &s::margin, "A step ends when so much more of the budget is left than its bound says, in percent of the budget.", between(0.0, 100.0));
  out.value("hold", &s::hold, "Least time that a step is in force.", between<nanoseconds>(0s, 31 * 24h));
  out.value("min_events", &s::min_events, "Events that the objective's window must have for a step to begin, where single events are counted.", at_least<std::int64_t>(1));
  return out;
}

}  // namespace andon::app
