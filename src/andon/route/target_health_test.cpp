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
constexpr breaker_settings defaults{};

TEST(breaker, opens_after_failures_in_a_row_and_is_half_open_after_its_time) {
  target_health one;
  mono_time now = start;
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(one.failed(fault_kind::server_error, 0ns, defaults, now).cooled);
  one.succeeded(1ms, 0ns, tokens{}, now);
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(one.failed(fault_kind::connect, 0ns, defaults, now).cooled);
  EXPECT_EQ(one.state(now), breaker_state::closed);
  const auto effect = one.failed(fault_kind::timeout, 0ns, defaults, now);
  EXPECT_TRUE(effect.cooled);
  EXPECT_EQ(effect.cooldown, 2s);
  EXPECT_EQ(one.state(now + 1999ms), breaker_state::open);
  EXPECT_EQ(one.enter(defaults, now + 1999ms).error(), no_place::open);
  EXPECT_EQ(one.state(now + 2s), breaker_state::half_open);
}

TEST(breaker, open_time_doubles_while_probes_fail_is_bounded_and_shortened_by_lot) {
  target_health one;
  mono_time now = start;
  const breaker_settings with{.open = 1s, .max_open = 6s};
  one.failed(fault_kind::credential, 0ns, with, now);
  std::vector<nanoseconds> spans;
  for (int i = 0; i < 5; ++i) {
    now = one.cooling_until();
    const auto probe = one.enter(with, now).value();
    ASSERT_TRUE(probe.probe);
    spans.push_back(one.failed(fault_kind::server_error, 0ns, with, now, probe, i == 4 ? 0.5 : 0).cooldown);
    one.leave(probe);
  }
  EXPECT_EQ(spans, (std::vector<nanoseconds>{2s, 4s, 6s, 6s, 5400ms}));
}

TEST(breaker, a_probe_closes_it_and_only_a_long_peace_makes_its_growth_forgotten) {
  const auto cycle = [](target_health& one, mono_time& now) {
    const auto span = one.failed(fault_kind::credential, 0ns, defaults, now).cooldown;
    now += span;
    const auto probe = one.enter(defaults, now).value();
    EXPECT_TRUE(one.succeeded(1ms, 0ns, tokens{}, now, probe, defaults));
    one.leave(probe);
    EXPECT_EQ(one.state(now), breaker_state::closed);
    return span;
  };
  target_health one;
  mono_time now = start;
  EXPECT_EQ(cycle(one, now), 2s);
  now += 5s;
  EXPECT_EQ(cycle(one, now), 4s) << "it flaps";
  now += breaker::forget_after;
  EXPECT_EQ(cycle(one, now), 2s);
}

TEST(breaker, half_open_lets_a_bounded_number_through_from_all_threads) {
  const breaker_settings with{.half_open_calls = 3};
  target_health one;
  one.cool(start);
  std::atomic<int> entered{0};
  {
    std::vector<std::jthread> cores;
    for (int t = 0; t < 4; ++t)
      cores.emplace_back([&] { for (int i = 0; i < 500; ++i) entered += one.enter(with, start).has_value(); });
  }
  EXPECT_EQ(entered, 3);
  EXPECT_EQ(one.in_flight(), 3);
  EXPECT_TRUE(one.probed(with, start));
  one.leave({.probe = true});
  EXPECT_TRUE(one.enter(with, start).value().probe);
}

TEST(breaker, exactly_one_of_many_probes_closes_it) {
  for (int round = 0; round < 200; ++round) {
    target_health one;
    one.cool(start);
    std::atomic<int> closed{0};
    std::vector<std::jthread> cores;
    for (int t = 0; t < 3; ++t) cores.emplace_back([&] { closed += one.succeeded(1ms, 0ns, tokens{}, start, {.probe = true}, defaults); });
    cores.clear();
    ASSERT_EQ(closed, 1);
  }
}

TEST(breaker, after_it_closed_the_target_starts_slowly_and_the_past_is_forgotten) {
  target_health one;
  mono_time now = start;
  for (int i = 0; i < 30; ++i) one.failed(fault_kind::server_error, 0ns, defaults, now);
  now = one.cooling_until();
  EXPECT_EQ(one.share(now), 1.0);
  const auto probe = one.enter(defaults, now).value();
  one.succeeded(1ms, 0ns, tokens{}, now, probe, defaults);
  one.leave(probe);
  EXPECT_EQ(one.error_rate(now), 0.0);
  EXPECT_LE(one.latency_nanos(false, now), 1e6) << "the penalty of its failures is gone";
  EXPECT_DOUBLE_EQ(one.share(now), 0.1);
  EXPECT_DOUBLE_EQ(one.share(now + 5s), 0.55);
  EXPECT_EQ(one.share(now + 10s), 1.0);
  EXPECT_FALSE(one.failed(fault_kind::server_error, 0ns, defaults, now).cooled) << "one failure does not open it again";
}

