#pragma once
// Several credentials of one provider: one is in use until the provider limits or refuses it, then the next that is not
// resting. Knows no secrets, only their number.
//
// Life cycle: one per provider and Plan. Threads: any; relaxed atomics.
#include <atomic>
#include <cstdint>
#include <memory>

#include "andon/base/clock.hpp"

namespace andon::route {

class key_ring {
public:
  static constexpr nanoseconds rest_of_limited = std::chrono::seconds{10};   ///< a 429 without Retry-After
  static constexpr nanoseconds rest_of_refused = std::chrono::seconds{60};

  static constexpr nanoseconds least_rest = std::chrono::seconds{1};          ///< whatever Retry-After says

  explicit key_ring(std::uint32_t count) : count_(count), rests_until_(std::make_unique<std::atomic<std::int64_t>[]>(count)) {}

  [[nodiscard]] std::uint32_t size() const { return count_; }
  /// The key to use now: the one in use, else the next that does not rest, else the one whose rest ends first.
  [[nodiscard]] std::uint32_t pick(mono_time now) noexcept;
  /// It rests for so long, or as long as it did anyway. True when another one does not.
  bool rest(std::uint32_t index, nanoseconds span, mono_time now) noexcept;
  [[nodiscard]] mono_time rests_until(std::uint32_t index) const noexcept {
    return mono_time{nanoseconds{rests_until_[index].load(std::memory_order_relaxed)}};
  }

private:
  std::uint32_t count_;
  std::atomic<std::uint32_t> in_use_{0};
  std::unique_ptr<std::atomic<std::int64_t>[]> rests_until_;  // nanoseconds of mono time
};

}  // namespace andon::route
