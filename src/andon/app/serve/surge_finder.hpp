#pragma once
// Surges in the calls of each second, and how many of their calls were taken.
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

#include "andon/slo/counts.hpp"

namespace andon::app {

/// Finds surges in calls counted each second: three times as many as the mean of the last five minutes, and at least 20. One thread asks.
class surge_finder {
public:
  static constexpr std::size_t remembered = 300;   ///< seconds
  static constexpr double factor = 3;
  static constexpr std::uint64_t least = 20;
  static constexpr std::size_t settled = 30;       ///< seconds before the first surge can be told

  /// Totals since the start, once a second: all calls, and those of them refused for overload. Of a second of surge: taken and all.
  std::optional<slo::counts> add(std::uint64_t calls, std::uint64_t refused);

private:
  std::deque<std::uint64_t> seconds_;
  std::uint64_t sum_ = 0;
  std::optional<std::pair<std::uint64_t, std::uint64_t>> last_;
};

}  // namespace andon::app
