#include "andon/route/target_health.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <thread>

#include "andon/base/random.hpp"
#include "andon/route/health_metrics.hpp"
#include "andon/route/retry_budget.hpp"

namespace andon::route {
namespace {

using namespace std::chrono_literals;

constexpr mono_time start{1h};
constexpr cooldown_settings defaults{};

TEST(cooldown, begins_after_failures_in_a_row_and_ends_by_itself) {
  target_health one;
  mono_time now = start;
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(one.failed(fault_kind::server_error, 0ns, defaults, now).cooled);
  one.succeeded(1ms, 0ns, tokens{}, now);
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(one.failed(fault_kind::connect, 0ns, defaults, now).cooled);
  const auto effect = one.failed(fault_kind::timeout, 0ns, defaults, now);
  EXPECT_TRUE(effect.cooled);
  EXPECT_EQ(effect.cooldown, 5s);
  EXPECT_TRUE(one.cooling(now + 4999ms));
  EXPECT_FALSE(one.cooling(now + 5s));
}

TEST(cooldown, doubles_while_nothing_succeeds_and_is_bounded) {
  target_health one;
  mono_time now = start;
  one.failed(fault_kind::credential, 0ns, defaults, now);
  std::vector<nanoseconds> spans;
  for (int i = 0; i < 8; ++i) {
    now = one.cooling_until();
    const auto effect = one.failed(fault_kind::server_error, 0ns, defaults, now);
    ASSERT_TRUE(effect.cooled);
    spans.push_back(effect.cooldown);
  }
  EXPECT_EQ(spans, (std::vector<nanoseconds>{10s, 20s, 40s, 80s, 160s, 300s, 300s, 300s}));
  now = one.cooling_until();
  one.succeeded(1ms, 0ns, tokens{}, now);
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(one.failed(fault_kind::connect, 0ns, {.error_rate = 1.0}, now).cooled);
  EXPECT_EQ(one.failed(fault_kind::connect, 0ns, {.error_rate = 1.0}, now).cooldown, 5s);
}

TEST(cooldown, begins_at_the_error_rate_of_the_last_minute) {
  target_health one;
  mono_time now = start;
  bool cooled = false;
  int calls = 0;
  for (; !cooled && calls < 100; ++calls) {  // every second call fails, never two in a row
    if (calls % 2 == 0) one.succeeded(1ms, 0ns, tokens{}, now);
    else cooled = one.failed(fault_kind::server_error, 0ns, defaults, now).cooled;
  }
  EXPECT_EQ(calls, 20);
  target_health old;
  for (int i = 0; i < 19; ++i) i % 2 == 0 ? old.succeeded(1ms, 0ns, tokens{}, now) : void(old.failed(fault_kind::server_error, 0ns, defaults, now));
  EXPECT_FALSE(old.failed(fault_kind::server_error, 0ns, defaults, now + 61s).cooled);
}

TEST(cooldown, honours_retry_after_within_its_bound) {
  target_health one;
  EXPECT_EQ(one.failed(fault_kind::rate_limit, 7s, defaults, start).cooldown, 7s);
  EXPECT_FALSE(one.failed(fault_kind::rate_limit, 2s, defaults, start).cooled);  // shorter than what is in force
  EXPECT_EQ(one.failed(fault_kind::rate_limit, 24h, defaults, start).cooldown, 15min);
  EXPECT_FALSE(one.cooling(start + 15min));
  target_health other;
  EXPECT_FALSE(other.failed(fault_kind::rate_limit, 0ns, defaults, start).cooled);
}

TEST(cooldown, late_failures_of_calls_under_way_do_not_prolong_it) {
  target_health one;
  one.failed(fault_kind::credential, 0ns, defaults, start);
  for (int i = 0; i < 50; ++i) EXPECT_FALSE(one.failed(fault_kind::server_error, 0ns, defaults, start + 4s).cooled);
  EXPECT_FALSE(one.cooling(start + 5s));
}

TEST(cooldown, ignores_what_is_not_the_providers_fault_and_can_be_off) {
  target_health one;
  for (int i = 0; i < 100; ++i) one.failed(fault_kind::none, 0ns, defaults, start);
  EXPECT_FALSE(one.cooling(start));
  EXPECT_EQ(one.consecutive_failures(), 0u);
  for (int i = 0; i < 100; ++i) one.failed(fault_kind::server_error, 0ns, {.enabled = false}, start);
  EXPECT_FALSE(one.cooling(start));
}

TEST(minute_window, equals_a_plain_list_of_events) {
  random_source dice{5};
  minute_window window;
  std::deque<std::pair<std::int64_t, std::uint64_t>> events;  // piece, amount
  mono_time now = start;
  for (int i = 0; i < 20'000; ++i) {
    now += nanoseconds{dice.below(2'000'000'000)};
    if (dice.below(500) == 0) now += nanoseconds{minute_window::piece * static_cast<std::int64_t>(dice.below(40))};
    const std::uint64_t n = dice.below(1'000);
    window.add(n, now);
    const std::int64_t piece = now.time_since_epoch() / minute_window::piece;
    events.emplace_back(piece, n);
    std::uint64_t expected = 0;
    while (events.front().first <= piece - 12) events.pop_front();
    for (const auto& [at, amount] : events) expected += amount;
    ASSERT_EQ(window.sum(now), expected) << i;
  }
}

TEST(minute_window, loses_nothing_between_threads) {
  minute_window window;
  std::vector<std::jthread> running;
  for (int t = 0; t < 4; ++t)
    running.emplace_back([&] { for (int i = 0; i < 12'000; ++i) window.add(3, start + std::chrono::milliseconds{i}); });
  running.clear();
  EXPECT_EQ(window.sum(start + 12s), 4u * 12'000 * 3);
}

TEST(peak_average, rises_at_once_and_falls_slowly) {
  peak_average average;
  EXPECT_EQ(average.nanos(start, 10s), 0);
  average.add(100ms, start, 10s);
  average.add(500ms, start + 1s, 10s);
  EXPECT_NEAR(average.nanos(start + 1s, 10s), 5e8, 1);
  average.add(100ms, start + 1s, 10s);  // no time has passed: a faster sample weighs nothing yet
  EXPECT_NEAR(average.nanos(start + 1s, 10s), 5e8, 1);
  average.add(100ms, start + 11s, 10s);
  EXPECT_NEAR(average.nanos(start + 11s, 10s), 5e8 * 0.36788 + 1e8 * 0.63212, 1e4);
}

TEST(retry_budget, is_a_share_of_the_traffic_plus_a_rate) {
  retry_budget budget{0.2, 2, 10};
  mono_time now = start;
  int granted = 0;
  for (int i = 0; i < 50; ++i) granted += budget.withdraw(now);
  EXPECT_EQ(granted, 10);
  for (int i = 0; i < 100; ++i) budget.deposit();  // 20, capped at 10
  granted = 0;
  for (int i = 0; i < 50; ++i) granted += budget.withdraw(now);
  EXPECT_EQ(granted, 10);
  for (int i = 0; i < 25; ++i) budget.deposit();
  granted = 0;
  for (int i = 0; i < 50; ++i) granted += budget.withdraw(now);
  EXPECT_EQ(granted, 5);
  now += 1500ms;
  granted = 0;
  for (int i = 0; i < 50; ++i) granted += budget.withdraw(now);
  EXPECT_EQ(granted, 3);
}

TEST(retry_budget, refills_exactly_in_small_steps) {
  retry_budget budget{0, 3, 1};
  mono_time now = start;
  int granted = 0;
  for (int i = 0; i < 100'000; ++i, now += 1ms) granted += budget.withdraw(now);
  EXPECT_NEAR(granted, 301, 1);
}

TEST(health_metrics, show_every_target_also_those_of_later_plans) {
  metrics::registry registry;
  health_table table;
  simulated_clock time;
  table.of(model_name{"a"})->failed(fault_kind::credential, 0ns, defaults, time.mono());
  table.of(model_name{"a"})->began();
  health_metrics shown{registry, table, time};
  EXPECT_THAT(registry.render_prometheus(), testing::HasSubstr("andon_target_cooling{model=\"a\"} 1\n"));
  EXPECT_THAT(registry.render_prometheus(), testing::HasSubstr("andon_target_in_flight{model=\"a\"} 1\n"));
  EXPECT_THAT(registry.render_prometheus(), testing::HasSubstr("andon_target_error_share_ratio{model=\"a\"} 1\n"));
  EXPECT_THAT(registry.render_prometheus(), testing::HasSubstr("andon_target_latency_seconds{model=\"a\"} 5\n"));
  time.advance(5s);
  table.of(model_name{"b"});
  shown.refresh();
  shown.refresh();
  EXPECT_THAT(registry.render_prometheus(), testing::HasSubstr("andon_target_cooling{model=\"a\"} 0\n"));
  EXPECT_THAT(registry.render_prometheus(), testing::HasSubstr("andon_target_cooling{model=\"b\"} 0\n"));
}

TEST(health_table, keeps_one_health_per_model) {
  health_table table;
  EXPECT_EQ(table.of(model_name{"a"}), table.of(model_name{"a"}));
  EXPECT_NE(table.of(model_name{"a"}), table.of(model_name{"b"}));
  EXPECT_EQ(table.all().size(), 2u);
}

}  // namespace
}  // namespace andon::route
