// Streams of identical calls, given to several clients while they come.
#include <gmock/gmock.h>

#include "andon/gateway/gateway_fixture.hpp"

namespace andon::gateway::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const llm::price_override price{.provider = "sim", .model = "m", .input = "1", .output = "2"};
const ask stream{.body = R"({"model":"r","stream":true,"messages":[{"role":"user","content":"Say something nice"}]})"};

setup with_cache(std::string script) {
  return {.targets = {{.script = std::move(script)}}, .deadlines = {2s, 10s, 10s, 20s}, .prices = {price}, .attempts = 1, .cache = {.keep = 10min}};
}

std::future<answer> begin(running_gateway& g, ask what) {
  return std::async(std::launch::async, [&g, what = std::move(what)]() mutable { return g.send(std::move(what)); });
}

bool shared(const answer& from) {
  for (const auto& [name, value] : from.headers)
    if (net::header_equals(name, "x-andon-cache")) return value == "hit; shared";
  return false;
}

void expect_nothing_left(running_gateway& g) {
  EXPECT_TRUE(g.becomes([&] { return g.open_tickets() == 0; }));
  EXPECT_EQ(g.replies().calls.under_way(), 0u);
  EXPECT_EQ(g.replies().calls.waiting(), 0u);
  EXPECT_EQ(g.metric("andon_open_streams"), 0);
}

TEST(following, a_stream_goes_to_all_who_asked_while_it_comes) {
  running_gateway g(with_cache("defaults: { words: 40, first_token: 100ms, between: 15ms }"));
  auto leader = begin(g, stream);
  ASSERT_TRUE(g.becomes([&] { return g.replies().calls.under_way() == 1; }));
  std::vector<std::future<answer>> early;
  for (int i = 0; i < 3; ++i) early.push_back(begin(g, stream));
  ASSERT_TRUE(g.becomes([&] { return g.metric("andon_open_streams") == 4; })) << "all have begun";
  auto late = begin(g, stream);  // gets the beginning at once
  const auto made = leader.get();
  ASSERT_TRUE(made.body.ends_with("data: [DONE]\n\n"));
  EXPECT_FALSE(shared(made));
  const auto own = g.record_of(made.request_id);
  early.push_back(std::move(late));
  for (auto& one : early) {
    const auto got = one.get();
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(got.body, made.body);
    EXPECT_EQ(got.type, made.type);
    EXPECT_EQ(got.served_by, "m0");
    EXPECT_TRUE(shared(got));
    const auto r = g.record_of(got.request_id);
    EXPECT_LT(r.first_token, r.duration / 2) << "it did not wait for the end";
    EXPECT_EQ(r.cache, ledger::cache_use::shared);
    EXPECT_EQ(r.outcome, errc::none);
    EXPECT_EQ(r.delivered, ledger::delivery::complete);
    EXPECT_EQ(r.cost, nano_usd{});
    EXPECT_EQ(r.saved, own.cost);
    EXPECT_EQ(r.use, own.use);
    EXPECT_EQ(r.reply_body, own.reply_body);
    EXPECT_EQ(r.finish_reason, own.finish_reason);
    EXPECT_TRUE(r.attempts.empty());
  }
  EXPECT_EQ(g.provider(0).requests, 1u);
  EXPECT_EQ(g.metric("andon_cache_hits_total{kind=\"shared\"}"), 4);
  expect_nothing_left(g);
}

TEST(following, a_stream_that_breaks_breaks_for_all_and_never_looks_whole) {
  running_gateway g(with_cache("defaults: { words: 40, first_token: 200ms, between: 5ms }\nrules: [ { fault: cut, after: 20 } ]"));
  auto leader = begin(g, stream);
  ASSERT_TRUE(g.becomes([&] { return g.replies().calls.under_way() == 1; }));
  auto follower = begin(g, stream);
  const auto made = leader.get(), got = follower.get();
  for (const auto* one : {&made, &got}) {
    EXPECT_EQ(one->status, 200);
    EXPECT_THAT(one->body, HasSubstr("\"error\""));
    EXPECT_THAT(one->body, Not(HasSubstr("[DONE]")));
  }
  EXPECT_EQ(got.body, made.body) << "told once";
  const auto own = g.record_of(made.request_id), r = g.record_of(got.request_id);
  EXPECT_NE(r.outcome, errc::none);
  EXPECT_EQ(r.outcome, own.outcome);
  EXPECT_EQ(r.delivered, ledger::delivery::cut);
  EXPECT_EQ(r.reply_body, own.reply_body);
  EXPECT_EQ(r.cost, nano_usd{});
  EXPECT_EQ(r.saved, nano_usd{});
  EXPECT_THAT(r.error_message, HasSubstr("identical call"));
  EXPECT_EQ(g.provider(0).requests, 1u);
  expect_nothing_left(g);
}

