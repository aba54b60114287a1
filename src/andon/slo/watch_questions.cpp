// What can be asked of the watch, from any thread.
#include <fmt/format.h>

#include <algorithm>

#include "andon/slo/watch_state.hpp"

namespace andon::slo {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t most_points = 20'000;

/// The finest tier that still has everything since `from`, not finer than the step.
tier tier_for(instant now, instant from, seconds step) {
  if (step < 60s && now - from <= about(tier::second).keep) return tier::second;
  if (step < 3'600s && now - from <= about(tier::minute).keep) return tier::minute;
  return tier::hour;
}

template <class Cell, class F>
result<void> draw(tiers<Cell>& from_sums, chart& into, tier of, instant from, instant to, F add) {
  return from_sums.each(of, from, to, [&](instant at, const Cell& cell) {
    const auto begin = floor_to(at, into.step);
    if (into.points.empty() || into.points.back().at != begin) {
      const auto place = std::ranges::lower_bound(into.points, begin, {}, &chart_point::at);
      if (place == into.points.end() || place->at != begin) return add(into.points.insert(place, {begin, {}})->of, cell);
      return add(place->of, cell);
    }
    add(into.points.back().of, cell);
  });
}

result<std::pair<tier, seconds>> resolution(instant now, instant from, instant to, seconds step) {
  if (from >= to) return fail(errc::invalid_argument, "the chart's beginning is not before its end");
  const auto of = tier_for(now, from, std::max(step, 1s));
  const auto slot = about(of).slot;
  const auto wide = std::max(slot, (step + slot - 1s) / slot * slot);
  if ((to - from) / wide > most_points)
    return fail(errc::invalid_argument, fmt::format("these would be more than {} points: ask for a longer step or a shorter time", most_points));
  return std::pair{of, wide};
}

}  // namespace

std::string_view state_of(const objective_status& of) {
  if (of.filling) return "filling";
  if (!of.budget.spent) return "no data";
  if (of.budget.exhausted()) return "exhausted";
  return of.firing.empty() ? "kept" : "burning";
}

result<std::vector<ledger::checkpoint>> watch::saved_positions() {
  const std::lock_guard hold(state_->lock);
  return state_->store->positions();
}

instant watch::now() const {
  const std::lock_guard hold(state_->lock);
  return state_->now;
}

std::vector<signal> watch::state::firing() {
  std::vector<signal> out;
  for (const auto& one : evaluators) std::ranges::move(one->firing(), std::back_inserter(out));
  for (const auto& one : rules) std::ranges::move(one->firing(), std::back_inserter(out));
  return out;
}

std::vector<signal> watch::firing() {
  const std::lock_guard hold(state_->lock);
  return state_->firing();
}

objective_status watch::state::status_of(evaluator& of) {
  return {.what = of.what(),
          .budget = of.report(now),
          .firing = of.firing(),
          .filling = std::ranges::any_of(of.members(), &count_series::incomplete),
          .tallied = of.tallied()};
}

evaluator* watch::state::find(std::string_view name) {
  const auto found = std::ranges::find_if(evaluators, [&](const auto& one) { return one->what().name == name; });
  return found == evaluators.end() ? nullptr : found->get();
}

std::vector<objective_status> watch::objectives() {
  const std::lock_guard hold(state_->lock);
  std::vector<objective_status> out;
  for (const auto& one : state_->evaluators) out.push_back(state_->status_of(*one));
  return out;
}

std::optional<objective_status> watch::objective(std::string_view name) {
  const std::lock_guard hold(state_->lock);
  auto* found = state_->find(name);
  if (found == nullptr) return std::nullopt;
  return state_->status_of(*found);
}

std::vector<indicator_status> watch::indicators() {
  const std::lock_guard hold(state_->lock);
  std::vector<indicator_status> out;
  for (const auto* one : state_->indicators_in_order) {
    out.push_back({one->what(), {}});
    for (const auto& [of, series_in] : one->groups()) out.back().groups.push_back(of);
  }
  return out;
}

result<chart> watch::objective_chart(std::string_view name, instant from, instant to, seconds step) {
  const std::lock_guard hold(state_->lock);
  auto* found = state_->find(name);
  if (found == nullptr) return fail(errc::not_found, fmt::format("no objective is named '{}'", name));
  auto fit = resolution(state_->now, from, to, found->slices() != nullptr ? std::max(step, found->slices()->slice()) : step);
  if (!fit) return std::unexpected(std::move(fit.error()));
  chart out{fit->second, {}};
  const auto add = [](distribution& into, const counts& more) { into.events += more; };
  if (found->slices() != nullptr) {
    if (auto drawn = draw(found->slices()->series().sums(), out, fit->first, from, to, add); !drawn) return std::unexpected(std::move(drawn.error()));
    return out;
  }
  for (auto* one : found->members())
    if (auto drawn = draw(one->sums(), out, fit->first, from, to, add); !drawn) return std::unexpected(std::move(drawn.error()));
  return out;
}

result<chart> watch::indicator_chart(std::string_view name, const indicator::group& of, instant from, instant to, seconds step) {
  const std::lock_guard hold(state_->lock);
  const auto found = state_->indicators.find(std::string(name));
  if (found == state_->indicators.end()) return fail(errc::not_found, fmt::format("no indicator is named '{}'", name));
  const auto fit = resolution(state_->now, from, to, step);
  if (!fit) return std::unexpected(fit.error());
  chart out{fit->second, {}};
  for (const auto& [group, sums] : found->second->groups()) {
    if (!of.empty() && group != of) continue;
    if (auto drawn = draw(sums->sums, out, fit->first, from, to, [](distribution& into, const distribution& more) { into.merge(more); }); !drawn)
      return std::unexpected(std::move(drawn.error()));
  }
  return out;
}

result<losses> watch::eaten(std::string_view name, instant from, instant to) {
  const std::lock_guard hold(state_->lock);
  auto* found = state_->find(name);
  if (found == nullptr) return fail(errc::not_found, fmt::format("no objective is named '{}'", name));
  losses out;
  const auto first = floor_to(from, about(tier::hour).slot);
  for (const auto* one : state_->in_order) {
    if (std::ranges::find(found->members(), one->series.get()) == found->members().end()) continue;
    auto stored = state_->store->losses_between(one->series->sums().id(), first, to);
    if (!stored) return stored;
    for (const auto& [why, bad] : *stored) out[why] += bad;
    for (const auto& [hour, lost] : one->lost)
      if (hour >= first && hour < to)
        for (const auto& [why, bad] : lost) out[why] += bad;
  }
  return out;
}

result<std::vector<counts>> watch::sums_between(std::string_view name, std::vector<instant>& cuts) {
  const std::lock_guard hold(state_->lock);
  auto* found = state_->find(name);
  if (found == nullptr) return fail(errc::not_found, fmt::format("no objective is named '{}'", name));
  if (found->slices() == nullptr && found->members().size() != 1)
    return fail(errc::invalid_argument, fmt::format("'{}' is a composite that counts events: its parts weigh differently and cannot be added up", name));
  auto& from = (found->slices() != nullptr ? found->slices()->series() : *found->members()[0]).sums();
  const auto minutes_since = state_->now - about(tier::minute).keep + about(tier::minute).block;
  for (auto& at : cuts) at = floor_to(at, about(at < minutes_since ? tier::hour : tier::minute).slot);
  std::vector<counts> out;
  for (std::size_t i = 0; i + 1 < cuts.size(); ++i) out.push_back(from.sum(cuts[i], cuts[i + 1], false));
  if (state_->store->problem()) return std::unexpected(*state_->store->problem());
  return out;
}

watch::figures watch::read_figures() const {
  const std::lock_guard hold(state_->lock);
  auto out = state_->read;
  out.series = state_->in_order.size();
  state_->each_tiers([&](auto& one) { out.blocks += one.blocks_in_memory(); });
  return out;
}

}  // namespace andon::slo
