#include "andon/route/target_health.hpp"

#include <algorithm>
#include <cmath>

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

std::uint64_t minute_window::sum(mono_time now) const noexcept {
  const std::uint64_t number = piece_number(now);
  std::uint64_t total = 0;
  for (const auto& place : pieces_) {
    const std::uint64_t value = place.load(std::memory_order_relaxed);
    if (((number - (value >> count_bits)) & epoch_mask) < pieces) total += value & count_mask;
  }
  return total;
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

void target_health::succeeded(nanoseconds latency, nanoseconds first_token, tokens used, mono_time now) noexcept {
  total_.add(latency, now, latency_decay);
  if (first_token > nanoseconds::zero()) first_token_.add(first_token, now, latency_decay);
  results_.add(1, now);
  consumed(used, now);
  if (consecutive_.load(std::memory_order_relaxed) != 0) consecutive_.store(0, std::memory_order_relaxed);
  if (level_.load(std::memory_order_relaxed) != 0 && !cooling(now)) level_.store(0, std::memory_order_relaxed);
}

void target_health::consumed(tokens used, mono_time now) noexcept {
  if (used.value() > 0) tokens_.add(static_cast<std::uint64_t>(used.value()), now);
}

bool target_health::must_cool(fault_kind kind, const cooldown_settings& with, mono_time now) const noexcept {
  if (kind == fault_kind::credential) return true;
  if (level_.load(std::memory_order_relaxed) != 0) return true;  // it came back from a cooldown and has served nothing since
  if (consecutive_.load(std::memory_order_relaxed) >= with.consecutive_failures) return true;
  return results_.sum(now) >= with.min_requests && with.error_rate < 1.0 && error_rate(now) >= with.error_rate;
}

target_health::effect target_health::failed(fault_kind kind, nanoseconds retry_after, const cooldown_settings& with, mono_time now) noexcept {
  if (kind == fault_kind::none) return {};
  results_.add(1, now);
  failures_.add(1, now);
  total_.add(failure_latency, now, latency_decay);
  first_token_.add(failure_latency, now, latency_decay);
  consecutive_.fetch_add(1, std::memory_order_relaxed);
  if (!with.enabled) return {};
  const mono_time current_end = cooling_until();
  if (kind == fault_kind::rate_limit && retry_after > nanoseconds::zero()) {
    const nanoseconds span = std::min(retry_after, with.max_retry_after);
    if (current_end >= now + span) return {};
    cool(now + span);
    return {.cooled = true, .cooldown = span};
  }
  // Calls that were already under way when the target was taken out fail after it; they do not prolong its absence.
  if (current_end > now || !must_cool(kind, with, now)) return {};
  std::int64_t expected = current_end.time_since_epoch().count();
  const std::uint32_t level = std::min(level_.load(std::memory_order_relaxed), 30u);
  const nanoseconds span = with.base > with.max / (1 << level) ? with.max : with.base * (1 << level);
  const std::int64_t until = (now + span).time_since_epoch().count();
  if (!cooling_until_.compare_exchange_strong(expected, until, std::memory_order_relaxed)) return {};
  level_.store(level + 1, std::memory_order_relaxed);
  return {.cooled = true, .cooldown = span};
}

mono_time target_health::cooling_until() const noexcept {
  return mono_time{nanoseconds{cooling_until_.load(std::memory_order_relaxed)}};
}

double target_health::latency_nanos(bool stream, mono_time now) const noexcept {
  const double first = stream ? first_token_.nanos(now, latency_decay) : 0;
  return first > 0 ? first : total_.nanos(now, latency_decay);
}

double target_health::error_rate(mono_time now) const noexcept {
  const std::uint64_t all = results_.sum(now);
  return all == 0 ? 0 : static_cast<double>(failures_.sum(now)) / static_cast<double>(all);
}

void target_health::cool(mono_time until) noexcept { cooling_until_.store(until.time_since_epoch().count(), std::memory_order_relaxed); }

void target_health::recover() noexcept {
  cooling_until_.store(0, std::memory_order_relaxed);
  consecutive_.store(0, std::memory_order_relaxed);
  level_.store(0, std::memory_order_relaxed);
}

std::shared_ptr<target_health> health_table::of(const model_name& model) {
  std::lock_guard lock{mutex_};
  auto& place = targets_[model];
  if (!place) place = std::make_shared<target_health>();
  return place;
}

std::vector<std::pair<model_name, std::shared_ptr<target_health>>> health_table::all() const {
  std::lock_guard lock{mutex_};
  return {targets_.begin(), targets_.end()};
}

}  // namespace andon::route
