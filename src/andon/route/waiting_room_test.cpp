#include "andon/route/waiting_room.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "andon/route/attempt_plan.hpp"
#include "andon/route/one_route_testing.hpp"

namespace andon::route {
namespace {

using namespace std::chrono_literals;
using fate = waiting_room::fate;

struct world : testing_support::one_route {
  facts about;
  int woken = 0;

  explicit world(std::uint32_t parallel = 1, std::uint32_t size = 10, std::size_t targets = 1) : one_route({}) {
    settings.queue.size = size;
    for (std::size_t i = 0; i < targets; ++i) settings.targets.push_back({.model = model_name{"m" + std::to_string(i)}, .max_parallel = parallel});
    compile();
  }
  waiting_room& room() { return *at->room(); }
  waiting_room::ticket ticket(priority rank = priority::normal, target_mask targets = 1) {
    waiting_room::ticket one;
    one.of = at.get();
    one.about = &about;
    one.targets = targets;
    one.rank = rank;
    one.wake = [](void* count) { ++*static_cast<int*>(count); };
    one.context = &woken;
    return one;
  }
  place fill(std::uint32_t index = 0) { return of(index).enter({}, now, 1).value(); }
};

TEST(waiting_room, gives_each_freed_place_to_one_waiter_in_order_of_priority_and_arrival) {
  world w;
  auto held = w.fill();
  std::vector<waiting_room::ticket> tickets;
  for (auto rank : {priority::low, priority::normal, priority::high, priority::normal, priority::high}) tickets.push_back(w.ticket(rank));
  for (auto& one : tickets) EXPECT_EQ(w.room().join(one, w.now).value(), fate::waiting);
  EXPECT_EQ(w.room().waiting(), 5u);
  int woken = 0;
  for (std::size_t next : {2, 4, 1, 3, 0}) {
    w.of(0).leave(held, w.now += 10ms);
    EXPECT_EQ(w.woken, ++woken);
    ASSERT_EQ(tickets[next].now, fate::granted) << next;
    EXPECT_EQ(w.of(0).in_flight(), 1) << "the place is the waiter's already";
    held = tickets[next].taken;
  }
  w.of(0).leave(held, w.now);
  EXPECT_EQ(w.of(0).in_flight(), 0);
  EXPECT_EQ(w.room().waiting(), 0u);
}

TEST(waiting_room, whoever_comes_while_others_wait_goes_behind_them) {
  world w;
  const auto held = w.fill();
  auto first = w.ticket();
  ASSERT_TRUE(w.room().join(first, w.now));
  random_source dice{1};
  attempt_plan plan{*w.at, {}, w.now, dice};
  EXPECT_EQ(plan.next(w.now).error(), stop_reason::all_busy);
  EXPECT_EQ(plan.busy_targets(), 1u);
  EXPECT_TRUE(w.room().leave(first));
  EXPECT_TRUE(first.now == fate::waiting && !w.woken);
  w.of(0).leave(held, w.now);
  attempt_plan later{*w.at, {}, w.now, dice};
  EXPECT_TRUE(later.next(w.now));
}

TEST(waiting_room, is_bounded_and_tells_honestly_when_to_come_again) {
  world w(1, 2);
  auto held = w.fill();
  std::vector<waiting_room::ticket> tickets(12, w.ticket());
  ASSERT_TRUE(w.room().join(tickets[0], w.now));
  ASSERT_TRUE(w.room().join(tickets[1], w.now));
  for (std::size_t i = 2; i < 10; ++i) {  // one place each 400 ms
    w.of(0).leave(held, w.now += 400ms);
    held = tickets[i - 2].taken;
    ASSERT_EQ(w.room().join(tickets[i], w.now).value(), fate::waiting);
  }
  auto more = w.ticket();
  const auto refused = w.room().join(more, w.now);
  ASSERT_FALSE(refused);
  EXPECT_NEAR(static_cast<double>(refused.error().count()), 3 * 400e6, 1e6);
  EXPECT_EQ(w.room().refused(), 1u);
  EXPECT_TRUE(w.room().leave(tickets[8]) && w.room().leave(tickets[9]));
}

TEST(waiting_room, names_no_earlier_return_than_the_wait_for_a_place_has_lasted) {
  world w(1, 1);
  const auto held = w.fill();
  auto first = w.ticket(), second = w.ticket(), third = w.ticket();
  ASSERT_TRUE(w.room().join(first, w.now));
  EXPECT_EQ(w.room().join(second, w.now).error(), 1s) << "nothing is known yet";
  const auto late = w.room().join(third, w.now += 5s);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error(), 10s) << "five seconds a place, and one call is before it";
  EXPECT_TRUE(w.room().leave(first));
  w.of(0).leave(held, w.now);
}

TEST(waiting_room, refuses_at_once_a_wait_that_cannot_fit_the_deadline) {
  world w;
  w.of(0).succeeded(2s, 0ns, tokens{}, w.now);
  const auto held = w.fill();
  auto first = w.ticket(), hurried = w.ticket(), patient = w.ticket();
  ASSERT_TRUE(w.room().join(first, w.now));
  hurried.until = deadline::after(w.now, 3s);
  const auto refused = w.room().join(hurried, w.now);
  ASSERT_FALSE(refused) << "two calls of two seconds are before it";
  EXPECT_NEAR(static_cast<double>(refused.error().count()), 4e9, 1e6);
  patient.until = deadline::after(w.now, 5s);
  EXPECT_TRUE(w.room().join(patient, w.now));
  EXPECT_TRUE(w.room().leave(first) && w.room().leave(patient));
  w.of(0).leave(held, w.now);
}

TEST(waiting_room, a_higher_priority_displaces_the_newest_of_the_lowest) {
  world w(1, 2);
  const auto held = w.fill();
  auto older = w.ticket(priority::low), newer = w.ticket(priority::low), high = w.ticket(priority::high), low = w.ticket(priority::low);
  ASSERT_TRUE(w.room().join(older, w.now) && w.room().join(newer, w.now));
  EXPECT_FALSE(w.room().join(low, w.now));
  ASSERT_TRUE(w.room().join(high, w.now));
  EXPECT_EQ(newer.now, fate::displaced);
  EXPECT_GT(newer.retry_after, 0ns);
  EXPECT_EQ(older.now, fate::waiting);
  EXPECT_EQ(w.woken, 1);
  EXPECT_FALSE(w.room().leave(newer)) << "its fate is decided";
  EXPECT_TRUE(w.room().leave(older) && w.room().leave(high));
  w.of(0).leave(held, w.now);
}

TEST(waiting_room, a_sweep_finds_targets_that_came_back) {
  world w(1, 10, 2);
  const auto held = w.fill(0);
  w.of(1).cool(w.now + 1s);
  auto one = w.ticket(priority::normal, 3);
  ASSERT_EQ(w.room().join(one, w.now).value(), fate::waiting);
  w.room().sweep(w.now + 500ms);
  EXPECT_EQ(one.now, fate::waiting);
  w.room().sweep(w.now + 550ms);  // too soon for another
  w.room().sweep(w.now + 1s);
  ASSERT_EQ(one.now, fate::granted);
  EXPECT_EQ(one.index, 1u);
  EXPECT_TRUE(one.taken.probe);
  w.of(1).leave(one.taken, w.now);
  w.of(0).leave(held, w.now);
}

TEST(waiting_room, tells_those_who_wait_in_vain) {
  world w;
  const auto held = w.fill();
  auto one = w.ticket();
  ASSERT_TRUE(w.room().join(one, w.now));
  w.of(0).hold(w.now + 1h);
  w.room().sweep(w.now);
  EXPECT_EQ(one.now, fate::hopeless);
  w.of(0).leave(held, w.now);
  EXPECT_EQ(w.of(0).in_flight(), 0);
}

// Threads that take, wait, give back and give up: no place is lost and none is given twice.
TEST(waiting_room, loses_no_place_between_threads) {
  world w(3, 64);
  std::atomic<int> inside{0}, most{0}, served{0}, given_up{0};
  const auto work = [&](std::uint64_t seed) {
    random_source dice{seed};
    for (int i = 0; i < 3'000; ++i) {
      std::atomic<bool> awake{false};
      place mine;
      auto direct = w.of(0).enter({}, w.now, 3);
      if (direct) {
        mine = *direct;
      } else {
        auto one = w.ticket(static_cast<priority>(dice.below(3)));
        one.wake = [](void* flag) { static_cast<std::atomic<bool>*>(flag)->store(true); };
        one.context = &awake;
        const auto joined = w.room().join(one, w.now);
        if (!joined) continue;
        if (*joined == fate::waiting) {
          if (dice.below(4) == 0 && w.room().leave(one)) {
            ++given_up;
            continue;
          }
          while (!awake) std::this_thread::yield();
        }
        if (one.now != fate::granted) continue;
        mine = one.taken;
      }
      const int now = ++inside;
      if (now > most) most = now;
      ++served;
      --inside;
      w.of(0).leave(mine, w.now);
    }
  };
  {
    std::vector<std::jthread> cores;
    for (std::uint64_t t = 0; t < 6; ++t) cores.emplace_back(work, t + 1);
  }
  EXPECT_LE(most, 3);
  EXPECT_GT(served, 1'000);
  EXPECT_EQ(w.of(0).in_flight(), 0);
  EXPECT_EQ(w.room().waiting(), 0u);
}

}  // namespace
}  // namespace andon::route
