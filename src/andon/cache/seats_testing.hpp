#pragma once
// What the room's tests share: seats that count how often they are woken, seats that a thread sleeps in, and keys.
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "andon/cache/flights.hpp"

namespace andon::cache::testing_support {

struct place final : seat {
  std::atomic<int> woken{0};
  void wake() override { ++woken; }
};
inline std::shared_ptr<place> sit() { return std::make_shared<place>(); }

inline digest key_of(std::uint64_t n) { return sha256(std::to_string(n)); }

/// wake() may come from any thread; one thread waits.
struct sleeper final : seat {
  void wake() override {
    const std::lock_guard guard(lock_);
    rung_ = true;
    changed_.notify_one();
  }
  /// Returns once for all that woke it since the last time.
  void wait() {
    std::unique_lock guard(lock_);
    changed_.wait(guard, [this] { return std::exchange(rung_, false); });
  }
  /// What has become of one that waited.
  state settle() {
    while (is() == state::waiting) wait();
    return is();
  }

private:
  std::mutex lock_;
  std::condition_variable changed_;
  bool rung_ = false;
};

}  // namespace andon::cache::testing_support
