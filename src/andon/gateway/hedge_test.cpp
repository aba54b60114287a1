// Two targets at the same time, through a whole gateway.
#include <gmock/gmock.h>

#include "andon/gateway/gateway_fixture.hpp"

namespace andon::gateway::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const llm::price_override price{.provider = "sim", .model = "m", .input = "1", .output = "2"};
constexpr const char* stream_chat = R"({"model":"r","stream":true,"messages":[{"role":"user","content":"Say something nice"}]})";
constexpr const char* embedding = R"({"model":"r","input":"Say something nice"})";

setup two(std::string first, std::string second, route::hedge_settings hedge = {.after = 20ms, .budget_ratio = 1}) {
  return {.targets = {{.script = std::move(first)}, {.script = std::move(second)}},
          .deadlines = {2s, 10s, 10s, 20s},
          .prices = {price},
          .attempts = 1,
          .adjust = [hedge](route::route_settings& r) { r.hedge = hedge; }};
}

double ended(running_gateway& g, const std::string& how) { return g.metric("andon_hedges_ended_total{route=\"r\",outcome=\"" + how + "\"}"); }
double denied(running_gateway& g, const std::string& why) { return g.metric("andon_hedges_denied_total{route=\"r\",reason=\"" + why + "\"}"); }

void expect_nothing_left(running_gateway& g) {
  EXPECT_EQ(g.health(0).in_flight(), 0);
  EXPECT_EQ(g.health(1).in_flight(), 0);
  EXPECT_EQ(g.open_tickets(), 0);
}

