#include "andon/route/waiting_room.hpp"

#include <algorithm>
#include <bit>

#include "andon/route/route.hpp"

namespace andon::route {
namespace {

constexpr nanoseconds between_sweeps = std::chrono::milliseconds{100};
constexpr nanoseconds least_retry_after = std::chrono::seconds{1};
constexpr nanoseconds most_retry_after = std::chrono::minutes{5};
constexpr double smoothing = 0.2;

template <class Function>
void for_targets(const waiting_room::ticket& of, const Function& call) {
  for (target_mask rest = of.targets; rest != 0; rest &= rest - 1) call(*of.of->at(static_cast<std::uint32_t>(std::countr_zero(rest))).health);
}

nanoseconds bounded(double nanos) {
  return std::clamp(nanoseconds{static_cast<std::int64_t>(std::min(nanos, 1e15))}, least_retry_after, most_retry_after);
}

}  // namespace

// By Little's law: the mean duration of a call / places.
double waiting_room::usual_interval(const route& of, mono_time now) const {
  double longest = 0, places = 0;
  for (const auto& one : of.targets()) {
    longest = std::max(longest, one.health->latency_nanos(false, now));
    places += one.settings.max_parallel;
  }
  return places > 0 ? longest / places : 0;
}

// What the drain shows; before it has, what is usual.
double waiting_room::interval(const route& of, mono_time now) const {
  const auto since = static_cast<double>((now - last_grant_).count());
  return interval_ > 0 ? std::max(interval_, since / 4) : usual_interval(of, now);
}

/// Honest rather than hopeful: never sooner than places came free of late, than calls usually take, or than the present
/// wait for the next place has lasted already.
nanoseconds waiting_room::when_to_return(const route& of, mono_time now) const {
  const auto since = static_cast<double>((now - last_grant_).count());
  const double each = std::max({interval(of, now), usual_interval(of, now), since});
  return bounded(each * static_cast<double>(waiting() + 1));
}

std::size_t waiting_room::ahead_of(priority rank) const {
  std::size_t sum = 0;
  for (auto i = static_cast<std::size_t>(rank); i < queues_.size(); ++i) sum += queues_[i].size();
  return sum;
}

std::expected<waiting_room::fate, nanoseconds> waiting_room::join(ticket& one, mono_time now) {
  const std::lock_guard lock(mutex_);
  if (waiting() == 0) last_grant_ = now;
  const double wait = interval(*one.of, now) * static_cast<double>(ahead_of(one.rank) + 1);
  const bool fits = one.until.is_never() || wait <= static_cast<double>(one.until.remaining(now).count());
  const auto whole = when_to_return(*one.of, now);
  if (!fits || (waiting() >= size_.load(std::memory_order_relaxed) && !make_room(one.rank, whole))) {
    refused_.fetch_add(1, std::memory_order_relaxed);
    return std::unexpected(whole);
  }
  insert(one);
  distribute(now, &one);
  return one.now;
}

bool waiting_room::make_room(priority rank, nanoseconds retry_after) {
  for (std::size_t i = 0; i < static_cast<std::size_t>(rank); ++i) {
    if (queues_[i].empty()) continue;
    ticket& last = *queues_[i].back();
    last.retry_after = retry_after;
    take_out(queues_[i], std::prev(queues_[i].end()));
    decide(last, fate::displaced, nullptr);
    return true;
  }
  return false;
}

void waiting_room::insert(ticket& one) {
  one.now = fate::waiting;
  queues_[static_cast<std::size_t>(one.rank)].push_back(&one);
  waiting_.fetch_add(1, std::memory_order_seq_cst);
  for_targets(one, [](target_health& health) { health.add_waiter(); });
}

waiting_room::queue::iterator waiting_room::take_out(queue& from, queue::iterator at) {
  for_targets(**at, [](target_health& health) { health.remove_waiter(); });
  waiting_.fetch_sub(1, std::memory_order_relaxed);
  return from.erase(at);
}

void waiting_room::decide(ticket& one, fate what, const ticket* own) {
  one.now = what;
  counts_[static_cast<std::size_t>(what)].fetch_add(1, std::memory_order_relaxed);
  if (&one != own) one.wake(one.context);
}

void waiting_room::note_grant(mono_time now) {
  const auto span = static_cast<double>((now - last_grant_).count());
  last_grant_ = now;
  interval_ = interval_ == 0 ? span : interval_ + smoothing * (span - interval_);
}

bool waiting_room::leave(ticket& one) {
  const std::lock_guard lock(mutex_);
  if (one.now != fate::waiting) return false;
  auto& from = queues_[static_cast<std::size_t>(one.rank)];
  take_out(from, std::ranges::find(from, &one));
  return true;
}

bool waiting_room::freed(const target_health& health, mono_time now) {
  if (waiting() == 0) return false;
  const std::lock_guard lock(mutex_);
  for (auto from = queues_.rbegin(); from != queues_.rend(); ++from)
    for (auto at = from->begin(); at != from->end(); ++at) {
      ticket& one = **at;
      for (target_mask rest = one.targets; rest != 0; rest &= rest - 1) {
        const auto index = static_cast<std::uint32_t>(std::countr_zero(rest));
        const auto& to = one.of->at(index);
        if (to.health.get() != &health) continue;
        const auto taken = health.held(now) ? std::unexpected(no_place::open) : to.health->enter(one.of->settings().breaker, now, to.settings.max_parallel);
        if (!taken) return false;
        one.index = index;
        one.taken = *taken;
        take_out(*from, at);
        note_grant(now);
        decide(one, fate::granted, nullptr);
        return true;
      }
    }
  return false;
}

void waiting_room::sweep(mono_time now) {
  auto due = next_sweep_.load(std::memory_order_relaxed);
  if (waiting() == 0 || now.time_since_epoch().count() < due ||
      !next_sweep_.compare_exchange_strong(due, (now + between_sweeps).time_since_epoch().count(), std::memory_order_relaxed)) return;
  const std::lock_guard lock(mutex_);
  distribute(now, nullptr);
}

void waiting_room::distribute(mono_time now, const ticket* own) {
  target_mask without_place = 0;  // whoever may go only there need not ask again
  for (auto from = queues_.rbegin(); from != queues_.rend(); ++from)
    for (auto at = from->begin(); at != from->end();) {
      ticket& one = **at;
      const auto what = one.targets == without_place ? fate::waiting : try_grant(one, now);
      if (what == fate::waiting) {
        without_place = one.targets;
        ++at;
        continue;
      }
      at = take_out(*from, at);
      if (what == fate::granted) note_grant(now);
      decide(one, what, own);
    }
}

waiting_room::fate waiting_room::try_grant(ticket& one, mono_time now) {
  for (target_mask among = one.targets; among != 0;) {
    const auto chosen = one.of->pick(*one.about, among, now, lots_);
    if (!chosen) return chosen.error() == refusal::all_busy ? fate::waiting : fate::hopeless;
    const auto& to = one.of->at(chosen->index);
    const auto taken = to.health->enter(one.of->settings().breaker, now, to.settings.max_parallel, chosen->while_cooling);
    if (taken) {
      one.index = chosen->index;
      one.taken = *taken;
      return fate::granted;
    }
    among &= ~mask_of(chosen->index);
  }
  return fate::waiting;
}

}  // namespace andon::route
