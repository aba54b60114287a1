// Embeddings calls that go together, through a whole gateway.
#include <gmock/gmock.h>

#include "andon/gateway/gateway_fixture.hpp"

namespace andon::gateway::testing {
namespace {

using ::testing::HasSubstr;

const llm::price_override price{.provider = "sim", .model = "m", .input = "1", .output = "2"};

setup batching(std::string script, batch_policy policy = {.window = 40ms}) {
  return {.targets = {{.script = std::move(script)}}, .deadlines = {2s, 10s, 10s, 20s}, .prices = {price}, .attempts = 1,
          .amend = [policy](plan& p, route::health_table&) { p.routes[0]->batch = policy; }};
}

ask embed(const std::string& input, const std::string& more = "") { return {.path = "/v1/embeddings", .body = R"({"model":"r","input":)" + input + more + "}"}; }
std::vector<ask> three() { return {embed(R"("the first of them")"), embed(R"(["a second text","and a third, which is longer"])"), embed(R"("4")")}; }

/// From the body: the text between `from` and the next `to`.
std::string between(const std::string& text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  return at == std::string::npos ? "" : text.substr(at + from.size(), text.find(to, at + from.size()) - at - from.size());
}

double batches(running_gateway& g) { return g.metric("andon_batches_total{route=\"r\"}"); }
double split(running_gateway& g) { return g.metric("andon_batches_split_total{route=\"r\"}"); }

void expect_nothing_left(running_gateway& g) {
  EXPECT_TRUE(g.becomes([&] { return g.open_tickets() == 0; }));
  EXPECT_EQ(g.health(0).in_flight(), 0);
}

TEST(batch, calls_that_arrive_together_go_as_one_and_each_gets_its_own) {
  running_gateway alone(batching("", {})), g(batching(""));
  const auto own = alone.send_all(three()), got = g.send_all(three());
  EXPECT_EQ(alone.provider(0).requests, 3u);
  EXPECT_EQ(g.provider(0).requests, 1u);
  EXPECT_EQ(batches(g), 1);
  EXPECT_EQ(g.metric("andon_batched_calls_total{route=\"r\"}"), 3);
  const auto whole = alone.send(embed(R"(["the first of them","a second text","and a third, which is longer","4"])"));
  const auto all = alone.record_of(whole.request_id);
  std::int64_t tokens = 0, cost = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i].status, 200) << got[i].body;
    const auto data = between(got[i].body, "\"data\":", "}],");
    EXPECT_FALSE(data.empty());
    EXPECT_TRUE(data == between(own[i].body, "\"data\":", "}],")) << "vectors and indexes are those of its own inputs";
    EXPECT_THAT(got[i].body, HasSubstr("\"object\":\"list\""));
    EXPECT_EQ(got[i].served_by, "m0");
    const auto r = g.record_of(got[i].request_id);
    EXPECT_EQ(r.outcome, errc::none);
    EXPECT_EQ(r.reply_body, got[i].body);
    EXPECT_EQ(between(got[i].body, "\"prompt_tokens\":", ","), std::to_string(r.use.input.value()));
    EXPECT_GT(r.use.input.value(), 0);
    ASSERT_EQ(r.attempts.size(), 1u);
    EXPECT_THAT(r.attempts[0].error_message, HasSubstr("One call for 3"));
    EXPECT_GE(r.attempts[0].started, nanoseconds{});
    EXPECT_LE(r.attempts[0].started + r.attempts[0].total, r.duration);
    tokens += r.use.input.value();
    cost += r.cost.value();
  }
  EXPECT_EQ(tokens, all.use.input.value()) << "the parts add up to what the provider said";
  EXPECT_EQ(cost, all.cost.value());
  expect_nothing_left(g);
}

TEST(batch, a_call_alone_goes_as_it_is) {
  running_gateway g(batching(""));
  const auto got = g.send(embed(R"("alone")"));
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(g.record_of(got.request_id).attempts[0].error_message, "");
  EXPECT_EQ(batches(g), 0);
  expect_nothing_left(g);
}