TEST(hedge, the_second_target_serves_when_the_first_is_silent) {
  struct row {
    const char* path;
    const char* body;
    const char* slow;
    bool stream;
  };
  for (const auto& [path, body, slow, stream] :
       {row{"/v1/chat/completions", stream_chat, "defaults: { first_token: 9s }", true},
        row{"/v1/chat/completions", R"({"model":"r","messages":[{"role":"user","content":"Say something nice"}]})", "defaults: { delay: 9s }", false},
        row{"/v1/embeddings", embedding, "defaults: { delay: 9s }", false}}) {
    running_gateway g(two(slow, ""));
    const auto got = g.send({.path = path, .body = body});
    ASSERT_EQ(got.status, 200) << got.body;
    EXPECT_EQ(got.served_by, "m1");
    if (stream) EXPECT_THAT(got.body, HasSubstr("[DONE]"));
    const auto r = g.record_of(got.request_id);
    EXPECT_EQ(r.model.str(), "m1");
    EXPECT_EQ(r.outcome, errc::none);
    EXPECT_LT(r.duration, 8s);
    EXPECT_LE(r.upstream, r.duration);
    ASSERT_EQ(r.attempts.size(), 2U);
    EXPECT_EQ(r.attempts[0].outcome, errc::cancelled);
    EXPECT_THAT(r.attempts[0].error_message, HasSubstr("attempt 2, which was asked beside it"));
    EXPECT_GT(r.attempts[0].total, 19ms);
    EXPECT_EQ(r.attempts[1].outcome, errc::none);
    EXPECT_THAT(r.attempts[1].error_message, HasSubstr("Asked beside attempt 1, which was silent for 20 ms"));
    EXPECT_GE(r.attempts[1].started, 19ms);
    const auto served = r.use.input.value() * 1'000 + r.use.output.value() * 2'000;  // nano-dollars
    EXPECT_GT(r.cost.value(), served) << "the other one's input is paid as well";
    EXPECT_LE(r.cost.value(), served + 40 * 1'000);
    EXPECT_EQ(g.health(0).error_rate(g.now()), 0.0);
    EXPECT_GT(g.health(0).latency_nanos(stream, g.now()), 19e6);
    EXPECT_EQ(g.metric("andon_hedges_started_total{route=\"r\"}"), 1);
    EXPECT_EQ(ended(g, "won"), 1);
    expect_nothing_left(g);
  }
}

TEST(hedge, the_first_serves_when_it_answers_before_the_second) {
  for (const bool stream : {true, false}) {
    running_gateway g(two(stream ? "defaults: { first_token: 200ms }" : "defaults: { delay: 200ms }", "defaults: { delay: 9s }"));
    const auto got = stream ? g.send({.body = stream_chat}) : g.chat();
    ASSERT_EQ(got.status, 200) << got.body;
    EXPECT_EQ(got.served_by, "m0");
    const auto r = g.record_of(got.request_id);
    EXPECT_LT(r.duration, 8s);
    EXPECT_EQ(r.outcome, errc::none);
    EXPECT_EQ(r.first_token > nanoseconds{}, stream);
    ASSERT_EQ(r.attempts.size(), 2U);
    EXPECT_EQ(r.attempts[0].outcome, errc::none);
    EXPECT_EQ(r.attempts[1].outcome, errc::cancelled);
    EXPECT_THAT(r.attempts[1].error_message, HasSubstr("that one answered first"));
    EXPECT_EQ(ended(g, "lost"), 1);
    EXPECT_EQ(g.health(1).error_rate(g.now()), 0.0);
    expect_nothing_left(g);
  }
}

TEST(hedge, either_may_fail_while_the_other_still_runs) {
  for (const bool first_fails : {true, false}) {
    const std::string failing = "defaults: { delay: " + std::string(first_fails ? "150ms" : "1ms") + " }\nrules: [ { error: server_error } ]";
    const std::string slow = "defaults: { delay: 400ms }";
    running_gateway g(two(first_fails ? failing : slow, first_fails ? slow : failing));
    const auto got = g.chat();
    ASSERT_EQ(got.status, 200) << got.body;
    EXPECT_EQ(got.served_by, first_fails ? "m1" : "m0");
    const auto r = g.record_of(got.request_id);
    ASSERT_EQ(r.attempts.size(), 2U);
    const std::size_t bad = first_fails ? 0 : 1;
    EXPECT_EQ(r.attempts[bad].outcome, errc::upstream_error);
    EXPECT_EQ(r.attempts[bad].http_status, 500);
    EXPECT_EQ(r.attempts[1 - bad].outcome, errc::none);
    EXPECT_EQ(g.health(bad).error_rate(g.now()), 1.0);
    EXPECT_EQ(g.health(1 - bad).error_rate(g.now()), 0.0);
    EXPECT_EQ(ended(g, first_fails ? "won" : "failed"), 1);
    expect_nothing_left(g);
  }
}

TEST(hedge, when_both_fail_the_client_is_told_of_the_last) {
  running_gateway g(two("defaults: { delay: 150ms }\nrules: [ { error: server_error } ]", "defaults: { delay: 400ms }\nrules: [ { error: overloaded } ]"));
  const auto got = g.chat();
  EXPECT_GE(got.status, 500);
  const auto r = g.record_of(got.request_id);
  ASSERT_EQ(r.attempts.size(), 2U);
  EXPECT_EQ(r.attempts[0].outcome, errc::upstream_error);
  EXPECT_EQ(r.attempts[1].outcome, errc::upstream_error);
  EXPECT_EQ(ended(g, "failed"), 1);
  expect_nothing_left(g);
}

TEST(hedge, a_mistake_of_the_callers_is_not_waited_upon) {
  running_gateway g(
      two("defaults: { delay: 150ms }\nrules: [ { status: 422, "
          "body: '{\"error\":{\"message\":\"no\"}}' } ]",
          "defaults: { delay: 9s }"));
  const auto got = g.chat();
  EXPECT_EQ(got.status, 422);
  const auto r = g.record_of(got.request_id);
  EXPECT_LT(r.duration, 8s);
  ASSERT_EQ(r.attempts.size(), 2U);
  EXPECT_EQ(r.attempts[1].outcome, errc::cancelled);
  EXPECT_EQ(ended(g, "dropped"), 1);
  expect_nothing_left(g);
}

TEST(hedge, none_is_asked_where_it_may_not) {
  const auto served_alone = [](running_gateway& g, const std::string& reason) {
    const auto got = g.chat();
    EXPECT_EQ(got.status, 200) << got.body;
    EXPECT_EQ(g.record_of(got.request_id).attempts.size(), 1U) << reason;
    if (!reason.empty()) EXPECT_EQ(denied(g, reason), 1) << reason;
    EXPECT_EQ(g.metric("andon_hedges_started_total{route=\"r\"}"), 0);
    expect_nothing_left(g);
  };
  constexpr const char* slow = "defaults: { delay: 150ms }";
  running_gateway poor(two(slow, "", {.after = 20ms, .budget_ratio = 0.05}));
  served_alone(poor, "budget");
  running_gateway off(two(slow, "", {}));
  served_alone(off, "");
  running_gateway quick(two("", "", {.after = 5s, .budget_ratio = 1}));
  served_alone(quick, "");
  running_gateway out(two(slow, ""));
  out.health(1).cool(out.now() + 60s);
  served_alone(out, "target");
  auto bounded = two(slow, "");
  const auto hedged = bounded.adjust;
  bounded.adjust = [hedged](route::route_settings& r) {
    hedged(r);
    r.targets[1].max_parallel = 1;
  };
  running_gateway busy(bounded);
  const auto place = busy.health(1).enter().value();
  const auto got = busy.chat();
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(denied(busy, "busy"), 1);
  busy.health(1).leave(place);
}

TEST(hedge, a_budget_that_cannot_cover_the_second_call_denies_it) {
  const auto with_limit = [](std::int64_t limit) {
    auto with = two("defaults: { delay: 150ms, words: 5 }", "");
    with.budgets = {{.per = {}, .only_route = {}, .only_tag = {}, .period = access::window::month, .limit = nano_usd{limit}}};
    return with;
  };
  const std::string bounded = R"(,"max_tokens":100)";
  running_gateway rich(with_limit(1'000'000'000));
  EXPECT_EQ(rich.chat("r", bounded).status, 200);
  EXPECT_EQ(ended(rich, "won"), 1);
  std::int64_t least = 200'000;  // 100 tokens of output; the input's tokens are the rest
  for (; least < 400'000; least += 4'000)
    if (running_gateway g(with_limit(least)); g.chat("r", bounded).status == 200) break;
  ASSERT_LT(least, 400'000);
  running_gateway tight(with_limit(least));  // the reservation fits, one more input does not
  const auto got = tight.chat("r", bounded);
  EXPECT_EQ(got.status, 200) << got.body;
  EXPECT_EQ(denied(tight, "spend"), 1);
  EXPECT_EQ(tight.record_of(got.request_id).attempts.size(), 1U);
  expect_nothing_left(tight);
}

TEST(hedge, never_after_the_client_has_got_a_byte) {
  running_gateway g(two("defaults: { between: 60ms, words: 8 }", "", {.after = 200ms, .budget_ratio = 1}));
  const auto got = g.send({.body = stream_chat});
  EXPECT_EQ(got.served_by, "m0");
  EXPECT_EQ(g.record_of(got.request_id).attempts.size(), 1U);
  EXPECT_EQ(g.metric("andon_hedges_started_total{route=\"r\"}"), 0);
}

TEST(hedge, a_client_that_leaves_cancels_both) {
  running_gateway g(two("defaults: { delay: 9s }", "defaults: { delay: 9s }"));
  const int link = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(g.port());
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::connect(link, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  const std::string body = R"({"model":"r","messages":[{"role":"user","content":"hi"}]})";
  const std::string call =
      "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: "
      "Bearer " +
      g.key() + "\r\ncontent-length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  ASSERT_EQ(::send(link, call.data(), call.size(), MSG_NOSIGNAL), static_cast<ssize_t>(call.size()));
  ASSERT_TRUE(g.becomes([&] { return g.health(1).in_flight() == 1 && g.provider(1).requests == 1; }));
  ::close(link);
  ASSERT_TRUE(g.becomes([&] { return g.open_tickets() == 0; }));
  EXPECT_EQ(ended(g, "dropped"), 1);
  expect_nothing_left(g);
  ledger::search_request q{.where = ledger::parse_filter("outcome:client_gone", {}).value()};
  ASSERT_TRUE(g.becomes([&] {
    const auto page = g.records().index().search(q);
    return page && page->rows.size() == 1;
  }));
  const auto r = g.records().source().read(g.records().index().search(q)->rows[0].at).value();
  ASSERT_EQ(r.attempts.size(), 2U);
  EXPECT_EQ(r.attempts[0].outcome, errc::client_gone);
  EXPECT_EQ(r.attempts[1].outcome, errc::cancelled);
  EXPECT_EQ(r.cost.value() % 2, 0) << "the input of both";
  EXPECT_GT(r.cost, nano_usd{});
}

TEST(hedge, what_lost_may_be_asked_again_in_later_calls) {
  running_gateway g(two("defaults: { delay: 1s }", "defaults: { delay: 1ms }"));
  for (int i = 0; i < 20; ++i) EXPECT_EQ((i % 2 == 0 ? g.chat() : g.send({.body = stream_chat})).status, 200);
  EXPECT_EQ(ended(g, "won"), 20);
  expect_nothing_left(g);
}

}  // namespace
}  // namespace andon::gateway::testing
