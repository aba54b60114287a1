#include "andon/route/answer_times.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "andon/base/random.hpp"

namespace andon::route {
namespace {

using namespace std::chrono_literals;

constexpr mono_time start{1h};

TEST(answer_times, a_quantile_is_at_most_nine_percent_above_the_sorted_value) {
  random_source random{5};
  for (int round = 0; round < 20; ++round) {
    answer_times times;
    std::vector<nanoseconds> all;
    for (int i = 0; i < 500; ++i) {
      const nanoseconds took{static_cast<std::int64_t>(2e6 * std::exp2(10 * random.unit()))};
      times.add(took, start);
      all.push_back(took);
    }
    std::ranges::sort(all);
    for (const double share : {0.01, 0.5, 0.9, 0.95, 0.99, 1.0}) {
      const auto exact = all[static_cast<std::size_t>(std::ceil(share * 500)) - 1];
      const auto told = times.quantile(share, 50, start).value();
      EXPECT_GE(told, exact) << share;
      EXPECT_LE(static_cast<double>(told.count()), static_cast<double>(exact.count()) * 1.0906) << share;
    }
  }
}

TEST(answer_times, says_nothing_of_few_and_forgets_what_is_older_than_a_minute) {
  answer_times times;
  EXPECT_FALSE(times.quantile(0.5, 1, start));
  for (int i = 0; i < 49; ++i) times.add(1s, start);
  EXPECT_FALSE(times.quantile(0.5, 50, start));
  times.add(1s, start);
  EXPECT_TRUE(times.quantile(0.5, 50, start));
  EXPECT_TRUE(times.quantile(0.5, 50, start + 30s)) << "the half before counts";
  EXPECT_FALSE(times.quantile(0.5, 50, start + 61s));
  times.add(10ms, start + 61s);
  EXPECT_LT(times.quantile(1.0, 1, start + 61s).value(), 11ms) << "the old half was cleared";
}

TEST(answer_times, what_is_outside_counts_at_the_ends) {
  answer_times times;
  times.add(-5ns, start);
  times.add(1us, start);
  EXPECT_EQ(times.quantile(1.0, 2, start), answer_times::least);
  for (int i = 0; i < 8; ++i) times.add(1h, start);
  EXPECT_GT(times.quantile(0.9, 1, start).value(), 270s);
}

}  // namespace
}  // namespace andon::route
