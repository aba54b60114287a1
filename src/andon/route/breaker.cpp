#include "andon/route/breaker.hpp"

#include <algorithm>
#include <array>

namespace andon::route {

std::string_view to_string(breaker_state state) {
  constexpr std::array<std::string_view, 3> names{"closed", "half-open", "open"};
  return names[static_cast<std::size_t>(state)];
}

bool breaker::try_probe(std::uint32_t limit) noexcept {
  std::uint32_t now = probes_.load(std::memory_order_relaxed);
  do {
    if (now >= limit) return false;
  } while (!probes_.compare_exchange_weak(now, now + 1, std::memory_order_relaxed));
  return true;
}

std::optional<nanoseconds> breaker::trip(const breaker_settings& with, mono_time now, double lot) noexcept {
  std::int64_t before = open_until_.load(std::memory_order_relaxed);
  if (before > now.time_since_epoch().count()) return std::nullopt;
  const bool was_closed = before == 0;
  const bool forgotten = was_closed && now.time_since_epoch().count() - closed_at_.load(std::memory_order_relaxed) >= forget_after.count();
  const std::uint32_t level = forgotten ? 0 : std::min(level_.load(std::memory_order_relaxed), 30u);
  const nanoseconds whole = with.open > with.max_open / (1 << level) ? with.max_open : with.open * (1 << level);
  const nanoseconds span{static_cast<std::int64_t>(static_cast<double>(whole.count()) * (1 - jitter * lot))};
  if (!open_until_.compare_exchange_strong(before, (now + span).time_since_epoch().count(), std::memory_order_relaxed)) return std::nullopt;
  level_.store(level + 1, std::memory_order_relaxed);
  return span;
}

bool breaker::close(nanoseconds slow_start, mono_time now) noexcept {
  std::int64_t before = open_until_.load(std::memory_order_relaxed);
  if (before == 0) return false;
  closed_at_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
  ramp_.store(slow_start.count(), std::memory_order_relaxed);
  return open_until_.compare_exchange_strong(before, 0, std::memory_order_relaxed);
}

void breaker::reset() noexcept {
  open_until_.store(0, std::memory_order_relaxed);
  ramp_.store(0, std::memory_order_relaxed);
  level_.store(0, std::memory_order_relaxed);
}

double breaker::share_during(std::int64_t ramp, mono_time now) const noexcept {
  const auto since = now.time_since_epoch().count() - closed_at_.load(std::memory_order_relaxed);
  if (since >= ramp) return 1;
  return least_share + (1 - least_share) * static_cast<double>(std::max<std::int64_t>(since, 0)) / static_cast<double>(ramp);
}

}  // namespace andon::route
