#include "andon/gateway/gateway.hpp"

#include <gmock/gmock.h>

#include "andon/gateway/gateway_fixture.hpp"

namespace andon::gateway::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* plain_chat = R"({"model":"r","messages":[{"role":"user","content":"Say something nice"}]})";
constexpr const char* stream_chat = R"({"model":"r","stream":true,"messages":[{"role":"user","content":"Say something nice"}]})";

TEST(gateway, carries_a_call_and_records_it_whole) {
  running_gateway g({});
  const auto got = g.chat("r", R"(,"user":"u1","metadata":{"team":"a"})");
  EXPECT_EQ(got.status, 200) << got.body;
  EXPECT_THAT(got.body, HasSubstr("chat.completion"));
  EXPECT_EQ(got.served_by, "m0");
  const auto r = g.record_of(got.request_id);
  EXPECT_EQ(r.reply_body, got.body);
  EXPECT_THAT(r.request_body, HasSubstr("Say something nice"));
  EXPECT_EQ(r.user, "u1");
  EXPECT_EQ(r.metadata, (std::vector<std::pair<std::string, std::string>>{{"team", "a"}}));
  EXPECT_EQ(r.project.str(), "p");
  EXPECT_EQ(r.route.str(), "r");
  EXPECT_EQ(r.model.str(), "m0");
  EXPECT_EQ(r.outcome, errc::none);
  EXPECT_EQ(r.http_status, 200);
  EXPECT_EQ(r.delivered, ledger::delivery::complete);
  EXPECT_GT(r.use.input.value(), 0);
  EXPECT_GT(r.use.output.value(), 0);
  EXPECT_FALSE(r.use.estimated);
  EXPECT_EQ(r.price, ledger::price_state::unknown);
  ASSERT_EQ(r.attempts.size(), 1U);
  EXPECT_EQ(r.attempts[0].http_status, 200);
  EXPECT_GT(r.stage_nanos[static_cast<std::size_t>(ledger::stage::dispatch)], 0);
  EXPECT_EQ(g.open_tickets(), 0);
}

TEST(gateway, tells_of_the_way_that_a_call_went) {
  {
    running_gateway g({});
    const auto r = g.record_of(g.chat().request_id);
    EXPECT_EQ(r.region, "here");
    EXPECT_EQ(r.http, ledger::http_version::http_1_1);
    EXPECT_EQ(upstream_http(r), ledger::http_version::http_1_1);
    EXPECT_EQ(r.transport, ledger::client_encrypted | ledger::provider_encrypted) << "nothing left the machine, and the ledger does not encrypt";
  }
  running_gateway g({.amend = [](plan& p, route::health_table&) { p.models[0]->encrypted = false; }});
  EXPECT_EQ(g.record_of(g.chat().request_id).transport, ledger::client_encrypted);
}

TEST(gateway, streams_and_records_the_assembled_reply) {
  running_gateway g({});
  const auto got = g.send({.body = stream_chat});
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.broken.code, errc::none);
  EXPECT_TRUE(got.body.ends_with("data: [DONE]\n\n")) << got.body;
  EXPECT_THAT(got.body, Not(HasSubstr("\"usage\"")));  // only the gateway asked for it
  const auto r = g.record_of(got.request_id);
  EXPECT_TRUE(r.stream);
  EXPECT_THAT(r.reply_body, HasSubstr("\"chat.completion\""));
  EXPECT_EQ(r.finish_reason, "stop");
  EXPECT_GT(r.stream_events, 2U);
  EXPECT_GT(r.first_token.count(), 0);
  EXPECT_FALSE(r.use.estimated);
  EXPECT_GT(r.use.output.value(), 0);
}

TEST(gateway, passes_usage_on_when_the_client_asked) {
  running_gateway g({});
  const auto got = g.send({.body = R"({"model":"r","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"x"}]})"});
  EXPECT_THAT(got.body, HasSubstr("\"usage\":{"));
}

struct refusal_case { const char* name; ask what; int status; const char* says; errc outcome; };

