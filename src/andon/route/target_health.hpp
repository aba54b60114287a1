#pragma once
// What is known of a target's condition: shared by all cores and all routes that use the model, and kept across Plans.
//
// Threads: every function may be called from any thread; all state is relaxed atomics. Counts are exact; the averages
// may lose an update when two cores write in the same instant.
#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "andon/base/clock.hpp"
#include "andon/base/ids.hpp"
#include "andon/base/quantity.hpp"
#include "andon/route/settings.hpp"

namespace andon::route {

/// Two sums over the last minute, in 12 pieces of 5 s. Each piece packs its 20-bit epoch beside the sums, so that a
/// piece is renewed and added to in one compare-and-swap: nothing is lost.
class minute_window {
public:
  static constexpr nanoseconds piece = std::chrono::seconds{5};
  static constexpr std::size_t pieces = 12;

  void add(std::uint64_t n, mono_time now) noexcept;       ///< saturates at 2^44 − 1 a piece
  [[nodiscard]] std::uint64_t sum(mono_time now) const noexcept;

private:
  std::array<std::atomic<std::uint64_t>, pieces> pieces_{};
};

/// Peak-sensitive moving average (as Finagle's): a slower sample is taken at once, a faster one by exponential decay
/// with time, and without samples the value decays as well, so that a target once slow is tried again.
class peak_average {
public:
  void add(nanoseconds sample, mono_time now, nanoseconds decay) noexcept;
  [[nodiscard]] double nanos(mono_time now, nanoseconds decay) const noexcept;  ///< 0: never measured

private:
  std::atomic<double> value_{0};
  std::atomic<std::int64_t> at_{0};
};

class target_health {
public:
  static constexpr nanoseconds latency_decay = std::chrono::seconds{30};

  /// What one failure did.
  struct effect {
    bool cooled = false;            ///< this failure took the target out
    nanoseconds cooldown{};         ///< for how long
  };

  void began() noexcept { in_flight_.fetch_add(1, std::memory_order_relaxed); }
  void ended() noexcept { in_flight_.fetch_sub(1, std::memory_order_relaxed); }

  /// A served call: ends a cooldown's growth. `first_token` zero: not a stream.
  void succeeded(nanoseconds latency, nanoseconds first_token, tokens used, mono_time now) noexcept;
  /// A provider's fault. `retry_after` counts for rate_limit; `credential` faults cool at once.
  effect failed(fault_kind, nanoseconds retry_after, const cooldown_settings&, mono_time now) noexcept;
  void consumed(tokens used, mono_time now) noexcept;  ///< of calls that neither succeeded nor failed: cut by the client

  [[nodiscard]] bool cooling(mono_time now) const noexcept { return cooling_until() > now; }
  [[nodiscard]] mono_time cooling_until() const noexcept;
  [[nodiscard]] std::int32_t in_flight() const noexcept { return in_flight_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t tokens_last_minute(mono_time now) const noexcept { return tokens_.sum(now); }
  [[nodiscard]] double latency_nanos(bool stream, mono_time now) const noexcept;
  [[nodiscard]] std::uint32_t consecutive_failures() const noexcept { return consecutive_.load(std::memory_order_relaxed); }
  [[nodiscard]] double error_rate(mono_time now) const noexcept;  ///< in the last minute; 0 without results

  /// An operator's pause: until then the target gets no call at all, not even as the last one left. Success does not
  /// end it; hold({}) does.
  void hold(mono_time until) noexcept { held_until_.store(until.time_since_epoch().count(), std::memory_order_relaxed); }
  [[nodiscard]] mono_time held_until() const noexcept { return mono_time{nanoseconds{held_until_.load(std::memory_order_relaxed)}}; }
  [[nodiscard]] bool held(mono_time now) const noexcept { return held_until() > now; }

  void cool(mono_time until) noexcept;  ///< an operator's or a Decision's
  void recover() noexcept;

private:
  [[nodiscard]] bool must_cool(fault_kind, const cooldown_settings&, mono_time now) const noexcept;

  std::atomic<std::int64_t> cooling_until_{0};  // nanoseconds of mono time
  std::atomic<std::int64_t> held_until_{0};
  std::atomic<std::int32_t> in_flight_{0};
  std::atomic<std::uint32_t> consecutive_{0};
  std::atomic<std::uint32_t> level_{0};         // cooldowns in a row without a success between
  peak_average total_;
  peak_average first_token_;
  minute_window tokens_;
  minute_window results_;
  minute_window failures_;
};

/// All targets by model name. Made once per program and handed to every Plan's routes. Thread-safe; takes a lock, so
/// not for the path.
class health_table {
public:
  std::shared_ptr<target_health> of(const model_name&);
  [[nodiscard]] std::vector<std::pair<model_name, std::shared_ptr<target_health>>> all() const;

private:
  mutable std::mutex mutex_;
  std::map<model_name, std::shared_ptr<target_health>> targets_;
};

}  // namespace andon::route
