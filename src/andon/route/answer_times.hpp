#pragma once
// How long a target's calls of the last minute took to answer, for a quantile of them.
//
// Counts in buckets that grow by 2^(1/8), so that a quantile is at most 9 % above the true value; from a millisecond to
// four and a half minutes, what is outside counts at the ends. Two halves of a minute take turns.
//
// Threads: any; relaxed atomics. When two threads begin a new half in the same instant, single counts may be lost.
#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

#include "andon/base/clock.hpp"

namespace andon::route {

class answer_times {
public:
  static constexpr nanoseconds half = std::chrono::seconds{30};
  static constexpr nanoseconds least = nanoseconds{1 << 20};
  static constexpr unsigned per_octave = 8, octaves = 18;
  static constexpr std::size_t buckets = 1 + std::size_t{per_octave} * octaves;

  void add(nanoseconds took, mono_time now) noexcept;
  /// The upper edge of the bucket that holds it; nothing while fewer than `min_count` are known. share in (0, 1].
  [[nodiscard]] std::optional<nanoseconds> quantile(double share, std::uint32_t min_count, mono_time now) const noexcept;

private:
  struct generation {
    std::atomic<std::int64_t> number{-1};
    std::array<std::atomic<std::uint32_t>, buckets> counts{};
  };
  std::array<generation, 2> halves_;
};

}  // namespace andon::route
