#include "andon/slo/watch.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "andon/slo/watch_state.hpp"

namespace andon::slo {
namespace {

using namespace std::chrono_literals;

constexpr seconds between_saves = 10s, between_forgets = 20s, between_prunes = 10min;
constexpr std::size_t most_causes = 200;      // of one series in one hour, until it is saved

}  // namespace

watch::watch(std::unique_ptr<state> s) : state_(std::move(s)) {}
watch::~watch() = default;

result<std::unique_ptr<watch>> watch::open(const std::filesystem::path& file, const clock& time, signals_sink sink) {
  auto store = series_store::open(file, time);
  if (!store) return std::unexpected(std::move(store.error()));
  const auto evaluated = (*store)->evaluated();
  if (!evaluated) return std::unexpected(evaluated.error());
  auto made = std::make_unique<state>(std::move(*store), time, std::move(sink));
  made->now = evaluated->value_or(std::chrono::floor<seconds>(time.wall()));
  made->saved = made->forgot = made->pruned = made->now;
  return std::unique_ptr<watch>(new watch(std::move(made)));
}

result<void> watch::adopt(watch_plan plan) {
  std::unique_lock hold(state_->lock);
  const auto gone = state_->adopt(std::move(plan));
  hold.unlock();
  if (!gone) return std::unexpected(gone.error());
  if (!gone->empty()) state_->sink(*gone);
  return {};
}

result<void> watch::state::together(const std::function<result<void>()>& write) {
  if (store->problem()) return std::unexpected(*store->problem());
  if (auto begun = store->begin(); !begun) return begun;
  auto done = write();
  if (done && store->problem()) done = std::unexpected(*store->problem());
  if (done) return store->commit();
  store->roll_back();
  return done;
}

void watch::state::lose(counted_series& of, const ledger::record_view& record, const counts& events, instant at) {
  const auto& about_outcome = kind_of(record.outcome());
  auto& hour = of.lost[floor_to(at, about(tier::hour).slot)];
  cause why{record.outcome() == errc::none ? "" : std::string(to_string(about_outcome.from)),
            record.outcome() == errc::none ? "not good enough" : std::string(about_outcome.name), std::string(record.model()), std::string(record.key())};
  if (why.model.empty() && record.attempt_count() > 0) why.model = record.attempt_model(record.attempt_count() - 1);  // none answered
  if (record.structured() == ledger::structure::invalid) why.origin = "provider", why.error = "invalid_structure";
  if (hour.size() >= most_causes && !hour.contains(why)) why = {"", "other", "", ""};
  hour[std::move(why)] += events.bad();
}

result<void> watch::state::count(const ledger::record_view& record, bool past) {
  result<void> done;
  matches.each_candidate(record, [&](std::uint32_t i) {
    if (i >= in_order.size()) {
      auto& one = *indicators_in_order[i - in_order.size()];
      if (!past || one.filling())
        if (auto added = one.add(record); !added) done = std::move(added);
      return;
    }
    auto& one = *in_order[i];
    if (past && !one.series->incomplete()) return;
    const auto more = contribution_of(one.what, record);
    if (!more) return;
    const auto at = end_of(record);
    one.series->add(at, more->events);
    if (!past) one.series->tally(more->events);
    if (more->events.bad() > 0) lose(one, record, more->events, at);
  });
  return done;
}

result<void> watch::count(const ledger::record_view& record) {
  const std::lock_guard hold(state_->lock);
  ++state_->read.records;
  return state_->count(record, false);
}

bool watch::is_filling() const {
  const std::lock_guard hold(state_->lock);
  return std::ranges::any_of(state_->in_order, [](const auto* one) { return one->series->incomplete(); }) ||
         std::ranges::any_of(state_->indicators_in_order, &indicator::filling);
}

result<void> watch::count_past(const ledger::record_view& record) {
  const std::lock_guard hold(state_->lock);
  return state_->count(record, true);
}

void watch::past_is_complete() {
  const std::lock_guard hold(state_->lock);
  state_->past_complete = true;
}

result<void> watch::state::sample(measure what, const std::function<contribution(const series_spec&)>& contribution_to) {
  for (auto* one : in_order)
    if (one->what.what == what && !one->what.good) {
      const auto events = contribution_to(one->what).events;
      one->series->add(now, events);
      one->series->tally(events);
    }
  for (auto* one : indicators_in_order)
    if (one->what().what.what == what && !one->what().what.good)
      if (auto added = one->add(indicator::group(one->what().by.size()), contribution_to(one->what().what), now); !added) return added;
  return {};
}

result<void> watch::sample(measure what, double value) {
  const std::lock_guard hold(state_->lock);
  return state_->sample(what, [&](const series_spec& to) { return contribution_of(to, value); });
}

result<void> watch::sample(measure what, const counts& events) {
  const std::lock_guard hold(state_->lock);
  return state_->sample(what, [&](const series_spec&) { return contribution{.events = events}; });
}

result<std::vector<signal>> watch::state::judge() {
  for (auto* one : in_order) one->series->move_to(now);
  for (auto* one : indicators_in_order) one->settle(now, now);
  std::vector<signal> out;
  const signal_sink collect = [&out](const signal& one) { out.push_back(one); };
  for (const auto& one : evaluators) one->evaluate(now, collect);
  for (const auto& one : rules) one->evaluate(now, collect);
  for (const auto& one : out) {
    if (!one.resolved || one.name != "ObjectiveBurn") continue;
    const auto took = static_cast<double>((*one.resolved - one.since).count());
    if (auto told = sample(measure::recovery, [&](const series_spec& to) { return contribution_of(to, took); }); !told)
      return std::unexpected(std::move(told.error()));
  }
  if (store->problem()) return std::unexpected(*store->problem());
  return out;
}

bool watch::state::alerts_changed() const {
  return std::ranges::any_of(evaluators, [](const auto& one) { return one->changed(); }) ||
         std::ranges::any_of(rules, [](const auto& one) { return one->changed(); });
}

void watch::step_back(instant now) {
  const std::lock_guard hold(state_->lock);
  state_->now = now;
  for (auto* one : state_->in_order) one->series->move_to(now);
}

result<void> watch::tick(instant now, const std::vector<ledger::checkpoint>& reached) {
  auto& s = *state_;
  const auto began = s.time.mono();
  std::unique_lock hold(s.lock);
  s.now = now;
  const auto signals = s.judge();
  if (!signals) return std::unexpected(signals.error());
  if (!signals->empty()) {
    hold.unlock();
    s.sink(*signals);
    hold.lock();
  }
  auto done = s.is_to_be_saved() ? s.save(reached) : result<void>{};
  s.read.tick = s.time.mono() - began;
  return done;
}

bool watch::state::is_to_be_saved() const { return alerts_changed() || now - saved >= between_saves || now < saved || past_complete; }

result<void> watch::state::put_all(const std::vector<ledger::checkpoint>& reached) {
  for (auto* one : indicators_in_order) one->settle(instant::max(), now);
  result<void> done;
  each_tiers([&](auto& one) { if (done) done = one.save(); });
  if (!done) return done;
  for (auto* one : in_order)
    for (const auto& [hour, lost] : one->lost)
      if (auto put = store->add_losses(one->series->sums().id(), hour, lost); !put) return put;
  for (const auto id : new_slices)
    if (auto set = store->set_filling(id, false); !set) return set;
  if (past_complete) {
    for (auto* one : in_order)
      if (one->series->incomplete())
        if (auto set = store->set_filling(one->series->sums().id(), false); !set) return set;
    for (auto* one : indicators_in_order) {
      const auto known = store->series(one->identity());
      if (!known) return std::unexpected(known.error());
      if (auto set = store->set_filling(known->id, false); !set) return set;
    }
  }
  fresh_notes = memories();
  for (const auto& [name, text] : fresh_notes)
    if (const auto known = notes.find(name); known == notes.end() || known->second != text)
      if (auto put = store->put_note(name, text); !put) return put;
  return store->put_positions(reached, now);
}

void watch::state::settle() {
  each_tiers([](auto& one) { one.settled(); });
  for (auto* one : in_order) {
    one->lost.clear();
    if (past_complete) one->series->set_incomplete(false);
  }
  if (past_complete)
    for (auto* one : indicators_in_order) one->set_filling(false);
  new_slices.clear();
  notes = std::move(fresh_notes);
  past_complete = false;
  saved = now;
  ++read.saves;
}

result<void> watch::state::tidy() {
  if (now - forgot >= between_forgets || now < forgot) {
    forgot = now;
    each_tiers([](auto& one) { one.forget(); });
  }
  if (now - pruned < between_prunes && now >= pruned) return {};
  pruned = now;
  return together([this] { return prune(); });
}

result<void> watch::state::prune() {
  std::vector<series_id> used;
  each_tiers([&](auto& one) { used.push_back(one.id()); });
  for (auto* one : indicators_in_order) {
    const auto known = store->series(one->identity());
    if (!known) return std::unexpected(known.error());
    used.push_back(known->id);
  }
  for (const auto id : used)
    if (auto gone = store->prune(id, now); !gone) return gone;
  return store->drop_unused(used, now - 31 * 24h);
}

result<void> watch::state::save(const std::vector<ledger::checkpoint>& reached) {
  if (auto put = together([&] { return put_all(reached); }); !put) return put;
  settle();
  return tidy();
}

result<void> watch::save(const std::vector<ledger::checkpoint>& reached) {
  const std::lock_guard hold(state_->lock);
  return state_->save(reached);
}

}  // namespace andon::slo
