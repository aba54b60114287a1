#pragma once
// How long the admin port takes, for whoever samples it: the slowest since the last question.
//
// Threads: any; atomics.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <optional>

#include "andon/base/clock.hpp"

namespace andon::admin {

class slowest {
public:
  void add(nanoseconds took) noexcept {
    auto known = worst_.load(std::memory_order_relaxed);
    while (known < took.count() && !worst_.compare_exchange_weak(known, took.count(), std::memory_order_relaxed)) {}
  }
  /// And begins anew; nothing: none was added.
  std::optional<nanoseconds> take() noexcept {
    const auto was = worst_.exchange(none, std::memory_order_relaxed);
    return was == none ? std::nullopt : std::optional(nanoseconds{was});
  }

private:
  static constexpr std::int64_t none = -1;
  std::atomic<std::int64_t> worst_{none};
};

struct admin_times {
  slowest sign_in;   ///< finding out who calls
  slowest page;      ///< answering a reading request, from its head to its reply's last byte
};

}  // namespace andon::admin
