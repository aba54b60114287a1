#pragma once
// What is known of a target's condition: shared by all cores and all routes that use the model, and kept across Plans.
//
// Threads: every function may be called from any thread; all state is relaxed atomics. Counts are exact; the averages
// may lose an update when two cores write in the same instant.
#include <array>
#include <atomic>
#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "andon/base/clock.hpp"
#include "andon/base/ids.hpp"
#include "andon/base/quantity.hpp"
#include "andon/route/answer_times.hpp"
#include "andon/route/breaker.hpp"
#include "andon/route/outage.hpp"
#include "andon/route/outlier.hpp"
#include "andon/route/settings.hpp"

namespace andon::route {

/// Two sums over the last minute, in 12 pieces of 5 s. Each piece packs its 20-bit epoch beside the sums, so that a
/// piece is renewed and added to in one compare-and-swap: nothing is lost.
class minute_window {
public:
  static constexpr nanoseconds piece = std::chrono::seconds{5};
  static constexpr std::size_t pieces = 12;

  void add(std::uint64_t n, mono_time now) noexcept;       ///< saturates at 2^44 − 1 a piece
  [[nodiscard]] std::uint64_t sum(mono_time now) const noexcept { return sum(now, piece * pieces); }
  [[nodiscard]] std::uint64_t sum(mono_time now, nanoseconds last) const noexcept;  ///< of the pieces that `last` touches
  void clear() noexcept;

private:
  std::array<std::atomic<std::uint64_t>, pieces> pieces_{};
};

/// Peak-sensitive moving average (as Finagle's): a slower sample is taken at once, a faster one by exponential decay
/// with time, and without samples the value decays as well, so that a target once slow is tried again.
class peak_average {
public:
  void add(nanoseconds sample, mono_time now, nanoseconds decay) noexcept;
  [[nodiscard]] double nanos(mono_time now, nanoseconds decay) const noexcept;  ///< 0: never measured
  void clear() noexcept { value_.store(0, std::memory_order_relaxed); }

private:
  std::atomic<double> value_{0};
  std::atomic<std::int64_t> at_{0};
};

class waiting_room;

/// A place that a call takes in its target.
struct place {
  bool probe = false;             ///< its result decides about the target's breaker
};

/// Why a call may not begin.
enum class no_place : std::uint8_t { open, busy };

class target_health {
public:
  static constexpr nanoseconds latency_decay = std::chrono::seconds{30};

  /// What one failure did.
  struct effect {
    bool cooled = false;            ///< this failure took the target out
    nanoseconds cooldown{};         ///< for how long
  };

  /// Begins a call, as a probe when the breaker is half-open. `forced`: in spite of the breaker, because no other target
  /// is left. Every place is given back by leave().
  std::expected<place, no_place> enter(const breaker_settings&, mono_time now, std::uint32_t max_parallel = 0, bool forced = false) noexcept;
  std::expected<place, no_place> enter() noexcept { return enter({}, {}); }
  /// Gives the place back; a call that waits for it in a waiting room gets it at once.
  void leave(place, mono_time now = {});
  /// Rooms whose waiters may go to this target. Kept for ever: there is one per route name.
  void serve_waiters_of(std::shared_ptr<waiting_room>);
  void add_waiter() noexcept { waiters_.fetch_add(1, std::memory_order_seq_cst); }
  void remove_waiter() noexcept { waiters_.fetch_sub(1, std::memory_order_relaxed); }

  /// A served call. `first_token` zero: not a stream. True when it was the probe that closed the breaker.
  bool succeeded(nanoseconds latency, nanoseconds first_token, tokens used, mono_time now, place = {},
                 const breaker_settings& = {}) noexcept;
  /// A provider's fault. `retry_after` counts for rate_limit; `credential` faults open the breaker at once. `lot` in
  /// [0, 1) shortens the open time.
  effect failed(fault_kind, nanoseconds retry_after, const breaker_settings&, mono_time now, place = {}, double lot = 0) noexcept;
  /// Of a served call: how long it took until the reply's head, of a stream until its first token.
  void answered(bool stream, nanoseconds took, mono_time now) noexcept { (stream ? stream_answers_ : whole_answers_).add(took, now); }
  /// A call that was cancelled because another target answered first: no failure, but slow.
  void outrun(bool stream, nanoseconds so_far, mono_time now) noexcept;
  /// What this share of the last minute's answers took at most; nothing while too few are known.
  [[nodiscard]] std::optional<nanoseconds> usual_answer(bool stream, double share, mono_time now) const noexcept {
    return (stream ? stream_answers_ : whole_answers_).quantile(share, hedge_settings::min_known, now);
  }
  void consumed(tokens used, mono_time now) noexcept;  ///< of calls that neither succeeded nor failed: cut by the client