TEST(gateway, refuses_with_the_right_status_and_a_record) {
  running_gateway g({});
  const std::string wrong_key = "sk-andon-0000000000000000000000000000000000000000";
  const refusal_case cases[] = {
      {"bad json", {.body = "{"}, 400, "invalid_request_error", errc::bad_json},
      {"no model", {.body = R"({"messages":[]})"}, 400, "\"param\":\"model\"", errc::bad_request},
      {"unknown model", {.body = R"({"model":"nope","messages":[]})"}, 404, "model_not_found", errc::model_not_found},
      {"model of others", {.body = R"({"model":"hidden","messages":[]})"}, 403, "model_not_allowed", errc::model_not_allowed},
      {"too large", {.body = std::string(2u << 20, ' ')}, 413, "request_too_large", errc::body_too_large},
      {"wrong key", {.body = plain_chat, .key = wrong_key}, 401, "invalid_api_key", errc::none},
      {"not a key", {.body = plain_chat, .key = "sk-x"}, 401, "invalid_api_key", errc::none},
      {"wrong method", {.method = "GET"}, 405, "method_not_allowed", errc::none},
      {"unknown path", {.path = "/v1/nothing"}, 404, "unknown_url", errc::none},
      {"traversal", {.path = "/v1/../admin"}, 404, "unknown_url", errc::none},
  };
  for (const auto& c : cases) {
    const auto got = g.send(c.what);
    EXPECT_EQ(got.status, c.status) << c.name << got.broken.message;
    EXPECT_THAT(got.body, HasSubstr(c.says)) << c.name;
    EXPECT_THAT(got.body, HasSubstr("\"error\"")) << c.name;
    if (c.outcome == errc::none) continue;
    const auto r = g.record_of(got.request_id);
    EXPECT_EQ(r.outcome, c.outcome) << c.name;
    EXPECT_EQ(r.http_status, c.status) << c.name;
  }
  EXPECT_EQ(g.provider(0).requests, 0U);
}

TEST(gateway, takes_keys_from_all_usual_headers_and_paths_without_version) {
  running_gateway g({});
  for (const char* name : {"authorization", "x-api-key", "api-key", "x-goog-api-key"})
    EXPECT_EQ(g.send({.path = "/chat/completions", .body = plain_chat, .header_name = name}).status, 200) << name;
  EXPECT_EQ(g.send({.path = "/openai/deployments/r/chat/completions?api-version=2024-10-21", .body = R"({"messages":[{"role":"user","content":"x"}]})", .header_name = "api-key"}).status, 200);
}

TEST(gateway, lists_only_the_models_the_key_may_use) {
  running_gateway g({});
  const auto all = g.send({.method = "GET", .path = "/v1/models"});
  EXPECT_EQ(all.status, 200);
  EXPECT_THAT(all.body, HasSubstr("\"id\":\"r\""));
  EXPECT_THAT(all.body, Not(HasSubstr("hidden")));
  EXPECT_EQ(g.send({.method = "GET", .path = "/v1/models/r"}).status, 200);
  EXPECT_EQ(g.send({.method = "GET", .path = "/v1/models/hidden"}).status, 404);
}

TEST(gateway, fails_over_and_tells_of_every_attempt) {
  for (const char* fault : {"error: server_error", "error: rate_limit", "fault: reset_before_head", "fault: reset_in_head", "fault: invalid_json",
                            "fault: wrong_shape", "fault: half_close", "fault: short_length", "fault: error_in_200", "error: auth", "fault: empty"}) {
    running_gateway g({.targets = {{.script = std::string("rules: [ { ") + fault + " } ]"}, {}}});
    const auto got = g.chat();
    EXPECT_EQ(got.status, 200) << fault << got.body;
    EXPECT_EQ(got.served_by, "m1") << fault;
    const auto r = g.record_of(got.request_id);
    ASSERT_GE(r.attempts.size(), 2U) << fault;
    EXPECT_NE(r.attempts.front().outcome, errc::none) << fault;
    EXPECT_EQ(r.attempts.back().outcome, errc::none) << fault;
  }
}

TEST(gateway, fails_over_a_stream_until_its_first_event) {
  for (const char* fault : {"fault: cut, after: 0", "fault: error_in_stream, after: 0", "error: overloaded", "fault: reset_before_head"}) {
    running_gateway g({.targets = {{.script = std::string("rules: [ { ") + fault + " } ]"}, {}}});
    const auto got = g.send({.body = stream_chat});
    EXPECT_EQ(got.status, 200) << fault;
    EXPECT_TRUE(got.body.ends_with("[DONE]\n\n")) << fault << got.body;
    EXPECT_EQ(g.record_of(got.request_id).model.str(), "m1") << fault;
  }
}

