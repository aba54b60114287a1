#include "andon/slo/rule.hpp"

#include <cmath>

#include "andon/slo/slo_testing.hpp"

namespace andon::slo {
namespace {

using namespace std::chrono_literals;

class rule_test : public ::testing::Test {
protected:
  rule_test() {
    store = series_store::open(home.file("watch.db"), clock).value();
    indicator_spec what{.name = "lag", .description = {}, .what = {}, .by = {}};
    what.what.what = measure::loop_lag;
    of = std::make_unique<indicator>(what, *store);
  }
  void put(double value) { ASSERT_TRUE(of->add({}, contribution_of(of->what().what, value), now)); }
  /// A second later.
  void step(rule& one) {
    now += 1s;
    of->settle(now, now);
    one.evaluate(now, [this](const signal& told) { signals.push_back(told); });
  }

  testing::temporary_directory home;
  simulated_clock clock;
  std::unique_ptr<series_store> store;
  std::unique_ptr<indicator> of;
  instant now{seconds{1'790'000'400}};
  std::vector<signal> signals;
};

TEST_F(rule_test, a_bound_crossed_for_long_enough) {
  rule one(
      {.name = "slow", .indicator = "lag", .kind = rule_kind::threshold, .what = statistic::p95, .how = comparison::gt, .bound = 0.5, .over = 30s, .wait = 20s},
      *of);
  const auto began = now;
  for (int i = 0; i < 30; ++i) put(0.1), step(one);
  EXPECT_TRUE(signals.empty());
  for (int i = 0; i < 60; ++i) put(2), step(one);
  ASSERT_EQ(signals.size(), 1U);
  EXPECT_GE(signals[0].since - began, 50s);
  EXPECT_LE(signals[0].since - began, 60s);
  for (int i = 0; i < 60; ++i) put(0.1), step(one);
  ASSERT_EQ(signals.size(), 2U);
  EXPECT_TRUE(signals[1].resolved);
}

TEST_F(rule_test, a_bound_crossed_by_too_few_to_tell) {
  rule one({.name = "slow", .indicator = "lag", .kind = rule_kind::threshold, .what = statistic::mean, .how = comparison::gt, .bound = 0.5, .over = 300s, .min_events = 20}, *of);
  for (int i = 0; i < 19; ++i) put(2), step(one);
  for (int i = 0; i < 10; ++i) step(one);
  EXPECT_TRUE(signals.empty()) << "19 are fewer than 20";
  put(2);
  for (int i = 0; i < 10; ++i) step(one);
  EXPECT_EQ(signals.size(), 1U);
  const auto began = now;
  for (; now < began + 300s; put(2)) {  // callers give up: one in half a minute is left, and it is no better
    for (int i = 0; i < 30; ++i) step(one);
  }
  for (int i = 0; i < 100; ++i) step(one);
  EXPECT_EQ(signals.size(), 1U) << "fewer than 20 are no ground for its end, either";
  for (int i = 0; i < 300; ++i) step(one);
  ASSERT_EQ(signals.size(), 2U) << "with none at all it is over";
  EXPECT_TRUE(signals[1].resolved);
}

TEST_F(rule_test, no_events_are_too_few_as_well) {
  rule rare({.name = "rare", .indicator = "lag", .kind = rule_kind::threshold, .what = statistic::rate, .how = comparison::lt, .bound = 1, .over = 60s, .min_events = 20}, *of);
  rule gone({.name = "gone", .indicator = "lag", .kind = rule_kind::change, .what = statistic::rate, .how = comparison::lt, .bound = -0.5, .over = 60s, .history = 5min, .min_events = 20}, *of);
  for (int i = 0; i < 120; ++i) put(1), put(1), step(rare), gone.evaluate(now, [this](const signal& told) { signals.push_back(told); });
  signals.clear();
  for (int i = 0; i < 600; ++i) step(rare), gone.evaluate(now, [this](const signal& told) { signals.push_back(told); });
  ASSERT_EQ(signals.size(), 2U) << "from two a second to less than one, as long as there were twenty; over when there are none";
  EXPECT_EQ(signals[0].name, "rare");
  EXPECT_EQ(signals[1].name, "rare");
}

TEST_F(rule_test, the_events_of_a_trend_are_counted_over_all_of_it) {
  rule one({.name = "soon", .indicator = "lag", .kind = rule_kind::forecast, .what = statistic::mean, .how = comparison::gt, .bound = 100, .over = 10min, .ahead = 1h, .min_events = 15}, *of);
  for (int i = 0; i < 14 * 30; ++i) {
    if (i % 30 == 0) put(50 + i);
    step(one);
  }
  EXPECT_TRUE(signals.empty()) << "14 are fewer than 15";
  for (int i = 0; i < 180; ++i) {
    if (i % 30 == 0) put(500 + i);
    step(one);
  }
  EXPECT_EQ(signals.size(), 1U) << "two a minute are enough for ten minutes";
}

TEST_F(rule_test, a_turn_whose_second_was_missed_is_taken_later) {
  rule one({.name = "slow", .indicator = "lag", .kind = rule_kind::threshold, .what = statistic::mean, .how = comparison::gt, .bound = 0.5, .over = 60s}, *of);
  rule soon({.name = "soon", .indicator = "lag", .kind = rule_kind::forecast, .what = statistic::mean, .how = comparison::gt, .bound = 0.5, .over = 10min, .ahead = 1h}, *of);
  const auto began = now;
  for (int i = 0; i < 100; ++i) {
    put(2);
    now += 6s;                                        // 1 after a whole ten seconds, then 7, 3, 9, 5
    if (now.time_since_epoch().count() % 5 == 0) now += 1s;
    of->settle(now, now);
    one.evaluate(now, [this](const signal& told) { signals.push_back(told); });
    soon.evaluate(now, [this](const signal& told) { signals.push_back(told); });
  }
  ASSERT_EQ(signals.size(), 2U) << "no tick hit a second that is a multiple of five";
  EXPECT_LE(signals[0].since - began, 12s);
  EXPECT_LE(signals[1].since - began, 5min);
}

TEST_F(rule_test, silence) {
  rule one({.name = "gone", .indicator = "lag", .kind = rule_kind::absence, .over = 60s}, *of);
  for (int i = 0; i < 50; ++i) step(one);
  EXPECT_TRUE(signals.empty()) << "not before so much time has passed";
  for (int i = 0; i < 20; ++i) step(one);
  ASSERT_EQ(signals.size(), 1U);
  put(1);
  for (int i = 0; i < 6; ++i) step(one);
  EXPECT_EQ(signals.size(), 2U);
}

TEST_F(rule_test, a_bound_that_will_be_crossed) {
  rule one({.name = "soon",
            .indicator = "lag",
            .kind = rule_kind::forecast,
            .what = statistic::mean,
            .how = comparison::gt,
            .bound = 100,
            .over = 10min,
            .ahead = 1h},
           *of);
  // Rises by one a minute: a hundred is reached after a hundred minutes, and seen an hour before.
  const auto began = now;
  for (int i = 0; i < 60 * 60 && signals.empty(); ++i) put(i / 60.0), step(one);
  ASSERT_EQ(signals.size(), 1U);
  EXPECT_NEAR(static_cast<double>((signals[0].since - began).count()) / 60, 40, 1.5);
}

TEST_F(rule_test, out_of_the_ordinary) {
  rule one({.name = "odd",
            .indicator = "lag",
            .kind = rule_kind::anomaly,
            .what = statistic::mean,
            .how = comparison::none,
            .over = 60s,
            .history = 1h,
            .sensitivity = 5},
           *of);
  for (int i = 0; i < 2 * 3'600; ++i) put(10 + std::sin(i / 100.0)), step(one);
  EXPECT_TRUE(signals.empty());
  for (int i = 0; i < 180; ++i) put(25), step(one);
  ASSERT_EQ(signals.size(), 1U);
}

TEST_F(rule_test, a_value_that_is_not_what_it_was) {
  rule one({.name = "loss",
            .indicator = "lag",
            .kind = rule_kind::change,
            .what = statistic::mean,
            .how = comparison::lt,
            .bound = -0.05,
            .over = 10min,
            .history = 1h},
           *of);
  for (int i = 0; i < 3'600 + 600; ++i) put(100), step(one);
  for (int i = 0; i < 1'200; ++i) put(96), step(one);
  EXPECT_TRUE(signals.empty());
  const auto began = now;
  for (int i = 0; i < 1'200 && signals.empty(); ++i) put(90), step(one);
  ASSERT_EQ(signals.size(), 1U);  // 96 fell below 95 in the mean of ten minutes when a sixth of it was at 90
  EXPECT_NEAR(static_cast<double>((signals[0].since - began).count()) / 60, 2, 1);
  EXPECT_NE(signals[0].annotations[0].second.find("against 1h ago changed by the share -0.0"), std::string::npos);
}

TEST_F(rule_test, a_share_is_taken_for_what_few_events_prove) {
  distribution few, many;
  few.events = {20, 20};
  many.events = {9'999, 10'000};
  EXPECT_NEAR(*value_of(statistic::lower_bound, few, 60s), 0.8809, 0.0001);    // 20 / (20 + 1.645²)
  EXPECT_GT(*value_of(statistic::lower_bound, many, 60s), 0.999);
  EXPECT_EQ(value_of(statistic::lower_bound, {}, 60s), std::nullopt);
}

TEST(statistics, ratings_are_told_by_their_mean_and_times_by_their_tail) {
  for (const auto what : {measure::csat, measure::nps, measure::score, measure::quality, measure::cpu}) EXPECT_EQ(usual_statistic(what), statistic::mean) << about(what).name;
  for (const auto what : {measure::latency, measure::first_token, measure::overhead}) EXPECT_EQ(usual_statistic(what), statistic::p95) << about(what).name;
  for (const auto what : {measure::cost, measure::tokens}) EXPECT_EQ(usual_statistic(what), statistic::sum) << about(what).name;
  for (const auto what : {measure::availability, measure::resolved, measure::thumbs}) EXPECT_EQ(usual_statistic(what), statistic::good) << about(what).name;
}

TEST_F(rule_test, groups_are_judged_apart_and_remembered) {
  indicator_spec what{.name = "calls", .description = {}, .what = {}, .by = {dimension::route}};
  indicator calls(what, *store);
  rule_spec bad{.name = "bad", .indicator = "calls", .kind = rule_kind::threshold, .what = statistic::bad, .how = comparison::gt, .bound = 0.5, .over = 60s};
  rule one(bad, calls);
  const auto count = [&](errc outcome, const char* route) {
    const testing::viewed record(testing::record_at(now, outcome, route));
    ASSERT_TRUE(calls.add(record.view()));
  };
  for (int i = 0; i < 10; ++i) {
    count(errc::none, "a");
    count(errc::upstream_error, "b");
    now += 1s;
    calls.settle(now, now);
    one.evaluate(now, [this](const signal& told) { signals.push_back(told); });
  }
  ASSERT_EQ(signals.size(), 1U);
  EXPECT_EQ(signals[0].labels, (label_pairs{{"indicator", "calls"}, {"route", "b"}}));
  rule again(bad, calls);
  again.restore(one.save());
  ASSERT_EQ(again.firing().size(), 1U);
  EXPECT_EQ(again.firing()[0].since, signals[0].since);
}

TEST(line, goes_through_its_points) {
  const std::vector<std::pair<double, double>> points{{0, 1}, {1, 3}, {2, 5}};
  EXPECT_NEAR(*extrapolate(points, 10), 21, 1e-9);
  EXPECT_FALSE(extrapolate(std::span(points).first(2), 10));
  EXPECT_FALSE(ordinary_of({1, 2, 3}));
  EXPECT_EQ(ordinary_of({1, 2, 3, 4, 5, 6, 7, 8, 9, 100})->median, 5.5);
}

}  // namespace
}  // namespace andon::slo