  /// Out of the choice: its breaker is open, or a provider's Retry-After has not passed.
  [[nodiscard]] bool cooling(mono_time now) const noexcept { return cooling_until() > now; }
  [[nodiscard]] mono_time cooling_until() const noexcept;
  [[nodiscard]] breaker_state state(mono_time now) const noexcept { return breaker_.state(now); }
  /// Half-open, and every probe's place is taken.
  [[nodiscard]] bool probed(const breaker_settings& with, mono_time now) const noexcept {
    return breaker_.state(now) == breaker_state::half_open && breaker_.probes() >= with.half_open_calls;
  }
  [[nodiscard]] double share(mono_time now) const noexcept { return breaker_.share(now); }
  [[nodiscard]] std::int32_t in_flight() const noexcept { return in_flight_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool busy(std::uint32_t max_parallel) const noexcept { return max_parallel != 0 && in_flight() >= static_cast<std::int32_t>(max_parallel); }
  [[nodiscard]] std::uint64_t tokens_last_minute(mono_time now) const noexcept { return tokens_.sum(now); }
  [[nodiscard]] double latency_nanos(bool stream, mono_time now) const noexcept;
  [[nodiscard]] std::uint32_t consecutive_failures() const noexcept { return consecutive_.load(std::memory_order_relaxed); }
  /// In the last minute, or since the breaker closed; 0 without results.
  [[nodiscard]] double error_rate(mono_time now) const noexcept { return error_rate(now, minute_window::piece * minute_window::pieces); }
  [[nodiscard]] double error_rate(mono_time now, nanoseconds last) const noexcept;

  /// A health check failed once too often: out until then. True when the target was not out before.
  bool check_failed(mono_time until, mono_time now) noexcept;
  /// Health checks succeed: closes a breaker that they opened (with a slow start), makes one that calls opened half-open.
  /// Gives the new state when it changed.
  std::optional<breaker_state> check_passed(nanoseconds slow_start, mono_time now) noexcept;
  void count_check(bool good) noexcept { (good ? checks_passed_ : checks_failed_).fetch_add(1, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t checks(bool good) const noexcept { return (good ? checks_passed_ : checks_failed_).load(std::memory_order_relaxed); }

  /// An operator's pause: until then the target gets no call at all, not even as the last one left. Success does not
  /// end it; hold({}) does.
  void hold(mono_time until) noexcept { held_until_.store(until.time_since_epoch().count(), std::memory_order_relaxed); }
  [[nodiscard]] mono_time held_until() const noexcept { return mono_time{nanoseconds{held_until_.load(std::memory_order_relaxed)}}; }
  [[nodiscard]] bool held(mono_time now) const noexcept { return held_until() > now; }

  /// For the comparison with its peers; nothing with fewer than `min_calls` results.
  [[nodiscard]] peer_reading reading(nanoseconds window, std::uint32_t min_calls, mono_time now) const noexcept;
  /// Opens the breaker of an outlier.
  std::optional<nanoseconds> eject(const breaker_settings&, mono_time now, double lot) noexcept;
  [[nodiscard]] std::uint64_t ejections() const noexcept { return ejections_.load(std::memory_order_relaxed); }

  /// Made on purpose; whoever connects to the target asks it first.
  [[nodiscard]] outage& staged() noexcept { return staged_; }
  [[nodiscard]] const outage& staged() const noexcept { return staged_; }

  void cool(mono_time until) noexcept { breaker_.open(until); }  ///< an operator's or a Decision's
  void recover() noexcept;

private:
  [[nodiscard]] bool must_open(fault_kind, place, const breaker_settings&, mono_time now) const noexcept;
  void forget() noexcept;
  [[nodiscard]] bool take_place(std::uint32_t max_parallel) noexcept;

  void offer_place(mono_time now);

  std::atomic<std::uint32_t> waiters_{0};
  std::mutex rooms_mutex_;
  std::vector<std::shared_ptr<waiting_room>> rooms_;
  breaker breaker_;
  outage staged_;
  std::atomic<std::int64_t> limited_until_{0};  // nanoseconds of mono time: what a Retry-After asks for
  std::atomic<std::int64_t> held_until_{0};
  std::atomic<std::int32_t> in_flight_{0};
  std::atomic<std::uint32_t> consecutive_{0};
  peak_average total_;
  peak_average first_token_;
  answer_times whole_answers_, stream_answers_;
  minute_window tokens_;
  minute_window results_;
  minute_window failures_;
  minute_window served_micros_;
  std::atomic<std::uint64_t> ejections_{0}, checks_passed_{0}, checks_failed_{0};
  std::atomic<bool> opened_by_check_{false};
};

/// All targets by model name, and waiting rooms by route name. Made once per program and handed to every Plan's routes. Thread-safe; takes a lock, so
/// not for the path.
class health_table {
public:
  std::shared_ptr<target_health> of(const model_name&);
  [[nodiscard]] std::vector<std::pair<model_name, std::shared_ptr<target_health>>> all() const;
  std::shared_ptr<waiting_room> room_of(const route_name&);
  [[nodiscard]] std::vector<std::pair<route_name, std::shared_ptr<waiting_room>>> rooms() const;

private:
  mutable std::mutex mutex_;
  std::map<route_name, std::shared_ptr<waiting_room>> rooms_;
  std::map<model_name, std::shared_ptr<target_health>> targets_;
};

}  // namespace andon::route
