#pragma once
// How far a share, a mean or an NPS that was counted from a sample may lie from the truth. Pure functions; any thread.
//
// Every function gives a two-sided interval at `confidence` (0.95 unless said), or nothing when the sample says nothing:
// no events, counts that contradict each other, a confidence outside (0, 1), one value where a spread is needed.
#include <cstdint>
#include <optional>
#include <span>

namespace andon::slo {

struct interval {
  double low = 0, high = 0;
  bool operator==(const interval&) const = default;
};

/// The score interval of a share, within [0, 1], never of width 0. With z the quantile of the normal distribution:
/// (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n). Wilson, J. Am. Stat. Assoc. 22 (1927) 209; without continuity
/// correction, as recommended by Brown, Cai and DasGupta, Statistical Science 16 (2001) 101.
std::optional<interval> wilson_interval(std::uint64_t good, std::uint64_t total, double confidence = 0.95);

/// Of NPS = 100 (p₊ − p₋), from the variance of the difference of two shares of one multinomial sample:
/// (p₊ + p₋ − (p₊ − p₋)²) / n, with the normal quantile; cut to [−100, 100]. Agresti, Categorical Data Analysis, 2nd ed.,
/// section 1.4. It has width 0 when all say the same; few answers are not to be trusted then.
std::optional<interval> nps_interval(std::uint64_t promoters, std::uint64_t detractors, std::uint64_t total, double confidence = 0.95);

struct point { double x = 0, y = 0; };
/// A straight line through points by least squares: how much y grows with x, with its interval from three points on
/// (b ± t s/√Σ(x − x̄)², n − 2 degrees of freedom; Draper and Smith, Applied Regression Analysis, 3rd ed., section 1.4).
struct slope {
  double by_x = 0;
  std::optional<interval> within;
  std::size_t points = 0;
};
/// Nothing for less than two different x.
std::optional<slope> slope_of(std::span<const point> points, double confidence = 0.95);

/// Sums of numbers, by Welford's recurrence (Technometrics 4 (1962) 419), so that close values do not cancel out.
class sample {
public:
  void add(double value);
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] std::optional<double> mean() const;
  /// Of the population, from the sample: divided by n − 1. Nothing below two values.
  [[nodiscard]] std::optional<double> variance() const;
  /// mean ± t s/√n with n − 1 degrees of freedom. Student, Biometrika 6 (1908) 1; NIST/SEMATECH e-Handbook 1.3.5.2.
  [[nodiscard]] std::optional<interval> mean_interval(double confidence = 0.95) const;

private:
  std::uint64_t count_ = 0;
  double mean_ = 0, squares_ = 0;
};

}  // namespace andon::slo
