// A second target beside a silent one, as far as the plan of attempts decides it.
#include <gtest/gtest.h>

#include "andon/route/attempt_plan.hpp"
#include "andon/route/one_route_testing.hpp"
#include "andon/route/waiting_room.hpp"

namespace andon::route {
namespace {

using namespace std::chrono_literals;

using testing_support::start;

struct world : testing_support::one_route {
  explicit world(std::initializer_list<const char*> models, double budget = 1) : one_route(models) {
    settings.hedge = {.after = 100ms, .budget_ratio = budget};
    compile();
  }
  target_health& of(const char* model) { return *health.of(model_name{model}); }
};

TEST(hedge, takes_the_best_target_that_was_not_tried_and_holds_a_place_in_it) {
  world w{"a", "b", "c"};
  {
    attempt_plan plan{*w.at, {}, start, w.random};
    ASSERT_EQ(plan.next(start)->to->settings.model.str(), "a");
    const auto step = plan.hedge(start + 100ms);
    ASSERT_TRUE(step);
    EXPECT_EQ(step->to->settings.model.str(), "b");
    EXPECT_EQ(step->number, 2u);
    EXPECT_FALSE(step->failover || step->retry);
    EXPECT_EQ(w.of("a").in_flight() + w.of("b").in_flight(), 2);
    EXPECT_EQ(plan.hedge(start + 200ms).error(), no_hedge::attempts) << "once in an exchange";
  }
  EXPECT_EQ(w.of("a").in_flight() + w.of("b").in_flight(), 0) << "destroying the plan gives both places back";
}

TEST(hedge, the_outrun_one_is_slow_but_has_not_failed) {
  world w{"a", "b"};
  for (const bool hedge_wins : {true, false}) {
    attempt_plan plan{*w.at, {}, start, w.random};
    ASSERT_TRUE(plan.next(start) && plan.hedge(start + 100ms));
    if (hedge_wins) plan.turn();
    plan.outrun(4s, start + 4s);
    plan.succeeded({.latency = 1s, .answer = 1s}, start + 4s);
    auto& slow = w.of(hedge_wins ? "a" : "b");
    EXPECT_EQ(slow.error_rate(start + 4s), 0.0);
    EXPECT_EQ(slow.consecutive_failures(), 0u);
    EXPECT_GE(slow.latency_nanos(false, start + 4s), 4e9 * 0.99);
    EXPECT_EQ(w.of("a").in_flight() + w.of("b").in_flight(), 0);
  }
  w.of("b").outrun(false, 10ms, start + 4s);
  EXPECT_GE(w.of("b").latency_nanos(false, start + 4s), 4e9 * 0.99) << "a short race never makes a target look faster";
}

TEST(hedge, after_both_failed_the_plan_goes_on_with_what_is_left) {
  world w{"a", "b", "c"};
  w.settings.retry.prefer = retry_settings::order::other_first;
  w.compile();
  attempt_plan plan{*w.at, {}, start, w.random};
  ASSERT_TRUE(plan.next(start) && plan.hedge(start + 100ms));
  plan.failed({.code = errc::upstream_error, .http_status = 500}, start + 1s);
  plan.turn();
  plan.failed({.code = errc::upstream_error, .http_status = 500}, start + 1s);
  EXPECT_GT(w.of("a").error_rate(start + 1s) + w.of("b").error_rate(start + 1s), 1.9);
  const auto step = plan.next(start + 1s);
  ASSERT_TRUE(step);
  EXPECT_EQ(step->to->settings.model.str(), "c");
  EXPECT_EQ(step->number, 3u);
}

TEST(hedge, is_denied_where_no_other_target_is_well) {
  const auto asked = [](world& w) {
    attempt_plan plan{*w.at, {}, start, w.random};
    EXPECT_TRUE(plan.next(start));
    const auto step = plan.hedge(start + 100ms);
    return step ? std::string("asked") : std::string(to_string(step.error()));
  };
  world alone{"a"};
  EXPECT_EQ(asked(alone), "target");
  world same{"a", "a"};
  EXPECT_EQ(asked(same), "target") << "the same model twice";
  world out{"a", "b"};
  out.of("b").cool(start + 10s);
  EXPECT_EQ(asked(out), "target");
  out.of("b").cool(start - 1s);
  EXPECT_EQ(asked(out), "target") << "a half-open one gets probes, which come first, and nothing else";
  world held{"a", "b"};
  held.of("b").hold(start + 10s);
  EXPECT_EQ(asked(held), "target");
  world busy{"a", "b"};
  busy.settings.targets[1].max_parallel = 1;
  busy.compile();
  const auto place = busy.of("b").enter().value();
  EXPECT_EQ(asked(busy), "busy");
  busy.of("b").leave(place);
  EXPECT_EQ(asked(busy), "asked");
}

TEST(hedge, its_budget_is_a_share_of_the_calls) {
  world w{"a", "b"};
  w.settings.hedge.budget_ratio = 0.05;
  w.compile();
  int asked = 0;
  std::string first_refusal;
  for (int i = 0; i < 1'000; ++i) {
    attempt_plan plan{*w.at, {}, start, w.random};
    ASSERT_TRUE(plan.next(start));
    const auto step = plan.hedge(start);
    asked += step.has_value();
    if (!step && first_refusal.empty()) first_refusal = to_string(step.error());
    plan.succeeded({}, start);
  }
  EXPECT_EQ(asked, 50);
  EXPECT_EQ(first_refusal, "budget");
  for (int i = 0; i < 1'000; ++i) (void)attempt_plan{*w.at, {}, start, w.random}.next(start);
  asked = 0;
  for (int i = 0; i < 12; ++i) {
    attempt_plan plan{*w.at, {}, start, w.random};
    ASSERT_TRUE(plan.next(start));
    asked += plan.hedge(start).has_value();
  }
  EXPECT_EQ(asked, 10) << "what is saved up is bounded";
}

TEST(hedge, waits_for_the_time_given_or_the_quantile_of_recent_answers) {
  world w{"a", "b"};
  const facts whole, stream{.stream = true};
  EXPECT_EQ(w.at->hedge_after(0, whole, start), 100ms);
  w.settings.hedge = {.quantile = 0.95};
  w.compile();
  EXPECT_FALSE(w.at->hedge_after(0, whole, start)) << "nothing is known, and no time was given";
  for (int i = 0; i < 100; ++i) w.of("a").answered(false, i < 96 ? 200ms : 5s, start);
  const auto usual = w.at->hedge_after(0, whole, start);
  ASSERT_TRUE(usual);
  EXPECT_GE(*usual, 200ms);
  EXPECT_LT(*usual, 220ms);
  EXPECT_FALSE(w.at->hedge_after(0, stream, start)) << "streams are measured apart";
  EXPECT_FALSE(w.at->hedge_after(1, whole, start)) << "and so is every target";
  w.settings.hedge.after = 1s;
  w.compile();
  EXPECT_EQ(w.at->hedge_after(0, whole, start), 1s) << "the least";
  EXPECT_EQ(w.at->hedge_after(1, whole, start), 1s);
  w.settings.hedge.budget_ratio = 0;
  w.compile();
  EXPECT_FALSE(w.at->hedge_after(0, whole, start));
}

}  // namespace
}  // namespace andon::route
