#include "andon/gateway/load_guard.hpp"

#include <gtest/gtest.h>

namespace andon::gateway {
namespace {

using namespace std::chrono_literals;
using route::priority;

struct world {
  load_guard guard;
  mono_time now{1h};
  void run(nanoseconds waited, nanoseconds span) {
    for (const auto end = now + span; now < end; now += 5ms)
      if (guard.wants_sample(now)) guard.sampled(waited, now);
  }
};

TEST(load_guard, a_burst_sheds_nothing) {
  world w;
  w.run(300ms, 190ms);
  w.run(1ms, 5ms);
  w.run(300ms, 190ms);
  EXPECT_EQ(w.guard.level(), 0u);
}

TEST(load_guard, sheds_the_lowest_priority_first_and_takes_them_back_one_by_one) {
  world w;
  w.run(60ms, 210ms);
  EXPECT_FALSE(w.guard.takes(priority::low));
  EXPECT_TRUE(w.guard.takes(priority::normal));
  w.run(60ms, 200ms);
  EXPECT_FALSE(w.guard.takes(priority::normal));
  EXPECT_TRUE(w.guard.takes(priority::high));
  w.run(60ms, 600ms);
  EXPECT_FALSE(w.guard.takes(priority::high));
  EXPECT_EQ(w.guard.level(), 3u);
  w.run(1ms, 5ms);
  EXPECT_TRUE(w.guard.takes(priority::high) && !w.guard.takes(priority::normal));
  w.run(1ms, 10ms);
  EXPECT_EQ(w.guard.level(), 0u);
  EXPECT_EQ(w.guard.lag(), 1ms);
}

TEST(load_guard, samples_seldom_and_one_at_a_time_and_not_at_all_when_off) {
  load_guard one;
  const mono_time now{1h};
  EXPECT_TRUE(one.wants_sample(now));
  EXPECT_FALSE(one.wants_sample(now + 1s));
  one.sampled(1ms, now + 1s);
  EXPECT_FALSE(one.wants_sample(now + 1s + 4ms));
  EXPECT_TRUE(one.wants_sample(now + 1s + 5ms));
  load_guard off;
  off.configure({.target = 0ns});
  EXPECT_FALSE(off.wants_sample(now));
}

}  // namespace
}  // namespace andon::gateway
