// What error-budget policies do to a running gateway: Decisions are made from how objectives stand, and change the plan.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

#include "andon/access/key_hasher.hpp"
#include "andon/app/serve/instance.hpp"
#include "andon/app/serve/mask.hpp"
#include "andon/app/serve/plan_history.hpp"
#include "andon/app/serve/sealed_text.hpp"
#include "andon/base/log.hpp"
#include "andon/base/time_text.hpp"

namespace andon::app {
namespace {

namespace json = boost::json;

constexpr nanoseconds between_tries = std::chrono::seconds{5};
constexpr std::size_t longest_reason = 500;

slo::instant second_of(wall_time at) { return std::chrono::floor<slo::seconds>(at); }

std::string joined(const std::vector<std::string>& names) { return fmt::format("{}", fmt::join(names, ", ")); }

std::string tightened_text(const slo::tightening& how) {
  std::vector<std::string> parts;
  if (!how.avoid.empty()) parts.push_back("avoid " + joined(how.avoid));
  if (how.attempts) parts.push_back(fmt::format("at most {} attempts", *how.attempts));
  if (how.queue) parts.push_back(fmt::format("at most {} calls wait", *how.queue));
  if (how.no_hedging) parts.emplace_back("no hedging");
  return parts.empty() ? "nothing was tightened: no model could be avoided for a healthy one" : joined(parts);
}

slo::decision step_decision(const slo::step_begin& of, const std::string& evidence, wall_time now) {
  slo::decision out;
  out.at = second_of(now);
  out.who = "policy " + of.policy->name;
  out.act = of.step->act;
  out.subject = "objective " + of.objective->what.name;
  out.policy = of.policy->name;
  out.objective = of.objective->what.name;
  out.step = of.step->name();
  out.severity = of.step->severity;
  out.reason = reason_of(*of.objective);
  out.evidence = evidence;
  out.settings = "{}";
  out.window_begin = of.objective->budget.begin;
  return out;
}

/// One that is its own act: nothing is left to be done when it is kept.
void is_done(slo::decision& one, std::string outcome) {
  one.done = one.at;
  one.outcome = std::move(outcome);
}

constexpr std::string_view the_configuration = "the configuration";

std::string frozen_text(const slo::decision& by, const std::string& what) {
  return fmt::format("the plan is frozen, so {} may not change: by policy {}, since {} ({}, in force since {}). Who may call, who is told and a reload that leaves the plan as it is are not frozen. "
                     "To change it all the same, give a reason: {}--override --reason \"…\"`, or `override_reason` in the request's body",
                     what, by.policy, by.reason, by.id(), format_rfc3339(wall_time{by.at}), what == the_configuration ? "`andon reload " : "the same command with `");
}

}  // namespace

decision_desk* instance::desk() const {
  const std::lock_guard hold(desk_);
  return decisions_.get();
}

std::string instance::decisions_problem() const {
  const std::lock_guard hold(desk_);
  return decisions_problem_;
}

/// A full or broken disk keeps no call from being served; it keeps policies from acting, and says so once.
void instance::note_decisions(const result<void>& done) {
  const std::lock_guard hold(desk_);
  const std::string now = done ? "" : done.error().message;
  if (!done && decisions_problem_ != now) log::error("decisions_not_kept", {{"meaning", "what is not kept is not done; it is tried again"}, {"reason", now}});
  if (done && !decisions_problem_.empty()) log::info("decisions_kept_again", {});
  decisions_problem_ = now;
}

void instance::open_decisions() {
  decisions_tried_ = time_.mono();
  const std::filesystem::path data(options_.data);
  const auto pepper = access::load_or_make_pepper(data / "pepper");
  auto texts = pepper ? text_keeper_of(settings_.ledger.encryption, *pepper) : std::unexpected(pepper.error());
  if (!texts) return note_decisions(std::unexpected(std::move(texts.error())));
  auto opened = decision_desk::open(data / "decisions.db", std::move(*texts), time_, *audit_, *alerts_, metrics_);
  if (!opened) return note_decisions(std::unexpected(std::move(opened.error())));
  {
    const std::lock_guard hold(desk_);
    decisions_ = std::move(*opened);
  }
  note_decisions({});
}

/// What a roll-back to this text can put in force, the best first: with what a freeze leaves free as it is now, or, where
/// the two do not go together, as it was kept. Empty: neither can be read, and `found` says why.
std::vector<loaded_settings> instance::plans_of(const std::string& kept, const std::string& now, diagnostics& found) const {
  std::vector<loaded_settings> out;
  const auto present = with_free_part_of(kept, now);
  diagnostics mixed(options_.config);
  if (auto read = settings_of(options_.config, present, mixed); mixed.empty()) out.push_back(std::move(read));
  if (present == kept) {
    found = std::move(mixed);
    return out;
  }
  if (auto read = settings_of(options_.config, kept, found); found.empty()) out.push_back(std::move(read));
  return out;
}

/// The best first; the file last.
std::vector<loaded_settings> instance::plans_at_start(const loaded_settings& file) {
  auto* decided = desk();
  if (decided == nullptr) return {file};
  const auto kept = decided->store().instead_of_file();
  if (!kept) return note_decisions(std::unexpected(kept.error())), std::vector{file};
  if (!*kept) return {file};
  if ((*kept)->against != plan_hash(file.text)) {
    log::info("file_in_force_again", {{"meaning", "it was edited since it was rolled back"}});
    note_decisions(decided->store().file_in_force());
    return {file};
  }
  const auto noted = decided->store().plans().value_or(std::vector<slo::plan_entry>{});
  const auto own = std::ranges::find(noted, fmt::format("dec_{}", (*kept)->decision), &slo::plan_entry::who);  // as it was put in force; missing after a crash before that
  const auto entry = decided->store().plan(own == noted.end() ? (*kept)->plan : own->number);
  diagnostics found(file.name);
  auto out = entry && *entry ? plans_of((*entry)->text, own == noted.end() ? file.text : (*entry)->text, found) : std::vector<loaded_settings>{};
  if (out.empty()) log::error("plan_not_servable", {{"plan", (*kept)->plan}, {"meaning", "the file is in force instead"}, {"reason", !entry ? entry.error().message : found.text()}});
  else instead_ = *kept;
  out.push_back(file);
  return out;
}

void instance::take_up_decisions() {
  auto* decided = desk();
  if (decided == nullptr) return;
  const std::lock_guard lock(reloading_);
  for (const auto& one : decided->in_force()) {
    if (one.done) continue;
    const bool lost = one.act == slo::decision_act::roll_back && !(instead_ && instead_->decision == one.number);
    note_decisions(decided->carried_out(one.number, lost ? "not carried out: the file was changed, or the plan cannot be served any more" : "carried out at the start, after an interruption"));
  }
  const auto plans = decided->store().plans();
  if (!plans) return note_decisions(std::unexpected(plans.error()));
  const auto freeze = decided->freeze();
  if (freeze && !instead_ && !plans->empty() && plans->front().hash != plan_hash(configuration_text_)) {
    const auto before = decided->store().plan(plans->front().number);
    if (before && *before && frozen_part((*before)->text, {}) != frozen_part(configuration_text_, {})) {
      slo::decision one{.number = 0, .at = second_of(time_.wall()), .who = "start", .act = slo::decision_act::override_, .subject = "the configuration"};
      one.reason = fmt::format("the program was started with another configuration while {} froze the plan", freeze->id());
      one.evidence = json::serialize(json::object{{"freeze", freeze->id()}});
      one.settings = "{}";
      is_done(one, "the configuration is in force");
      one.ended = one.at;
      note_decisions(decided->begin(one));
    }
  }
  note_plan({options_.config, configuration_text_, {}}, instead_ ? fmt::format("dec_{}", instead_->decision) : "start");
}

slo::plan_entry instance::present_entry(const std::string& text, const std::string& who) const {
  slo::plan_entry out{.number = 0, .at = second_of(time_.wall()), .who = who.empty() ? "reload" : who, .hash = plan_hash(text), .standing = {}, .text = text};
  const auto watch = objectives_ ? objectives_->current() : nullptr;
  if (!watch) return out;
  for (const auto& one : watch->objectives()) {
    const auto left = one.budget.left();
    const bool known = left && !one.filling && std::ranges::all_of(policies_, [&](const auto& policy) { return has_enough_events(policy, one); });
    if (known) out.standing.emplace_back(one.what.name, *left);
  }
  return out;
}

void instance::note_plan(const loaded_settings& from, const std::string& who) {
  auto* decided = desk();
  if (decided == nullptr) return;
  const auto plans = decided->store().plans();
  if (!plans) return note_decisions(std::unexpected(plans.error()));
  if (!plans->empty() && plans->front().hash == plan_hash(from.text)) return;
  if (!plans->empty())
    if (const auto before = decided->store().plan(plans->front().number); before && *before && says_the_same((*before)->text, from.text)) return;
  auto entry = present_entry(from.text, who);
  note_decisions(decided->store().put(entry, static_cast<std::size_t>(plan_settings_.plan_history)));
}

result<void> instance::compile_again() {
  const std::lock_guard lock(reloading_);
  diagnostics found(options_.config);
  return adopt(plan_settings_, found);
}

void instance::look_at_policies() {
  const std::lock_guard hold(deciding_);
  if (desk() == nullptr) {
    if (time_.mono() - decisions_tried_ < between_tries) return;
    open_decisions();
    if (desk() == nullptr) return;
    if (const auto again = compile_again(); !again) log::error("plan_not_tightened", {{"reason", again.error().message}});
    take_up_decisions();
  }
  auto* decided = desk();
  decided->tell(time_.wall());
  const auto watch = objectives_ ? objectives_->current() : nullptr;
  std::vector<slo::policy_spec> policies;
  {
    const std::lock_guard lock(reloading_);
    policies = policies_;
  }
  const auto steps = decided->steps();
  if (policies.empty() && steps.empty()) return;
  const auto objectives = watch ? watch->objectives() : std::vector<slo::objective_status>{};
  const auto judged = judge(policies, objectives, steps, second_of(time_.wall()));
  for (const auto& one : judged.ends) end_step(one);
  for (const auto& one : judged.begins) begin_step(one, *watch);
}

/// Models that may be avoided stand in a route of the step beside another one that is healthy.
slo::tightening instance::resolved(const slo::tightening& from, const slo::losses& eaten) const {
  auto out = from;
  out.avoid_worst = false;
  if (!from.avoid_worst) return out;
  const auto now = time_.mono();
  const auto healthy = [&](const route::target& one) { return one.health->state(now) == route::breaker_state::closed && !one.health->cooling(now) && !one.health->held(now); };
  const auto in_force = plan();
  const auto may = [&](std::string_view model) {
    if (std::ranges::find(from.avoid, model) != from.avoid.end()) return false;
    return std::ranges::any_of(in_force->routes, [&](const auto& route) {
      if (!from.routes.empty() && std::ranges::find(from.routes, route->name.view()) == from.routes.end()) return false;
      const auto targets = route->choice->targets();
      return std::ranges::any_of(targets, [&](const auto& one) { return one.settings.model.view() == model; }) &&
             std::ranges::any_of(targets, [&](const auto& one) { return one.settings.model.view() != model && healthy(one); });
    });
  };
  if (auto worst = worst_model(eaten, may); !worst.empty()) out.avoid.push_back(std::move(worst));
  return out;
}

void instance::begin_step(const slo::step_begin& of, slo::watch& seen) {
  auto* decided = desk();
  const auto& budget = of.objective->budget;
  const auto eaten = seen.eaten(of.objective->what.name, budget.begin, budget.at + slo::seconds{1}).value_or(slo::losses{});
  auto one = step_decision(of, evidence_of(*of.objective, eaten), time_.wall());
  switch (of.step->act) {
    case slo::decision_act::notify: is_done(one, "told"); break;
    case slo::decision_act::freeze:
      one.subject = "plan";
      is_done(one, "changes of the plan need a reason");
      break;
    case slo::decision_act::tighten: {
      const auto how = resolved(of.step->tighten, eaten);
      one.subject = how.routes.empty() ? "all routes" : "routes " + joined(how.routes);
      one.settings = to_json(how);
      const auto begun = decided->begin(one);
      note_decisions(begun);
      if (!begun) return;
      const auto done = compile_again();
      const bool worst_stays = of.step->tighten.avoid_worst && how.avoid.size() == of.step->tighten.avoid.size();
      const auto told = tightened_text(how) + (worst_stays ? "; the model that ate most is not avoided: no other target of its routes is healthy" : "");
      return note_decisions(decided->carried_out(one.number, done ? told : "not carried out: " + done.error().message.substr(0, longest_reason)));
    }
    case slo::decision_act::roll_back: {
      const auto plans = decided->store().plans();
      if (!plans) return note_decisions(std::unexpected(plans.error()));
      const auto is_present = [&](const slo::plan_entry& entry) {
        const auto kept = decided->store().plan(entry.number);
        return kept && *kept && frozen_part((*kept)->text, {}) == frozen_part(configuration_text_, {});
      };
      const auto* good = find_good_plan(*plans, one.objective, of.step->left.value_or(0), of.step->within, one.at, is_present);
      one.subject = "plan";
      if (good == nullptr) {
        is_done(one, fmt::format("nothing to roll back to: no change of the last {} took the place of a configuration that was inside the budget", format_duration(of.step->within)));
        break;
      }
      const auto back = roll_back(one, good->number);
      if (back) return note_decisions({});
      if (back.error().code == errc::internal) return;  // it is kept, with what came in its way
      const bool never = back.error().code == errc::conflict || back.error().code == errc::not_found || back.error().code == errc::corrupt;
      if (!never) return note_decisions(std::unexpected(back.error()));
      is_done(one, "nothing to roll back to: " + back.error().message.substr(0, longest_reason));
      break;
    }
    case slo::decision_act::override_: return;  // a person's
  }
  note_decisions(decided->begin(one));
}

void instance::end_step(const slo::step_end& of) {
  auto* decided = desk();
  if (of.waived) return note_decisions(decided->forget_waiver(of.decision));
  const auto ended = decided->end(of.decision, {}, of.why, false);
  if (!ended) return note_decisions(std::unexpected(ended.error()));
  note_decisions({});
  if (ended->act == slo::decision_act::tighten)
    if (const auto again = compile_again(); !again) log::error("plan_not_compiled", {{"reason", again.error().message}});
}

result<slo::decision> instance::end_decision(std::int64_t number, const std::string& who, const std::string& why) {
  const std::lock_guard hold(deciding_);
  auto* decided = desk();
  if (decided == nullptr) return fail(errc::unavailable, "Decisions cannot be kept now: " + decisions_problem());
  auto ended = decided->end(number, who, why, true);
  if (ended && ended->act == slo::decision_act::tighten)
    if (const auto again = compile_again(); !again) return std::unexpected(again.error());
  return ended;
}

result<std::int64_t> instance::may_change(const admin::change_cause& why, const std::string& what) {
  auto* decided = desk();
  const auto freeze = decided != nullptr ? decided->freeze() : std::nullopt;
  if (!freeze && (decided == nullptr || why.override_reason.empty())) return 0;
  if (why.override_reason.empty()) return fail(errc::plan_frozen, frozen_text(*freeze, what));
  slo::decision one{.number = 0, .at = second_of(time_.wall()), .who = why.who, .act = slo::decision_act::override_, .subject = what};
  one.reason = why.override_reason;
  if (freeze) one.evidence = json::serialize(json::object{{"freeze", freeze->id()}, {"policy", freeze->policy}, {"objective", freeze->objective}, {"reason", freeze->reason}});
  else one.evidence = "{}";
  one.settings = "{}";
  one.ended = one.at;
  const auto begun = decided->begin(one);
  note_decisions(begun);
  if (!begun) return std::unexpected(begun.error());
  return one.number;
}

result<slo::decision> instance::roll_back(slo::decision one, std::int64_t to) {
  const std::lock_guard lock(reloading_);
  auto* decided = desk();
  if (decided == nullptr) return fail(errc::unavailable, "Decisions cannot be kept now: " + decisions_problem());
  const auto plans = decided->store().plans();
  const auto kept = decided->store().plan(to);
  if (!plans || !kept) return std::unexpected(!plans ? plans.error() : kept.error());
  if (!*kept) return fail(errc::not_found, fmt::format("there is no plan {}; `andon plan list` shows those that are kept", to));
  diagnostics unread(options_.config), found("plan " + std::to_string(to));
  const auto file = load_settings(options_.config, engines_, unread);
  const auto against = plan_hash(file.text.empty() ? configuration_text_ : file.text);
  const auto before = configuration_text_;  // the file may hold what was refused
  const auto ways = plans_of((*kept)->text, before, found);
  if (ways.empty()) return fail(errc::conflict, fmt::format("plan {} can no longer be served: {}", to, found.text()));
  if (says_the_same(ways.front().text, configuration_text_)) return fail(errc::conflict, fmt::format("plan {} is what is in force", to));
  one.subject = fmt::format("plan {}", to);
  one.settings = json::serialize(json::object{{"plan", to}, {"instead_of", plans->empty() ? 0 : plans->front().number}});
  const bool is_file = unread.empty() && says_the_same(ways.front().text, file.text);
  if (auto begun = decided->begin(one, is_file ? std::nullopt : std::optional(slo::rolled_back{to, 0, against})); !begun) return std::unexpected(std::move(begun.error()));
  const auto* back = &ways.front();
  auto done = adopt(back->values, found);
  if (!done && ways.size() > 1) {
    log::warn("roll_back_is_whole", {{"plan", to}, {"meaning", "keys, projects and alerting go back, too"}, {"reason", done.error().message}});
    back = &ways.back();
    diagnostics again(options_.config);
    done = adopt(back->values, again);
  }
  if (!done) {
    if (instead_) (void)decided->store().set_instead(*instead_);
    else (void)decided->store().file_in_force();
    note_decisions(decided->carried_out(one.number, "not carried out: " + done.error().message.substr(0, longest_reason)));
    return fail(errc::internal, done.error().message);
  }
  const bool follows_file = is_file && back == &ways.front();
  if (follows_file) note_decisions(decided->store().file_in_force());
  instead_ = follows_file ? std::nullopt : std::optional(slo::rolled_back{to, one.number, against});
  if (is_file && !follows_file) note_decisions(decided->store().set_instead(*instead_));
  refused_hash_.clear();
  in_force(*back);
  note_plan(*back, one.id());
  one.done = second_of(time_.wall());
  one.outcome = fmt::format("plan {} of {} is in force again", to, format_rfc3339(wall_time{(*kept)->at}));
  if (back->text != (*kept)->text) one.outcome += "; keys, projects and alerting stay as they are";
  else if (with_free_part_of(back->text, before) != back->text) one.outcome += ", with the keys, projects and alerting of then: they do not go together with those of now";
  note_decisions(decided->carried_out(one.number, one.outcome));
  return one;
}

std::string instance::file_apart() const {
  const std::lock_guard lock(reloading_);
  if (instead_) return fmt::format("dec_{} rolled it back to plan {}; it takes force again when it is edited, or by `andon reload --override --reason …`", instead_->decision, instead_->plan);
  if (!refused_fault_.empty()) return "it has faults, so that a restart would fail; `andon check` tells them all: " + refused_fault_;
  if (!refused_hash_.empty()) return "it was changed while the plan was frozen; `andon reload` takes it up when the freeze is over, with --override and a reason at once";
  return {};
}

admin::plan_standing instance::standing() const {
  admin::plan_standing out{.entry = 0, .apart = file_apart(), .frozen = {}};
  auto* decided = desk();
  if (decided == nullptr) return out;
  if (const auto freeze = decided->freeze()) out.frozen = freeze->id();
  out.entry = plan_number();
  return out;
}

std::int64_t instance::plan_number() const {
  auto* decided = desk();
  if (decided == nullptr) return 0;
  const auto plans = decided->store().plans();
  return plans && !plans->empty() ? plans->front().number : 0;
}

result<std::string> instance::plan_difference(const std::string& before, const std::string& after) const {
  auto* decided = desk();
  if (decided == nullptr) return fail(errc::unavailable, "Decisions cannot be kept now: " + decisions_problem());
  const auto text_of = [&](const std::string& name) -> result<std::string> {
    if (name == "file") {
      diagnostics unread(options_.config);
      return load_settings(options_.config, engines_, unread).text;
    }
    std::int64_t number = 0;
    if (const auto read = std::from_chars(name.data(), name.data() + name.size(), number); read.ec != std::errc{} || read.ptr != name.data() + name.size())
      return fail(errc::invalid_argument, fmt::format("'{}' is neither the number of a plan nor `file`", name));
    auto kept = decided->store().plan(number);
    if (!kept) return std::unexpected(std::move(kept.error()));
    if (!*kept) return fail(errc::not_found, fmt::format("there is no plan {}; `andon plan list` shows those that are kept", number));
    return (*kept)->text;
  };
  const auto a = text_of(before), b = text_of(after);
  if (!a || !b) return std::unexpected(!a ? a.error() : b.error());
  const auto called = [](const std::string& name) { return name == "file" ? name : "plan " + name; };
  return text_diff(mask_secrets(*a), mask_secrets(*b), called(before), called(after));
}

admin::policy_desk instance::policy_services() {
  return {.store = [this]() -> slo::decision_store* { auto* decided = desk(); return decided != nullptr ? &decided->store() : nullptr; },
          .may_change =
              [this](const admin::change_cause& why, const std::string& what) -> result<void> {
            const auto by = may_change(why, what);
            if (!by) return std::unexpected(by.error());
            if (*by != 0) note_decisions(desk()->carried_out(*by, "done"));
            return {};
          },
          .end = [this](std::int64_t number, const std::string& who, const std::string& why) { return end_decision(number, who, why); },
          .roll_back =
              [this](std::int64_t plan, const std::string& who, const std::string& why) {
            slo::decision one{.number = 0, .at = second_of(time_.wall()), .who = who, .act = slo::decision_act::roll_back};
            one.reason = why;
            one.evidence = "{}";
            one.ended = one.at;
            return roll_back(std::move(one), plan);
          },
          .standing = [this] { return standing(); },
          .difference = [this](const std::string& before, const std::string& after) { return plan_difference(before, after); },
          .text = [](const slo::plan_entry& of) { return mask_secrets(of.text); }};
}

}  // namespace andon::app
