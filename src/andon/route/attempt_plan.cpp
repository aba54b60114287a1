#include "andon/route/attempt_plan.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "andon/route/fault.hpp"
#include "andon/route/waiting_room.hpp"

namespace andon::route {

std::string_view to_string(stop_reason why) {
  constexpr std::array<std::string_view, 7> names{"final_error", "attempts_used", "retry_budget", "no_time", "no_match", "all_cooling", "all_busy"};
  return names[static_cast<std::size_t>(why)];
}

std::string_view to_string(no_hedge why) {
  constexpr std::array<std::string_view, 4> names{"attempts", "target", "busy", "budget"};
  return names[static_cast<std::size_t>(why)];
}

attempt_plan::attempt_plan(const route& of, const facts& given, mono_time started, random_source& random)
    : route_(of), facts_(given), random_(random), total_(deadline::after(started, of.settings().deadlines.total)) {}

std::expected<attempt_step, stop_reason> attempt_plan::next(mono_time now) {
  seen_ = now;
  if (attempts_ == 0) {
    matching_ = route_.matching(facts_) & ~excluded_;
    if (matching_ == 0) return std::unexpected(stop_reason::no_match);
    route_.retries().deposit();
    if (route_.settings().hedge.on()) route_.hedges().deposit();
    if (route_.room() != nullptr && route_.room()->waiting() > 0) return all_busy(matching_);  // those who wait go first
    return begin(matching_, now);
  }
  if (last_kind_ == fault_kind::none || last_.bytes_to_client > 0) return std::unexpected(stop_reason::final_error);
  if (attempts_ >= route_.settings().retry.max_attempts) return std::unexpected(stop_reason::attempts_used);
  if (total_.passed(now)) return std::unexpected(stop_reason::no_time);

  if (std::exchange(same_again_, false)) {
    --tries_[current_];
    return begin(mask_of(current_), now);
  }
  // A provider that is over its limit is better left alone while another can serve.
  const auto& retry = route_.settings().retry;
  const bool same_first = retry.prefer == retry_settings::order::same_first && last_kind_ != fault_kind::rate_limit;
  if (same_first && may_repeat(current_)) {
    if (auto step = again(now)) return step;
  }
  const auto& failover = route_.settings().failover;
  const target_mask untried = failover.enabled && failover.on.has(last_kind_) ? matching_ & ~tried_ : 0;
  target_mask healthy = 0;
  for (target_mask rest = untried; rest != 0; rest &= rest - 1) {
    const auto index = static_cast<std::uint32_t>(std::countr_zero(rest));
    if (!route_.at(index).health->cooling(now)) healthy |= mask_of(index);
  }
  if (healthy != 0)
    if (auto step = begin(healthy, now)) return step;
  auto repeated = again(now);
  if (repeated || untried == 0) return repeated;
  return begin(untried, now);
}

bool attempt_plan::may_repeat(std::uint32_t index) const {
  const auto& retry = route_.settings().retry;
  return retry.on.has(last_kind_) && tries_[index] < retry.attempts;
}

target_mask attempt_plan::repeatable() const {
  if (!route_.settings().failover.enabled) return may_repeat(current_) ? mask_of(current_) : 0;
  target_mask mask = 0;
  for (target_mask rest = tried_; rest != 0; rest &= rest - 1) {
    const auto index = static_cast<std::uint32_t>(std::countr_zero(rest));
    if (may_repeat(index)) mask |= mask_of(index);
  }
  return mask;
}

std::expected<attempt_step, stop_reason> attempt_plan::again(mono_time now) {
  target_mask among = repeatable();
  if (among == 0) return std::unexpected(stop_reason::attempts_used);
  const auto& retry = route_.settings().retry;
  const bool same_first = retry.prefer == retry_settings::order::same_first && last_kind_ != fault_kind::rate_limit;
  if (same_first && may_repeat(current_)) among = mask_of(current_);
  const bool asked_to_wait = last_.retry_after > nanoseconds::zero();
  if (asked_to_wait && (among != mask_of(current_) || last_.retry_after > retry.max_retry_after)) among &= ~mask_of(current_);
  nanoseconds wait = backoff();
  if (asked_to_wait && among == mask_of(current_)) wait = std::max(wait, last_.retry_after);
  const mono_time at = now + wait;
  if (total_.passed(at)) return std::unexpected(stop_reason::no_time);
  target_mask ready = 0;
  for (; among != 0; among &= among - 1) {
    const auto index = static_cast<std::uint32_t>(std::countr_zero(among));
    if (!route_.at(index).health->cooling(at)) ready |= mask_of(index);
  }
  if (ready == 0) return std::unexpected(stop_reason::all_cooling);
  if (!route_.retries().withdraw(now)) return std::unexpected(stop_reason::retry_budget);
  return begin(ready, at);
}

std::expected<attempt_step, stop_reason> attempt_plan::begin(target_mask among, mono_time at) {
  for (;;) {
    const auto chosen = route_.pick(facts_, among, at, random_);
    if (!chosen && chosen.error() == refusal::all_busy) return all_busy(among);
    if (!chosen) return std::unexpected(stop_reason::all_cooling);
    const auto& to = route_.at(chosen->index);
    const auto taken = to.health->enter(route_.settings().breaker, at, to.settings.max_parallel, chosen->while_cooling);
    if (taken) return started(*chosen, *taken, at);
    among &= ~mask_of(chosen->index);  // another core was faster
    if (among == 0 && taken.error() == no_place::busy) return all_busy(mask_of(chosen->index));
    if (among == 0) return std::unexpected(stop_reason::all_cooling);
  }
}

std::unexpected<stop_reason> attempt_plan::all_busy(target_mask among) {
  busy_among_ = among;
  return std::unexpected(stop_reason::all_busy);
}

attempt_step attempt_plan::started(choice chosen, place taken, mono_time not_before) {
  const bool first = attempts_ == 0, same = chosen.index == current_;
  retries_ += !first && same;
  failovers_ += !first && !same;
  current_ = chosen.index;
  tried_ |= mask_of(current_);
  ++tries_[current_];
  ++attempts_;
  held_ = taken;
  busy_ = true;
  return {current_, &route_.at(current_), attempts_, !first && same, !first && !same, chosen.while_cooling, taken.probe, not_before};
}

nanoseconds attempt_plan::backoff() {
  const auto& retry = route_.settings().retry;
  const auto step = std::min(attempts_ - 1, 30u);
  const nanoseconds ceiling = retry.backoff_base > retry.backoff_max / (std::int64_t{1} << step) ? retry.backoff_max : retry.backoff_base * (std::int64_t{1} << step);
  return nanoseconds{static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(ceiling.count())))};
}

