#include "andon/slo/policy.hpp"

#include <boost/json.hpp>
#include <map>

#include "andon/base/clock.hpp"
#include "andon/slo/decision_store.hpp"
#include "andon/slo/slo_testing.hpp"

namespace andon::slo {
namespace {

using namespace std::chrono_literals;

constexpr instant start{seconds{1'772'323'200}};  // 2026-03-01T00:00:00Z

objective_status stands(std::optional<double> left, std::optional<double> burn = std::nullopt, std::int64_t events = 1'000) {
  objective_status out;
  out.what.name = "chat";
  out.what.target = 0.99;
  out.what.over = rolling(30 * 24h);
  out.budget.at = start;
  out.budget.begin = start - 30 * 24h;
  out.budget.events = {events - 1, events};
  if (left) out.budget.spent = 1 - *left;
  out.budget.burn_rate = burn;
  return out;
}

policy_step step(decision_act act, std::optional<double> left, std::optional<double> burn = std::nullopt) {
  policy_step out;
  out.act = act;
  out.left = left;
  out.burn = burn;
  return out;
}

policy_spec strict() {
  policy_spec out;
  out.name = "strict";
  out.objectives = {"chat"};
  out.steps = {step(decision_act::notify, 0.5), step(decision_act::freeze, 0.25), step(decision_act::tighten, 0.1), step(decision_act::roll_back, 0.0)};
  return out;
}

/// What the program does with a judgement, without the program.
struct keeper {
  std::vector<policy_spec> policies{strict()};
  std::vector<step_in_force> in_force{};
  std::vector<std::string> log{};
  std::int64_t next = 1;

  void look(const objective_status& of, instant now) { look(std::vector{of}, now); }
  void look(const std::vector<objective_status>& all, instant now) {
    const auto found = judge(policies, all, in_force, now);
    for (const auto& one : found.ends) {
      const auto at = std::ranges::find(in_force, one.decision, &step_in_force::decision);
      if (!one.waived) log.push_back("end " + at->policy + " " + at->step);
      in_force.erase(at);
    }
    for (const auto& one : found.begins) {
      log.push_back("begin " + one.policy->name + " " + one.step->name());
      in_force.push_back({next++, one.policy->name, one.objective->what.name, one.step->name(), now, one.objective->budget.begin});
    }
  }
  std::vector<std::string> take() { return std::exchange(log, {}); }
};

using texts = std::vector<std::string>;

TEST(policy, steps_begin_in_order_and_end_in_the_other_above_the_margin) {
  keeper k;
  k.look(stands(0.51), start);
  EXPECT_TRUE(k.take().empty());
  k.look(stands(0.5), start + 1s);
  EXPECT_EQ(k.take(), texts{"begin strict notify at 50 % left"});
  k.look(stands(0.05), start + 2s);
  EXPECT_EQ(k.take(), (texts{"begin strict freeze at 25 % left", "begin strict tighten at 10 % left"}));
  k.look(stands(-3), start + 3s);
  EXPECT_EQ(k.take(), texts{"begin strict roll-back at 0 % left"});
  k.look(stands(0.04), start + 1h);
  EXPECT_TRUE(k.take().empty()) << "not yet the margin above";
  k.look(stands(0.31), start + 2h);
  EXPECT_EQ(k.take(), (texts{"end strict roll-back at 0 % left", "end strict tighten at 10 % left", "end strict freeze at 25 % left"}));
  k.look(stands(1), start + 3h);
  EXPECT_EQ(k.take(), texts{"end strict notify at 50 % left"});
}

TEST(policy, no_flapping_about_the_bound_and_a_least_time) {
  keeper k;
  for (int i = 0; i < 3'600; ++i) k.look(stands(i % 2 == 0 ? 0.49 : 0.51), start + seconds{i});
  EXPECT_EQ(k.take(), texts{"begin strict notify at 50 % left"});
  keeper fast;
  fast.look(stands(0.4), start);
  fast.look(stands(1), start + 299s);
  EXPECT_EQ(fast.take().size(), 1U);
  fast.look(stands(1), start + 300s);
  EXPECT_EQ(fast.take().size(), 1U);
  fast.look(stands(0.4), start - 1h);
  fast.take();
  fast.look(stands(1), start - 2h);
  EXPECT_TRUE(fast.take().empty()) << "a clock set back ends nothing";
}

TEST(policy, no_data_no_step_and_no_end) {
  keeper k;
  k.look(stands(std::nullopt), start);
  k.look(stands(0.1, std::nullopt, 49), start);
  auto filling = stands(0.1);
  filling.filling = true;
  k.look(filling, start);
  k.look(std::vector<objective_status>{}, start);
  EXPECT_TRUE(k.take().empty());
  k.look(stands(0.4), start);
  k.take();
  k.look(stands(std::nullopt), start + 24h);
  EXPECT_TRUE(k.take().empty()) << "silence is no recovery";
  k.look(std::vector<objective_status>{}, start + 24h);
  EXPECT_TRUE(k.take().empty()) << "nor is a watch that is not there";
  k.look(stands(std::nullopt), start + 30 * 24h);
  EXPECT_EQ(k.take().size(), 1U) << "but what was bad has left the window";
}

TEST(policy, a_burn_rate_beside_the_budget_has_a_margin_of_its_own) {
  keeper k;
  k.policies[0].steps = {step(decision_act::notify, std::nullopt, 10.0), step(decision_act::freeze, 0.5, 10.0)};
  k.look(stands(0.9, 10), start);
  EXPECT_EQ(k.take(), texts{"begin strict notify at burn rate 10"});
  k.look(stands(0.5, 9.9), start + 1s);
  EXPECT_TRUE(k.take().empty()) << "both have to hold";
  k.look(stands(0.5, 10), start + 2s);
  EXPECT_EQ(k.take(), texts{"begin strict freeze at 50 % left and burn rate 10"});
  k.look(stands(0.4, 5), start + 1h);
  k.look(stands(0.4, std::nullopt), start + 1h);
  EXPECT_TRUE(k.take().empty());
  k.look(stands(0.4, 4.9), start + 1h);
  EXPECT_EQ(k.take().size(), 2U);
}

TEST(policy, a_new_period_of_the_calendar_ends_what_the_last_began) {
  auto month = std::make_shared<calendar>();
  auto before = stands(0.2), after = stands(0.28), empty = stands(std::nullopt);
  for (auto* one : {&before, &after, &empty}) one->what.over = {30 * 24h, month};
  before.budget.begin = start - 24h;
  after.budget.begin = empty.budget.begin = start;
  keeper k;
  k.look(before, start - 1h);
  EXPECT_EQ(k.take().size(), 2U);
  auto other = k;
  k.look(empty, start + 1s);
  EXPECT_EQ(k.take().size(), 2U) << "no event yet, and none of the old ones counts";
  other.look(after, start + 1s);
  EXPECT_EQ(other.take(), texts{"end strict freeze at 25 % left"}) << "above its bound, if only just; the other is still below";
}

TEST(policy, a_whole_budget_ends_a_step_whose_margin_would_be_beyond_it) {
  keeper k;
  k.policies[0].steps = {step(decision_act::notify, 0.99)};
  k.look(stands(0.98), start);
  k.look(stands(0.995), start + 1h);
  EXPECT_EQ(k.take().size(), 1U);
  k.look(stands(1), start + 2h);
  EXPECT_EQ(k.take().size(), 1U);
}

TEST(policy, what_a_policy_no_longer_says_ends) {
  keeper k;
  k.look(stands(0.2), start);
  k.take();
  k.policies[0].steps.erase(k.policies[0].steps.begin());
  k.look(stands(0.2), start + 1s);
  EXPECT_EQ(k.take(), texts{"end strict notify at 50 % left"});
  k.policies.clear();
  k.look(stands(0.2), start + 2s);
  EXPECT_EQ(k.take(), texts{"end strict freeze at 25 % left"});
}

TEST(policy, one_that_a_person_ended_begins_again_only_after_it_was_over) {
  keeper k;
  k.look(stands(0.4), start);
  k.take();
  k.in_force[0].waived = true;
  k.look(stands(0.3), start + 1h);
  EXPECT_TRUE(k.take().empty());
  k.look(stands(0.8), start + 2h);
  EXPECT_TRUE(k.take().empty());
  EXPECT_TRUE(k.in_force.empty());
  k.look(stands(0.4), start + 3h);
  EXPECT_EQ(k.take(), texts{"begin strict notify at 50 % left"});
}

TEST(policy, two_policies_and_two_objectives_stand_by_themselves) {
  keeper k;
  auto other = strict();
  other.name = "mild";
  other.objectives = {"chat", "embed"};
  other.steps = {step(decision_act::notify, 0.1)};
  k.policies.push_back(other);
  auto embed = stands(0.05);
  embed.what.name = "embed";
  k.look({stands(0.2), embed}, start);
  EXPECT_EQ(k.take(), (texts{"begin strict notify at 50 % left", "begin strict freeze at 25 % left", "begin mild notify at 10 % left"}));
  k.look({stands(0.05), embed}, start + 1s);
  EXPECT_EQ(k.take(), (texts{"begin strict tighten at 10 % left", "begin mild notify at 10 % left"}));
}

TEST(policy, says_what_it_rests_on) {
  const losses eaten{{{"provider", "upstream_error", "a", "k"}, 60}, {{"provider", "upstream_error", "b", "k"}, 30}, {{"gateway", "no_target", "", ""}, 8}, {{"", "other", "", ""}, 2}};
  const auto of = stands(0.18, 12);
  EXPECT_EQ(reason_of(of), "objective chat has 18 % of its budget left over 30d (burn rate 12, 1 of 1000 events bad)");
  const auto evidence = boost::json::parse(evidence_of(of, eaten));
  ASSERT_EQ(evidence.at("causes").as_array().size(), 3U);
  EXPECT_EQ(evidence.at("causes").at(0).at("model"), "a");
  EXPECT_DOUBLE_EQ(evidence.at("causes").at(0).at("share").as_double(), 0.6);
  EXPECT_EQ(worst_model(eaten, [](std::string_view) { return true; }), "a");
  EXPECT_EQ(worst_model(eaten, [](std::string_view model) { return model != "a"; }), "b");
  EXPECT_EQ(worst_model({}, [](std::string_view) { return true; }), "");
  const tightening whole{{"chat"}, {"a", "b"}, true, 1, 0, true};
  EXPECT_EQ(tightening_of(to_json(whole)), whole);
  EXPECT_EQ(tightening_of(to_json(tightening{})), tightening{});
  EXPECT_EQ(tightening_of("nonsense"), tightening{});
}

/// An objective in a real watch: a call every twenty minutes for four months, every second one bad for a day in the second.
TEST(policy, over_simulated_months_an_outage_takes_the_steps_and_gives_them_back) {
  const testing::temporary_directory home;
  const simulated_clock time;
  auto made = watch::open(home.file("watch.db"), time, [](std::span<const signal>) {});
  ASSERT_TRUE(made) << made.error().message;
  auto watch = std::move(*made);
  auto spec = testing::availability("chat", 0.98, rolling(30 * 24h));
  spec.min_events = 1;
  ASSERT_TRUE(watch->adopt({.objectives = {spec}, .indicators = {}, .rules = {}}));
  watch->past_is_complete();
  ASSERT_TRUE(watch->tick(start, {}));
  keeper k;
  std::map<std::string, double> days;
  const auto outage = start + 35 * 24h;
  std::int64_t n = 0;
  for (auto now = start; now < start + 120 * 24h; now += 1'200s, ++n) {
    const bool bad = now >= outage && now < outage + 24h && n % 2 == 0;
    ASSERT_TRUE(watch->count(testing::viewed(testing::record_at(now, bad ? errc::upstream_error : errc::none)).view()));
    ASSERT_TRUE(watch->tick(now + 2s, {}));
    k.look(watch->objectives(), now + 2s);
    if (n % 2'500 == 2'499) {  // a restart: the store has the sums, the keeper its steps
      ASSERT_TRUE(watch->save({}));
      watch.reset();
      watch = std::move(*watch::open(home.file("watch.db"), time, [](std::span<const signal>) {}));
      ASSERT_TRUE(watch->adopt({.objectives = {spec}, .indicators = {}, .rules = {}}));
    }
    for (const auto& line : k.take()) {
      EXPECT_FALSE(days.contains(line)) << line << " a second time";
      days[line] = static_cast<double>((now - start).count()) / 86'400;
    }
  }
  // 2 % of 2,160 calls are 43.2 bad ones; one each 40 minutes uses half of them up in 14.4 h. The day has 36, so a sixth is left.
  ASSERT_EQ(days.size(), 4U);
  EXPECT_NEAR(days["begin strict notify at 50 % left"], 35 + 14.4 / 24, 0.04);
  EXPECT_NEAR(days["begin strict freeze at 25 % left"], 35 + 21.6 / 24, 0.04);
  // 30 days later they leave the window as they came: 30 % are left when 30.24 are in it, 55 % with 19.44.
  EXPECT_NEAR(days["end strict freeze at 25 % left"], 65 + (36 - 30.24) / 36, 0.04);
  EXPECT_NEAR(days["end strict notify at 50 % left"], 65 + (36 - 19.44) / 36, 0.04);
}

}  // namespace
}  // namespace andon::slo
