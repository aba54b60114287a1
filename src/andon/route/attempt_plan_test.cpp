#include "andon/route/attempt_plan.hpp"

#include <gtest/gtest.h>

#include <optional>

#include "andon/route/one_route_testing.hpp"

namespace andon::route {
namespace {

using namespace std::chrono_literals;

using testing_support::start;

struct world : testing_support::one_route {
  explicit world(std::initializer_list<const char*> models, std::optional<retry_settings::order> prefer = {}) : one_route(models) {
    if (prefer) settings.retry.prefer = *prefer;
    compile();
  }
};

attempt_failure status(int http, nanoseconds retry_after = {}) {
  const errc code = http == 429 ? errc::upstream_rate_limited : http >= 500 || (http != 400 && http != 413 && http != 422) ? errc::upstream_error : errc::upstream_rejected;
  return {.code = code, .http_status = http, .retry_after = retry_after};
}
attempt_failure code(errc what) { return {.code = what}; }

// Fails every attempt with `with` and returns the models tried, then why it stopped.
std::string story(world& w, const attempt_failure& with) {
  attempt_plan plan{*w.at, {}, w.now, w.random};
  std::string told;
  for (int i = 0; i < 20; ++i) {
    const auto step = plan.next(w.now);
    if (!step) return told + "| " + std::string{to_string(step.error())};
    told += step->to->settings.model.str() + " ";
    w.now = step->not_before;
    plan.failed(with, w.now);
  }
  return told + "never stops";
}

TEST(attempt_plan, decides_by_the_kind_of_failure) {
  struct row { const char* name; attempt_failure with; const char* told; };
  for (const auto& [name, with, told] : {
           row{"client's own mistake", status(400), "a | final_error"},
           row{"too large", status(413), "a | final_error"},
           row{"our key", status(401), "a b | attempts_used"},
           row{"our account", status(403), "a b | attempts_used"},
           row{"our model name", status(404), "a b | attempts_used"},
           row{"server error", status(500), "a a b b | attempts_used"},
           row{"overloaded", status(529), "a a b b | attempts_used"},
           row{"rate limit", status(429), "a b a b | attempts_used"},
           row{"connect", code(errc::connect_failed), "a a b b | attempts_used"},
           row{"dns", code(errc::dns_failed), "a a b b | attempts_used"},
           row{"reset", code(errc::upstream_reset), "a a b b | attempts_used"},
           row{"slow", code(errc::first_token_timeout), "a b | attempts_used"},
           row{"nonsense", code(errc::upstream_bad_reply), "a b | attempts_used"},
           row{"out of time", code(errc::total_timeout), "a | final_error"},
           row{"client left", code(errc::client_gone), "a | final_error"},
           row{"own fault", code(errc::internal), "a | final_error"},
           row{"bytes were sent", {.code = errc::upstream_reset, .bytes_to_client = 1}, "a | final_error"}}) {
    world w{{"a", "b"}};
    EXPECT_EQ(story(w, with), told) << name;
  }
}

TEST(attempt_plan, other_first_goes_round) {
  world w{{"a", "b", "c"}, retry_settings::order::other_first};
  w.settings.retry.max_attempts = 5;
  w.compile();
  const std::string told = story(w, status(503));
  EXPECT_TRUE(told.starts_with("a b c ")) << told;
  EXPECT_TRUE(told.ends_with("| attempts_used")) << told;
  EXPECT_EQ(std::ranges::count(told, ' '), 6);
}

TEST(attempt_plan, obeys_what_is_switched_off) {
  world no_failover{{"a", "b"}};
  no_failover.settings.failover.enabled = false;
  no_failover.compile();
  EXPECT_EQ(story(no_failover, status(500)), "a a | attempts_used");
  world no_retry{{"a", "b"}};
  no_retry.settings.retry.on = {};
  no_retry.compile();
  EXPECT_EQ(story(no_retry, status(500)), "a b | attempts_used");
  world neither{{"a", "b"}};
  neither.settings.retry.attempts = 1;
  neither.settings.failover.on = {fault_kind::connect};
  neither.compile();
  EXPECT_EQ(story(neither, status(500)), "a | attempts_used");
  world capped{{"a", "b", "c", "d"}};
  capped.settings.retry.max_attempts = 3;
  capped.compile();
  EXPECT_EQ(story(capped, status(500)), "a a b | attempts_used");
}

TEST(attempt_plan, backs_off_with_full_jitter_up_to_the_bound) {
  world w({"a"});
  w.settings.retry = {.attempts = 12, .max_attempts = 12, .backoff_base = 100ms, .backoff_max = 1s, .budget_burst = 1e6};
  w.settings.breaker.enabled = false;
  w.compile();
  std::array<nanoseconds, 12> longest{}, sum{};
  const int rounds = 400;
  for (int round = 0; round < rounds; ++round) {
    attempt_plan plan{*w.at, {}, w.now, w.random};
    for (std::size_t i = 0; i < 12; ++i) {
      const auto step = *plan.next(w.now);
      const nanoseconds wait = step.not_before - w.now;
      longest[i] = std::max(longest[i], wait);
      sum[i] += wait;
      plan.failed(status(500), w.now);
    }
  }
  EXPECT_EQ(longest[0], 0ns);
  for (std::size_t i = 1; i < 12; ++i) {
    const nanoseconds ceiling = std::min<nanoseconds>(1s, 100ms * (1 << (i - 1)));
    EXPECT_LT(longest[i], ceiling);
    EXPECT_NEAR(static_cast<double>((sum[i] / rounds).count()), static_cast<double>(ceiling.count()) / 2, static_cast<double>(ceiling.count()) * 0.06);
  }
}

TEST(attempt_plan, honours_retry_after_when_nobody_else_can_serve) {
  world w({"a"});
  attempt_plan plan{*w.at, {}, w.now, w.random};
  plan.next(w.now).value();
  EXPECT_EQ(plan.failed(status(429, 3s), w.now).cooldown, 3s);
  const auto step = plan.next(w.now);
  ASSERT_TRUE(step);
  EXPECT_EQ(step->not_before, w.now + 3s);
  EXPECT_TRUE(step->retry);
}

TEST(attempt_plan, another_key_is_the_same_target_at_once_and_no_fault_of_its) {
  world w({"a", "b"});
  attempt_plan plan{*w.at, {}, w.now, w.random};
  plan.next(w.now).value();
  for (int i = 0; i < 3; ++i) {
    auto with = status(i == 1 ? 401 : 429, 30s);
    with.other_key = true;
    EXPECT_FALSE(plan.failed(with, w.now).cooled);
    const auto step = plan.next(w.now).value();
    EXPECT_EQ(step.index, 0u);
    EXPECT_EQ(step.not_before, w.now);
  }
  EXPECT_EQ(w.at->at(0).health->consecutive_failures(), 0u);
  EXPECT_EQ(w.at->at(0).health->in_flight(), 1);
  EXPECT_TRUE(plan.failed(status(429, 30s), w.now).cooled);
  EXPECT_EQ(plan.next(w.now)->index, 1u);
}

TEST(attempt_plan, leaves_a_limited_target_for_another_at_once) {
  world w{{"a", "b"}};
  attempt_plan plan{*w.at, {}, w.now, w.random};
  plan.next(w.now).value();
  plan.failed(status(429, 3s), w.now);
  const auto step = plan.next(w.now);
  EXPECT_EQ(step->to->settings.model.str(), "b");
  EXPECT_EQ(step->not_before, w.now);
  EXPECT_TRUE(step->failover);
  attempt_plan next{*w.at, {}, w.now, w.random};
  EXPECT_EQ(next.next(w.now)->to->settings.model.str(), "b");
}

TEST(attempt_plan, does_not_wait_longer_than_it_may) {
  struct row { nanoseconds retry_after, total; stop_reason why; };
  for (const auto& [retry_after, total, why] : {row{11s, 60s, stop_reason::all_cooling}, row{5s, 4s, stop_reason::no_time}}) {
    world w({"a"});
    w.settings.deadlines.total = total;
    w.compile();
    attempt_plan plan{*w.at, {}, w.now, w.random};
    plan.next(w.now).value();
    plan.failed(status(429, retry_after), w.now);
    const auto step = plan.next(w.now);
    ASSERT_FALSE(step);
    EXPECT_EQ(step.error(), why);
  }
}

TEST(attempt_plan, the_total_deadline_shortens_every_other) {
  world w({"a"});
  w.settings.deadlines = {.connect = 2s, .first_token = 10s, .idle = 15s, .total = 12s};
  w.compile();
  attempt_plan plan{*w.at, {}, w.now, w.random};
  auto limits = plan.deadlines(w.now);
  EXPECT_EQ(limits.connect.at(), start + 2s);
  EXPECT_EQ(limits.first_byte.at(), start + 10s);
  limits = plan.deadlines(w.now + 11s);
  EXPECT_EQ(limits.connect.at(), start + 12s);
  EXPECT_EQ(limits.first_byte.at(), start + 12s);
  EXPECT_EQ(limits.idle, 15s);
  plan.limit(deadline{w.now + 1s});
  EXPECT_EQ(plan.deadlines(w.now).first_byte.at(), start + 1s);
  plan.limit(deadline{w.now + 5s});
  EXPECT_EQ(plan.total().at(), start + 1s);
  plan.next(w.now).value();
  plan.failed(status(500), w.now + 1s);
  EXPECT_EQ(plan.next(w.now + 1s).error(), stop_reason::no_time);
}

TEST(attempt_plan, the_retry_budget_bounds_retries_but_not_failover) {
  world w{{"a", "b"}};
  w.settings.retry.budget_burst = 10;
  w.settings.retry.budget_ratio = 0.1;
  w.settings.retry.budget_per_second = 0;
  w.settings.breaker.enabled = false;
  w.compile();
  std::uint32_t retries = 0, failovers = 0;
  const int rounds = 1'000;
  for (int i = 0; i < rounds; ++i) {
    attempt_plan plan{*w.at, {}, w.now, w.random};
    while (plan.next(w.now)) plan.failed(status(500), w.now);
    retries += plan.retries();
    failovers += plan.failovers();
  }
  EXPECT_NEAR(retries, 10 + rounds / 10, 2);
  EXPECT_EQ(failovers, rounds);
}

TEST(attempt_plan, a_credential_fault_alarms_and_cools) {
  world w{{"a", "b"}};
  attempt_plan plan{*w.at, {}, w.now, w.random};
  plan.next(w.now).value();
  const auto effect = plan.failed(status(401), w.now);
  EXPECT_TRUE(effect.alarm);
  EXPECT_TRUE(effect.cooled);
  EXPECT_EQ(effect.kind, fault_kind::credential);
  EXPECT_TRUE(w.at->at(0).health->cooling(w.now));
}

TEST(attempt_plan, a_refusal_that_may_be_of_this_call_alone_alarms_and_fails_over_only) {
  for (const int code : {403, 404}) {
    world w{{"a", "b"}};
    for (int i = 0; i < 10; ++i) {
      attempt_plan plan{*w.at, {}, w.now, w.random};
      plan.next(w.now).value();
      const auto effect = plan.failed(status(code), w.now);
      EXPECT_TRUE(effect.alarm);
      EXPECT_FALSE(effect.cooled);
      EXPECT_EQ(plan.next(w.now).value().index, 1U);
      plan.succeeded({.latency = 1ms}, w.now);
    }
    EXPECT_FALSE(w.at->at(0).health->cooling(w.now));
  }
}

TEST(attempt_plan, a_dead_target_is_left_and_taken_back_after_recovery) {
  world w{{"a", "b"}};
  int to_a = 0;
  const auto exchange = [&](bool a_works) {
    attempt_plan plan{*w.at, {}, w.now, w.random};
    while (const auto step = plan.next(w.now)) {
      to_a += step->index == 0;
      if (step->index == 1 || a_works) return void(plan.succeeded({.latency = 10ms}, w.now));
      plan.failed(code(errc::connect_failed), w.now);
    }
    FAIL() << "no target served";
  };
  for (int i = 0; i < 1'000; ++i, w.now += 1ms) exchange(false);
  EXPECT_LE(to_a, 6);  // five failures in a row, then its breaker is open for 2 s
  to_a = 0;
  for (int i = 0; i < 1'100; ++i, w.now += 1ms) exchange(true);
  EXPECT_GE(to_a, 1);
  EXPECT_LT(to_a, 50) << "it starts slowly";
  w.now += 10s;
  to_a = 0;
  for (int i = 0; i < 100; ++i, w.now += 1ms) exchange(true);
  EXPECT_EQ(to_a, 100);
}

TEST(attempt_plan, tries_the_cooling_when_there_is_nothing_else) {
  world w{{"a", "b"}};
  w.at->at(0).health->cool(w.now + 1min);
  w.at->at(1).health->cool(w.now + 2min);
  attempt_plan plan{*w.at, {}, w.now, w.random};
  const auto first = plan.next(w.now);
  EXPECT_TRUE(first && first->while_cooling && first->index == 0);
  plan.failed(code(errc::connect_failed), w.now);
  const auto second = plan.next(w.now);
  EXPECT_TRUE(second && second->while_cooling && second->index == 1);
  plan.failed(code(errc::connect_failed), w.now);
  EXPECT_EQ(plan.next(w.now).error(), stop_reason::all_cooling);
  w.settings.all_cooling = when_all_cooling::fail;
  w.compile();
  attempt_plan strict{*w.at, {}, w.now, w.random};
  EXPECT_EQ(strict.next(w.now).error(), stop_reason::all_cooling);
  EXPECT_EQ(strict.last_error(), errc::no_target);
}

TEST(attempt_plan, conditions_choose_the_targets) {
  world w{{"small", "large"}};
  w.settings.targets[0].when.any = {{*condition::make("input_tokens", "lte", {"1000"})}};
  w.compile();
  facts given;
  given.input = tokens{1'000};
  EXPECT_EQ((attempt_plan{*w.at, given, w.now, w.random}.next(w.now)->index), 0u);
  given.input = tokens{1'001};
  EXPECT_EQ((attempt_plan{*w.at, given, w.now, w.random}.next(w.now)->index), 1u);
  w.settings.targets[1].when.any = {{*condition::make("tags", "eq", {"big"})}};
  w.compile();
  EXPECT_EQ((attempt_plan{*w.at, given, w.now, w.random}.next(w.now).error()), stop_reason::no_match);
}

// Random settings, targets and faults: what must hold of every exchange, whatever happens.
TEST(attempt_plan, keeps_its_promises_under_random_faults) {
  random_source dice{23};
  const std::array failures{status(400), status(401), status(429), status(429, 2s), status(429, 30s), status(500), status(503, 1s), code(errc::connect_failed),
                            code(errc::first_token_timeout), code(errc::upstream_reset), code(errc::upstream_bad_reply), code(errc::client_gone)};
  std::uint64_t attempts_seen = 0, stops_seen = 0;
  for (int round = 0; round < 400; ++round) {
    world w{{"a", "b", "c"}, static_cast<retry_settings::order>(dice.below(2))};
    w.settings.choose = static_cast<strategy>(dice.below(7));
    w.settings.retry.attempts = static_cast<std::uint32_t>(1 + dice.below(3));
    w.settings.retry.max_attempts = static_cast<std::uint32_t>(1 + dice.below(7));
    w.settings.deadlines.total = std::chrono::seconds{1 + dice.below(20)};
    w.settings.failover.enabled = dice.below(4) != 0;
    w.settings.breaker.enabled = dice.below(4) != 0;
    w.settings.all_cooling = static_cast<when_all_cooling>(dice.below(2));
    w.compile();
    for (int exchange = 0; exchange < 30; ++exchange, w.now += std::chrono::milliseconds{dice.below(4'000)}) {
      std::array<std::uint32_t, 3> tries{};
      attempt_plan plan{*w.at, {}, w.now, w.random};
      const mono_time end = w.now + w.settings.deadlines.total;
      std::optional<attempt_failure> before;
      std::uint32_t number = 0, last = 0;
      while (const auto step = plan.next(w.now)) {
        ++attempts_seen;
        ASSERT_EQ(step->number, ++number);
        ASSERT_LE(number, w.settings.retry.max_attempts);
        ASSERT_LE(++tries[step->index], w.settings.retry.attempts);
        ASSERT_TRUE(step->not_before >= w.now && step->not_before < end);
        ASSERT_EQ(step->retry, number > 1 && step->index == last);
        ASSERT_EQ(step->failover, number > 1 && step->index != last);
        ASSERT_TRUE(w.settings.failover.enabled || !step->failover);
        ASSERT_EQ(step->while_cooling, step->to->health->cooling(step->not_before));
        if (before && step->retry) ASSERT_GE(step->not_before, w.now + before->retry_after);
        if (before) ASSERT_TRUE(before->code != errc::client_gone && before->http_status != 400 && before->bytes_to_client == 0);
        last = step->index;
        w.now = step->not_before + std::chrono::milliseconds{dice.below(3'000)};
        if (dice.below(3) == 0) { plan.succeeded({.latency = 5ms}, w.now); break; }
        before = failures[dice.below(failures.size())];
        before->bytes_to_client = dice.below(8) == 0 ? 1 : 0;
        plan.failed(*before, w.now);
      }
      ++stops_seen;
      ASSERT_EQ(plan.attempts(), number);
      ASSERT_EQ(plan.retries() + plan.failovers(), number == 0 ? 0 : number - 1);
    }
    for (const auto& one : w.at->targets()) ASSERT_EQ(one.health->in_flight(), 0);
  }
  EXPECT_GT(attempts_seen, stops_seen);
}

TEST(attempt_plan, counts_a_call_in_flight_exactly_while_it_runs) {
  world w({"a"});
  const auto& health = *w.at->at(0).health;
  {
    attempt_plan plan{*w.at, {}, w.now, w.random};
    plan.next(w.now).value();
    EXPECT_EQ(health.in_flight(), 1);
    plan.failed(status(500), w.now);
    EXPECT_EQ(health.in_flight(), 0);
    plan.next(w.now).value();
    EXPECT_EQ(health.in_flight(), 1);
  }
  EXPECT_EQ(health.in_flight(), 0);
  attempt_plan plan{*w.at, {}, w.now, w.random};
  plan.next(w.now).value();
  plan.abandoned(tokens{40}, w.now);
  EXPECT_EQ(health.in_flight(), 0);
  EXPECT_EQ(health.tokens_last_minute(w.now), 40u);
  EXPECT_EQ(health.consecutive_failures(), 1u);
}

}  // namespace
}  // namespace andon::route