TEST(gateway, gives_up_in_time) {
  running_gateway g({.targets = {{.script = "rules: [ { fault: blackhole } ]"}}, .deadlines = {1s, 100ms, 1s, 300ms}, .attempts = 1});
  const auto got = g.chat();
  EXPECT_EQ(got.status, 504);
  EXPECT_THAT(got.body, HasSubstr("timeout"));
  EXPECT_EQ(g.record_of(got.request_id).outcome, errc::first_token_timeout);
}

TEST(gateway, tells_clients_nothing_of_addresses_and_operators_everything) {
  const auto inside = [](const answer& got) { return got.body.find("127.0.0.1") != std::string::npos || got.body.find("deadline.") != std::string::npos; };
  for (const char* fault : {"fault: blackhole", "fault: reset_before_head", "fault: reset_in_head"}) {
    running_gateway g({.targets = {{.script = std::string("rules: [ { ") + fault + " } ]"}}, .deadlines = {1s, 100ms, 1s, 300ms}, .attempts = 1});
    const auto got = g.chat();
    EXPECT_THAT(got.body, HasSubstr("The provider sim ")) << fault;
    EXPECT_FALSE(inside(got)) << fault << got.body;
    const auto r = g.record_of(got.request_id);
    ASSERT_EQ(r.attempts.size(), 1U);
    EXPECT_THAT(r.attempts[0].error_message, HasSubstr("127.0.0.1:")) << fault;
  }
  running_gateway g({.targets = {{.script = "defaults: { between: 2ms }\nrules: [ { fault: stall, after: 3 } ]"}}, .deadlines = {2s, 2s, 200ms, 5s}});
  g.listening(0, false);
  const auto refused = g.chat();
  EXPECT_EQ(refused.status, 502);
  EXPECT_THAT(refused.body, HasSubstr("The provider sim cannot be reached."));
  EXPECT_FALSE(inside(refused)) << refused.body;
}

TEST(gateway, tells_nothing_of_addresses_within_a_stream) {
  running_gateway g({.targets = {{.script = "defaults: { between: 2ms }\nrules: [ { fault: stall, after: 3 } ]"}}, .deadlines = {2s, 2s, 200ms, 5s}});
  const auto got = g.send({.body = stream_chat});
  EXPECT_THAT(got.body, HasSubstr("The provider sim stopped in the middle of its reply."));
  EXPECT_THAT(got.body, Not(HasSubstr("127.0.0.1")));
  EXPECT_THAT(g.record_of(got.request_id).error_message, HasSubstr("127.0.0.1:"));
}

TEST(gateway, passes_a_providers_refusal_on_as_it_is) {
  running_gateway g({.targets = {{.script = "rules: [ { error: context_length } ]"}, {}}});
  const auto got = g.chat();
  EXPECT_EQ(got.status, 400);
  EXPECT_THAT(got.body, HasSubstr("context_length_exceeded"));
  EXPECT_EQ(g.provider(1).requests, 0U);
  EXPECT_EQ(g.record_of(got.request_id).outcome, errc::upstream_rejected);
}

TEST(gateway, does_not_blame_the_caller_for_its_own_credential) {
  running_gateway g({.targets = {{.script = "keys: [ sk-good ]"}}});
  const auto got = g.chat();
  EXPECT_EQ(got.status, 502);
  EXPECT_THAT(got.body, Not(HasSubstr("invalid_api_key")));
}

TEST(gateway, cancels_the_provider_when_the_client_leaves) {
  running_gateway g({.targets = {{.script = "defaults: { words: 400, between: 5ms }"}}});
  const auto got = g.send({.body = stream_chat, .leave_after = 600});
  const auto r = g.record_of(got.request_id);
  EXPECT_EQ(r.outcome, errc::client_gone);
  EXPECT_EQ(r.delivered, ledger::delivery::cut);
  EXPECT_TRUE(r.use.estimated);
  EXPECT_GT(r.use.output.value(), 0);
  EXPECT_LT(r.use.output.value(), 400);
  for (int i = 0; i < 5000 && g.provider(0).clients_left == 0; ++i) (void)g.send({.method = "GET", .path = "/healthz"});
  EXPECT_EQ(g.provider(0).clients_left, 1U);
  EXPECT_EQ(g.open_tickets(), 0);
}

