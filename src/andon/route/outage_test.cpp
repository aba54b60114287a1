#include "andon/route/outage.hpp"

#include <gtest/gtest.h>

namespace andon::route {
namespace {

using namespace std::chrono_literals;

TEST(outage, ends_by_the_clock) {
  outage one;
  const mono_time now{100s};
  EXPECT_FALSE(one.refuses(now, 0));
  one.begin(now + 1s, 1);
  EXPECT_TRUE(one.refuses(now, 0.999));
  EXPECT_TRUE(one.on(now + 999ms));
  EXPECT_FALSE(one.refuses(now + 1s, 0));
}

TEST(outage, refuses_its_share_and_can_be_lifted) {
  outage one;
  const mono_time now{100s};
  one.begin(now + 1h, 0.25);
  EXPECT_TRUE(one.refuses(now, 0.24));
  EXPECT_FALSE(one.refuses(now, 0.25));
  one.end();
  EXPECT_FALSE(one.on(now));
}

}  // namespace
}  // namespace andon::route
