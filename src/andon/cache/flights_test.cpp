#include "andon/cache/flights.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "andon/base/random.hpp"
#include "andon/cache/seats_testing.hpp"

namespace andon::cache {
namespace {

using namespace testing_support;
using state = seat::state;

reply_ptr some() { return std::make_shared<reply>(); }

TEST(flights, one_leads_and_all_get_its_reply) {
  flights f;
  const auto a = sit(), b = sit(), c = sit(), other = sit();
  EXPECT_EQ(f.join(key_of(1), a), state::leading);
  EXPECT_EQ(f.join(key_of(1), b), state::waiting);
  EXPECT_EQ(f.join(key_of(1), c), state::waiting);
  EXPECT_EQ(f.join(key_of(2), other), state::leading);
  EXPECT_TRUE(f.wanted(*a));
  EXPECT_FALSE(f.wanted(*other));
  EXPECT_EQ(f.waiting(), 2u);
  const auto got = some();
  f.land(*a, got);
  EXPECT_EQ(b->is(), state::served);
  EXPECT_EQ(c->got(), got);
  EXPECT_EQ(b->woken, 1);
  EXPECT_EQ(c->woken, 1);
  EXPECT_EQ(f.waiting(), 0u);
  EXPECT_EQ(f.under_way(), 1u);
  f.land(*a, some());  // again: nothing
  EXPECT_EQ(c->woken, 1);
  EXPECT_EQ(f.join(key_of(1), sit()), state::leading);  // a new flight, which the seat's end has ended at once
  EXPECT_EQ(f.under_way(), 1u);
}

TEST(flights, a_failed_leader_is_followed_by_exactly_one) {
  flights f;
  const auto a = sit(), b = sit(), c = sit();
  f.join(key_of(1), a);
  f.join(key_of(1), b);
  f.join(key_of(1), c);
  f.land(*a, nullptr);
  EXPECT_EQ(b->is(), state::leading);
  EXPECT_EQ(c->is(), state::waiting);
  EXPECT_EQ(b->woken, 1);
  EXPECT_EQ(c->woken, 0);
  f.leave(*b);
  EXPECT_EQ(c->is(), state::leading);
  f.leave(*c);
  EXPECT_EQ(f.under_way(), 0u);
}

TEST(flights, a_leader_that_vanishes_leaves_nobody_waiting) {
  flights f;
  auto a = sit();
  const auto b = sit();
  f.join(key_of(1), a);
  f.join(key_of(1), b);
  a.reset();
  EXPECT_EQ(b->is(), state::leading);
  EXPECT_EQ(b->woken, 1);
}

TEST(flights, the_leader_hears_that_the_last_waiter_left) {
  flights f;
  const auto a = sit(), b = sit(), c = sit();
  f.join(key_of(1), a);
  f.join(key_of(1), b);
  f.join(key_of(1), c);
  f.leave(*b);
  EXPECT_EQ(a->woken, 0);
  EXPECT_TRUE(f.wanted(*a));
  f.leave(*c);
  EXPECT_EQ(a->woken, 1);
  EXPECT_FALSE(f.wanted(*a));
  f.leave(*c);
  EXPECT_EQ(a->woken, 1);
}

/// Calls on four threads: leaders land, fail or vanish, waiters wait or leave. Everybody ends, nobody is left over.
TEST(flights, nobody_waits_for_ever) {
  flights f;
  std::atomic<int> led{0}, served{0}, left{0};
  std::vector<std::thread> all;
  for (std::uint64_t t = 0; t < 4; ++t)
    all.emplace_back([&, t] {
      random_source random{t + 1};
      for (int i = 0; i < 3'000; ++i) {
        auto me = std::make_shared<sleeper>();
        const auto first = f.join(key_of(random.below(3)), me);
        if (first == state::waiting && random.below(4) == 0) {
          f.leave(*me);
          ++left;
          continue;
        }
        if (me->settle() == state::served) {
          EXPECT_TRUE(me->got());
          ++served;
          continue;
        }
        ++led;
        const auto how = random.below(3);
        if (how == 0) f.land(*me, some());
        else if (how == 1) f.land(*me, nullptr);
      }
    });
  for (auto& one : all) one.join();
  EXPECT_EQ(led + served + left, 12'000);
  EXPECT_GT(led, 0);
  EXPECT_EQ(f.under_way(), 0u);
  EXPECT_EQ(f.waiting(), 0u);
}

}  // namespace
}  // namespace andon::cache
