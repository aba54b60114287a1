#include "andon/app/cli/record_view.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace andon::app::cli {
namespace {

namespace json = boost::json;

TEST(record_view, a_call_reads_from_top_to_bottom) {
  EXPECT_EQ(record_text(json::parse(R"({
    "id":"req_1","started":"2026-11-22T20:00:00.000000Z","duration_s":0.250000000,"project":"shop","key":"key_web","user":"u1","session":"",
    "method":"POST","path":"/v1/chat/completions","http":"2","upstream_http":"1.1","route":"chat","model":"b","provider":"openai","upstream_model":"gpt-4o","stream":true,
    "outcome":"none","origin":"none","status":200,"error_message":"","delivered":"complete","finish_reason":"stop","cost_usd":0.000081,"price":"known",
    "client_address":"10.0.0.7","trace_id":"","tags":["gold"],"metadata":{"team":"a"},"first_token_s":0.1,"upstream_s":0.2,
    "usage":{"input":12,"cached_read":4,"output":34,"reasoning":0,"estimated":true},
    "stages_s":{"receive":0.000010,"identify":0,"dispatch":0.2},
    "attempts":[{"model":"a","provider":"groq","address":"h:443","outcome":"upstream_error","status":503,"started_s":0,"connect_s":0.01,"first_byte_s":0,"total_s":0.02,"error_message":"busy\u001b[2J"},
                {"model":"b","provider":"openai","address":"i:443","outcome":"none","status":200,"started_s":0.03,"connect_s":0,"first_byte_s":0.1,"total_s":1.5}],
    "request":{"model":"chat","temperature":0.7,"max_tokens":5,"tools":[{},{}],"messages":[{"role":"user","content":"Hello\nthere\u001b[31m"},{"role":"user","content":[{"type":"text","text":"see"},{"type":"image_url"}]}]},
    "reply":{"choices":[{"message":{"role":"assistant","content":null,"tool_calls":[{"function":{"name":"f","arguments":"{\"a\":1}"}}]}}]}
  })")), R"(call       req_1
time       2026-11-22T20:00:00.000000Z, took 250.000 ms
outcome    none, status 200, delivered complete, finish reason stop
request    POST /v1/chat/completions, streamed, HTTP/2, provider's HTTP/1.1
route      chat → b, provider openai, its model gpt-4o
caller     project shop, key key_web, user u1, from 10.0.0.7
tags       gold
metadata   team=a
cost       $0.000081
tokens     12 in, 4 of them cached, 34 out (estimated)
first token 100.000 ms
upstream   200.000 ms
stages     receive 0.010 ms, dispatch 200.000 ms

ATTEMPT  MODEL  PROVIDER  ADDRESS  STATUS  OUTCOME         BEGAN      CONNECT    FIRST BYTE  TOTAL
1        a      groq      h:443    503     upstream_error  0.000 s    10.000 ms  0.000 s     20.000 ms
2        b      openai    i:443    200     none            30.000 ms  0.000 s    100.000 ms  1.500 s
attempt 1: busy?[2J

request
  user:
    Hello
    there?[31m
  user:
    see
    [image_url]
  with model chat, temperature 0.7, max_tokens 5, tools [2]

reply
  assistant:
    calls f({"a":1})
)");
}

TEST(record_view, bodies_of_other_forms_are_shown_too) {
  const auto shown = record_text(json::parse(R"({"id":"x","request_text":"not\njson","reply":{"data":[1.5]},"cost_usd":null,"outcome":"bad_json","status":400})"));
  EXPECT_NE(shown.find("outcome    bad_json, status 400\n"), std::string::npos) << shown;
  EXPECT_NE(shown.find("cost       unknown\n"), std::string::npos) << shown;
  EXPECT_NE(shown.find("\nrequest\n  not\n  json\n"), std::string::npos) << shown;
  EXPECT_NE(shown.find("\nreply\n  {\"data\""), std::string::npos) << shown;
  for (const char* odd : {"{}", "[]", R"({"request":[1],"reply":"x","usage":1,"attempts":[1],"stages_s":[],"metadata":1})"}) EXPECT_FALSE(record_text(json::parse(odd)).empty());
}

TEST(record_view, an_outcome_has_the_name_that_filters_know) {
  const auto of = [](const char* row) { return outcome_text(json::parse(row)); };
  EXPECT_EQ(of(R"({"outcome":"none","delivered":"complete","status":200})"), "none");
  EXPECT_EQ(of(R"({"outcome":"none","delivered":"none","status":204})"), "none");
  EXPECT_EQ(of(R"({"outcome":"none","delivered":"none","status":0})"), "open");
  EXPECT_EQ(of(R"({"outcome":"none","delivered":"cut","status":200})"), "cut");
  EXPECT_EQ(of(R"({"outcome":"none","delivered":"none","status":0,"interrupted":true})"), "interrupted");
  EXPECT_EQ(of(R"({"outcome":"client_gone","delivered":"cut"})"), "client_gone");
  EXPECT_EQ(of("{}"), "open");
}

}  // namespace
}  // namespace andon::app::cli
