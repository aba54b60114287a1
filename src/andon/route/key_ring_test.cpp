#include "andon/route/key_ring.hpp"

#include <gtest/gtest.h>

namespace andon::route {
namespace {

using namespace std::chrono_literals;

TEST(key_ring, keeps_one_until_it_rests_and_goes_round) {
  key_ring keys(3);
  mono_time now{1h};
  EXPECT_EQ(keys.pick(now), 0u);
  EXPECT_EQ(keys.pick(now), 0u);
  EXPECT_TRUE(keys.rest(0, 10s, now));
  EXPECT_EQ(keys.pick(now), 1u);
  EXPECT_TRUE(keys.rest(1, 5s, now));
  EXPECT_EQ(keys.pick(now), 2u);
  now += 20s;
  EXPECT_EQ(keys.pick(now), 2u) << "it goes on with the one in use, although others are back";
  EXPECT_TRUE(keys.rest(2, 1s, now));
  EXPECT_EQ(keys.pick(now), 0u);
}

TEST(key_ring, when_all_rest_takes_the_one_that_is_back_first) {
  key_ring keys(3);
  const mono_time now{1h};
  EXPECT_TRUE(keys.rest(0, 9s, now));
  EXPECT_TRUE(keys.rest(1, 3s, now));
  EXPECT_FALSE(keys.rest(2, 6s, now));
  EXPECT_EQ(keys.pick(now), 1u);
  EXPECT_EQ(keys.pick(now + 7s), 1u);
}

TEST(key_ring, a_rest_is_never_nothing_and_never_shortened) {
  key_ring keys(2);
  const mono_time now{1h};
  EXPECT_TRUE(keys.rest(0, 0s, now)) << "the other one";
  EXPECT_EQ(keys.pick(now), 1u);
  EXPECT_TRUE(keys.rests_until(0) > now);
  EXPECT_FALSE(keys.rest(1, 60s, now));
  (void)keys.rest(1, 10s, now);
  EXPECT_EQ(keys.rests_until(1), now + 60s);
  key_ring alone(1);
  EXPECT_FALSE(alone.rest(0, 0s, now)) << "there is no other one";
}

}  // namespace
}  // namespace andon::route
