// Stages on the ways that the other tests do not take.
#include <gmock/gmock.h>

#include "andon/access/test_directory.hpp"
#include "andon/base/hashing.hpp"
#include "andon/gateway/attempt.hpp"
#include "andon/gateway/gateway_fixture.hpp"

namespace andon::gateway::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* plain_chat = R"({"model":"r","messages":[{"role":"user","content":"Say something nice"}]})";
constexpr const char* stream_chat = R"({"model":"r","stream":true,"messages":[{"role":"user","content":"Say something nice"}]})";

TEST(exchange, books_the_time_between_stages_and_keeps_small_buffers_only) {
  exchange x;
  x.enter(ledger::stage::identify, mono_time{10ns});
  x.enter(ledger::stage::decode, mono_time{25ns});
  x.enter(ledger::stage::identify, mono_time{30ns});
  x.enter(ledger::stage::close, mono_time{36ns});
  EXPECT_EQ(x.account.stage_nanos[static_cast<std::size_t>(ledger::stage::identify)], 21);
  EXPECT_EQ(x.account.stage_nanos[static_cast<std::size_t>(ledger::stage::decode)], 5);
  x.account.request_body.assign(1u << 20, 'x');
  x.account.reply_body.assign(500, 'y');
  x.account.project = project_id{"p"};
  x.first.lines.resize(7);
  x.refused.emplace();
  const auto kept = x.account.reply_body.capacity();
  x.recycle();
  EXPECT_LT(x.account.request_body.capacity(), 1'000U);
  EXPECT_EQ(x.account.reply_body.capacity(), kept);
  EXPECT_TRUE(x.account.reply_body.empty() && x.first.lines.empty() && x.account.project.empty() && !x.refused);
}

TEST(exchange, an_attempt_leaves_nothing_to_the_next) {
  exchange x;
  x.billed = true;
  x.account.reply_body = x.account.finish_reason = x.account.upstream_model = x.upstream_error_body = x.response_id = "old";
  x.account.use.output = tokens{5};
  x.account.stream_events = 3;
  x.upstream_error_status = 400;
  x.retry_after = 3s;
  x.failed_cost = nano_usd{7};
  x.forget_attempt();
  EXPECT_TRUE(x.account.reply_body.empty() && x.account.finish_reason.empty() && x.account.upstream_model.empty() && x.upstream_error_body.empty() && x.response_id.empty());
  EXPECT_FALSE(x.billed || x.retry_after || x.upstream_error_status != 0 || x.account.stream_events != 0);
  EXPECT_EQ(x.account.use.total(), tokens{});
  EXPECT_EQ(x.failed_cost, nano_usd{7}) << "what was consumed stays charged";
}

TEST(reply_headers, texts_live_until_they_are_cleared_however_long) {
  reply_headers h;
  {
    const std::string large(3'000, 'v'), name = "x-made";
    h.add_both(name, "1");
    for (int i = 0; i < 30; ++i) h.add_copy("x-small", std::string(40, static_cast<char>('a' + i % 26)));
    EXPECT_EQ(h.add_copy("x-large", large), large);
    h.add_number("x-number", -42);
  }
  ASSERT_EQ(h.lines().size(), 33U);
  EXPECT_EQ(h.lines()[0].name, "x-made");
  for (std::size_t i = 0; i < 30; ++i) EXPECT_EQ(h.lines()[i + 1].value, std::string(40, static_cast<char>('a' + i % 26)));
  EXPECT_EQ(h.lines()[31].value, std::string(3'000, 'v'));
  EXPECT_EQ(h.lines()[32].value, "-42");
  h.clear();
  EXPECT_TRUE(h.lines().empty());
}

using turn = complaint_pace::turn;

TEST(complaint_pace, tells_once_a_minute_of_each_and_how_often_it_was) {
  complaint_pace pace;
  const mono_time start{std::chrono::hours{1}};
  EXPECT_EQ(pace.due("a", start), (turn{1, 0}));
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(pace.due("a", start + 1s * i));
  EXPECT_EQ(pace.due("b", start + 10s), (turn{1, 0}));
  EXPECT_EQ(pace.due("a", start + 60s), (turn{6, 0}));
  EXPECT_FALSE(pace.due("a", start + 61s));
}

TEST(complaint_pace, a_flood_of_things_does_not_flood_the_log) {
  complaint_pace pace;
  const mono_time start{std::chrono::hours{1}};
  std::size_t lines = 0;
  for (int i = 0; i < 500; ++i) lines += pace.due("peer" + std::to_string(i), start) ? 1 : 0;
  EXPECT_EQ(lines, complaint_pace::max_lines);
  EXPECT_FALSE(pace.due("peer499", start + 1s));
  EXPECT_EQ(pace.due("peer499", start + 60s), (turn{3, 500 - complaint_pace::max_lines + 1})) << "what was held back is told of later";
}

TEST(complaint_pace, what_was_told_of_is_told_of_again_only_when_there_is_no_room) {
  complaint_pace pace;
  const mono_time start{std::chrono::hours{1}};
  for (std::size_t i = 0; i < complaint_pace::max_things; ++i) (void)pace.due("peer" + std::to_string(i), start);
  EXPECT_FALSE(pace.due("peer0", start + 1s)) << "one that is known makes nobody forgotten";
  EXPECT_EQ(pace.due("peer999", start + 60s)->times, 2U);
  (void)pace.due("another", start + 61s);
  EXPECT_EQ(pace.due("peer999", start + 62s), std::nullopt) << "those that were told of a minute ago make room";
}

TEST(gateway_stages, every_operation_goes_to_its_own_path) {
  running_gateway g({});
  struct row { const char* path; const char* body; ledger::operation op; const char* says; };
  for (const auto& [path, body, op, says] :
       {row{"/v1/completions", R"({"model":"r","prompt":"Say"})", ledger::operation::completion, "text_completion"},
        row{"/v1/embeddings", R"({"model":"r","input":["a","b"]})", ledger::operation::embeddings, "\"embedding\""},
        row{"/openai/deployments/r/embeddings", R"({"input":"a"})", ledger::operation::embeddings, "\"embedding\""}}) {
    const auto got = g.send({.path = path, .body = body});
    EXPECT_EQ(got.status, 200) << path << got.body;
    EXPECT_THAT(got.body, HasSubstr(says)) << path;
    const auto r = g.record_of(got.request_id);
    EXPECT_EQ(r.op, op) << path;
    EXPECT_EQ(r.route.str(), "r") << path;
    EXPECT_GT(r.use.input.value(), 0) << path;
  }
}

TEST(gateway_stages, a_key_does_what_its_scopes_and_role_allow) {
  running_gateway g({});
  access::key_settings some;
  some.name = "embeds";
  some.project = project_id{"p"};
  some.scopes = {"embeddings"};
  const std::string embeds{g.keys().create_key(some).value().text.reveal()};
  EXPECT_EQ(g.send({.path = "/v1/embeddings", .body = R"({"model":"r","input":"a"})", .key = embeds}).status, 200);
  const auto chat = g.send({.body = plain_chat, .key = embeds});
  EXPECT_EQ(chat.status, 403);
  EXPECT_EQ(g.record_of(chat.request_id).outcome, errc::forbidden);
  some.scopes.clear();
  for (const auto role : {access::role::auditor, access::role::operator_}) {
    some.name = access::to_string(role);
    some.role = role;
    const std::string text{g.keys().create_key(some).value().text.reveal()};
    const auto refused = g.send({.body = plain_chat, .key = text});
    EXPECT_EQ(refused.status, 403) << some.name << refused.body;
    EXPECT_EQ(g.record_of(refused.request_id).project.str(), "p");
  }
}

TEST(gateway_stages, a_project_may_refuse_what_has_no_price) {
  running_gateway g({.budgets = {{.per = {}, .only_route = {}, .only_tag = {}, .period = access::window::month, .limit = nano_usd{1'000'000'000}}},
                     .on_unknown_price = access::unknown_price::refuse});
  const auto got = g.chat();
  EXPECT_EQ(got.status, 429) << got.body;
  EXPECT_EQ(g.provider(0).requests, 0U);
  EXPECT_EQ(g.record_of(got.request_id).outcome, errc::budget_exceeded);
}

TEST(gateway_stages, the_keys_metadata_holds_against_the_clients) {
  running_gateway g({});
  access::key_settings some;
  some.name = "told";
  some.project = project_id{"p"};
  some.metadata = {{"tier", "basic"}};
  const std::string key{g.keys().create_key(some).value().text.reveal()};
  const auto got = g.send({.body = R"({"model":"r","metadata":{"tier":"gold","team":"a"},"messages":[{"role":"user","content":"x"}]})", .key = key});
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(g.record_of(got.request_id).metadata, (std::vector<std::pair<std::string, std::string>>{{"tier", "basic"}, {"team", "a"}}));
}

TEST(exchange, a_price_is_free_only_where_nothing_is_to_be_paid) {
  plan under(llm::price_table::make({}).value());
  served_model own;
  own.runs_free = true;
  for (const std::int64_t failed : {0, 7}) {
    exchange x;
    x.under = plan_ptr(plan_ptr{}, &under);
    x.billed = true;
    x.failed_model = failed > 0 ? &own : nullptr;
    x.failed_cost = nano_usd{failed};
    price_exchange(x, &own);
    EXPECT_EQ(x.account.price, failed > 0 ? ledger::price_state::known : ledger::price_state::free);
    EXPECT_EQ(x.account.cost, nano_usd{failed});
  }
}

TEST(gateway_stages, a_stream_that_begins_with_an_error_costs_nothing) {
  const llm::price_override price{.provider = "sim", .model = "m", .input = "1000000", .output = "1000000"};
  running_gateway g({.targets = {{.script = "rules: [ { fault: error_in_stream, after: 0 } ]"}}, .prices = {price}, .attempts = 1});
  const auto got = g.send({.body = stream_chat});
  EXPECT_GE(got.status, 500);
  const auto r = g.record_of(got.request_id);
  EXPECT_EQ(r.cost, nano_usd{});
  EXPECT_EQ(r.use.total(), tokens{});
}

TEST(gateway_stages, some_headers_of_the_client_reach_the_provider_and_its_key_does_not) {
  const char* script = "rules: [ { match: { header: { openai-beta: x } }, text: forwarded }, { match: { header: { cookie: c } }, text: leaked } ]";
  running_gateway g({.targets = {{.script = script}}});
  EXPECT_THAT(g.send({.body = plain_chat, .more = {{"OpenAI-Beta", "x"}, {"cookie", "c"}}}).body, HasSubstr("forwarded"));
  EXPECT_THAT(g.send({.body = plain_chat, .more = {{"cookie", "c"}}}).body, Not(HasSubstr("leaked")));
}

TEST(gateway_stages, an_idempotency_key_goes_on_as_the_projects_own) {
  const char* script = "rules: [ { match: { header: { idempotency-key: abc } }, text: leaked }, { match: { header: { idempotency-key: \"\" } }, text: forwarded } ]";
  running_gateway g({.targets = {{.script = script}}});
  EXPECT_THAT(g.send({.body = plain_chat, .more = {{"Idempotency-Key", "abc"}}}).body, HasSubstr("forwarded"));
  EXPECT_THAT(g.send({.body = plain_chat}).body, Not(HasSubstr("forwarded")));
}

TEST(gateway_stages, idempotency_keys_of_two_projects_never_meet) {
  access::test_directory one;
  const auto in = one.build();
  const auto shop = own_idempotency_key(*in, "shop", "abc");
  EXPECT_EQ(shop, own_idempotency_key(*in, "shop", "abc"));
  EXPECT_EQ(shop.size(), 64U);
  EXPECT_NE(shop, own_idempotency_key(*in, "bank", "abc"));
  EXPECT_NE(shop, own_idempotency_key(*in, "shop", "abd"));
  EXPECT_NE(shop, to_hex(in->keyed_hash("abc")));
}

TEST(gateway_stages, a_refusal_that_is_no_json_is_told_in_the_clients_dialect) {
  running_gateway g({.targets = {{.script = "rules: [ { status: 400, body: \"<html><body>no such thing</body></html>\" } ]"}}});
  const auto got = g.chat();
  EXPECT_EQ(got.status, 400);
  EXPECT_EQ(got.type, "application/json");
  EXPECT_THAT(got.body, HasSubstr("{\"error\":{\"message\":\"The provider sim refused the call with status 400"));
  EXPECT_THAT(got.body, Not(HasSubstr("<html>")));
}

TEST(gateway_stages, a_providers_wait_is_told_to_the_client) {
  running_gateway g({.targets = {{.script = "rules: [ { status: 429, headers: { retry-after: \"7\" }, body: slow } ]"}}, .attempts = 1});
  const auto got = g.chat();
  EXPECT_EQ(got.status, 429);
  EXPECT_EQ(got.retry_after, "7");
  EXPECT_EQ(g.record_of(got.request_id).outcome, errc::upstream_rate_limited);
}

TEST(gateway_stages, a_reply_waits_for_the_disk_where_that_is_asked) {
  bad_disk disk;
  running_gateway g({.files = &disk, .wait_durable = true});
  const auto good = g.chat();
  EXPECT_EQ(good.status, 200);
  EXPECT_EQ(g.record_of(good.request_id).outcome, errc::none);
  disk.forgetful = true;
  const auto lost = g.chat();
  EXPECT_EQ(lost.status, 503);
  EXPECT_THAT(lost.body, HasSubstr("could not be recorded durably"));
  const auto stream = g.send({.body = stream_chat});
  EXPECT_EQ(stream.status, 200);
  EXPECT_THAT(stream.body, HasSubstr("data: {\"error\":"));
  EXPECT_THAT(stream.body, Not(HasSubstr("[DONE]")));
  disk.forgetful = false;
  EXPECT_EQ(g.chat().status, 200);
}


}  // namespace
}  // namespace andon::gateway::testing