TEST(gateway, tells_of_the_last_failure_not_of_an_earlier_one) {
  running_gateway g({.targets = {{.script = "rules: [ { error: server_error } ]"}, {.script = "rules: [ { fault: error_in_stream, after: 0 } ]"}}, .attempts = 1});
  const auto got = g.send({.body = stream_chat});
  EXPECT_GE(got.status, 500) << got.body;
  const auto r = g.record_of(got.request_id);
  EXPECT_EQ(r.http_status, got.status);
  EXPECT_EQ(r.attempts.size(), 2U);
}

TEST(gateway, charges_what_a_provider_worked_on_for_a_client_that_left) {
  const llm::price_override price{.provider = "sim", .model = "m", .input = "1000000", .output = "1000000"};
  running_gateway g({.targets = {{.script = "defaults: { delay: 30s }"}}, .deadlines = {1s, 300ms, 1s, 1s}, .prices = {price}, .attempts = 1});
  const auto got = g.chat("r", R"(,"max_tokens":50)");
  EXPECT_EQ(got.status, 504);
  const auto r = g.record_of(got.request_id);
  EXPECT_EQ(r.outcome, errc::first_token_timeout);
  EXPECT_TRUE(r.use.estimated);
  EXPECT_GT(r.use.input.value(), 0);
  EXPECT_EQ(r.cost.value(), r.use.input.value() * 1'000'000'000);
  EXPECT_EQ(r.model.str(), "m0");
}

TEST(gateway, charges_nothing_for_a_provider_that_was_never_reached) {
  running_gateway g({.targets = {{.script = "rules: [ { fault: reset_before_head } ]"}}, .attempts = 1});
  const auto got = g.chat();
  EXPECT_EQ(got.status, 502);
  const auto r = g.record_of(got.request_id);
  EXPECT_EQ(r.use.total().value(), 0);
  EXPECT_EQ(r.price, ledger::price_state::known);
}

TEST(gateway, limits_name_their_scope) {
  running_gateway g({.limits = {{.per = {}, .only_route = {}, .requests_per_minute = 2}}});
  EXPECT_EQ(g.chat().status, 200);
  EXPECT_EQ(g.chat().status, 200);
  const auto refused = g.chat();
  EXPECT_EQ(refused.status, 429);
  EXPECT_THAT(refused.body, HasSubstr("rate_limit_exceeded"));
  EXPECT_THAT(refused.body, HasSubstr("project p"));
  EXPECT_FALSE(refused.retry_after.empty());
  EXPECT_EQ(g.record_of(refused.request_id).outcome, errc::requests_limited);
}

TEST(gateway, budgets_are_reserved_before_and_settled_after) {
  const llm::price_override price{.provider = "sim", .model = "m", .input = "1000000", .output = "1000000"};  // a dollar a token
  running_gateway g({.budgets = {{.per = {}, .only_route = {}, .only_tag = {}, .period = access::window::month, .limit = nano_usd{400'000'000'000}}}, .prices = {price}});
  const auto first = g.chat("r", R"(,"max_tokens":100)");
  EXPECT_EQ(first.status, 200) << first.body;
  const auto r = g.record_of(first.request_id);
  EXPECT_EQ(r.price, ledger::price_state::known);
  EXPECT_EQ(r.cost.value(), (r.use.input + r.use.output).value() * 1'000'000'000);
  const auto refused = g.chat("r", R"(,"max_tokens":100000)");
  EXPECT_EQ(refused.status, 429);
  EXPECT_THAT(refused.body, HasSubstr("insufficient_quota"));
  EXPECT_EQ(refused.should_retry, "false");
}

TEST(gateway, a_service_tier_has_its_own_price_or_at_least_the_standard_one) {
  const llm::price_override standard{.provider = "sim", .model = "m", .input = "1000000", .output = "1000000"};
  const llm::price_override flex{.provider = "sim", .model = "m", .tier = "flex", .input = "500000", .output = "500000"};
  running_gateway g({.prices = {standard, flex}});
  const auto cost_of = [&](const std::string& more) { return g.record_of(g.chat("r", more).request_id); };
  const auto usual = cost_of(R"(,"max_tokens":20)");
  EXPECT_EQ(usual.cost.value(), (usual.use.input + usual.use.output).value() * 1'000'000'000);
  for (const std::string more : {R"(,"max_tokens":20,"service_tier":"flex")", R"(,"max_tokens":20,"service_tier":"flex","stream":true)"}) {
    const auto cheap = cost_of(more);
    EXPECT_EQ(cheap.price, ledger::price_state::known);
    EXPECT_EQ(cheap.cost.value(), (cheap.use.input + cheap.use.output).value() * 500'000'000);
  }
  const auto dear = cost_of(R"(,"max_tokens":20,"service_tier":"priority")");
  EXPECT_EQ(dear.price, ledger::price_state::unknown_tier);
  EXPECT_EQ(dear.cost.value(), (dear.use.input + dear.use.output).value() * 1'000'000'000);
}

TEST(gateway, files_are_reserved_by_their_size) {
  const llm::price_override price{.provider = "sim", .model = "m", .input = "1000000", .output = "1000000"};  // a dollar a token
  running_gateway g({.budgets = {{.per = {}, .only_route = {}, .only_tag = {}, .period = access::window::month, .limit = nano_usd{30'000'000'000'000}}}, .prices = {price}});
  const auto with = [&](const std::string& file) {
    return g.send({.body = R"({"model":"r","max_tokens":5,"messages":[{"role":"user","content":[{"type":"text","text":"Read"},{"type":"file","file":)" + file + "}]}]}"}).status;
  };
  EXPECT_EQ(with(R"({"filename":"a.pdf","file_data":")" + std::string(4'000, 'A') + "\"}"), 200);
  EXPECT_EQ(with(R"({"filename":"a.pdf","file_data":")" + std::string(100'000, 'A') + "\"}"), 429);
  EXPECT_EQ(with(R"({"file_id":"file-1"})"), 429);
}

TEST(gateway, failed_attempts_overrun_no_budget) {
  const llm::price_override price{.provider = "sim", .model = "m", .input = "1000000", .output = "1000000"};  // a dollar a token
  const nano_usd limit{4'000'000'000'000};
  running_gateway g({.targets = {{.script = "rules: [ { fault: blackhole } ]"}, {}}, .deadlines = {5s, 2s, 5s, 20s},
                     .budgets = {{.per = {}, .only_route = {}, .only_tag = {}, .period = access::window::month, .limit = limit}}, .prices = {price}});
  const std::string body = R"({"model":"r","max_tokens":2,"messages":[{"role":"user","content":")" + std::string(400, 'x') + "\"}]}";
  int good = 0, refused = 0, after_attempts = 0;
  for (const auto& got : g.send_all(std::vector<ask>(1'000, ask{.body = body}))) {
    good += got.status == 200 ? 1 : 0;
    refused += got.status == 429 ? 1 : 0;
    if (got.status == 429 && g.record_of(got.request_id).attempts.size() == 1) ++after_attempts;
  }
  EXPECT_EQ(good + refused, 1'000);
  EXPECT_GT(after_attempts, 0) << "stopped by the budget instead of tried again";
  const auto spent = g.budgets().at(0);
  EXPECT_LE(spent.spent, limit);
  EXPECT_GT(spent.spent, nano_usd{limit.value() / 2});
  EXPECT_EQ(spent.reserved, nano_usd{});
  EXPECT_EQ(g.open_tickets(), 0);
}

TEST(gateway, no_service_tier_is_a_way_round_a_budget) {
  const llm::price_override standard{.provider = "sim", .model = "m", .input = "1000000", .output = "1000000"};  // a dollar a token
  const access::budget_rule month{.per = {}, .only_route = {}, .only_tag = {}, .period = access::window::month, .limit = nano_usd{200'000'000'000}};
  running_gateway g({.budgets = {month}, .prices = {standard}});
  EXPECT_EQ(g.chat("r", R"(,"max_tokens":100000,"service_tier":"priority")").status, 429) << "the standard price is reserved";
  int good = 0;
  for (int i = 0; i < 20; ++i) good += g.chat("r", R"(,"max_tokens":100,"service_tier":"priority")").status == 200 ? 1 : 0;
  EXPECT_GT(good, 0);
  EXPECT_LT(good, 20) << "and charged";
  running_gateway strict({.budgets = {month}, .prices = {standard}, .on_unknown_price = access::unknown_price::refuse});
  EXPECT_EQ(strict.chat("r", R"(,"max_tokens":5,"service_tier":"priority")").status, 429);
  EXPECT_EQ(strict.chat("r", R"(,"max_tokens":5)").status, 200);
}

}  // namespace
}  // namespace andon::gateway::testing
