#include "andon/slo/evaluator.hpp"

#include "andon/slo/slo_testing.hpp"

namespace andon::slo {
namespace {

using namespace std::chrono_literals;

class evaluator_test : public ::testing::Test {
protected:
  evaluator_test() { store = series_store::open(home.file("watch.db"), clock).value(); }
  count_series& series(const char* name) {
    all.push_back(std::make_unique<count_series>(*store, store->series(name)->id, count_series::grain::second, now));
    return *all.back();
  }
  void move_to(instant to) {
    now = to;
    for (const auto& one : all) one->move_to(now);
  }
  std::unique_ptr<evaluator> make(objective_spec what, std::vector<count_series*> members) {
    std::unique_ptr<slice_series> slices;
    if (what.method != budgeting::occurrences) {
      std::vector<slice_series::member> parts;
      for (std::size_t i = 0; i < members.size(); ++i) parts.push_back({members[i], what.members[i].weight, what.members[i].slice_target});
      const auto rule = what.method == budgeting::timeslices ? slice_rule::all_good : slice_rule::ratios;
      slices = std::make_unique<slice_series>(*store, store->series(what.slices_identity())->id, what.slice, rule, std::move(parts), what.maintenance, now);
    }
    return std::make_unique<evaluator>(std::move(what), std::move(members), std::move(slices));
  }
  double spent(evaluator& of) {
    of.evaluate(now, [](const signal&) {});
    return of.report(now).spent.value_or(-1);
  }
  static objective_spec two(budgeting method, double weight_a, double target_a, double weight_b, double target_b) {
    auto out = testing::availability("both", std::max(target_a, target_b), rolling(24h));
    out.method = method;
    out.members = {{.name = "a", .what = {}, .weight = weight_a, .target = target_a, .slice_target = 0.9}, {.name = "b", .what = {}, .weight = weight_b, .target = target_b, .slice_target = 0.9}};
    return out;
  }

