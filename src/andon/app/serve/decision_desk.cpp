#include "andon/app/serve/decision_desk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "andon/base/log.hpp"

namespace andon::app {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr nanoseconds told_every = 1min, lasts = 5min;

std::string audit_text(const slo::decision& one) {
  json::object out{{"decision", one.id()}, {"act", slo::to_string(one.act)}, {"by", one.who}, {"subject", one.subject}, {"reason", one.reason}};
  if (!one.policy.empty()) out["policy"] = one.policy, out["objective"] = one.objective, out["step"] = one.step;
  if (!one.outcome.empty()) out["outcome"] = one.outcome;
  if (one.ended) out["ended_by"] = one.ended_by, out["end_reason"] = one.end_reason;
  return json::serialize(out);
}

metrics::counter& decisions_of(metrics::registry& in, slo::decision_act act) {
  return in.make_counter({"andon.decisions", "Decisions made", "{decision}"}, {{"act", std::string(slo::to_string(act))}});
}

}  // namespace

alert::posted_alert posted_of(const slo::decision& one, wall_time now) {
  alert::posted_alert out;
  out.labels = {{"alertname", "ErrorBudgetPolicy"}, {"severity", one.severity},   {"source", "andon"},
                {"policy", one.policy},             {"objective", one.objective}, {"step", one.step}, {"act", std::string(slo::to_string(one.act))}};
  out.annotations = {{"summary", fmt::format("{}: {}", one.step, one.reason)}, {"decision", one.id()}};
  if (!one.outcome.empty()) out.annotations["outcome"] = one.outcome;
  out.starts_at = one.at;
  out.ends_at = one.ended ? std::max<wall_time>(*one.ended, one.at) : now + lasts;
  return out;
}

result<std::unique_ptr<decision_desk>> decision_desk::open(const std::filesystem::path& file, slo::text_keeper texts, const clock& time, ledger::audit_log& audit, alert::board& board, metrics::registry& registry) {
  auto store = slo::decision_store::open(file, time.wall(), std::move(texts));
  if (!store) return std::unexpected(std::move(store.error()));
  auto standing = (*store)->standing();
  if (!standing) return std::unexpected(std::move(standing.error()));
  std::unique_ptr<decision_desk> out{new decision_desk(std::move(*store), time, audit, board, registry)};
  out->standing_ = std::move(*standing);
  for (const auto act : {slo::decision_act::notify, slo::decision_act::freeze, slo::decision_act::tighten, slo::decision_act::roll_back, slo::decision_act::override_}) decisions_of(registry, act);
  const auto count = [desk = out.get()](auto which) { return [desk, which] { return static_cast<double>(std::ranges::count_if(desk->in_force(), which)); }; };
  out->readings_.push_back(registry.observe({"andon.decisions.in_force", "Decisions in force", "{decision}"}, metrics::kind::gauge, {}, count([](const auto&) { return true; })));
  out->readings_.push_back(registry.observe({"andon.plan.frozen", "Decisions that freeze the plan", "{decision}"}, metrics::kind::gauge, {},
                                            count([](const auto& one) { return one.act == slo::decision_act::freeze; })));
  return out;
}

decision_desk::~decision_desk() = default;

slo::decision* decision_desk::known(std::int64_t number) {
  const auto found = std::ranges::find(standing_, number, &slo::decision::number);
  return found == standing_.end() ? nullptr : &*found;
}

/// The audit log's own failures are its alarm: the Decision is kept already.
void decision_desk::note(const slo::decision& one, const char* action) {
  const auto& by = one.ended && !one.ended_by.empty() ? one.ended_by : one.who;
  const bool by_key = !by.starts_with("policy ") && by != "start";
  ledger::audit_entry act{.began = time_.wall(), .key = by_key ? by : std::string{}, .role = by_key ? "decision" : by, .action = action, .target = "decision " + one.id()};
  act.after = audit_text(one);
  act.status = 200;
  (void)audit_.note(act, ledger::audit_log::safety::on_disk);
}

