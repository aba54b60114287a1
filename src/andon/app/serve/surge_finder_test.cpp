#include "andon/app/serve/surge_finder.hpp"

#include <gtest/gtest.h>

namespace andon::app {
namespace {

struct world {
  surge_finder finder;
  std::uint64_t calls = 0, refused = 0;
  std::optional<slo::counts> second(std::uint64_t more, std::uint64_t bad = 0) { return finder.add(calls += more, refused += bad); }
  void usual(std::uint64_t rate, int seconds) {
    for (int n = 0; n < seconds; ++n) EXPECT_FALSE(second(rate)) << n;
  }
};

TEST(surge_finder, tells_of_seconds_with_three_times_the_usual) {
  world w;
  w.usual(10, 60);
  EXPECT_FALSE(w.second(29));
  const auto surge = w.second(40, 4);
  ASSERT_TRUE(surge);
  EXPECT_EQ(surge->good, 36);
  EXPECT_EQ(surge->total, 40);
}

TEST(surge_finder, few_calls_are_no_surge_and_neither_is_a_start) {
  world w;
  w.usual(0, 60);
  EXPECT_FALSE(w.second(19));
  EXPECT_TRUE(w.second(20));
  world fresh;
  fresh.usual(1, 10);
  EXPECT_FALSE(fresh.second(1'000));
}

TEST(surge_finder, a_surge_that_stays_becomes_the_usual) {
  world w;
  w.usual(10, 60);
  int surges = 0;
  for (int n = 0; n < 400; ++n) surges += w.second(100) ? 1 : 0;
  EXPECT_GT(surges, 5);
  EXPECT_LT(surges, 60);
}

TEST(surge_finder, counters_that_begin_anew_are_no_surge) {
  world w;
  w.usual(10, 60);
  EXPECT_FALSE(w.finder.add(5, 0));
  EXPECT_FALSE(w.finder.add(15, 0));
}

}  // namespace
}  // namespace andon::app
