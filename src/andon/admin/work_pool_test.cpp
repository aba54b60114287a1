#include "andon/admin/work_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace andon::admin {
namespace {

TEST(work_pool_test, a_full_queue_declines_and_stop_finishes_what_was_taken) {
  const system_clock time;
  net::core core(0, time, 1);
  work_pool pool(1, 2);
  std::promise<void> open, begun;
  std::atomic<int> ran{0}, told{0};
  const std::function<void()> hold = [&, gate = open.get_future().share()] { begun.set_value(); gate.wait(); ++ran; };
  const std::function<void()> count = [&] { ++ran; };
  const auto tell = [&] { ++told; };
  ASSERT_TRUE(pool.start(core, hold, tell));
  begun.get_future().wait();
  EXPECT_TRUE(pool.start(core, count, tell));
  EXPECT_TRUE(pool.start(core, count, tell));
  EXPECT_FALSE(pool.start(core, count, tell));
  open.set_value();
  pool.stop();
  EXPECT_EQ(ran, 3);
  EXPECT_FALSE(pool.start(core, count, tell));
  core.request_stop();
  core.run();
  EXPECT_EQ(told, 3);
}

}  // namespace
}  // namespace andon::admin
