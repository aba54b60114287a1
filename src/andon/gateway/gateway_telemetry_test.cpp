// What metrics, spans and reply headers tell of an exchange.
#include <gmock/gmock.h>

#include "andon/gateway/exchange_telemetry.hpp"
#include "andon/gateway/gateway_fixture.hpp"

namespace andon::gateway::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* plain_chat = R"({"model":"r","messages":[{"role":"user","content":"Say something nice"}]})";
constexpr const char* stream_chat = R"({"model":"r","stream":true,"messages":[{"role":"user","content":"Say something nice"}]})";

std::string header(const answer& from, std::string_view name) {
  for (const auto& [key, value] : from.headers)
    if (net::header_equals(key, name)) return value;
  return "absent";
}

TEST(gateway_telemetry, own_metrics_carry_the_configured_provider_and_the_conventions_its_kind) {
  running_gateway g({.provider = "team-a", .flavour = "mistral"});
  EXPECT_EQ(g.chat().status, 200);
  EXPECT_EQ(g.metric(R"(andon_attempts_total{model="m0",provider="team-a",outcome="none"})"), 1);
  const auto text = g.metrics_text();
  EXPECT_THAT(text, HasSubstr("gen_ai_client_operation_duration_seconds_count{gen_ai_operation_name=\"chat\",gen_ai_provider_name=\"mistral_ai\""));
  EXPECT_THAT(text, HasSubstr("gen_ai_server_request_duration_seconds_count{gen_ai_operation_name=\"chat\",gen_ai_provider_name=\"mistral_ai\""));
  EXPECT_THAT(text, Not(HasSubstr("gen_ai_provider_name=\"team-a\"")));
}

TEST(gateway_telemetry, the_time_between_the_chunks_of_a_stream_is_counted) {
  running_gateway g({});
  const auto got = g.send({.body = stream_chat});
  ASSERT_EQ(got.status, 200);
  const auto events = g.record_of(got.request_id).stream_events;
  ASSERT_GT(events, 3U);
  const auto text = g.metrics_text();
  const std::string_view name = "gen_ai_client_operation_time_per_output_chunk_seconds_count{";
  const auto at = text.find(name);
  ASSERT_NE(at, std::string::npos);
  const auto counted = std::stoul(text.substr(text.find("} ", at) + 2));
  EXPECT_GE(counted, events - 3);  // not the first, nor the end marker
  EXPECT_LE(counted, events - 1);
  EXPECT_EQ(g.chat().status, 200);
  EXPECT_THAT(g.metrics_text(), HasSubstr("} " + std::to_string(counted) + "\n"));
}

TEST(gateway_telemetry, replies_tell_what_scripts_for_litellm_read) {
  const llm::price_override price{.provider = "sim", .model = "m", .input = "1", .output = "1"};
  running_gateway g({.targets = {{.script = "rules: [ { error: server_error } ]"}, {}}, .prices = {price}});
  const auto plain = g.send({.body = plain_chat});
  EXPECT_EQ(header(plain, "x-litellm-call-id"), plain.request_id);
  EXPECT_EQ(header(plain, "x-litellm-model-id"), "m1");
  EXPECT_EQ(header(plain, "x-litellm-response-cost"), header(plain, "x-andon-cost"));
  EXPECT_NE(header(plain, "x-andon-cost"), "absent");
  EXPECT_EQ(header(plain, "x-litellm-model-group"), "absent");
  const auto full = g.send({.body = plain_chat, .more = {{"X-LiteLLM-Tags", "a"}}});
  EXPECT_EQ(header(full, "x-litellm-model-group"), "r");
  EXPECT_EQ(header(full, "x-litellm-attempted-fallbacks"), "1");
  EXPECT_EQ(header(full, "x-litellm-attempted-retries"), "0");
  EXPECT_NE(header(full, "x-litellm-response-duration-ms"), "absent");
  EXPECT_NE(header(full, "x-litellm-overhead-duration-ms"), "absent");
  EXPECT_EQ(g.record_of(full.request_id).tags, std::vector<std::string>{"a"});
}

TEST(gateway_telemetry, spans_are_told_the_request_and_what_came_of_it) {
  exchange x;
  x.account.op = ledger::operation::completion;
  x.account.route = route_name{"what the client wrote"};
  x.account.duration = 5ms;
  x.account.upstream = 3ms;
  x.account.delivered = ledger::delivery::cut;
  x.facts.temperature = 0.5;
  x.facts.top_p = 0.9;
  x.facts.frequency_penalty = 0.1;
  x.facts.presence_penalty = 0.2;
  x.facts.seed = 7;
  x.facts.choices = 3;
  x.facts.max_output = tokens{64};
  x.facts.has_response_format = true;
  x.response_id = "chatcmpl-1";
  const auto told = told_facts(x);
  EXPECT_EQ(told.operation, "text_completion");
  EXPECT_EQ(told.route, "") << "a name that no route has is no label";
  EXPECT_EQ(told.response_id, "chatcmpl-1");
  EXPECT_EQ(told.temperature, 0.5);
  EXPECT_EQ(told.top_p, 0.9);
  EXPECT_EQ(told.frequency_penalty, 0.1);
  EXPECT_EQ(told.presence_penalty, 0.2);
  EXPECT_EQ(told.seed, 7);
  EXPECT_EQ(told.choices, 3);
  EXPECT_EQ(told.max_tokens, 64);
  EXPECT_TRUE(told.json_output && told.cut);
  EXPECT_EQ(told.overhead, nanoseconds{2ms});
}

TEST(gateway_telemetry, what_callers_tell_in_headers_reaches_the_record_within_bounds) {
  running_gateway g({});
  const std::string long_text(2000, 's');
  const auto got = g.send({.body = plain_chat, .more = {{"x-andon-session", long_text}, {"x-andon-user", "u7"}, {"x-andon-tags", "b, c ,,b"}, {"user-agent", "agent/1"},
                                                        {"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}, {"x-andon-timeout", "never"}}});
  ASSERT_EQ(got.status, 200);
  const auto r = g.record_of(got.request_id);
  EXPECT_EQ(r.session, long_text.substr(0, 256));
  EXPECT_EQ(r.user, "u7");
  EXPECT_EQ(r.tags, (std::vector<std::string>{"b", "c"}));
  EXPECT_EQ(r.trace_id, "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(r.client_address, "127.0.0.1");
}

TEST(gateway_telemetry, the_clients_own_time_limit_holds) {
  running_gateway g({.targets = {{.script = "rules: [ { fault: blackhole } ]"}}, .attempts = 1});
  const auto got = g.send({.body = plain_chat, .more = {{"x-litellm-timeout", "0.05"}}});
  EXPECT_EQ(got.status, 408);
  const auto r = g.record_of(got.request_id);
  EXPECT_LT(r.duration, 1s);
  EXPECT_EQ(r.outcome, errc::client_timeout) << "nobody's fault but the caller's own";
}

}  // namespace
}  // namespace andon::gateway::testing
