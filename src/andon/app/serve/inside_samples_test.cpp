#include "andon/app/serve/inside_samples.hpp"
#include "andon/app/serve/load_samples.hpp"

#include <gtest/gtest.h>

#include "andon/llm/price.hpp"

namespace andon::app {
namespace {

using namespace std::chrono_literals;

TEST(idle_share, is_what_work_leaves) {
  simulated_clock time;
  nanoseconds worked{};
  idle_share share([&] { return worked; }, time);
  EXPECT_FALSE(share.read());   // no time has passed
  time.advance(1s);
  worked += 250ms;
  EXPECT_DOUBLE_EQ(share.read().value(), 0.75);
  time.advance(1s);
  worked += 1100ms;             // a turn that began before
  EXPECT_DOUBLE_EQ(share.read().value(), 0);
}

TEST(slowest, is_taken_once) {
  admin::slowest of;
  EXPECT_FALSE(of.take());
  of.add(3ms);
  of.add(1ms);
  EXPECT_EQ(of.take(), 3ms);
  EXPECT_FALSE(of.take());
}

TEST(inside_samples, the_price_table_says_when_it_was_taken) {
  const auto taken = llm::price_table::shipped_on();
  ASSERT_TRUE(taken);
  EXPECT_GT(*taken, wall_time{std::chrono::sys_days{std::chrono::year{2025} / 1 / 1}});
  EXPECT_LT(*taken, system_clock{}.wall() + 48h);
}

TEST(call_capacity, is_told_of_many_calls_only) {
  simulated_clock time{wall_time{std::chrono::seconds{1'790'000'000}}};
  std::uint64_t calls = 0;
  call_capacity capacity([&] { return calls; }, time);
  const auto work = [] {
    volatile double sum = 0;
    for (int i = 0; i < 20'000'000; ++i) sum = sum + i;
  };
  time.advance(std::chrono::seconds{1});
  calls += 99;
  EXPECT_EQ(capacity.read(), std::nullopt);
  work();
  time.advance(std::chrono::seconds{1});
  calls += 1'000;
  const auto told = capacity.read();
  ASSERT_TRUE(told);
  EXPECT_GE(*told, 1'000) << "the processors were not busy all of the second";
}

TEST(inside_samples, files_bound_connections) { EXPECT_GT(connections_by_files(), 0u); }

}  // namespace
}  // namespace andon::app
