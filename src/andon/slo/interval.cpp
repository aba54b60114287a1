#include "andon/slo/interval.hpp"

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>

namespace andon::slo {
namespace {

bool possible(double confidence) { return confidence > 0 && confidence < 1; }
double upper_tail(double confidence) { return (1 - confidence) / 2; }

double normal_quantile(double confidence) { return boost::math::quantile(boost::math::complement(boost::math::normal(), upper_tail(confidence))); }

}  // namespace

std::optional<interval> wilson_interval(std::uint64_t good, std::uint64_t total, double confidence) {
  if (total == 0 || good > total || !possible(confidence)) return std::nullopt;
  const auto n = static_cast<double>(total);
  const double p = static_cast<double>(good) / n;
  const double z = normal_quantile(confidence), per_event = z * z / n;
  const double middle = p + per_event / 2;
  const double reach = z * std::sqrt(p * (1 - p) / n + per_event / (4 * n));
  return interval{good == 0 ? 0 : std::max(0.0, (middle - reach) / (1 + per_event)), good == total ? 1 : std::min(1.0, (middle + reach) / (1 + per_event))};
}

std::optional<interval> nps_interval(std::uint64_t promoters, std::uint64_t detractors, std::uint64_t total, double confidence) {
  if (total == 0 || promoters > total || detractors > total - promoters || !possible(confidence)) return std::nullopt;
  const auto n = static_cast<double>(total);
  const double up = static_cast<double>(promoters) / n, down = static_cast<double>(detractors) / n;
  const double difference = up - down;
  const double reach = normal_quantile(confidence) * std::sqrt(std::max(0.0, up + down - difference * difference) / n);
  return interval{std::max(-100.0, 100 * (difference - reach)), std::min(100.0, 100 * (difference + reach))};
}

std::optional<slope> slope_of(std::span<const point> points, double confidence) {
  if (!possible(confidence)) return std::nullopt;
  sample x, y;
  for (const auto& one : points) x.add(one.x), y.add(one.y);
  if (points.size() < 2) return std::nullopt;
  double xx = 0, xy = 0, left = 0;
  for (const auto& one : points) {
    const double dx = one.x - *x.mean();
    xx += dx * dx;
    xy += dx * (one.y - *y.mean());
  }
  if (xx == 0) return std::nullopt;
  slope out{xy / xx, std::nullopt, points.size()};
  for (const auto& one : points) {
    const double off = one.y - *y.mean() - out.by_x * (one.x - *x.mean());
    left += off * off;
  }
  if (points.size() < 3) return out;
  const auto freedom = static_cast<double>(points.size() - 2);
  const double t = boost::math::quantile(boost::math::complement(boost::math::students_t(freedom), upper_tail(confidence)));
  const double reach = t * std::sqrt(left / freedom / xx);
  out.within = interval{out.by_x - reach, out.by_x + reach};
  return out;
}

void sample::add(double value) {
  ++count_;
  const double before = value - mean_;
  mean_ += before / static_cast<double>(count_);
  squares_ += before * (value - mean_);
}

std::optional<double> sample::mean() const { return count_ == 0 ? std::nullopt : std::optional(mean_); }

std::optional<double> sample::variance() const { return count_ < 2 ? std::nullopt : std::optional(squares_ / static_cast<double>(count_ - 1)); }

std::optional<interval> sample::mean_interval(double confidence) const {
  const auto spread = variance();
  if (!spread || !possible(confidence)) return std::nullopt;
  const boost::math::students_t distribution(static_cast<double>(count_ - 1));
  const double t = boost::math::quantile(boost::math::complement(distribution, upper_tail(confidence)));
  const double reach = t * std::sqrt(*spread / static_cast<double>(count_));
  return interval{mean_ - reach, mean_ + reach};
}

}  // namespace andon::slo