TEST(following, a_leader_that_fails_before_its_stream_gives_way) {
  running_gateway g(with_cache("defaults: { words: 5 }\nrules: [ { match: { nth: 1 }, delay: 200ms, error: server_error } ]"));
  auto leader = begin(g, stream);
  ASSERT_TRUE(g.becomes([&] { return g.replies().calls.under_way() == 1; }));
  auto follower = begin(g, stream);
  EXPECT_EQ(leader.get().status, 500);
  const auto got = follower.get();
  EXPECT_EQ(got.status, 200);
  EXPECT_TRUE(got.body.ends_with("data: [DONE]\n\n"));
  EXPECT_EQ(g.provider(0).requests, 2u);
  expect_nothing_left(g);
}

TEST(following, a_follower_that_leaves_or_is_out_of_time_ends_alone) {
  running_gateway g(with_cache("defaults: { words: 60, first_token: 100ms, between: 15ms }"));
  auto leader = begin(g, stream);
  ASSERT_TRUE(g.becomes([&] { return g.replies().calls.under_way() == 1; }));
  auto leaving = stream, hasty = stream;
  leaving.leave_after = 400;
  hasty.more = {{"x-andon-timeout", "0.4"}};
  auto one = begin(g, leaving), other = begin(g, hasty);
  const auto left = one.get(), late = other.get(), made = leader.get();
  EXPECT_TRUE(made.body.ends_with("data: [DONE]\n\n"));
  EXPECT_EQ(late.status, 200);
  EXPECT_THAT(late.body, HasSubstr("\"error\""));
  EXPECT_THAT(late.body, Not(HasSubstr("[DONE]")));
  const auto r = g.record_of(late.request_id);
  EXPECT_EQ(r.outcome, errc::client_timeout);
  EXPECT_EQ(r.delivered, ledger::delivery::cut);
  EXPECT_EQ(r.model.str(), "m0");
  EXPECT_EQ(g.record_of(left.request_id).outcome, errc::client_gone);
  EXPECT_EQ(g.provider(0).requests, 1u);
  expect_nothing_left(g);
}

TEST(following, the_stream_goes_on_for_followers_when_its_own_client_leaves) {
  running_gateway g(with_cache("defaults: { words: 60, first_token: 100ms, between: 10ms }"));
  auto leaving = stream;
  leaving.leave_after = 200;
  auto leader = begin(g, leaving);
  ASSERT_TRUE(g.becomes([&] { return g.replies().calls.under_way() == 1; }));
  auto follower = begin(g, stream);
  ASSERT_TRUE(g.becomes([&] { return g.replies().calls.waiting() == 1; }));
  const auto left = leader.get();
  const auto joined = g.send(stream);  // after the leader's client has left
  const auto got = follower.get();
  EXPECT_TRUE(got.body.ends_with("data: [DONE]\n\n"));
  EXPECT_EQ(joined.body, got.body);
  EXPECT_EQ(g.record_of(left.request_id).outcome, errc::client_gone);
  EXPECT_EQ(g.provider(0).requests, 1u);
  expect_nothing_left(g);
}

TEST(following, what_is_not_kept_is_followed_all_the_same) {
  auto with = with_cache("defaults: { words: 30, first_token: 100ms, between: 5ms, finish_reason: length }");
  running_gateway g(with);
  auto leader = begin(g, stream);
  ASSERT_TRUE(g.becomes([&] { return g.replies().calls.under_way() == 1; }));
  auto follower = begin(g, stream);
  const auto made = leader.get(), got = follower.get();
  EXPECT_TRUE(shared(got));
  EXPECT_EQ(got.body, made.body);
  EXPECT_EQ(g.record_of(got.request_id).finish_reason, "length");
  EXPECT_EQ(g.metric("andon_cache_entries"), 0);
  EXPECT_EQ(g.provider(0).requests, 1u);
  expect_nothing_left(g);
}

}  // namespace
}  // namespace andon::gateway::testing
