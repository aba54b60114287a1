#pragma once
// How long something takes: a distribution to draw from.
#include <array>
#include <cstdint>
#include <vector>

#include "andon/base/clock.hpp"
#include "andon/base/random.hpp"

namespace andon::sim {

class latency {
public:
  enum class kind : std::uint8_t { constant, uniform, exponential, lognormal, percentiles };
  struct point { double percent; nanoseconds value; };

  latency() = default;  ///< zero
  static latency constant(nanoseconds value) { return {kind::constant, value, {}, 0, {}}; }
  static latency uniform(nanoseconds low, nanoseconds high) { return {kind::uniform, low, high, 0, {}}; }
  static latency exponential(nanoseconds mean) { return {kind::exponential, mean, {}, 0, {}}; }
  static latency lognormal(nanoseconds median, double sigma) { return {kind::lognormal, median, {}, sigma, {}}; }
  /// Linear between the points (ascending in both); below the first and above the last point it is flat.
  static latency percentiles(std::vector<point> points) { return {kind::percentiles, {}, {}, 0, std::move(points)}; }

  [[nodiscard]] nanoseconds draw(random_source& random) const;  ///< at most one hour
  [[nodiscard]] bool is_zero() const { return kind_ == kind::constant && low_ == nanoseconds::zero(); }

private:
  latency(kind k, nanoseconds low, nanoseconds high, double sigma, std::vector<point> points)
      : kind_(k), low_(low), high_(high), sigma_(sigma), points_(std::move(points)) {}
  kind kind_ = kind::constant;
  nanoseconds low_{}, high_{};
  double sigma_ = 0;
  std::vector<point> points_;
};

}  // namespace andon::sim
