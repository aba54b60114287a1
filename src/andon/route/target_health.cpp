#include "andon/route/target_health.hpp"

#include <algorithm>
#include <cmath>

#include "andon/route/waiting_room.hpp"

namespace andon::route {
namespace {

constexpr unsigned epoch_bits = 20;
constexpr unsigned count_bits = 64 - epoch_bits;
constexpr std::uint64_t count_mask = (std::uint64_t{1} << count_bits) - 1;
constexpr std::uint64_t epoch_mask = (std::uint64_t{1} << epoch_bits) - 1;

// A failed call counts as a slow one, so that a target which fails fast does not look fast.
constexpr nanoseconds failure_latency = std::chrono::seconds{5};

std::uint64_t piece_number(mono_time now) {
  return static_cast<std::uint64_t>(now.time_since_epoch() / minute_window::piece) + 1;  // an empty piece has epoch 0
}

double decay_factor(std::int64_t elapsed, nanoseconds decay) {
  return elapsed <= 0 ? 1.0 : std::exp(-static_cast<double>(elapsed) / static_cast<double>(decay.count()));
}

}  // namespace

void minute_window::add(std::uint64_t n, mono_time now) noexcept {
  const std::uint64_t number = piece_number(now);
  const std::uint64_t epoch = number & epoch_mask;
  auto& place = pieces_[number % pieces];
  std::uint64_t old = place.load(std::memory_order_relaxed);
  std::uint64_t next = 0;
  do {
    const std::uint64_t before = (old >> count_bits) == epoch ? old & count_mask : 0;
    next = epoch << count_bits | std::min(before + std::min(n, count_mask), count_mask);
  } while (!place.compare_exchange_weak(old, next, std::memory_order_relaxed));
}

std::uint64_t minute_window::sum(mono_time now, nanoseconds last) const noexcept {
  const std::uint64_t number = piece_number(now);
  const auto wanted = static_cast<std::uint64_t>(std::clamp<std::int64_t>((last + piece - nanoseconds{1}) / piece, 1, pieces));
  std::uint64_t total = 0;
  for (const auto& place : pieces_) {
    const std::uint64_t value = place.load(std::memory_order_relaxed);
    if (((number - (value >> count_bits)) & epoch_mask) < wanted) total += value & count_mask;
  }
  return total;
}

void minute_window::clear() noexcept {
  for (auto& place : pieces_) place.store(0, std::memory_order_relaxed);
}

void peak_average::add(nanoseconds sample, mono_time now, nanoseconds decay) noexcept {
  const std::int64_t at = now.time_since_epoch().count();
  const std::int64_t elapsed = at - at_.exchange(at, std::memory_order_relaxed);
  const double fresh = static_cast<double>(std::max<std::int64_t>(sample.count(), 1));
  const double old = value_.load(std::memory_order_relaxed);
  const double weight = decay_factor(elapsed, decay);
  value_.store(fresh >= old * weight ? fresh : old * weight + fresh * (1 - weight), std::memory_order_relaxed);
}

double peak_average::nanos(mono_time now, nanoseconds decay) const noexcept {
  const double value = value_.load(std::memory_order_relaxed);
  if (value == 0) return 0;
  const double decayed = value * decay_factor(now.time_since_epoch().count() - at_.load(std::memory_order_relaxed), decay);
  return std::max(decayed, 1.0);
}

bool target_health::take_place(std::uint32_t max_parallel) noexcept {
  if (max_parallel == 0) {
    in_flight_.fetch_add(1, std::memory_order_relaxed);
    return true;
  }
  std::int32_t now = in_flight_.load(std::memory_order_relaxed);
  do {
    if (now >= static_cast<std::int32_t>(max_parallel)) return false;
  } while (!in_flight_.compare_exchange_weak(now, now + 1, std::memory_order_relaxed));
  return true;
}

std::expected<place, no_place> target_health::enter(const breaker_settings& with, mono_time now, std::uint32_t max_parallel, bool forced) noexcept {
  if (!take_place(max_parallel)) return std::unexpected(no_place::busy);
  const auto state = with.enabled ? breaker_.state(now) : breaker_state::closed;
  if (state == breaker_state::closed) return place{};
  if (forced) {
    breaker_.begin_probe();
    return place{.probe = true};
  }
  if (state == breaker_state::half_open && breaker_.try_probe(with.half_open_calls)) return place{.probe = true};
  in_flight_.fetch_sub(1, std::memory_order_relaxed);
  return std::unexpected(no_place::open);
}

void target_health::leave(place taken, mono_time now) {
  if (taken.probe) breaker_.end_probe();
  in_flight_.fetch_sub(1, std::memory_order_seq_cst);  // before the look at waiters_: who joins does the reverse
  if (waiters_.load(std::memory_order_seq_cst) != 0) offer_place(now);
}

void target_health::serve_waiters_of(std::shared_ptr<waiting_room> room) {
  const std::lock_guard lock(rooms_mutex_);
  if (std::ranges::find(rooms_, room) == rooms_.end()) rooms_.push_back(std::move(room));
}

void target_health::offer_place(mono_time now) {
  const std::lock_guard lock(rooms_mutex_);
  for (std::size_t i = 0; i < rooms_.size(); ++i)
    if (rooms_[i]->freed(*this, now)) {
      std::ranges::rotate(rooms_, rooms_.begin() + static_cast<std::ptrdiff_t>(i + 1));  // another route's turn next
      return;
    }
}

bool target_health::succeeded(nanoseconds latency, nanoseconds first_token, tokens used, mono_time now, place taken,
                              const breaker_settings& with) noexcept {
  const bool closed = taken.probe && breaker_.close(with.slow_start, now);
  if (closed) forget();
  total_.add(latency, now, latency_decay);
  if (first_token > nanoseconds::zero()) first_token_.add(first_token, now, latency_decay);
  results_.add(1, now);
  served_micros_.add(static_cast<std::uint64_t>(std::max<std::int64_t>(latency.count(), 0)) / 1'000, now);
  consumed(used, now);
  if (consecutive_.load(std::memory_order_relaxed) != 0) consecutive_.store(0, std::memory_order_relaxed);
  return closed;
}

void target_health::outrun(bool stream, nanoseconds so_far, mono_time now) noexcept {
  answered(stream, so_far, now);
  auto& average = stream ? first_token_ : total_;  // it may have taken much longer: never a reason to look faster
  if (static_cast<double>(so_far.count()) > average.nanos(now, latency_decay)) average.add(so_far, now, latency_decay);
}

void target_health::consumed(tokens used, mono_time now) noexcept {
  if (used.value() > 0) tokens_.add(static_cast<std::uint64_t>(used.value()), now);
}

// What was counted before the breaker opened says nothing of the target that came back.
void target_health::forget() noexcept {
  consecutive_.store(0, std::memory_order_relaxed);
  results_.clear();
  failures_.clear();
  served_micros_.clear();
  total_.clear();
  first_token_.clear();
}

bool target_health::must_open(fault_kind kind, place taken, const breaker_settings& with, mono_time now) const noexcept {
  // Calls that were already under way when the breaker opened fail after it; only a probe decides about it.
  if (breaker_.state(now) != breaker_state::closed) return taken.probe;
  if (kind == fault_kind::credential) return true;
  if (consecutive_.load(std::memory_order_relaxed) >= with.consecutive_failures) return true;
  return with.error_rate < 1.0 && results_.sum(now, with.window) >= with.min_calls && error_rate(now, with.window) >= with.error_rate;
}

target_health::effect target_health::failed(fault_kind kind, nanoseconds retry_after, const breaker_settings& with, mono_time now, place taken,
                                            double lot) noexcept {
  if (kind == fault_kind::none) return {};
  results_.add(1, now);
  failures_.add(1, now);
  total_.add(failure_latency, now, latency_decay);
  first_token_.add(failure_latency, now, latency_decay);
  consecutive_.fetch_add(1, std::memory_order_relaxed);
  if (!with.enabled) return {};
  if (kind == fault_kind::rate_limit && retry_after > nanoseconds::zero()) {
    const nanoseconds span = std::min(retry_after, with.max_retry_after);
    if (cooling_until() >= now + span) return {};
    limited_until_.store((now + span).time_since_epoch().count(), std::memory_order_relaxed);
    return {.cooled = true, .cooldown = span};
  }
  if (!must_open(kind, taken, with, now)) return {};
  const auto span = breaker_.trip(with, now, lot);
  if (!span) return {};
  return {.cooled = true, .cooldown = *span};
}

mono_time target_health::cooling_until() const noexcept {
  const auto limited = mono_time{nanoseconds{limited_until_.load(std::memory_order_relaxed)}};
  return std::max(breaker_.open_until(), limited);
}

double target_health::latency_nanos(bool stream, mono_time now) const noexcept {
  const double first = stream ? first_token_.nanos(now, latency_decay) : 0;
  return first > 0 ? first : total_.nanos(now, latency_decay);
}

double target_health::error_rate(mono_time now, nanoseconds last) const noexcept {
  const std::uint64_t all = results_.sum(now, last);
  return all == 0 ? 0 : static_cast<double>(failures_.sum(now, last)) / static_cast<double>(all);
}

peer_reading target_health::reading(nanoseconds window, std::uint32_t min_calls, mono_time now) const noexcept {
  const std::uint64_t all = results_.sum(now, window);
  if (all < min_calls || breaker_.state(now) != breaker_state::closed) return {};
  const std::uint64_t failures = std::min(failures_.sum(now, window), all);
  peer_reading out{all, static_cast<double>(failures) / static_cast<double>(all), 0};
  if (all > failures) out.latency = static_cast<double>(served_micros_.sum(now, window)) * 1e3 / static_cast<double>(all - failures);
  return out;
}

std::optional<nanoseconds> target_health::eject(const breaker_settings& with, mono_time now, double lot) noexcept {
  const auto span = breaker_.trip(with, now, lot);
  if (span) ejections_.fetch_add(1, std::memory_order_relaxed);
  return span;
}

bool target_health::check_failed(mono_time until, mono_time now) noexcept {
  const bool was_out = breaker_.state(now) == breaker_state::open;
  if (breaker_.open_until() < until) breaker_.open(until);
  opened_by_check_.store(true, std::memory_order_relaxed);
  return !was_out;
}

std::optional<breaker_state> target_health::check_passed(nanoseconds slow_start, mono_time now) noexcept {
  if (opened_by_check_.exchange(false, std::memory_order_relaxed)) {
    if (!breaker_.close(slow_start, now)) return std::nullopt;
    forget();
    return breaker_state::closed;
  }
  if (breaker_.state(now) != breaker_state::open) return std::nullopt;
  breaker_.open(now);
  return breaker_state::half_open;
}

void target_health::recover() noexcept {
  breaker_.reset();
  limited_until_.store(0, std::memory_order_relaxed);
  forget();
}

std::shared_ptr<target_health> health_table::of(const model_name& model) {
  std::lock_guard lock{mutex_};
  auto& place = targets_[model];
  if (!place) place = std::make_shared<target_health>();
  return place;
}

std::shared_ptr<waiting_room> health_table::room_of(const route_name& route) {
  std::lock_guard lock{mutex_};
  auto& place = rooms_[route];
  if (!place) place = std::make_shared<waiting_room>();
  return place;
}

std::vector<std::pair<route_name, std::shared_ptr<waiting_room>>> health_table::rooms() const {
  std::lock_guard lock{mutex_};
  return {rooms_.begin(), rooms_.end()};
}

std::vector<std::pair<model_name, std::shared_ptr<target_health>>> health_table::all() const {
  std::lock_guard lock{mutex_};
  return {targets_.begin(), targets_.end()};
}

}  // namespace andon::route
