#include "andon/route/retry_budget.hpp"

#include <algorithm>

namespace andon::route {
namespace {

constexpr std::int64_t one_retry = 1'000;

}  // namespace

retry_budget::retry_budget(double ratio, double per_second, double burst, double start)
    : ratio_(static_cast<std::int64_t>(ratio * one_retry)),
      burst_(static_cast<std::int64_t>(burst * one_retry)),
      nanos_per_milli_(per_second > 0 ? 1e9 / (per_second * one_retry) : 0),
      balance_(static_cast<std::int64_t>(start * one_retry)) {}

void retry_budget::add(std::int64_t millis) noexcept {
  std::int64_t old = balance_.load(std::memory_order_relaxed);
  while (old < burst_ && !balance_.compare_exchange_weak(old, std::min(old + millis, burst_), std::memory_order_relaxed)) {}
}

void retry_budget::deposit() noexcept { add(ratio_); }

void retry_budget::refill(mono_time now) noexcept {
  if (nanos_per_milli_ == 0) return;
  const std::int64_t at = now.time_since_epoch().count();
  std::int64_t last = refilled_.load(std::memory_order_relaxed);
  if (last == 0) {  // full since the start: time counts from the first withdrawal
    refilled_.compare_exchange_strong(last, at, std::memory_order_relaxed);
    return;
  }
  const auto millis = static_cast<std::int64_t>(static_cast<double>(at - last) / nanos_per_milli_);
  if (millis <= 0) return;
  const auto spent = static_cast<std::int64_t>(static_cast<double>(millis) * nanos_per_milli_);
  if (refilled_.compare_exchange_strong(last, last + spent, std::memory_order_relaxed)) add(millis);
}

bool retry_budget::withdraw(mono_time now) noexcept {
  refill(now);
  std::int64_t old = balance_.load(std::memory_order_relaxed);
  do {
    if (old < one_retry) return false;
  } while (!balance_.compare_exchange_weak(old, old - one_retry, std::memory_order_relaxed));
  return true;
}

double retry_budget::balance() const noexcept { return static_cast<double>(balance_.load(std::memory_order_relaxed)) / one_retry; }

}  // namespace andon::route