TEST(breaker, opens_at_the_error_rate_of_its_window) {
  target_health one;
  mono_time now = start;
  bool cooled = false;
  int calls = 0;
  for (; !cooled && calls < 100; ++calls) {  // every second call fails, never two in a row
    if (calls % 2 == 0) one.succeeded(1ms, 0ns, tokens{}, now);
    else cooled = one.failed(fault_kind::server_error, 0ns, defaults, now).cooled;
  }
  EXPECT_EQ(calls, 20);
  for (const auto& [after, opens] : {std::pair{20s, true}, std::pair{36s, false}}) {
    target_health old;
    for (int i = 0; i < 19; ++i) i % 2 == 0 ? void(old.succeeded(1ms, 0ns, tokens{}, now)) : void(old.failed(fault_kind::server_error, 0ns, defaults, now));
    EXPECT_EQ(old.failed(fault_kind::server_error, 0ns, defaults, now + after).cooled, opens) << after.count();
  }
}

TEST(breaker, retry_after_keeps_calls_away_within_its_bound_and_then_all_is_as_before) {
  target_health one;
  EXPECT_EQ(one.failed(fault_kind::rate_limit, 7s, defaults, start).cooldown, 7s);
  EXPECT_FALSE(one.failed(fault_kind::rate_limit, 2s, defaults, start).cooled);  // shorter than what is in force
  EXPECT_EQ(one.failed(fault_kind::rate_limit, 24h, defaults, start).cooldown, 15min);
  EXPECT_TRUE(one.cooling(start + 14min));
  EXPECT_FALSE(one.cooling(start + 15min));
  EXPECT_EQ(one.state(start + 15min), breaker_state::closed);
  target_health other;
  EXPECT_FALSE(other.failed(fault_kind::rate_limit, 0ns, defaults, start).cooled);
}

TEST(breaker, late_results_of_calls_under_way_decide_nothing) {
  target_health one;
  one.failed(fault_kind::credential, 0ns, defaults, start);
  for (int i = 0; i < 50; ++i) EXPECT_FALSE(one.failed(fault_kind::server_error, 0ns, defaults, start + 1s).cooled);
  EXPECT_FALSE(one.failed(fault_kind::server_error, 0ns, defaults, start + 3s).cooled);
  EXPECT_FALSE(one.succeeded(1ms, 0ns, tokens{}, start + 3s, {}, defaults));
  EXPECT_EQ(one.state(start + 3s), breaker_state::half_open);
}

TEST(breaker, ignores_what_is_not_the_providers_fault_and_can_be_off) {
  target_health one;
  for (int i = 0; i < 100; ++i) one.failed(fault_kind::none, 0ns, defaults, start);
  EXPECT_FALSE(one.cooling(start));
  EXPECT_EQ(one.consecutive_failures(), 0u);
  for (int i = 0; i < 100; ++i) one.failed(fault_kind::server_error, 0ns, {.enabled = false}, start);
  EXPECT_FALSE(one.cooling(start));
}

TEST(target_health, never_has_more_calls_than_max_parallel) {
  target_health one;
  std::atomic<int> most{0}, inside{0}, entered{0};
  {
    std::vector<std::jthread> cores;
    for (int t = 0; t < 4; ++t)
      cores.emplace_back([&] {
        for (int i = 0; i < 5'000; ++i) {
          const auto taken = one.enter(defaults, start, 2);
          if (!taken) continue;
          ++entered;
          const int now = ++inside;
          if (now > most) most = now;
          --inside;
          one.leave(*taken);
        }
      });
  }
  EXPECT_GT(entered, 0);
  EXPECT_LE(most, 2);
  EXPECT_EQ(one.in_flight(), 0);
  EXPECT_TRUE(one.enter(defaults, start, 1) && one.busy(1) && !one.busy(2) && !one.busy(0));
  EXPECT_EQ(one.enter(defaults, start, 1).error(), no_place::busy);
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
  ASSERT_TRUE(table.of(model_name{"a"})->enter());
  table.of(model_name{"a"})->failed(fault_kind::credential, 0ns, defaults, time.mono());
  health_metrics shown{registry, table, time};
  EXPECT_THAT(registry.render_prometheus(), testing::HasSubstr("andon_target_cooling{model=\"a\"} 1\n"));
  EXPECT_THAT(registry.render_prometheus(), testing::HasSubstr("andon_target_breaker_state{model=\"a\"} 2\n"));
  EXPECT_THAT(registry.render_prometheus(), testing::HasSubstr("andon_target_share_ratio{model=\"a\"} 1\n"));
  EXPECT_THAT(registry.render_prometheus(), testing::HasSubstr("andon_target_in_flight{model=\"a\"} 1\n"));
  EXPECT_THAT(registry.render_prometheus(), testing::HasSubstr("andon_target_error_share_ratio{model=\"a\"} 1\n"));
  EXPECT_THAT(registry.render_prometheus(), testing::HasSubstr("andon_target_latency_seconds{model=\"a\"} 5\n"));
  time.advance(5s);
  EXPECT_THAT(registry.render_prometheus(), testing::HasSubstr("andon_target_breaker_state{model=\"a\"} 1\n"));
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
