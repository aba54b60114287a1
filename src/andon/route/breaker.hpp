#pragma once
// The circuit breaker of one target: closed, open for a time that grows, half-open with a bounded number of probes, and
// after it closes a slow start.
//
//   closed ──(too many failures: trip)──► open ──(time passes)──► half-open ──(a probe succeeds: close)──► closed
//                                          ▲                          │
//                                          └────(a probe fails: trip)─┘
//
// Who counts failures and decides to trip is target_health. Threads: any; all state is relaxed atomics. Exactly one of
// several threads that trip or close at the same moment is told that it did.
#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>

#include "andon/base/clock.hpp"
#include "andon/route/settings.hpp"

namespace andon::route {

enum class breaker_state : std::uint8_t { closed, half_open, open };
std::string_view to_string(breaker_state);  ///< `closed`, `half-open`, `open`

class breaker {
public:
  /// Part of an open time that is left to chance, so that the cores of a fleet do not probe in step.
  static constexpr double jitter = 0.2;
  /// The growth of the open time is forgotten when the breaker was closed for so long.
  static constexpr nanoseconds forget_after = std::chrono::seconds{60};
  /// The share of its usual calls with which a slow start begins.
  static constexpr double least_share = 0.1;

  [[nodiscard]] breaker_state state(mono_time now) const noexcept {
    const auto until = open_until_.load(std::memory_order_relaxed);
    if (until == 0) return breaker_state::closed;
    return until > now.time_since_epoch().count() ? breaker_state::open : breaker_state::half_open;
  }
  /// When it is next half-open; the past when it is half-open, the epoch when it is closed.
  [[nodiscard]] mono_time open_until() const noexcept { return mono_time{nanoseconds{open_until_.load(std::memory_order_relaxed)}}; }

  /// Takes one of `limit` places for a probe. Every place is given back by end_probe().
  [[nodiscard]] bool try_probe(std::uint32_t limit) noexcept;
  void begin_probe() noexcept { probes_.fetch_add(1, std::memory_order_relaxed); }  ///< whatever the limit
  void end_probe() noexcept { probes_.fetch_sub(1, std::memory_order_relaxed); }
  [[nodiscard]] std::uint32_t probes() const noexcept { return probes_.load(std::memory_order_relaxed); }

  /// Opens it, unless it is open: for min(max_open, open × 2^n) × (1 − jitter × lot), n the times in a row before,
  /// `lot` in [0, 1). Gives the time.
  std::optional<nanoseconds> trip(const breaker_settings&, mono_time now, double lot) noexcept;
  /// Open until then, by an operator or a Decision.
  void open(mono_time until) noexcept { open_until_.store(until.time_since_epoch().count(), std::memory_order_relaxed); }
  /// Closes it, with a slow start of this length. True for the one that closed it.
  bool close(nanoseconds slow_start, mono_time now) noexcept;
  /// As if it had never been open.
  void reset() noexcept;

  /// The share of its usual calls that the target gets: 1, but during a slow start, where it grows in a straight line.
  [[nodiscard]] double share(mono_time now) const noexcept {
    const auto ramp = ramp_.load(std::memory_order_relaxed);
    if (ramp == 0) return 1;
    return share_during(ramp, now);
  }

private:
  [[nodiscard]] double share_during(std::int64_t ramp, mono_time now) const noexcept;

  std::atomic<std::int64_t> open_until_{0};  // nanoseconds of mono time; 0: closed
  std::atomic<std::int64_t> closed_at_{0};
  std::atomic<std::int64_t> ramp_{0};        // nanoseconds of slow start from closed_at_
  std::atomic<std::uint32_t> probes_{0};
  std::atomic<std::uint32_t> level_{0};      // times it opened in a row
};

}  // namespace andon::route
