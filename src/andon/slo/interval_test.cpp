#include "andon/slo/interval.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace andon::slo {
namespace {

// Newcombe, Statistics in Medicine 17 (1998) 857, table I, method 3 (score without continuity correction).
TEST(interval, wilson_gives_the_published_values) {
  struct published { std::uint64_t good, total; double low, high; };
  for (const auto& one : {published{81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0, 0.1611}, {1, 29, 0.0061, 0.1718}}) {
    const auto got = wilson_interval(one.good, one.total);
    ASSERT_TRUE(got);
    EXPECT_NEAR(got->low, one.low, 5e-5) << one.good << '/' << one.total;
    EXPECT_NEAR(got->high, one.high, 5e-5) << one.good << '/' << one.total;
  }
}

TEST(interval, wilson_of_the_complement_is_its_mirror) {
  for (std::uint64_t total = 1; total < 40; ++total)
    for (std::uint64_t good = 0; good <= total; ++good) {
      const auto one = wilson_interval(good, total), other = wilson_interval(total - good, total);
      EXPECT_NEAR(one->low, 1 - other->high, 1e-12);
      EXPECT_LE(one->low, static_cast<double>(good) / static_cast<double>(total));
      EXPECT_LT(one->low, one->high);
    }
}

// Promoters count 1, detractors -1: the variance of that number over the sample, the long way round.
TEST(interval, nps_is_the_interval_of_the_numbers_that_it_stands_for) {
  constexpr std::uint64_t up = 50, down = 20, total = 100;
  const double mean = 0.3;
  const double variance = (50 * 0.7 * 0.7 + 30 * 0.3 * 0.3 + 20 * 1.3 * 1.3) / 100;
  const double reach = 1.959963984540054 * std::sqrt(variance / 100);
  const auto got = nps_interval(up, down, total);
  ASSERT_TRUE(got);
  EXPECT_NEAR(got->low, 100 * (mean - reach), 1e-9);
  EXPECT_NEAR(got->high, 100 * (mean + reach), 1e-9);
  EXPECT_EQ(nps_interval(2, 0, 2), (interval{100, 100}));
  EXPECT_EQ(nps_interval(2, 1, 3)->high, 100);
}

// Student's ten differences in hours of sleep (Biometrika 6 (1908) 1; the data set `sleep` of R, whose paired t.test
// prints mean 1.58 and the interval 0.7001142 to 2.4598858).
TEST(interval, t_gives_the_published_values) {
  sample differences;
  for (const double one : {1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4}) differences.add(one);
  EXPECT_NEAR(*differences.mean(), 1.58, 1e-12);
  const auto got = differences.mean_interval();
  ASSERT_TRUE(got);
  EXPECT_NEAR(got->low, 0.7001142, 5e-8);
  EXPECT_NEAR(got->high, 2.4598858, 5e-8);
}

TEST(interval, close_values_do_not_cancel_out) {
  sample large;
  for (const double one : {4.0, 7.0, 13.0, 16.0}) large.add(1e9 + one);
  EXPECT_NEAR(*large.variance(), 30, 1e-6);
}

TEST(interval, a_line_through_points) {
  const std::array points{point{1, 2}, point{2, 4}, point{3, 5}, point{4, 4}, point{5, 5}};
  const auto got = slope_of(points);
  ASSERT_TRUE(got && got->within);
  EXPECT_NEAR(got->by_x, 0.6, 1e-12);
  EXPECT_NEAR(got->within->low, -0.3001317, 5e-8);  // 0.6 ± 3.1824463 * 0.2828427
  EXPECT_NEAR(got->within->high, 1.5001317, 5e-8);
  const auto two = slope_of(std::span(points).first(2));
  ASSERT_TRUE(two);
  EXPECT_EQ(two->by_x, 2);
  EXPECT_FALSE(two->within) << "two points lie on every line";
  EXPECT_FALSE(slope_of(std::span(points).first(1)));
  EXPECT_FALSE(slope_of(std::array{point{1, 2}, point{1, 3}}));
}

TEST(interval, says_nothing_where_nothing_is_known) {
  EXPECT_FALSE(wilson_interval(0, 0));
  EXPECT_FALSE(wilson_interval(3, 2));
  EXPECT_FALSE(wilson_interval(1, 2, 1));
  EXPECT_FALSE(wilson_interval(1, 2, 0));
  EXPECT_FALSE(nps_interval(0, 0, 0));
  EXPECT_FALSE(nps_interval(2, 2, 3));
  EXPECT_FALSE(nps_interval(1, ~0ULL, 3));
  sample one;
  EXPECT_FALSE(one.mean());
  one.add(4);
  EXPECT_EQ(one.mean(), 4);
  EXPECT_FALSE(one.variance());
  EXPECT_FALSE(one.mean_interval());
}

}  // namespace
}  // namespace andon::slo
