#pragma once
// The counters that all cores share: token buckets, parallel counts and budget accounts. Lock-free on the path.
#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>

#include "andon/access/calendar.hpp"
#include "andon/base/clock.hpp"
#include "andon/base/quantity.hpp"

namespace andon::access {

/// Time of the buckets: 1/16 nanosecond of the monotonic clock, so that a rate of 10^9 per minute is exact; lasts 18 years
/// of uptime.
using bucket_time = std::int64_t;
inline constexpr bucket_time ticks_per_minute = 60'000'000'000LL * 16;
[[nodiscard]] constexpr bucket_time to_ticks(mono_time at) { return at.time_since_epoch().count() * 16; }

/// A token bucket's settings: GCRA (ITU-T I.371) with a burst of one minute's worth.
struct bucket_rate {
  bucket_time cost = 0;   ///< ticks per unit; 0: no limit
  std::int64_t limit = 0;
  static bucket_rate per_minute(std::int64_t limit);
  [[nodiscard]] bool limited() const { return cost != 0; }
  [[nodiscard]] bucket_time burst() const { return cost * limit; }
};

/// A token bucket's state in one word: the time at which it will be full again. The same word stays meaningful when the
/// rate changes.
class bucket {
public:
  /// Takes `units` or nothing. False: `retry` becomes the ticks until it could succeed, or -1 when it never can.
  bool take(const bucket_rate& rate, std::int64_t units, bucket_time now, bucket_time& retry) noexcept;
  /// Gives back (positive) or takes more (negative; may go into debt, which later calls wait for).
  void give_back(const bucket_rate& rate, std::int64_t units, bucket_time now) noexcept;
  [[nodiscard]] std::int64_t remaining(const bucket_rate& rate, bucket_time now) const noexcept;
  [[nodiscard]] bucket_time until_full(bucket_time now) const noexcept;
  [[nodiscard]] bool idle(bucket_time now) const noexcept { return until_full(now) == 0; }
  void reset() noexcept { full_at_.store(0, std::memory_order_relaxed); }

private:
  std::atomic<bucket_time> full_at_{0};
};

/// What one limit counts.
struct limit_state {
  bucket requests;
  bucket tokens;
  std::atomic<std::int64_t> parallel{0};
};

/// One budget account: spent and reserved money of the current period, and of the three last used ones, so that a wall
/// clock that jumps back finds its totals again, and a call that began before midnight settles where it reserved.
///
/// The one word `committed` = spent + reserved, so a reservation is one compare-and-swap and `spent + reserved ≤ limit`
/// holds at every instant, for any number of threads.
///
/// The bound: calls whose estimate is an upper bound never overrun. Otherwise the overrun of a period is at most the sum,
/// over the calls in flight when the limit is reached, of actual minus estimate.
class budget_account {
public:
  struct reading { nano_usd spent; nano_usd reserved; };

  bool reserve(period in, nano_usd estimate, nano_usd limit, nano_usd& committed) noexcept;
  void settle(period in, nano_usd reserved, nano_usd actual) noexcept;
  void restore(period in, nano_usd spent) noexcept;  ///< raises spent to this, never lowers it
  [[nodiscard]] reading read(period in) const noexcept;

private:
  struct slot {
    std::atomic<std::int64_t> begin{INT64_MIN};
    std::atomic<std::int64_t> committed{0};
    std::atomic<std::int64_t> spent{0};
    std::uint64_t used = 0;
  };
  slot& slot_of(period in) noexcept;
  slot* find(period in) const noexcept;

  mutable std::array<slot, 4> slots_{};
  std::atomic<slot*> current_{nullptr};
  std::mutex turning_;
  std::uint64_t turns_ = 0;
};

}  // namespace andon::access