result<void> decision_desk::begin(slo::decision& one, std::optional<slo::rolled_back> instead) {
  if (auto kept = store_->begin(one, std::move(instead)); !kept) return kept;
  if (one.in_force()) {
    const std::lock_guard hold(lock_);
    standing_.push_back(one);
  }
  decisions_of(registry_, one.act).add();
  log::warn("decision", {{"id", one.id()}, {"act", slo::to_string(one.act)}, {"by", one.who}, {"subject", one.subject}, {"step", one.step}, {"reason", one.reason}});
  note(one, "decision begin");
  if (!one.policy.empty()) post({one}, time_.wall());
  return {};
}

result<void> decision_desk::carried_out(std::int64_t number, const std::string& outcome) {
  const auto at = now();
  if (auto kept = store_->carried_out(number, at, outcome); !kept) return kept;
  log::info("decision_carried_out", {{"id", "dec_" + std::to_string(number)}, {"outcome", outcome}});
  const std::lock_guard hold(lock_);
  if (auto* one = known(number); one != nullptr) one->done = at, one->outcome = outcome;
  return {};
}

result<slo::decision> decision_desk::end(std::int64_t number, const std::string& who, const std::string& why, bool waived) {
  slo::decision ended;
  {
    const std::lock_guard hold(lock_);
    auto* one = known(number);
    if (one == nullptr || !one->in_force()) {
      const auto kept = store_->find(number);
      if (!kept) return std::unexpected(kept.error());
      if (!*kept) return fail(errc::not_found, fmt::format("there is no decision dec_{}; GET /api/v1/decisions lists them", number));
      return fail(errc::conflict, fmt::format("dec_{} is over already", number));
    }
    const auto at = now();
    const auto by = who.empty() ? one->who : who;
    if (auto kept = store_->end(number, at, by, why, waived); !kept) return std::unexpected(std::move(kept.error()));
    one->ended = at;
    one->ended_by = by;
    one->end_reason = why;
    one->waived = waived;
    ended = *one;
    if (!waived) std::erase_if(standing_, [&](const auto& other) { return other.number == number; });
  }
  log::info("decision_over", {{"id", ended.id()}, {"act", slo::to_string(ended.act)}, {"by", ended.ended_by}, {"reason", why}});
  note(ended, "decision end");
  if (!ended.policy.empty()) post({ended}, time_.wall());
  return ended;
}

result<void> decision_desk::forget_waiver(std::int64_t number) {
  if (auto kept = store_->forget_waiver(number); !kept) return kept;
  const std::lock_guard hold(lock_);
  std::erase_if(standing_, [&](const auto& one) { return one.number == number; });
  return {};
}

std::vector<slo::decision> decision_desk::in_force() const {
  const std::lock_guard hold(lock_);
  std::vector<slo::decision> out;
  std::ranges::copy_if(standing_, std::back_inserter(out), &slo::decision::in_force);
  return out;
}

std::vector<slo::step_in_force> decision_desk::steps() const {
  const std::lock_guard hold(lock_);
  std::vector<slo::step_in_force> out;
  for (const auto& one : standing_)
    if (!one.policy.empty()) out.push_back({one.number, one.policy, one.objective, one.step, one.at, one.window_begin, !one.in_force()});
  return out;
}

std::vector<slo::tightening> decision_desk::tightenings() const {
  std::vector<slo::tightening> out;
  for (const auto& one : in_force())
    if (one.act == slo::decision_act::tighten) out.push_back(slo::tightening_of(one.settings));
  return out;
}

std::optional<slo::decision> decision_desk::freeze() const {
  for (auto& one : in_force())
    if (one.act == slo::decision_act::freeze) return std::move(one);
  return std::nullopt;
}

void decision_desk::post(const std::vector<slo::decision>& all, wall_time now) {
  std::vector<alert::posted_alert> posts;
  for (const auto& one : all)
    if (!one.policy.empty()) posts.push_back(posted_of(one, now));
  if (posts.empty()) return;
  const auto done = board_.post(posts, now, alert::poster::own);
  for (const auto& problem : done.problems) log::error("decision_alert_refused", {{"reason", problem}});
  if (done.not_kept) log::error("decision_alert_not_kept", {{"reason", done.not_kept->message}});
}

void decision_desk::tell(wall_time now) {
  if (now - told_ < told_every && now >= told_) return;
  told_ = now;
  post(in_force(), now);
}

}  // namespace andon::app
