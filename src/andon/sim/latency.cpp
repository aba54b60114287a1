#include "andon/sim/latency.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace andon::sim {
namespace {

constexpr double longest = 3.6e12;

nanoseconds from(double value) { return nanoseconds{static_cast<std::int64_t>(std::clamp(value, 0.0, longest))}; }
double count(nanoseconds value) { return static_cast<double>(value.count()); }

// Box and Muller, 1958.
double normal(random_source& random) {
  double radius = std::sqrt(-2 * std::log(1 - random.unit()));
  return radius * std::cos(2 * std::numbers::pi * random.unit());
}

}  // namespace

nanoseconds latency::draw(random_source& random) const {
  switch (kind_) {
    case kind::constant: return low_;
    case kind::uniform: return from(count(low_) + random.unit() * count(high_ - low_));
    case kind::exponential: return from(-count(low_) * std::log(1 - random.unit()));
    case kind::lognormal: return from(count(low_) * std::exp(sigma_ * normal(random)));
    case kind::percentiles: break;
  }
  double percent = random.unit() * 100;
  for (std::size_t i = 0; i < points_.size(); ++i) {
    if (percent > points_[i].percent) continue;
    if (i == 0) return points_[0].value;
    const auto &a = points_[i - 1], &b = points_[i];
    return from(count(a.value) + (percent - a.percent) / (b.percent - a.percent) * count(b.value - a.value));
  }
  return points_.empty() ? nanoseconds{} : points_.back().value;
}

}  // namespace andon::sim