TEST(batch, only_equal_calls_go_together) {
  running_gateway g(batching(""));
  auto keyed = embed(R"("f")");
  keyed.more = {{"idempotency-key", "k"}};
  auto hasty = embed(R"("g")");
  hasty.more = {{"x-andon-timeout", "0.1"}};
  std::vector<ask> all{embed(R"("a")"), embed(R"("b")", R"(,"dimensions":8)"), embed(R"("c")", R"(,"encoding_format":"base64")"), embed("[1,2]"), embed(R"("e")", R"(,"user":"u")"), keyed, hasty};
  for (const auto& got : g.send_all(all)) EXPECT_EQ(got.status, 200) << got.body;
  EXPECT_EQ(g.provider(0).requests, all.size());
  EXPECT_EQ(batches(g), 0);
  all = {embed(R"("a")", R"(,"user":"u","tags":["x"])"), embed(R"("b")", R"(,"tags":["y"],"user":"u")")};
  for (const auto& got : g.send_all(all)) EXPECT_EQ(got.status, 200) << got.body;
  EXPECT_EQ(batches(g), 1) << "tags decide nothing here";
  running_gateway by_caller(batching("", {.window = 40ms, .by_caller = true}));
  by_caller.send_all(all);
  EXPECT_EQ(batches(by_caller), 0);
}

TEST(batch, its_size_is_bounded) {
  running_gateway g(batching("", {.window = 200ms, .max_inputs = 4}));
  std::vector<ask> all;
  for (int i = 0; i < 10; ++i) all.push_back(embed("\"text " + std::to_string(i) + "\""));
  for (const auto& got : g.send_all(all)) EXPECT_EQ(got.status, 200);
  EXPECT_EQ(g.provider(0).requests, 3u) << "4, 4 and 2";
  running_gateway small(batching("", {.window = 40ms, .max_bytes = 100}));
  small.send_all({embed(R"("0123456789012345678901234567890123456789")"), embed(R"("0123456789012345678901234567890123456789")")});
  EXPECT_EQ(small.provider(0).requests, 2u);
}

TEST(batch, one_bad_input_fails_nobody_else) {
  running_gateway g(batching("rules: [ { match: { first: 2 }, status: 400, body: '{\"error\":{\"message\":\"bad input\",\"type\":\"invalid_request_error\"}}' } ]"));
  const auto got = g.send_all(three());
  int bad = 0;
  for (const auto& one : got) {
    const auto r = g.record_of(one.request_id);
    ASSERT_EQ(r.attempts.size(), 2u);
    EXPECT_EQ(r.attempts[0].outcome, errc::upstream_rejected);
    EXPECT_THAT(r.attempts[0].error_message, HasSubstr("One call for 3"));
    if (one.status == 200) continue;
    ++bad;
    EXPECT_EQ(one.status, 400);
    EXPECT_THAT(one.body, HasSubstr("bad input"));
  }
  EXPECT_EQ(bad, 1) << "of those who were then sent alone";
  EXPECT_EQ(g.provider(0).requests, 4u);
  EXPECT_EQ(split(g), 1);
  expect_nothing_left(g);
}

TEST(batch, a_reply_that_does_not_fit_is_not_shared_out) {
  running_gateway g(batching("rules: [ { match: { nth: 1 }, status: 200, headers: { content-type: application/json }, body: '{\"object\":\"list\",\"data\":[{\"index\":0,\"embedding\":[1]}],\"usage\":{\"prompt_tokens\":9,\"total_tokens\":9}}' } ]"));
  std::int64_t extra = 0;
  for (const auto& one : g.send_all(three())) {
    EXPECT_EQ(one.status, 200) << one.body;
    const auto r = g.record_of(one.request_id);
    extra += r.cost.value() - r.use.input.value() * 1'000;
  }
  EXPECT_EQ(g.provider(0).requests, 4u);
  EXPECT_EQ(split(g), 1);
  EXPECT_GT(extra, 0) << "the useless call is paid";
  expect_nothing_left(g);
}

TEST(batch, a_provider_that_fails_fails_for_all_without_more_calls) {
  running_gateway g(batching("rules: [ { error: server_error } ]"));
  for (const auto& one : g.send_all(three())) {
    EXPECT_EQ(one.status, 500) << one.body;
    EXPECT_EQ(g.record_of(one.request_id).outcome, errc::upstream_error);
  }
  EXPECT_EQ(g.provider(0).requests, 1u);
  expect_nothing_left(g);
}

