#pragma once
#include <atomic>
#include <cstdint>

#include "andon/base/clock.hpp"

namespace andon::route {

/// A token bucket that bounds retries to a share of the traffic, so that they cannot multiply an outage. Every exchange
/// puts in `ratio`, time puts in `per_second`, a retry takes 1. Starts full, or with `start`. Any thread; exact.
class retry_budget {
public:
  retry_budget(double ratio, double per_second, double burst) : retry_budget(ratio, per_second, burst, burst) {}
  retry_budget(double ratio, double per_second, double burst, double start);
  void deposit() noexcept;
  [[nodiscard]] bool withdraw(mono_time now) noexcept;
  [[nodiscard]] double balance() const noexcept;

private:
  void add(std::int64_t millis) noexcept;
  void refill(mono_time now) noexcept;

  std::int64_t ratio_;       // thousandths of a retry
  std::int64_t burst_;
  double nanos_per_milli_;   // of time; 0: none
  std::atomic<std::int64_t> balance_;
  std::atomic<std::int64_t> refilled_{0};
};

}  // namespace andon::route
