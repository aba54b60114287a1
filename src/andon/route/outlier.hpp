#pragma once
// Outliers: which target of a route fails much more often, or is much slower, than its peers.
//
// The measure, over the breaker's window, among targets that had at least `min_calls` results in it (three at least):
// let m be the median of the others' error rates (or mean latencies of served calls), e and n the target's own.
//   by errors:  e − m ≥ max(error_margin, 3 × sqrt(m (1 − m) / n))        three standard errors of a binomial share
//   by latency: e ≥ latency_factor × m  and  e − m ≥ least_gap
// The median, and not the mean and deviation, because with three peers no value can be 1.9 deviations from their mean.
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "andon/base/clock.hpp"
#include "andon/route/settings.hpp"

namespace andon::route {

/// What is measured of one target. `calls` zero: it takes no part.
struct peer_reading {
  std::uint64_t calls = 0;
  double error_rate = 0;
  double latency = 0;        ///< mean, nanoseconds; 0: nothing served
};

enum class oddity : std::uint8_t { errors, latency };
std::string_view to_string(oddity);

struct outlier {
  std::uint32_t index = 0;
  oddity by = oddity::errors;
};

/// The worst outlier, by errors before latency; at most 64 peers are looked at. Pure, allocates nothing.
std::optional<outlier> find_outlier(std::span<const peer_reading>, const outlier_settings&);

}  // namespace andon::route
