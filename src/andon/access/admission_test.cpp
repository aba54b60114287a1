#include "andon/access/admission.hpp"

#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "andon/access/budget_book.hpp"
#include "andon/access/rate_headers.hpp"
#include "andon/access/test_directory.hpp"

namespace andon::access {
namespace {

using namespace std::chrono_literals;

class admission_test : public testing::Test {
protected:
  void build() { in_ = d_.build(); }
  caller who(const std::string& key) { return directory::identify(in_, key, time_.wall()).value(); }
  std::expected<ticket, refusal> admit(const std::string& key, std::string_view route = "chat", std::string_view user = {}, std::int64_t estimate = 10,
                                       std::optional<nano_usd> cost = nano_usd{10}, std::vector<std::string> tags = {}) {
    const auto from = who(key);
    return gate_.admit({from, in_->find_route(route), user, tags, tokens{estimate}, cost}, time_.mono(), time_.wall());
  }
  errc code(const std::expected<ticket, refusal>& r) { return r ? errc::none : r.error().code; }
  void settle(ticket& t, std::int64_t used, std::int64_t cost) { t.settle(tokens{used}, nano_usd{cost}, time_.mono()); }

  test_directory d_;
  std::shared_ptr<const directory> in_;
  simulated_clock time_;
  admission gate_{nullptr, {1024, 1024}};
};

TEST_F(admission_test, refusals_name_scope_limit_and_time) {
  d_.project("shop").limits = {{.requests_per_minute = 60}};
  const auto key = d_.key("web", "shop", {.limits = {{.requests_per_minute = 2}}});
  build();
  for (int i = 0; i < 2; ++i) admit(key)->release();
  const auto refused = admit(key);
  ASSERT_EQ(code(refused), errc::requests_limited);
  EXPECT_EQ(refused.error().scope_name, "key web");
  EXPECT_EQ(refused.error().limit, 2);
  EXPECT_EQ(refused.error().retry_after, 30s);
  EXPECT_EQ(refused.error().to_error().message, "Rate limit reached for key web: 2 requests per minute. Try again in 30000 ms.");
  time_.advance(30s);
  admit(key)->release();
}

TEST(refusal_test, an_overdrawn_budget_has_nothing_left) {
  const refusal overdrawn{.code = errc::budget_exceeded, .scope_name = "key web", .limit = 2'000'000'000, .used = 2'100'000'000, .wanted = 100'000'000, .period = "daily"};
  EXPECT_EQ(overdrawn.to_error().message,
            "The daily budget of key web cannot cover this call, which may cost up to 0.1 USD: 0 USD are left, 2.1 of 2 USD are spent or reserved. It resets at an unknown time.");
}

TEST_F(admission_test, budget_refusals_say_when_they_reset) {
  d_.project("shop").zone = "Europe/Berlin";
  const auto key = d_.key("web", "shop", {.budgets = {{.period = window::month, .limit = nano_usd{2'500'000'000}}}});
  build();
  time_ = simulated_clock{wall_time{std::chrono::sys_days{std::chrono::year{2026} / 10 / 31}} + 12h};
  auto held = admit(key, "chat", {}, 1, nano_usd{2'000'000'000});
  ASSERT_TRUE(held);
  const auto refused = admit(key, "chat", {}, 1, nano_usd{600'000'000});
  ASSERT_EQ(code(refused), errc::budget_exceeded);
  EXPECT_EQ(refused.error().to_error().message,
            "The monthly budget of key web cannot cover this call, which may cost up to 0.6 USD: 0.5 USD are left, 2 of 2.5 USD are spent or reserved. It resets at 2026-10-31T23:00:00.000000Z.");
  std::map<std::string, std::string> headers;
  write_refusal_headers(refused.error(), [&](std::string_view name, std::string_view value) { headers[std::string(name)] = std::move(value); });
  EXPECT_EQ(headers["x-should-retry"], "false");
  EXPECT_EQ(headers["retry-after"], "39600");
  EXPECT_EQ(headers["rate_limit_type"], "budget");
  settle(*held, 1, 1'000'000'000);
  auto next = admit(key, "chat", {}, 1, nano_usd{1'500'000'000});
  ASSERT_TRUE(next) << "what the first did not use is there again";
  next->release();
  time_.advance(12h);
  auto november = admit(key, "chat", {}, 1, nano_usd{2'500'000'000});
  ASSERT_TRUE(november);
  november->release();
}

TEST_F(admission_test, a_reservation_is_raised_in_all_budgets_or_in_none) {
  d_.project("shop").budgets = {{.period = window::day, .limit = nano_usd{100}}, {.per = {scope::user}, .period = window::day, .limit = nano_usd{40}}};
  const auto key = d_.key("web", "shop", {.budgets = {{.period = window::month, .limit = nano_usd{50}}}});
  build();
  auto held = admit(key, "chat", "u", 1, nano_usd{20});
  ASSERT_TRUE(held);
  EXPECT_FALSE(held->raise(nano_usd{0}, time_.wall()));
  EXPECT_FALSE(held->raise(nano_usd{15}, time_.wall()));
  EXPECT_EQ(held->reserved_cost(), nano_usd{35});
  const auto refused = held->raise(nano_usd{10}, time_.wall());
  ASSERT_TRUE(refused) << "the user's 40";
  EXPECT_EQ(refused->code, errc::budget_exceeded);
  EXPECT_EQ(refused->used, 35);
  EXPECT_EQ(held->reserved_cost(), nano_usd{35});
  EXPECT_EQ(code(admit(key, "chat", "v", 1, nano_usd{16})), errc::budget_exceeded) << "the key's 50";
  settle(*held, 1, 33);
  auto rest = admit(key, "chat", "v", 1, nano_usd{17});
  ASSERT_TRUE(rest) << "exactly what is left: nothing stayed reserved";
  rest->release();
  EXPECT_EQ(code(admit(key, "chat", "u", 1, nano_usd{8})), errc::budget_exceeded);
  auto last = admit(key, "chat", "u", 1, nano_usd{7});
  ASSERT_TRUE(last);
  last->release();
  EXPECT_FALSE(ticket{}.raise(nano_usd{5}, time_.wall())) << "holds nothing";
}

TEST_F(admission_test, enters_before_the_body_and_reserves_after_it) {
  d_.project("shop").limits = {{.requests_per_minute = 3, .tokens_per_minute = 100, .parallel = 2}, {.per = {scope::user}, .parallel = 1}};
  d_.projects[0].budgets = {{.period = window::day, .limit = nano_usd{50}}};
  const auto key = d_.key("web", "shop");
  build();
  const auto from = who(key);
  const auto asked = [&](std::int64_t estimate, std::int64_t cost) { return ask{from, in_->find_route("chat"), "u", {}, tokens{estimate}, nano_usd{cost}}; };
  auto first = gate_.enter(from, time_.mono());
  ASSERT_TRUE(first);
  EXPECT_EQ(first->rates(time_.mono()).tokens.remaining, 100) << "tokens are not known yet";
  auto second = gate_.enter(from, time_.mono());
  ASSERT_TRUE(second);
  EXPECT_EQ(code(gate_.enter(from, time_.mono())), errc::parallel_limited);
  EXPECT_EQ(gate_.reserve(*first, asked(80, 60), time_.mono(), time_.wall())->code, errc::budget_exceeded);
  EXPECT_EQ(first->rates(time_.mono()).tokens.remaining, 100) << "given back";
  ASSERT_FALSE(gate_.reserve(*first, asked(80, 40), time_.mono(), time_.wall()));
  EXPECT_EQ(first->reserved_cost(), nano_usd{40});
  EXPECT_EQ(gate_.reserve(*second, asked(30, 1), time_.mono(), time_.wall())->code, errc::tokens_limited);
  EXPECT_EQ(gate_.reserve(*second, asked(10, 1), time_.mono(), time_.wall())->code, errc::parallel_limited) << "the user's";
  second->release();
  settle(*first, 50, 40);
  auto third = gate_.enter(from, time_.mono());
  ASSERT_TRUE(third);
  EXPECT_EQ(third->rates(time_.mono()).tokens.remaining, 50);
  third->release();
  EXPECT_EQ(code(gate_.enter(from, time_.mono())), errc::requests_limited) << "one that was refused after entering has counted";
  EXPECT_EQ(gate_.open_tickets(), 0);
}

TEST(byte_pool, shares_end_where_they_end) {
  byte_pool pool;
  auto large = pool.take(500, 100);
  EXPECT_TRUE(large) << "alone";
  EXPECT_FALSE(pool.take(1, 100));
  EXPECT_TRUE(pool.take(0, 100));
  large.shrink(40);
  EXPECT_EQ(pool.used(), 40U);
  auto more = pool.take(60, 100);
  EXPECT_TRUE(more);
  EXPECT_FALSE(pool.take(1, 100));
  large = std::move(more);
  EXPECT_EQ(pool.used(), 60U);
  large.give_back();
  EXPECT_FALSE(large);
  EXPECT_EQ(pool.used(), 0U);
}

TEST_F(admission_test, takes_all_scopes_or_none) {
  d_.declared.limits = {{.parallel = 100}};
  d_.project("shop").limits = {{.requests_per_minute = 100, .tokens_per_minute = 1000}, {.per = {scope::user}, .parallel = 5}};
  const auto key = d_.key("web", "shop", {.limits = {{.tokens_per_minute = 500}}, .budgets = {{.period = window::day, .limit = nano_usd{1000}}, {.per = {scope::user}, .period = window::day, .limit = nano_usd{5}}}});
  build();
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(code(admit(key, "chat", "u", 10, nano_usd{6})), errc::budget_exceeded) << i;
  EXPECT_EQ(gate_.open_tickets(), 0);
  auto held = admit(key, "chat", "u", 500, nano_usd{5});
  ASSERT_TRUE(held) << "a thousand refusals took nothing";
  EXPECT_EQ(held->rates(time_.mono()).requests.remaining, 99);
  EXPECT_EQ(held->rates(time_.mono()).tokens.remaining, 0);
  EXPECT_EQ(held->rates(time_.mono()).parallel.remaining, 4);
  held->release();
}

TEST_F(admission_test, rules_split_by_every_scope) {
  d_.declared.routes[1].limits = {{.per = {scope::project}, .requests_per_minute = 4}};
  d_.project("shop").limits = {{.per = {scope::user, scope::route}, .requests_per_minute = 1}, {.only_route = route_name{"code"}, .requests_per_minute = 3}};
  d_.project("bank");
  const auto shop = d_.key("web", "shop");
  const auto bank = d_.key("app", "bank");
  build();
  auto pass = [&](const std::string& key, std::string_view route, std::string_view user) {
    auto r = admit(key, route, user);
    if (r) r->release();
    return r ? std::string("ok") : r.error().scope_name;
  };
  EXPECT_EQ(pass(shop, "chat", "ann"), "ok");
  EXPECT_EQ(pass(shop, "chat", "ann"), "project shop, model chat, user ann");
  EXPECT_EQ(pass(shop, "code", "ann"), "ok") << "another route";
  EXPECT_EQ(pass(shop, "chat", "bob"), "ok") << "another user";
  EXPECT_EQ(pass(shop, "chat", ""), "ok");
  EXPECT_EQ(pass(shop, "chat", ""), "project shop, model chat, user (none)") << "leaving out the user is no way round";
  EXPECT_EQ(pass(shop, "code", "bob"), "ok");
  EXPECT_EQ(pass(shop, "code", "eve"), "ok");
  EXPECT_EQ(pass(shop, "code", "joe"), "project shop, model code");
  for (int i = 0; i < 4; ++i) EXPECT_EQ(pass(bank, "code", "ann"), "ok") << i;
  EXPECT_EQ(pass(bank, "code", "ann"), "model code, project bank");
}

TEST_F(admission_test, a_changed_rule_keeps_its_count) {
  d_.project("shop").limits = {{.requests_per_minute = 4}};
  d_.projects[0].budgets = {{.period = window::month, .limit = nano_usd{100}}};
  const auto key = d_.key("web", "shop");
  build();
  for (int i = 0; i < 2; ++i) { auto t = admit(key); settle(*t, 1, 40); }
  d_.projects[0].limits[0].requests_per_minute = 6;
  d_.projects[0].budgets[0].limit = nano_usd{90};
  build();
  ASSERT_EQ(code(admit(key, "chat", {}, 1, nano_usd{11})), errc::budget_exceeded) << "80 are spent";
  for (int i = 0; i < 3; ++i) {
    auto more = admit(key, "chat", {}, 1, nano_usd{0});
    ASSERT_TRUE(more) << "half of the minute was used; the other half is 3 of 6";
    settle(*more, 1, 0);
  }
  EXPECT_EQ(code(admit(key, "chat", {}, 1, nano_usd{0})), errc::requests_limited);
}

TEST_F(admission_test, prices_unknown_and_free) {
  d_.project("shop").budgets = {{.period = window::day, .limit = nano_usd{100}}};
  auto& strict = d_.project("strict");
  strict.on_unknown_price = unknown_price::refuse;
  const auto key = d_.key("web", "shop");
  const auto other = d_.key("app", "strict");
  build();
  auto unknown = admit(key, "chat", {}, 1, std::nullopt);
  ASSERT_TRUE(unknown);
  unknown->settle(tokens{1}, std::nullopt, time_.mono());
  const auto refused = admit(other, "chat", {}, 1, std::nullopt);
  ASSERT_EQ(code(refused), errc::budget_exceeded);
  EXPECT_TRUE(refused.error().to_error().message.contains("price"));
  auto all = admit(key, "chat", {}, 1, nano_usd{100});
  ASSERT_TRUE(all);
  EXPECT_EQ(code(admit(key, "chat", {}, 1, std::nullopt)), errc::budget_exceeded) << "exhausted: what may cost anything is refused";
  auto nothing = admit(key, "chat", {}, 1, nano_usd{0});
  EXPECT_TRUE(nothing) << "a free call needs no budget";
  nothing->release();
  all->release();
}

TEST_F(admission_test, tags_have_accounts_of_their_own) {
  d_.project("shop").budgets = {{.per = {scope::tag}, .period = window::day, .limit = nano_usd{10}}, {.only_tag = "red", .period = window::week, .limit = nano_usd{15}}};
  const auto key = d_.key("web", "shop");
  build();
  auto spend = [&](std::vector<std::string> tags) {
    auto t = admit(key, "chat", {}, 1, nano_usd{5}, std::move(tags));
    if (t) settle(*t, 1, 5);
    return t ? std::string("ok") : t.error().scope_name;
  };
  EXPECT_EQ(spend({"red", "blue", "red"}), "ok") << "a tag named twice counts once";
  EXPECT_EQ(spend({"blue"}), "ok");
  EXPECT_EQ(spend({"blue"}), "project shop, tag blue");
  EXPECT_EQ(spend({"red", "blue"}), "project shop, tag blue");
  EXPECT_EQ(spend({"red"}), "ok") << "the refused call left red alone";
  EXPECT_EQ(spend({}), "ok");
  time_.advance(24h);
  EXPECT_EQ(spend({"red"}), "ok");
  EXPECT_EQ(spend({"red"}), "project shop, tag red");
}

TEST_F(admission_test, more_scopes_than_fit_inline) {
  auto& p = d_.project("shop");
  for (int i = 0; i < 20; ++i) p.budgets.push_back({.only_tag = "t" + std::to_string(i), .period = window::day, .limit = nano_usd{100}});
  const auto key = d_.key("web", "shop");
  build();
  std::vector<std::string> tags;
  for (int i = 0; i < 20; ++i) tags.push_back("t" + std::to_string(i));
  auto first = admit(key, "chat", {}, 1, nano_usd{60}, tags);
  ASSERT_TRUE(first);
  ticket moved = std::move(*first);
  EXPECT_FALSE(first->holds());
  EXPECT_EQ(code(admit(key, "chat", {}, 1, nano_usd{60}, {"t19"})), errc::budget_exceeded);
  settle(moved, 1, 1);
  for (const auto& r : read_budgets(*in_, time_.wall())) EXPECT_EQ(r.spent.value(), 1);
  auto again = admit(key, "chat", {}, 1, nano_usd{99}, tags);
  ASSERT_TRUE(again);
  again->release();
}

TEST_F(admission_test, an_unsettled_ticket_gives_back) {
  d_.project("shop").limits = {{.parallel = 1}};
  const auto key = d_.key("web", "shop");
  build();
  EXPECT_DEBUG_DEATH({ auto lost = admit(key); (void)lost; }, "before settle");
  EXPECT_EQ(gate_.open_tickets(), 0);
  auto next = admit(key);
  ASSERT_TRUE(next);
  EXPECT_EQ(code(admit(key)), errc::parallel_limited);
  next->release();
}

TEST_F(admission_test, a_ticket_outlives_its_key) {
  d_.project("shop").limits = {{.per = {scope::key}, .parallel = 1}};
  const auto key = d_.key("web", "shop");
  build();
  auto held = admit(key);
  ASSERT_TRUE(held);
  d_.without_key("web");
  build();
  d_.pool.sweep();
  settle(*held, 5, 5);
  EXPECT_EQ(gate_.open_tickets(), 0);
}

TEST_F(admission_test, reply_headers) {
  d_.project("shop").limits = {{.requests_per_minute = 600, .tokens_per_minute = 1000}};
  const auto key = d_.key("web", "shop", {.limits = {{.requests_per_minute = 10, .parallel = 3}, {.per = {scope::route}, .tokens_per_minute = 2000}}});
  build();
  auto held = admit(key, "chat", {}, 100);
  ASSERT_TRUE(held);
  std::map<std::string, std::string> headers;
  write_rate_headers(*held, time_.mono(), [&](std::string_view name, std::string_view value) { EXPECT_TRUE(headers.emplace(name, value).second) << name; });
  const std::map<std::string, std::string> expected{
      {"x-ratelimit-limit-requests", "10"}, {"x-ratelimit-remaining-requests", "9"}, {"x-ratelimit-reset-requests", "6s"},
      {"x-ratelimit-limit-tokens", "1000"}, {"x-ratelimit-remaining-tokens", "900"}, {"x-ratelimit-reset-tokens", "6s"},
      {"x-ratelimit-team-limit-requests", "600"}, {"x-ratelimit-team-remaining-requests", "599"}, {"x-ratelimit-team-limit-tokens", "1000"}, {"x-ratelimit-team-remaining-tokens", "900"},
      {"x-ratelimit-api_key-limit-requests", "10"}, {"x-ratelimit-api_key-remaining-requests", "9"},
      {"x-ratelimit-api_key-limit-max_parallel_requests", "3"}, {"x-ratelimit-api_key-remaining-max_parallel_requests", "2"},
      {"x-ratelimit-model_per_key-limit-tokens", "2000"}, {"x-ratelimit-model_per_key-remaining-tokens", "1900"}};
  EXPECT_EQ(headers, expected);
  held->release();
}

TEST(rate_duration, is_written_as_openai_writes_it) {
  const std::vector<std::pair<nanoseconds, std::string>> cases{{0ns, "0s"}, {-1s, "0s"}, {1ns, "1ms"}, {120ms, "120ms"}, {999ms + 1ns, "1s"}, {6s, "6s"},
                                                               {1500ms, "1.5s"}, {1050ms, "1.05s"}, {59999ms, "59.999s"}, {60s, "1m0s"}, {125s, "2m5s"}, {61500ms, "1m1.5s"}};
  for (const auto& [span, text] : cases) EXPECT_EQ(rate_duration(span), text);
}

TEST_F(admission_test, thousand_parallel_calls_on_one_key) {
  d_.project("shop").budgets = {{.per = {scope::user}, .period = window::day, .limit = nano_usd{250'000}}};
  const auto key = d_.key("web", "shop", {.limits = {{.parallel = 1000}}, .budgets = {{.period = window::day, .limit = nano_usd{300'000}}}});
  build();
  std::atomic<int> admitted{0};
  std::atomic<std::int64_t> spent{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 8; ++t)
      threads.emplace_back([&, t] {
        const auto from = directory::identify(in_, key, time_.wall()).value();
        std::vector<ticket> held;
        for (int i = 0; i < 125; ++i) {
          auto one = gate_.admit({from, in_->find_route("chat"), "ann", {}, tokens{1}, nano_usd{1000}}, time_.mono(), time_.wall());
          if (one) held.push_back(std::move(*one));
        }
        admitted += static_cast<int>(held.size());
        for (auto& one : held) {
          const std::int64_t cost = 1000 - t;
          spent += cost;
          one.settle(tokens{1}, nano_usd{cost}, time_.mono());
        }
      });
  }
  EXPECT_GE(admitted.load(), 250) << "the budget of the user; more as calls settle below their estimate";
  EXPECT_LE(spent.load(), 250'000) << "never over";
  EXPECT_EQ(gate_.open_tickets(), 0);
}

}  // namespace
}  // namespace andon::access
