#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <vector>

#include "andon/route/one_route_testing.hpp"

namespace andon::route {
namespace {

using namespace std::chrono_literals;

using testing_support::start;

target_settings to(const char* model, std::uint32_t weight = 1, std::optional<std::uint32_t> tier = {}) {
  target_settings made;
  made.model = model_name{model};
  made.weight = weight;
  made.priority = tier;
  return made;
}

struct world : testing_support::one_route {
  facts given;

  world(strategy choose, std::vector<target_settings> targets, when_all_cooling policy = when_all_cooling::try_soonest) : one_route({}, 7) {
    settings.choose = choose;
    settings.targets = std::move(targets);
    settings.all_cooling = policy;
    compile();
  }
  std::uint32_t pick() { return at->pick(given, at->matching(given), now, random)->index; }
  std::array<int, 4> count(int rounds) {
    std::array<int, 4> hits{};
    for (int i = 0; i < rounds; ++i) ++hits[pick()];
    return hits;
  }
};

TEST(strategy, priority_takes_the_first_of_the_list_that_is_healthy) {
  world w{strategy::priority, {to("a"), to("b"), to("c")}};
  EXPECT_EQ(w.pick(), 0u);
  w.of(0).cool(w.now + 5s);
  EXPECT_EQ(w.pick(), 1u);
  w.of(1).cool(w.now + 9s);
  EXPECT_EQ(w.pick(), 2u);
  w.now += 5s;
  EXPECT_EQ(w.pick(), 0u);
}

TEST(strategy, a_lower_tier_goes_first_under_every_strategy) {
  for (strategy s : {strategy::priority, strategy::weighted, strategy::round_robin, strategy::least_busy, strategy::latency, strategy::cost, strategy::usage}) {
    world w{s, {to("a", 1, 2), to("b", 1, 1), to("c", 1, 1)}};
    auto hits = w.count(200);
    EXPECT_EQ(hits[0], 0) << to_string(s);
    EXPECT_GT(hits[1], 50) << to_string(s);
    EXPECT_GT(hits[2], 50) << to_string(s);
    w.of(1).cool(w.now + 1s);
    w.of(2).cool(w.now + 1s);
    EXPECT_EQ(w.pick(), 0u) << to_string(s);
  }
}

TEST(strategy, weighted_follows_its_weights) {
  world w{strategy::weighted, {to("a", 1), to("b", 3), to("c", 6), to("off", 0)}};
  const int rounds = 20'000;
  const auto hits = w.count(rounds);
  const std::array<double, 3> shares{0.1, 0.3, 0.6};
  double chi_square = 0;
  for (std::size_t i = 0; i < 3; ++i) chi_square += std::pow(hits[i] - shares[i] * rounds, 2) / (shares[i] * rounds);
  EXPECT_LT(chi_square, 13.8);  // two degrees of freedom, p = 0.001
  EXPECT_EQ(hits[3], 0);
}

TEST(strategy, weight_of_the_absent_is_shared_in_proportion) {
  world w{strategy::weighted, {to("a", 1), to("b", 3), to("c", 6)}};
  w.of(2).cool(w.now + 1min);
  const auto hits = w.count(8'000);
  EXPECT_EQ(hits[2], 0);
  EXPECT_NEAR(hits[0], 2'000, 150);
}

TEST(strategy, round_robin_is_exact_in_every_round) {
  world equal{strategy::round_robin, {to("a", 5), to("b", 5), to("c", 5)}};
  for (int i = 0; i < 12; ++i) EXPECT_EQ(equal.pick(), static_cast<std::uint32_t>(i % 3));
  world heavy{strategy::round_robin, {to("a", 50), to("b", 20), to("c", 10)}};
  for (int round = 0; round < 5; ++round) EXPECT_EQ(heavy.count(8), (std::array<int, 4>{5, 2, 1, 0}));
}

TEST(strategy, round_robin_spreads_the_turns_of_a_heavy_target) {
  world w{strategy::round_robin, {to("a", 5), to("b", 5), to("c", 3)}};
  int longest = 0, run = 0;
  std::uint32_t last = 9;
  for (int i = 0; i < 130; ++i) {
    const auto next = w.pick();
    run = next == last ? run + 1 : 1;
    longest = std::max(longest, run);
    last = next;
  }
  EXPECT_LE(longest, 2);
}

TEST(strategy, least_busy_counts_calls_in_flight_by_weight) {
  world w{strategy::least_busy, {to("a", 1), to("b", 2)}};
  for (int i = 0; i < 3; ++i) (void)w.of(0).enter();
  for (int i = 0; i < 5; ++i) (void)w.of(1).enter();
  EXPECT_EQ(w.pick(), 1u);  // 3 against 2.5
  w.of(0).leave({});
  EXPECT_EQ(w.pick(), 0u);  // 2 against 2.5
}

TEST(strategy, least_busy_breaks_ties_by_lot) {
  world w{strategy::least_busy, {to("a"), to("b"), to("c")}};
  const auto hits = w.count(6'000);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(hits[i], 2'000, 200);
}

TEST(strategy, latency_prefers_the_faster_and_forgets_slowly) {
  world w{strategy::latency, {to("slow"), to("fast")}};
  EXPECT_EQ((w.of(0).succeeded(900ms, 0ns, tokens{}, w.now), w.pick()), 1u);  // the unmeasured is tried
  w.of(1).succeeded(100ms, 0ns, tokens{}, w.now);
  EXPECT_EQ(w.pick(), 1u);
  for (int i = 0; i < 12; ++i) (void)w.of(1).enter();  // 13 × 100 ms is longer than 900 ms
  EXPECT_EQ(w.pick(), 0u);
  for (int i = 0; i < 12; ++i) w.of(1).leave({});
  w.now += 90s;  // three decay times: 900 ms counts 45 ms
  w.of(1).succeeded(100ms, 0ns, tokens{}, w.now);
  EXPECT_EQ(w.pick(), 0u);
}

TEST(strategy, latency_of_streams_is_time_to_first_token) {
  world w{strategy::latency, {to("a"), to("b")}};
  w.of(0).succeeded(10s, 50ms, tokens{}, w.now);
  w.of(1).succeeded(1s, 500ms, tokens{}, w.now);
  EXPECT_EQ(w.pick(), 1u);
  w.given.stream = true;
  EXPECT_EQ(w.pick(), 0u);
}

TEST(strategy, latency_does_not_take_failing_fast_for_fast) {
  world w{strategy::latency, {to("broken"), to("works")}};
  w.of(1).succeeded(800ms, 0ns, tokens{}, w.now);
  w.of(0).failed(fault_kind::server_error, 0ns, {}, w.now);
  EXPECT_EQ(w.pick(), 1u);
}

TEST(strategy, cost_weighs_input_and_output) {
  auto cheap_in = to("cheap_in"), cheap_out = to("cheap_out"), unknown = to("unknown");
  cheap_in.prices = unit_prices{nano_usd{100'000'000}, nano_usd{10'000'000'000}};
  cheap_out.prices = unit_prices{nano_usd{1'000'000'000}, nano_usd{1'000'000'000}};
  world w{strategy::cost, {unknown, cheap_in, cheap_out}};
  w.given.input = tokens{100'000};
  w.given.output = tokens{10};
  EXPECT_EQ(w.pick(), 1u);
  w.given.output = tokens{100'000};
  EXPECT_EQ(w.pick(), 2u);
  w.of(1).cool(w.now + 1s);
  w.of(2).cool(w.now + 1s);
  EXPECT_EQ(w.pick(), 0u);
}

TEST(strategy, usage_looks_back_one_minute) {
  world w{strategy::usage, {to("a"), to("b")}};
  w.of(0).consumed(tokens{1'000}, w.now);
  w.of(1).consumed(tokens{10}, w.now);
  EXPECT_EQ(w.pick(), 1u);
  w.now += 30s;
  w.of(1).consumed(tokens{500}, w.now);
  EXPECT_EQ(w.pick(), 1u);
  w.now += 31s;
  EXPECT_EQ(w.pick(), 0u);
}

TEST(strategy, when_all_are_cooling_the_policy_decides) {
  const std::vector<target_settings> targets{to("a"), to("b"), to("c")};
  for (auto policy : {when_all_cooling::try_soonest, when_all_cooling::fail}) {
    world w{strategy::weighted, targets, policy};
    w.of(0).cool(w.now + 9s);
    w.of(1).cool(w.now + 2s);
    w.of(2).cool(w.now + 5s);
    const auto chosen = w.at->pick(w.given, 7, w.now, w.random);
    if (policy == when_all_cooling::fail) EXPECT_EQ(chosen.error(), refusal::all_cooling);
    else EXPECT_TRUE(chosen->index == 1 && chosen->while_cooling);
  }
}

TEST(strategy, a_half_open_target_of_the_best_tier_is_probed_first_and_boundedly) {
  for (auto choose : {strategy::weighted, strategy::latency, strategy::least_busy, strategy::cost, strategy::usage, strategy::round_robin}) {
    world w{choose, {to("a"), to("b"), to("spare", 1, 1)}};
    w.of(0).succeeded(1ms, 1ms, tokens{1}, w.now);
    w.of(1).cool(w.now);
    w.of(2).cool(w.now);
    EXPECT_EQ(w.pick(), 1u) << to_string(choose);
    ASSERT_TRUE(w.of(1).enter(w.at->settings().breaker, w.now)->probe);
    for (int i = 0; i < 20; ++i) EXPECT_EQ(w.pick(), 0u) << to_string(choose);
  }
}

TEST(strategy, every_strategy_honours_a_slow_start) {
  for (auto choose : {strategy::priority, strategy::weighted, strategy::round_robin, strategy::least_busy, strategy::latency, strategy::cost, strategy::usage}) {
    world w{choose, {to("a"), to("b")}};
    w.of(1).succeeded(1ms, 1ms, tokens{1'000'000}, w.now);
    w.of(0).cool(w.now);
    const auto probe = w.of(0).enter(w.at->settings().breaker, w.now).value();
    w.of(0).succeeded(100us, 100us, tokens{}, w.now, probe, w.at->settings().breaker);
    w.of(0).leave(probe);
    std::array<int, 3> hits{};
    for (std::size_t part = 0; part < hits.size(); ++part, w.now += 4s) hits[part] = w.count(2'000)[0];
    EXPECT_LT(hits[0], 300) << to_string(choose);
    EXPECT_GT(hits[1], 1.5 * hits[0]) << to_string(choose);
    EXPECT_GT(hits[2], 1.3 * hits[1]) << to_string(choose);
    EXPECT_EQ(w.at->pick(w.given, 1, start, w.random)->index, 0u) << "alone it serves everything";
  }
}

TEST(strategy, a_full_target_is_passed_over_and_told_apart_from_a_broken_one) {
  auto first = to("a");
  first.max_parallel = 1;
  world w{strategy::priority, {first, to("b")}};
  const auto held = w.of(0).enter().value();
  EXPECT_EQ(w.pick(), 1u);
  EXPECT_EQ(w.at->pick(w.given, 1, w.now, w.random).error(), refusal::all_busy);
  w.of(0).leave(held);
  EXPECT_EQ(w.pick(), 0u);
}

TEST(strategy, pick_stays_inside_what_is_allowed_and_healthy) {
  random_source dice{99};
  for (int round = 0; round < 2'000; ++round) {
    std::vector<target_settings> targets;
    const auto size = 1 + dice.below(12);
    for (std::uint64_t i = 0; i < size; ++i) {
      const std::string name{static_cast<char>('a' + i)};
      targets.push_back(to(name.c_str(), static_cast<std::uint32_t>(1 + dice.below(4)), static_cast<std::uint32_t>(dice.below(3))));
    }
    world w{static_cast<strategy>(dice.below(7)), targets};
    target_mask allowed = dice.below(mask_of(size)), healthy = 0;
    std::uint32_t best_tier = 9;
    for (std::uint32_t i = 0; i < size; ++i) {
      if (dice.below(3) == 0) w.of(i).cool(w.now + nanoseconds{1 + dice.below(1'000)});
      else if (allowed & mask_of(i)) healthy |= mask_of(i), best_tier = std::min(best_tier, w.at->at(i).tier);
    }
    const auto chosen = w.at->pick(w.given, allowed, w.now, w.random);
    ASSERT_EQ(chosen.has_value(), allowed != 0);
    if (!chosen) continue;
    ASSERT_TRUE(allowed & mask_of(chosen->index));
    ASSERT_EQ(chosen->while_cooling, healthy == 0);
    if (healthy != 0) ASSERT_TRUE((healthy & mask_of(chosen->index)) && w.at->at(chosen->index).tier == best_tier);
  }
}

// The choice of the measuring strategies against the plainest computation of their measure.
TEST(strategy, takes_the_least_of_its_measure) {
  random_source dice{17};
  for (int round = 0; round < 3'000; ++round) {
    const strategy which = std::array{strategy::least_busy, strategy::latency, strategy::cost, strategy::usage}[dice.below(4)];
    std::vector<target_settings> targets;
    std::vector<double> measure;
    const auto size = 2 + dice.below(6);
    for (std::uint64_t i = 0; i < size; ++i) {
      targets.push_back(to(std::string(1, static_cast<char>('a' + i)).c_str(), static_cast<std::uint32_t>(1 + dice.below(4))));
      targets.back().prices = unit_prices{nano_usd{static_cast<std::int64_t>(dice.below(50))}, nano_usd{static_cast<std::int64_t>(dice.below(50))}};
    }
    world w{which, targets};
    w.given.input = tokens{static_cast<std::int64_t>(dice.below(100))};
    w.given.output = tokens{static_cast<std::int64_t>(dice.below(100))};
    for (std::uint32_t i = 0; i < size; ++i) {
      const auto& settings = w.at->at(i).settings;
      const auto busy = dice.below(5), used = 1 + dice.below(9), millis = 1 + dice.below(500);
      for (std::uint64_t n = 0; n < busy; ++n) (void)w.of(i).enter();
      w.of(i).succeeded(std::chrono::milliseconds{millis}, 0ns, tokens{static_cast<std::int64_t>(used)}, w.now);
      const double b = static_cast<double>(busy), weight = settings.weight;
      if (which == strategy::least_busy) measure.push_back(b / weight);
      if (which == strategy::latency) measure.push_back(static_cast<double>(millis) * (b + 1) / weight);
      if (which == strategy::cost) measure.push_back(static_cast<double>(settings.prices->input_per_million.value() * w.given.input.value() + settings.prices->output_per_million.value() * w.given.output.value()));
      if (which == strategy::usage) measure.push_back(static_cast<double>(used) / weight);
    }
    ASSERT_DOUBLE_EQ(measure[w.pick()], *std::ranges::min_element(measure)) << to_string(which);
  }
}

TEST(strategy, settings_that_cannot_work_are_refused) {
  health_table health;
  const auto problem = [&](auto&& change) {
    route_settings s;
    s.name = route_name{"chat"};
    s.targets = {to("a")};
    change(s);
    return !route::compile(s, health).has_value();
  };
  EXPECT_FALSE(problem([](route_settings&) {}));
  EXPECT_TRUE(problem([](route_settings& s) { s.targets.clear(); }));
  EXPECT_TRUE(problem([](route_settings& s) { s.name = {}; }));
  EXPECT_TRUE(problem([](route_settings& s) { s.targets[0].weight = 0; }));
  EXPECT_TRUE(problem([](route_settings& s) { s.targets.resize(65, s.targets[0]); }));
  EXPECT_TRUE(problem([](route_settings& s) { s.retry.attempts = 0; }));
  EXPECT_TRUE(problem([](route_settings& s) { s.deadlines.total = 0s; }));
  EXPECT_TRUE(problem([](route_settings& s) { s.breaker.error_rate = 1.5; }));
  EXPECT_TRUE(problem([](route_settings& s) { s.retry.budget_ratio = NAN; }));
  EXPECT_TRUE(parse_strategy("round-robin") && parse_strategy("least_busy") && !parse_strategy("fastest"));
}

}  // namespace
}  // namespace andon::route