  testing::temporary_directory home;
  instant now{seconds{1'790'035'200}};  // a whole day
  simulated_clock clock{wall_time{now}};
  std::unique_ptr<series_store> store;
  std::vector<std::unique_ptr<count_series>> all;
};

TEST_F(evaluator_test, two_weeks_of_minutes_have_a_budget_of_1008) {
  auto& calls = series("calls");
  auto what = testing::availability("a", 0.95, rolling(14 * 24h));
  what.method = budgeting::timeslices;
  what.members[0].slice_target = 0.9;
  const auto one = make(what, {&calls});
  const auto begin = now;
  for (int minute = 0; minute < 20'160; ++minute) calls.add(begin + minute * 60s + 30s, {minute % 20 == 7 ? 8 : 9, 10});
  move_to(begin + 14 * 24h);
  EXPECT_NEAR(spent(*one), 1, 1e-12) << "1008 of 20160 slices are the whole budget";
  const auto report = one->report(now);
  EXPECT_EQ(report.events.total / counts::whole, 20'160);
  EXPECT_EQ(report.events.bad() / counts::whole, 1'008);
  EXPECT_EQ(report.hours_left, 0);
}

TEST_F(evaluator_test, a_month_at_three_nines_is_43_minutes) {
  auto& calls = series("calls");
  auto what = testing::availability("a", 0.999, rolling(30 * 24h));
  const auto one = make(what, {&calls});
  const auto begin = now;
  for (int minute = 0; minute < 30 * 24 * 60; ++minute) calls.add(begin + minute * 60s, {minute < 27 ? 0 : 1, 1});
  move_to(begin + 30 * 24h);
  EXPECT_NEAR(spent(*one), 27 / 43.2, 1e-12);
  EXPECT_NEAR(*one->report(now).left(), 1 - 27 / 43.2, 1e-12);
  EXPECT_FALSE(one->report(now).hours_left) << "nothing burns now";
}

TEST_F(evaluator_test, hours_left_follow_the_last_hour) {
  auto& calls = series("calls");
  const auto one = make(testing::availability("a", 0.99, rolling(24h)), {&calls});
  const auto begin = now;
  for (int second = 0; second < 24 * 3'600; ++second) calls.add(begin + seconds{second}, {second >= 23 * 3'600 && second % 25 == 0 ? 0 : 1, 1});
  move_to(begin + 24h);
  const double burn = 4, gone = 144.0 / 864;   // 4 % of the last hour, and of the day's budget
  EXPECT_NEAR(spent(*one), gone, 1e-9);
  EXPECT_NEAR(*one->report(now).burn_rate, burn, 1e-9);
  EXPECT_NEAR(*one->report(now).hours_left, (1 - gone) * 24 / burn, 1e-9);
}

TEST_F(evaluator_test, a_composite_of_events_adds_weighted_burn_rates) {
  auto &a = series("a"), &b = series("b");
  const auto one = make(two(budgeting::occurrences, 1, 0.99, 2, 0.9), {&a, &b});
  a.add(now, {997, 1'000});
  b.add(now, {48, 50});
  move_to(now + 1s);
  EXPECT_NEAR(spent(*one), 0.003 / 0.01 + 2 * (0.04 / 0.1), 1e-12);
  const auto lonely = make(two(budgeting::occurrences, 1, 0.99, 2, 0.9), {&a, &series("nobody")});
  EXPECT_NEAR(spent(*lonely), 0.3, 1e-12) << "a part without events burns nothing";
}

TEST_F(evaluator_test, a_composite_of_slices_is_as_good_as_its_worst_part) {
  auto &a = series("a"), &b = series("b");
  const auto any = make(two(budgeting::timeslices, 1, 0.9, 1, 0.9), {&a, &b});
  const auto sum = make(two(budgeting::ratio_timeslices, 1, 0.9, 2, 0.9), {&a, &b});
  const auto begin = now;
  for (int minute = 0; minute < 10; ++minute) {
    a.add(begin + minute * 60s, {minute == 3 ? 80 : 100, 100});
    b.add(begin + minute * 60s, {minute == 3 || minute == 5 ? 70 : 95, 100});
  }
  move_to(begin + 10min);
  EXPECT_NEAR(spent(*any), (2.0 / 10) / 0.1, 1e-9);
  const double shortfall = 8 * 2 * 0.05 + (0.2 + 2 * 0.3) + 2 * 0.3;
  EXPECT_NEAR(spent(*sum), shortfall / 10 / 0.1, 1e-6);
}

TEST_F(evaluator_test, a_late_event_changes_its_slice) {
  auto& calls = series("calls");
  auto what = testing::availability("a", 0.9, rolling(24h));
  what.method = budgeting::timeslices;
  what.members[0].slice_target = 0.9;
  const auto one = make(what, {&calls});
  const auto begin = now;
  for (int minute = 0; minute < 10; ++minute) calls.add(begin + minute * 60s, {10, 10});
  move_to(begin + 10min);
  EXPECT_EQ(spent(*one), 0);
  calls.add(begin + 4min, {0, 5});
  EXPECT_NEAR(spent(*one), 0.1 / 0.1, 1e-9);
}

TEST_F(evaluator_test, silence_is_no_recovery_and_absence_is_told) {
  auto& calls = series("calls");
  auto what = testing::availability("a", 0.99, rolling(30 * 24h));
  what.burns = {{.severity = "page", .long_window = 1h, .short_window = 5min, .factor = 2}};
  what.absent_for = 10min;
  const auto one = make(what, {&calls});
  std::vector<signal> seen;
  const auto until = [&](seconds end) {
    for (const auto stop = now + end; now < stop;) {
      move_to(now + 1s);
      one->evaluate(now, [&](const signal& told) { seen.push_back(told); });
    }
  };
  calls.add(now, {0, 10});
  until(5s);
  ASSERT_EQ(seen.size(), 1U);
  until(9min);                       // the short window has emptied
  ASSERT_EQ(seen.size(), 1U);
  until(2min);
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[1].name, "ObjectiveAbsent");
  until(50min);                      // the long one, too
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_EQ(seen[2].name, "ObjectiveBurn");
  EXPECT_TRUE(seen[2].resolved);
  calls.add(now, {1, 1});
  until(2s);
  ASSERT_EQ(seen.size(), 4U);
  EXPECT_TRUE(seen[3].resolved);
}

TEST_F(evaluator_test, maintenance_stays_out_of_long_windows_when_minutes_are_gone) {
  auto& calls = series("calls");
  auto what = testing::availability("a", 0.99, rolling(90 * 24h));
  const auto begin = now;
  what.maintenance = {{begin + 5h + 10min, begin + 5h + 20min}, {begin + 5h + 30min, begin + 6h + 50min}};
  const auto one = make(what, {&calls});
  const auto is_out = [&](seconds at) { return std::ranges::any_of(what.maintenance, [&](const excluded& out) { return begin + at >= out.from && begin + at < out.to; }); };
  for (seconds at{}; at < 24h; at += 1min) calls.add(begin + at, {is_out(at) ? 0 : 1, 1});
  const auto look = [&](seconds after) {
    move_to(begin + after);
    EXPECT_EQ(spent(*one), 0) << after.count();
    EXPECT_EQ(one->report(now).events, (counts{22 * 60, 22 * 60})) << after.count() << ": two hours, once each";
  };
  look(24h);
  ASSERT_TRUE(store->begin());
  ASSERT_TRUE(calls.sums().save());
  ASSERT_TRUE(store->commit());
  calls.sums().settled();
  for (int i = 0; i < 2; ++i) calls.sums().forget();
  ASSERT_TRUE(store->prune(calls.sums().id(), begin + 40 * 24h));
  look(40 * 24h);
}

TEST_F(evaluator_test, signals_say_how_much_of_the_budget_is_burned) {
  auto& calls = series("calls");
  const auto one = make(testing::availability("a", 0.99, rolling(30 * 24h)), {&calls});
  std::vector<signal> seen;
  calls.add(now, {70, 100});
  move_to(now + 1s);
  one->evaluate(now, [&](const signal& told) { seen.push_back(told); });
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(std::ranges::count(seen[0].annotations, std::pair<std::string, std::string>{"budget_burned", "3000.0 % of the error budget of 30d"}), 1);
}

TEST_F(evaluator_test, a_few_events_wake_nobody) {
  auto& calls = series("calls");
  auto what = testing::availability("a", 0.99, rolling(30 * 24h));
  what.min_events = 10;
  const auto one = make(what, {&calls});
  std::vector<signal> seen;
  const auto step = [&] {
    move_to(now + 1s);
    one->evaluate(now, [&](const signal& told) { seen.push_back(told); });
  };
  calls.add(now, {0, 9});
  step();
  EXPECT_TRUE(seen.empty());
  calls.add(now, {0, 1});
  step();
  EXPECT_EQ(seen.size(), 2U);
}

}  // namespace
}  // namespace andon::slo
