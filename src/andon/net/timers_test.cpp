#include "andon/net/timers.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <vector>

#include "andon/base/random.hpp"

namespace andon::net {
namespace {

using namespace std::chrono_literals;

struct wheel_world {
  simulated_clock clock;
  int wakes = 0;
  timer_wheel wheel{clock.mono(), [](void* self, mono_time) { ++static_cast<wheel_world*>(self)->wakes; }, this};
  void pass(nanoseconds span) {
    clock.advance(span);
    wheel.advance(clock.mono());
  }
};

struct probe {
  explicit probe(wheel_world& in) : world(in), timer(in.wheel, deadline_timer::member<&probe::fire>(), this) {}
  void fire() {
    ++fired;
    at = world.clock.mono();
    if (repeat > 0ns) timer.arm(deadline::after(at, repeat));
  }
  void arm(nanoseconds in) { timer.arm(deadline::after(world.clock.mono(), in)); }
  wheel_world& world;
  deadline_timer timer;
  int fired = 0;
  mono_time at{};
  nanoseconds repeat{0};
};

TEST(timer_wheel, what_is_disarmed_can_be_let_go) {
  int woken = 0;
  timer_wheel wheel(mono_time{}, [](void* count, mono_time) { ++*static_cast<int*>(count); }, &woken);
  int fired = 0;
  deadline_timer one(wheel, [](void* count) { ++*static_cast<int*>(count); }, &fired);
  one.arm(deadline{mono_time{std::chrono::seconds{60}}});
  EXPECT_TRUE(wheel.prune());
  one.disarm();
  EXPECT_NE(wheel.next_wake(), mono_time::max());
  EXPECT_FALSE(wheel.prune());
  EXPECT_EQ(wheel.next_wake(), mono_time::max());
  one.arm(deadline{mono_time{std::chrono::seconds{90}}});
  EXPECT_EQ(woken, 2) << "it asks to be advanced anew";
  wheel.advance(mono_time{std::chrono::seconds{91}});
  EXPECT_EQ(fired, 1);
}

TEST(timers, fire_once_at_their_time_and_not_before) {
  wheel_world world;
  for (const nanoseconds span : {nanoseconds{1}, nanoseconds{1ms}, nanoseconds{255ms}, nanoseconds{256ms}, nanoseconds{257ms}, nanoseconds{65535ms},
                                 nanoseconds{65536ms}, nanoseconds{2min}, nanoseconds{5h}, nanoseconds{48h}}) {
    probe one(world);
    one.arm(span);
    const auto due = world.clock.mono() + span;
    while (one.fired == 0) {
      ASSERT_NE(world.wheel.next_wake(), mono_time::max());
      ASSERT_LE(world.wheel.next_wake(), due + 1ms);
      world.pass(std::max<nanoseconds>(world.wheel.next_wake() - world.clock.mono(), 0ns));
    }
    EXPECT_GE(one.at, due);
    EXPECT_LE(one.at, due + 1ms);
    world.pass(1h);
    EXPECT_EQ(one.fired, 1);
  }
}

TEST(timers, nothing_armed_asks_for_no_wake) {
  wheel_world world;
  EXPECT_EQ(world.wheel.next_wake(), mono_time::max());
  probe one(world);
  one.arm(1s);
  one.timer.disarm();
  world.pass(2s);
  EXPECT_EQ(one.fired, 0);
  EXPECT_EQ(world.wheel.next_wake(), mono_time::max());
}

TEST(timers, arming_a_long_deadline_again_and_again_asks_for_one_wake) {
  wheel_world world;
  probe one(world);
  for (int i = 0; i < 1000; ++i) {
    one.arm(15s);
    one.timer.disarm();
  }
  EXPECT_EQ(world.wakes, 1);
}

TEST(timers, callbacks_may_arm_and_destroy) {
  wheel_world world;
  probe repeating(world);
  repeating.repeat = 10ms;
  repeating.arm(10ms);
  auto victim = std::make_unique<probe>(world);
  struct killer {
    std::unique_ptr<probe>* victim;
    void fire() { victim->reset(); }
  } killing{&victim};
  deadline_timer kill(world.wheel, deadline_timer::member<&killer::fire>(), &killing);
  kill.arm(deadline::after(world.clock.mono(), 50ms));
  victim->arm(50ms);
  for (int i = 0; i < 100; ++i) world.pass(1ms);
  EXPECT_EQ(victim, nullptr);
  EXPECT_GE(repeating.fired, 8);
  EXPECT_LE(repeating.fired, 10);
}

// Random operations against the obvious model: a set of due times.
TEST(timers, agree_with_a_model) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    wheel_world world;
    random_source random(seed);
    std::vector<std::unique_ptr<probe>> probes;
    std::vector<mono_time> due(40, mono_time::max());
    std::vector<int> fires(40, 0);
    for (int i = 0; i < 40; ++i) probes.push_back(std::make_unique<probe>(world));
    for (int step = 0; step < 3000; ++step) {
      const auto which = random.below(40);
      const auto span = nanoseconds{static_cast<std::int64_t>(random.below(std::uint64_t{1} << (10 + random.below(30))))};
      switch (random.below(4)) {
        case 0:
          probes[which]->arm(span);
          due[which] = world.clock.mono() + span;
          break;
        case 1:
          probes[which]->timer.disarm();
          due[which] = mono_time::max();
          break;
        default:
          world.clock.advance(span);
          world.wheel.advance(world.clock.mono());
          for (std::size_t i = 0; i < 40; ++i) {
            const bool fired = probes[i]->fired != fires[i];
            fires[i] = probes[i]->fired;
            if (fired) {
              ASSERT_LE(due[i], world.clock.mono()) << seed;
              due[i] = mono_time::max();
            } else {
              ASSERT_TRUE(due[i] == mono_time::max() || due[i] > world.clock.mono() - 1ms) << seed;
            }
          }
      }
    }
  }
}

}  // namespace
}  // namespace andon::net
