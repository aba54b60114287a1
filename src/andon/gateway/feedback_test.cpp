#include "andon/gateway/feedback.hpp"

#include <gmock/gmock.h>

#include "andon/gateway/gateway_fixture.hpp"

namespace andon::gateway::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Pair;

constexpr const char* some_id = "req_01m8azvg5etdxeqgc4a3e0av6x";

TEST(feedback, says_what_it_is_told) {
  const auto got = read_feedback(std::string{R"({"request_id":")"} + some_id + R"(","session":"s","user":"u\u0041","prompt_version":"greet@3","score":0.25,"thumbs":"down","csat":4,"nps":10,"resolved":false,"comment":"too long"})");
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->request, some_id);
  EXPECT_EQ(got->user, "uA");
  EXPECT_EQ(got->score, 0.25);
  EXPECT_EQ(got->thumbs_up, false);
  EXPECT_EQ(got->csat, 4);
  EXPECT_EQ(got->nps, 10);
  EXPECT_EQ(got->resolved, false);
  const std::vector<std::pair<std::string, std::string>> told{
      {"feedback.request", some_id}, {"feedback.prompt", "greet@3"}, {"feedback.score", "0.25"}, {"feedback.thumbs", "down"},
      {"feedback.csat", "4"}, {"feedback.nps", "10"}, {"feedback.resolved", "false"}, {"feedback.comment", "true"}};
  EXPECT_EQ(as_metadata(*got), told);
}

TEST(feedback, null_is_not_said) {
  const auto got = read_feedback(R"({"session":"s","score":null,"csat":1})");
  ASSERT_TRUE(got);
  EXPECT_FALSE(got->score);
}

TEST(feedback, refuses_what_it_cannot_count) {
  struct refusal { std::string body, param, says; };
  for (const auto& [body, param, says] : std::vector<refusal>{
           {"[]", "", "JSON object"}, {"{", "", "not valid JSON"}, {R"({"session":"s","csat":1} x)", "", "not valid JSON"}, {"{\"session\":\"\xff\"}", "", "UTF-8"},
           {R"({"csat":5})", "request_id", "'request_id' or 'session'"}, {R"({"session":"s"})", "score", "at least one"}, {R"({"session":"","csat":5})", "session", "empty"},
           {R"({"request_id":"nonsense","csat":5})", "request_id", "no id"}, {R"({"session":"s","csat":6})", "csat", "1 to 5"}, {R"({"session":"s","csat":4.5})", "csat", "whole"},
           {R"({"session":"s","csat":"5"})", "csat", "a number"}, {R"({"session":"s","nps":-1})", "nps", "0 to 10"}, {R"({"session":"s","score":1.01})", "score", "0 to 1"},
           {R"({"session":"s","score":1e999})", "score", "0 to 1"}, {R"({"session":"s","thumbs":"sideways"})", "thumbs", "up"}, {R"({"session":"s","resolved":1})", "resolved", "true or false"},
           {R"({"session":"s","rating":1})", "rating", "unknown"}, {R"({"session":")" + std::string(300, 'x') + R"(","csat":1})", "session", "longer than 256"}}) {
    const auto got = read_feedback(body);
    ASSERT_FALSE(got) << body;
    EXPECT_THAT(got.error().message, HasSubstr(says)) << body;
    EXPECT_EQ(got.error().param, param) << body;
  }
}

TEST(feedback, becomes_a_record_that_meets_its_call) {
  running_gateway g({});
  const auto call = g.chat();
  const auto told = g.send({.path = "/v1/feedback", .body = R"({"request_id":")" + call.request_id + R"(","csat":5,"session":"s-9"})"});
  EXPECT_EQ(told.status, 201);
  EXPECT_THAT(told.body, HasSubstr(told.request_id));
  const auto record = g.record_of(told.request_id);
  EXPECT_EQ(record.op, ledger::operation::feedback);
  EXPECT_EQ(record.project.view(), "p");
  EXPECT_EQ(record.session, "s-9");
  EXPECT_EQ(record.cost, nano_usd{});
  EXPECT_EQ(record.price, ledger::price_state::known);
  EXPECT_THAT(record.metadata, Contains(Pair("feedback.request", call.request_id)));
  EXPECT_THAT(record.metadata, Contains(Pair("feedback.csat", "5")));
  EXPECT_TRUE(g.becomes([&] { return g.open_tickets() == 0; }));
}

TEST(feedback, is_refused_like_other_calls) {
  running_gateway g({.limits = {{.requests_per_minute = 2}}});
  EXPECT_EQ(g.send({.path = "/v1/feedback", .body = "{}", .key = nobody}).status, 401);
  const auto wrong = g.send({.method = "GET", .path = "/feedback"});
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.allow, "POST, OPTIONS");
  const auto bad = g.send({.path = "/feedback", .body = R"({"csat":3})"});
  EXPECT_EQ(bad.status, 400);
  EXPECT_EQ(g.record_of(bad.request_id).outcome, errc::bad_request);
  EXPECT_EQ(g.send({.path = "/v1/feedback", .body = R"({"session":"s","csat":3})"}).status, 201);
  EXPECT_EQ(g.send({.path = "/v1/feedback", .body = R"({"session":"s","csat":3})"}).status, 429);
}

}  // namespace
}  // namespace andon::gateway::testing