TEST(batch, retries_and_failover_are_those_of_any_call_and_their_cost_is_shared) {
  auto with = batching("defaults: { delay: 9s }");
  with.targets.push_back({});
  with.deadlines.first_token = 150ms;
  running_gateway g(with);
  std::int64_t cost = 0, served = 0;
  for (const auto& one : g.send_all(three())) {
    EXPECT_EQ(one.status, 200) << one.body;
    EXPECT_EQ(one.served_by, "m1");
    const auto r = g.record_of(one.request_id);
    ASSERT_EQ(r.attempts.size(), 2u);
    EXPECT_EQ(r.attempts[0].outcome, errc::first_token_timeout);
    cost += r.cost.value();
    served += r.use.input.value() * 1'000;
    EXPECT_GT(r.cost.value(), r.use.input.value() * 1'000) << "each pays its part of the attempt that failed";
  }
  EXPECT_GT(cost, served);
  EXPECT_EQ(g.provider(0).requests, 1u);
  EXPECT_EQ(g.provider(1).requests, 1u);
  expect_nothing_left(g);
}

TEST(batch, each_waits_within_its_own_time) {
  running_gateway g(batching("defaults: { delay: 700ms }"));
  auto all = three();
  all[0].more = {{"x-andon-timeout", "0.3"}};
  const auto got = g.send_all(all);
  EXPECT_EQ(got[0].status, 408);
  EXPECT_EQ(g.record_of(got[0].request_id).outcome, errc::client_timeout);
  EXPECT_GT(g.record_of(got[0].request_id).cost, nano_usd{}) << "the provider had its input";
  EXPECT_EQ(got[1].status, 200);
  EXPECT_EQ(got[2].status, 200);
  EXPECT_EQ(g.provider(0).requests, 1u);
  EXPECT_EQ(g.provider(0).clients_left, 0u);
  expect_nothing_left(g);
}

TEST(batch, when_all_have_left_the_joined_call_is_cancelled) {
  running_gateway g(batching("defaults: { delay: 9s }"));
  auto all = three();
  for (auto& one : all) one.more = {{"x-andon-timeout", "0.3"}};
  for (const auto& one : g.send_all(all)) EXPECT_EQ(one.status, 408);
  EXPECT_TRUE(g.becomes([&] { return g.health(0).in_flight() == 0; })) << "long before the provider answers";
  EXPECT_EQ(g.provider(0).requests, 1u);
  expect_nothing_left(g);
}

TEST(batch, a_client_that_leaves_drops_its_own_place_only) {
  running_gateway g(batching("defaults: { delay: 300ms }", {.window = 150ms}));
  const int link = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(g.port());
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::connect(link, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  const auto leaving = embed(R"("who leaves")").body;
  const std::string call = "POST /v1/embeddings HTTP/1.1\r\nhost: x\r\nauthorization: Bearer " + g.key() + "\r\ncontent-length: " + std::to_string(leaving.size()) + "\r\n\r\n" + leaving;
  ASSERT_EQ(::send(link, call.data(), call.size(), MSG_NOSIGNAL), static_cast<ssize_t>(call.size()));
  auto others = std::async(std::launch::async, [&g] { return g.send_all(three()); });
  ASSERT_TRUE(g.becomes([&] { return g.provider(0).requests == 1; }));
  ::close(link);
  for (const auto& one : others.get()) EXPECT_EQ(one.status, 200) << one.body;
  EXPECT_EQ(g.provider(0).requests, 1u);
  expect_nothing_left(g);
}

TEST(batch, kept_replies_are_each_ones_own) {
  auto with = batching("");
  with.cache = {.keep = 10min};
  running_gateway g(with);
  const auto first = g.send_all(three()), again = g.send_all(three());
  for (std::size_t i = 0; i < first.size(); ++i) EXPECT_EQ(again[i].body, first[i].body);
  EXPECT_EQ(g.provider(0).requests, 1u);
  EXPECT_EQ(g.metric("andon_cache_hits_total{kind=\"exact\"}"), 3);
  expect_nothing_left(g);
}

}  // namespace
}  // namespace andon::gateway::testing