attempt_deadlines attempt_plan::deadlines(mono_time now) const {
  const auto& limits = route_.settings().deadlines;
  return {deadline::after(now, limits.connect).earlier(total_), deadline::after(now, limits.first_token).earlier(total_), total_, limits.idle};
}

failure_effect attempt_plan::failed(const attempt_failure& with, mono_time now) {
  seen_ = now;
  release();
  last_ = with;
  last_kind_ = fault_of(with.code, with.http_status);
  auto& health = *route_.at(current_).health;
  health.consumed(with.used, now);
  same_again_ = with.other_key;
  // A provider may refuse this operation or these words alone: that another call would fare so is not said.
  if (with.http_status == 403 || with.http_status == 404) return {.kind = last_kind_, .alarm = last_kind_ == fault_kind::credential};
  if (with.other_key) return {.kind = last_kind_, .alarm = last_kind_ == fault_kind::credential};
  const auto effect = health.failed(last_kind_, with.retry_after, route_.settings().breaker, now, held_, random_.unit());
  return {last_kind_, effect.cooled, effect.cooldown, last_kind_ == fault_kind::credential};
}

bool attempt_plan::succeeded(const attempt_success& with, mono_time now) {
  seen_ = now;
  release();
  auto& health = *route_.at(current_).health;
  if (with.answer > nanoseconds::zero()) health.answered(facts_.stream, with.answer, now);
  return health.succeeded(with.latency, with.first_token, with.used, now, held_, route_.settings().breaker);
}

void attempt_plan::abandoned(tokens used, mono_time now) {
  seen_ = now;
  release();
  route_.at(current_).health->consumed(used, now);
}

std::expected<attempt_step, no_hedge> attempt_plan::hedge(mono_time now) {
  seen_ = now;
  if (hedged_ || attempts_ >= route_.settings().retry.max_attempts || total_.passed(now)) return std::unexpected(no_hedge::attempts);
  if (route_.room() != nullptr && route_.room()->waiting() > 0) return std::unexpected(no_hedge::busy);
  target_mask well = 0;
  bool busy = false;
  for (target_mask rest = matching_ & ~tried_; rest != 0; rest &= rest - 1) {
    const auto index = static_cast<std::uint32_t>(std::countr_zero(rest));
    const auto& one = route_.at(index);
    if (one.settings.model == route_.at(current_).settings.model) continue;
    if (one.health->cooling(now) || one.health->held(now) || one.health->state(now) != breaker_state::closed) continue;
    if (one.health->busy(one.settings.max_parallel)) busy = true;
    else well |= mask_of(index);
  }
  if (well == 0) return std::unexpected(busy ? no_hedge::busy : no_hedge::target);
  const auto chosen = route_.pick(facts_, well, now, random_);
  if (!chosen || chosen->while_cooling) return std::unexpected(no_hedge::target);
  if (!route_.hedges().withdraw(now)) return std::unexpected(no_hedge::budget);
  const auto& to = route_.at(chosen->index);
  const auto taken = to.health->enter(route_.settings().breaker, now, to.settings.max_parallel);
  if (!taken) return std::unexpected(no_hedge::busy);  // another core was faster
  hedged_ = beside_busy_ = true;
  beside_ = chosen->index;
  beside_held_ = *taken;
  tried_ |= mask_of(beside_);
  ++tries_[beside_];
  ++attempts_;
  return attempt_step{.index = beside_, .to = &to, .number = attempts_, .probe = taken->probe, .not_before = now};
}

void attempt_plan::turn() {
  std::swap(current_, beside_);
  std::swap(held_, beside_held_);
  std::swap(busy_, beside_busy_);
}

void attempt_plan::outrun(nanoseconds so_far, mono_time now) {
  release_beside(now);
  route_.at(beside_).health->outrun(facts_.stream, so_far, now);
}

void attempt_plan::drop_hedge(tokens used, mono_time now) {
  release_beside(now);
  route_.at(beside_).health->consumed(used, now);
}

void attempt_plan::release_beside(mono_time now) {
  if (std::exchange(beside_busy_, false)) route_.at(beside_).health->leave(beside_held_, now);
}

void attempt_plan::release() {
  if (std::exchange(busy_, false)) route_.at(current_).health->leave(held_, seen_);
}

}  // namespace andon::route
