#include <gmock/gmock.h>

#include "andon/gateway/gateway_fixture.hpp"

namespace andon::gateway::testing {
namespace {

using ::testing::HasSubstr;

const llm::price_override price{.provider = "sim", .model = "m", .input = "1", .output = "2"};
const cache::route_policy ten_minutes{.keep = 10min};
constexpr const char* stream_chat = R"({"model":"r","stream":true,"messages":[{"role":"user","content":"Say something nice"}]})";

setup with_cache(std::string script = {}, cache::route_policy policy = ten_minutes) {
  return {.targets = {{.script = std::move(script)}}, .prices = {price}, .attempts = 1, .cache = std::move(policy)};
}

std::string cache_of(const answer& from) { return header_of(from, "x-andon-cache"); }

/// Sends on a thread of its own, so that several are under way.
std::future<answer> begin(running_gateway& g, ask what) {
  return std::async(std::launch::async, [&g, what = std::move(what)]() mutable { return g.send(std::move(what)); });
}
ask say(std::string text, std::string more = {}) { return {.body = R"({"model":"r","messages":[{"role":"user","content":")" + std::move(text) + "\"}]" + std::move(more) + "}"}; }

void until_waiting(running_gateway& g, std::size_t count) {
  const auto limit = std::chrono::steady_clock::now() + 10s;
  while (g.replies().calls.waiting() != count && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
  ASSERT_EQ(g.replies().calls.waiting(), count);
}

void expect_nothing_left(running_gateway& g) {
  EXPECT_EQ(g.open_tickets(), 0);
  EXPECT_EQ(g.replies().calls.under_way(), 0u);
  EXPECT_EQ(g.replies().calls.waiting(), 0u);
}

TEST(recall, the_same_request_gets_the_same_reply_without_a_call) {
  running_gateway g(with_cache());
  const auto first = g.chat();
  EXPECT_EQ(cache_of(first), "miss");
  EXPECT_EQ(header_of(first, "age"), "");
  const auto second = g.send({.body = R"({ "messages":[{"content":"Say something nice","role":"user"}], "user":"someone", "model":"r" })"});
  EXPECT_EQ(second.status, 200);
  EXPECT_EQ(cache_of(second), "hit");
  EXPECT_EQ(header_of(second, "age"), "0");
  EXPECT_EQ(second.body, first.body);
  EXPECT_EQ(second.type, first.type);
  EXPECT_EQ(second.served_by, "m0");
  EXPECT_NE(second.request_id, first.request_id);
  EXPECT_EQ(g.provider(0).requests, 1u);
  const auto made = g.record_of(first.request_id), kept = g.record_of(second.request_id);
  EXPECT_EQ(made.cache, ledger::cache_use::miss);
  EXPECT_GT(made.cost, nano_usd{});
  EXPECT_EQ(kept.cache, ledger::cache_use::hit);
  EXPECT_EQ(kept.cost, nano_usd{});
  EXPECT_EQ(kept.price, ledger::price_state::known);
  EXPECT_EQ(kept.saved, made.cost);
  EXPECT_EQ(kept.use, made.use);
  EXPECT_EQ(kept.reply_body, made.reply_body);
  EXPECT_EQ(kept.finish_reason, "stop");
  EXPECT_EQ(kept.model.str(), "m0");
  EXPECT_EQ(kept.user, "someone");
  EXPECT_EQ(kept.delivered, ledger::delivery::complete);
  EXPECT_TRUE(kept.attempts.empty());
  ledger::search_request q{.where = ledger::parse_filter("cache:hit", {}).value()};
  const auto page = g.records().index().search(q);
  ASSERT_TRUE(page);
  ASSERT_EQ(page->rows.size(), 1u);
  EXPECT_EQ(page->rows[0].id, kept.id);
  EXPECT_EQ(g.metric("andon_cache_hits_total{kind=\"exact\"}"), 1);
  EXPECT_EQ(g.metric("andon_cache_misses_total"), 1);
  EXPECT_EQ(g.metric("andon_cache_saved_nano_usd_total"), static_cast<double>(made.cost.value()));
  EXPECT_EQ(g.metric("andon_cache_entries"), 1);
  EXPECT_GT(g.metric("andon_cache_size_bytes"), static_cast<double>(first.body.size()));
  expect_nothing_left(g);
}

TEST(recall, a_stream_is_replayed_as_the_recorded_one) {
  running_gateway g(with_cache("defaults: { words: 60 }"));
  const auto first = g.send({.body = stream_chat});
  ASSERT_TRUE(first.body.ends_with("data: [DONE]\n\n"));
  const auto second = g.send({.body = stream_chat});
  EXPECT_EQ(cache_of(second), "hit");
  EXPECT_EQ(second.body, first.body);
  EXPECT_EQ(second.type, first.type);
  const auto whole = g.chat();  // not a stream: another answer
  EXPECT_EQ(cache_of(whole), "miss");
  EXPECT_EQ(g.provider(0).requests, 2u);
  const auto made = g.record_of(first.request_id), kept = g.record_of(second.request_id);
  EXPECT_TRUE(kept.stream);
  EXPECT_EQ(kept.reply_body, made.reply_body);
  EXPECT_EQ(kept.stream_events, made.stream_events);
  EXPECT_EQ(kept.content_type, made.content_type);
  expect_nothing_left(g);
}

TEST(recall, the_caller_decides) {
  running_gateway g(with_cache());
  const auto call = [&](std::string_view name, std::string_view value) {
    auto what = say("x");
    what.more = {{name, value}};
    return cache_of(g.send(what));
  };
  EXPECT_EQ(call("x-andon-cache", "off"), "off");
  EXPECT_EQ(call("cache-control", "no-store"), "off");
  EXPECT_EQ(call("x-andon-cache", "5m"), "miss");  // nothing was kept
  EXPECT_EQ(call("x-andon-cache", "5m"), "hit");
  EXPECT_EQ(call("cache-control", "max-age=60"), "hit");
  EXPECT_EQ(call("cache-control", "max-age=0"), "miss");
  EXPECT_EQ(call("cache-control", "no-cache"), "refresh");
  EXPECT_EQ(call("x-andon-cache", "refresh"), "refresh");
  EXPECT_EQ(call("accept", "*/*"), "hit");
  EXPECT_EQ(call("x-andon-cache", "of"), "off");
  EXPECT_EQ(call("openai-beta", "new"), "miss");  // it reaches the provider
  EXPECT_EQ(cache_of(g.send({.body = R"({"model":"r","messages":[],"seed":1,"\u0073eed":2})"})), "");  // refused before
  EXPECT_EQ(cache_of(g.send(say("x", R"(,"a":1,"a":2)"))), "off");
  expect_nothing_left(g);
}

TEST(recall, a_route_without_a_cache_says_nothing) {
  running_gateway g(with_cache({}, {}));
  EXPECT_EQ(cache_of(g.chat()), "");
  const auto again = g.chat();
  EXPECT_EQ(cache_of(again), "");
  EXPECT_EQ(g.provider(0).requests, 2u);
  EXPECT_EQ(g.record_of(again.request_id).cache, ledger::cache_use::none);
}

TEST(recall, limits_count_and_budgets_do_not) {
  auto with = with_cache();
  with.limits = {{.requests_per_minute = 3}};
  running_gateway g(with);
  EXPECT_EQ(cache_of(g.chat()), "miss");
  EXPECT_EQ(cache_of(g.chat()), "hit");
  EXPECT_EQ(cache_of(g.chat()), "hit");
  EXPECT_EQ(g.chat().status, 429);
  expect_nothing_left(g);
}

TEST(recall, only_whole_good_replies_are_kept) {
  for (const std::string script : {"rules: [ { error: server_error } ]", "rules: [ { finish_reason: content_filter } ]", "rules: [ { finish_reason: length } ]",
                                   "rules: [ { fault: invalid_json } ]", "rules: [ { fault: error_in_200 } ]", "rules: [ { status: 400 } ]"}) {
    running_gateway g(with_cache(script));
    g.chat();
    EXPECT_NE(cache_of(g.chat()), "hit") << script;
    EXPECT_EQ(g.replies().kept.counts().stored, 0u) << script;
    expect_nothing_left(g);
  }
  for (const std::string fault : {"cut, after: 3", "no_done", "error_in_stream, after: 3"}) {
    running_gateway g(with_cache("rules: [ { fault: " + fault + " } ]"));
    g.send({.body = stream_chat});
    EXPECT_NE(cache_of(g.send({.body = stream_chat})), "hit") << fault;
    EXPECT_EQ(g.replies().kept.counts().stored, 0u) << fault;
    expect_nothing_left(g);
  }
}

TEST(recall, what_is_not_priced_is_not_kept) {
  auto with = with_cache();
  with.prices.clear();
  running_gateway g(with);
  g.chat();
  EXPECT_EQ(cache_of(g.chat()), "miss");
  EXPECT_EQ(g.metric("andon_cache_not_kept_total{reason=\"unpriced\"}"), 2);
}

TEST(recall, large_replies_pass_and_are_not_kept) {
  running_gateway g(with_cache("defaults: { words: 400 }"));
  g.replies().kept.set_limits({.memory = 1u << 20, .max_entry = 1'500});
  EXPECT_EQ(g.chat().status, 200);
  EXPECT_EQ(cache_of(g.chat()), "miss");
  g.send({.body = stream_chat});
  const auto got = g.send({.body = stream_chat});
  EXPECT_EQ(cache_of(got), "miss");
  EXPECT_TRUE(got.body.ends_with("data: [DONE]\n\n"));
  expect_nothing_left(g);
}

TEST(recall, callers_that_decide_on_the_target_have_their_own_replies) {
  auto policy = ten_minutes;
  policy.by_caller = true;
  running_gateway g(with_cache({}, policy));
  EXPECT_EQ(cache_of(g.chat("r", R"(,"user":"a")")), "miss");
  EXPECT_EQ(cache_of(g.chat("r", R"(,"user":"b")")), "miss");
  EXPECT_EQ(cache_of(g.chat("r", R"(,"user":"a")")), "hit");
  EXPECT_EQ(cache_of(g.chat("r", R"(,"user":"a","metadata":{"team":"x"})")), "miss");
  EXPECT_EQ(cache_of(g.chat("r", R"(,"user":"a","tags":["x"])")), "miss");
}

TEST(coalescing, identical_calls_are_made_once) {
  for (const std::string more : {"", R"(,"stream":true)"}) {
    running_gateway g(with_cache("defaults: { delay: 400ms }"));
    std::vector<std::future<answer>> all;
    for (int i = 0; i < 6; ++i) all.push_back(begin(g, say("x", more)));
    until_waiting(g, 5);
    std::string body;
    int shared = 0;
    for (auto& one : all) {
      const auto got = one.get();
      EXPECT_EQ(got.status, 200);
      if (body.empty()) body = got.body;
      EXPECT_EQ(got.body, body);
      shared += cache_of(got) == "hit; shared" ? 1 : 0;
      if (cache_of(got) == "hit; shared") {
        const auto r = g.record_of(got.request_id);
        EXPECT_EQ(r.cache, ledger::cache_use::shared);
        EXPECT_EQ(r.cost, nano_usd{});
        EXPECT_EQ(r.outcome, errc::none);
      }
    }
    EXPECT_EQ(shared, 5);
    EXPECT_EQ(g.provider(0).requests, 1u);
    EXPECT_EQ(g.metric("andon_cache_hits_total{kind=\"shared\"}"), 5);
    expect_nothing_left(g);
  }
}

TEST(coalescing, a_failed_leader_is_followed_by_one) {
  running_gateway g(with_cache("rules: [ { match: { nth: 1 }, delay: 400ms, error: server_error } ]\ndefaults: { delay: 100ms }"));
  std::vector<std::future<answer>> all;
  for (int i = 0; i < 5; ++i) all.push_back(begin(g, say("x")));
  until_waiting(g, 4);
  int failed = 0;
  for (auto& one : all) failed += one.get().status == 200 ? 0 : 1;
  EXPECT_EQ(failed, 1);
  EXPECT_EQ(g.provider(0).requests, 2u);
  expect_nothing_left(g);
}

TEST(coalescing, calls_whose_reply_is_for_one_alone_are_made_at_once) {
  auto with = with_cache("defaults: { delay: 400ms }");
  with.prices.clear();  // what has no price is not shared
  running_gateway g(with);
  std::vector<std::future<answer>> all;
  const auto began = g.now();
  for (int i = 0; i < 6; ++i) all.push_back(begin(g, say("x")));
  until_waiting(g, 5);
  for (auto& one : all) EXPECT_EQ(one.get().status, 200);
  EXPECT_EQ(g.provider(0).requests, 6U);
  EXPECT_LT(g.now() - began, 1600ms) << "one after the other takes 2.4 s";
  expect_nothing_left(g);
}

TEST(coalescing, a_call_that_fails_for_all_ends_for_all) {
  running_gateway g(with_cache("defaults: { delay: 300ms }\nrules: [ { fault: blackhole } ]"));
  std::vector<std::future<answer>> all;
  auto what = say("x");
  what.more = {{"x-andon-timeout", "0.5"}};
  for (int i = 0; i < 4; ++i) all.push_back(begin(g, what));
  until_waiting(g, 3);
  for (auto& one : all) EXPECT_EQ(one.get().status, 408);
  expect_nothing_left(g);
}

TEST(coalescing, each_waits_within_its_own_deadline) {
  running_gateway g(with_cache("defaults: { delay: 600ms }"));
  auto leader = begin(g, say("x"));
  const auto limit = std::chrono::steady_clock::now() + 10s;
  while (g.replies().calls.under_way() == 0 && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
  auto what = say("x");
  what.more = {{"x-andon-timeout", "0.05"}};
  const auto hasty = g.send(what);
  EXPECT_EQ(hasty.status, 408);
  EXPECT_THAT(hasty.body, HasSubstr("that it asked for"));
  EXPECT_EQ(leader.get().status, 200);
  EXPECT_EQ(g.provider(0).requests, 1u);
  expect_nothing_left(g);
}

TEST(coalescing, the_call_goes_on_for_those_who_wait) {
  running_gateway g(with_cache("defaults: { words: 60, first_token: 200ms, between: 10ms }"));
  auto first = say("x", R"(,"stream":true)");
  first.leave_after = 200;
  auto leader = begin(g, first);
  const auto limit = std::chrono::steady_clock::now() + 10s;
  while (g.replies().calls.under_way() == 0 && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
  auto waiter = begin(g, say("x", R"(,"stream":true)"));
  until_waiting(g, 1);
  const auto left = leader.get();
  const auto got = waiter.get();
  EXPECT_EQ(got.status, 200);
  EXPECT_TRUE(got.body.ends_with("data: [DONE]\n\n")) << got.body;
  EXPECT_TRUE(got.body.starts_with(left.body.substr(0, 150)));
  EXPECT_EQ(cache_of(got), "hit; shared");
  EXPECT_EQ(g.provider(0).requests, 1u);
  EXPECT_EQ(g.provider(0).clients_left, 0u);
  const auto r = g.record_of(left.request_id);
  EXPECT_EQ(r.outcome, errc::client_gone);
  EXPECT_EQ(r.delivered, ledger::delivery::cut);
  EXPECT_GT(r.cost, nano_usd{});
  expect_nothing_left(g);
}

TEST(coalescing, a_call_that_nobody_wants_any_more_is_cancelled) {
  running_gateway g(with_cache("defaults: { words: 2000, first_token: 100ms, between: 10ms }"));
  auto leaving = say("x", R"(,"stream":true)");
  leaving.leave_after = 200;
  auto leader = begin(g, leaving);
  const auto limit = std::chrono::steady_clock::now() + 10s;
  while (g.replies().calls.under_way() == 0 && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
  auto hasty = say("x", R"(,"stream":true)");
  hasty.more = {{"x-andon-timeout", "1"}};
  auto waiter = begin(g, hasty);
  until_waiting(g, 1);
  const auto left = leader.get();
  const auto late = waiter.get();
  EXPECT_THAT(late.body, HasSubstr("that it asked for")) << "it had the beginning of the stream, and then no more time";
  EXPECT_EQ(late.body.find("[DONE]"), std::string::npos);
  EXPECT_EQ(g.record_of(left.request_id).outcome, errc::client_gone);
  EXPECT_EQ(g.provider(0).requests, 1u);
  expect_nothing_left(g);
}

setup with_similar(std::string script = {}) {
  auto with = with_cache({}, {.keep = 10min, .threshold = 0.95f, .embedding_limit = 1s});
  with.embedder = target{.script = std::move(script)};
  return with;
}

TEST(semantic, a_similar_question_gets_the_kept_reply) {
  running_gateway g(with_similar());
  const auto first = g.send(say("How do I reset my password?"));
  EXPECT_EQ(cache_of(first), "miss");
  const auto second = g.send(say("how do i reset my PASSWORD"));
  EXPECT_EQ(cache_of(second), "hit; semantic");
  EXPECT_EQ(second.body, first.body);
  const auto r = g.record_of(second.request_id);
  EXPECT_EQ(r.cache, ledger::cache_use::semantic);
  EXPECT_GT(r.saved, nano_usd{});
  EXPECT_LT(r.saved, g.record_of(first.request_id).cost);  // that one needed an embedding as well
  EXPECT_GT(r.cost, nano_usd{});  // the embedding's
  EXPECT_EQ(cache_of(g.send(say("How do I reset my password?"))), "hit");  // the same words need no embedding
  EXPECT_EQ(cache_of(g.send(say("What is the weather in Paris?"))), "miss");
  EXPECT_EQ(g.provider(0).requests, 2u);
  EXPECT_EQ(g.metric("andon_cache_embeddings_total"), 3);
  EXPECT_EQ(g.metric("andon_cache_questions"), 2);
  expect_nothing_left(g);
}

TEST(semantic, never_across_anything_else_that_differs) {
  running_gateway g(with_similar());
  const auto ask_with = [&](const std::string& messages, const std::string& more) {
    return cache_of(g.send({.body = R"({"model":"r","messages":[)" + messages + "]" + more + "}"}));
  };
  const std::string question = R"({"role":"user","content":"how do i reset my password"})";
  EXPECT_EQ(ask_with(R"({"role":"user","content":"How do I reset my password?"})", ""), "miss");
  EXPECT_EQ(ask_with(R"({"role":"system","content":"Be rude."},)" + question, ""), "miss");
  EXPECT_EQ(ask_with(question, R"(,"temperature":0.5)"), "miss");
  EXPECT_EQ(ask_with(question, R"(,"tools":[{"type":"function","function":{"name":"f"}}])"), "miss");
  EXPECT_EQ(ask_with(question, R"(,"stream":true)"), "miss");
  EXPECT_EQ(ask_with(R"({"role":"user","content":"a"},{"role":"assistant","content":"b"},)" + question, ""), "miss");
  EXPECT_EQ(ask_with(question, ""), "hit; semantic");
  expect_nothing_left(g);
}

TEST(semantic, no_embedding_is_a_miss) {
  for (const std::string script : {"rules: [ { error: server_error } ]", "rules: [ { fault: blackhole } ]", "rules: [ { fault: invalid_json } ]", "rules: [ { body: \"{}\" } ]",
                                   "rules: [ { fault: reset_before_head } ]"}) {
    auto with = with_similar(script);
    with.cache.embedding_limit = 100ms;
    running_gateway g(with);
    EXPECT_EQ(g.send(say("How do I reset my password?")).status, 200);
    const auto second = g.send(say("how do i reset my password"));
    EXPECT_EQ(second.status, 200) << script;
    EXPECT_EQ(cache_of(second), "miss") << script;
    EXPECT_EQ(g.metric("andon_cache_embedding_failures_total"), 2) << script;
    EXPECT_EQ(g.provider(0).requests, 2u) << script;
    expect_nothing_left(g);
  }
}

TEST(semantic, an_evicted_reply_is_not_found) {
  running_gateway g(with_similar());
  g.send(say("How do I reset my password?"));
  g.replies().kept.clear();
  EXPECT_EQ(cache_of(g.send(say("how do i reset my password"))), "miss");
  EXPECT_EQ(cache_of(g.send(say("HOW do i reset my password"))), "hit; semantic");
}

}  // namespace
}  // namespace andon::gateway::testing
