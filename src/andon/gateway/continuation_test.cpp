// What a client gets of a stream that breaks and goes on elsewhere: nothing twice, nothing left out.
#include <gmock/gmock.h>

#include "andon/gateway/gateway_fixture.hpp"

namespace andon::gateway::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string chunk(const std::string& content, const std::string& finish = "null") {
  return R"(data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\")" + content +
         R"(\"},\"finish_reason\":)" + finish + R"(}]}\n\n)";
}
std::string stream_of(const std::string& events, const std::string& more = "") { return "rules: [ { " + more + "sse: \"" + events + "\" } ]"; }
/// Its bytes come in small writes, so that a client has read what came before the fault.
const char* slowly = "write: 8, write_pause: 1ms, ";
const std::string done = R"(data: [DONE]\n\n)";

/// All text of a stream.
std::string text_of(std::string_view body) {
  std::string out;
  constexpr std::string_view mark = R"("content":")";
  for (auto at = body.find(mark); at != std::string_view::npos; at = body.find(mark, at + 1)) {
    const auto begin = at + mark.size();
    out += body.substr(begin, body.find('"', begin) - begin);
  }
  return out;
}

answer stream_through(running_gateway& g, const std::string& more = "") {
  return g.send({.body = R"({"model":"r","stream":true)" + more + R"(,"messages":[{"role":"user","content":"Say"}]})"});
}

TEST(continuation, the_next_target_is_told_what_the_client_has_and_no_more) {
  const std::string half = R"(data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\" world\"}\n\n)";
  running_gateway g({.targets = {{.script = stream_of(chunk("Hello") + half, slowly)}, {.script = stream_of(chunk(" there") + chunk("", R"(\"stop\")") + done)}}, .attempts = 1});
  const auto got = stream_through(g);
  EXPECT_EQ(text_of(got.body), "Hello there");
  EXPECT_THAT(got.body, HasSubstr("[DONE]"));
  const auto record = g.record_of(got.request_id);
  ASSERT_EQ(record.attempts.size(), 2U);
  EXPECT_EQ(record.attempts[0].outcome, errc::upstream_bad_reply);
  EXPECT_THAT(record.attempts[0].error_message, HasSubstr("After 5 bytes"));
  EXPECT_THAT(record.reply_body, HasSubstr("Hello there"));
}

TEST(continuation, an_end_marker_without_an_end_does_not_silence_the_next_target) {
  running_gateway g({.targets = {{.script = stream_of(chunk("Hel") + done, slowly)}, {.script = stream_of(chunk("lo") + chunk("", R"(\"stop\")") + done)}}, .attempts = 1});
  const auto got = stream_through(g);
  EXPECT_EQ(text_of(got.body), "Hello");
  EXPECT_THAT(got.body, HasSubstr("[DONE]"));
  EXPECT_EQ(g.record_of(got.request_id).outcome, errc::none);
  EXPECT_EQ(g.health(1).error_rate(g.now()), 0.0);
}

TEST(continuation, no_target_may_write_more_than_is_left) {
  std::string words;
  for (int i = 0; i < 30; ++i) words += chunk(" word");
  running_gateway g({.targets = {{.script = stream_of(words, std::string("fault: cut, ") + slowly)}, {.script = stream_of(chunk(" more", R"(\"stop\")") + done)}}, .attempts = 1});
  const auto got = stream_through(g, R"(,"max_tokens":10)");
  EXPECT_THAT(text_of(got.body), Not(HasSubstr("more")));
  EXPECT_THAT(got.body, Not(HasSubstr("[DONE]")));
  EXPECT_THAT(got.body, HasSubstr("\"error\""));
  EXPECT_EQ(g.provider(1).requests, 0U);
  EXPECT_THAT(g.record_of(got.request_id).attempts[0].error_message, Not(HasSubstr("asked to go on")));
}

TEST(continuation, what_comes_after_the_finish_reason_is_bounded) {
  std::string endless = chunk("a", R"(\"stop\")");
  const std::string large = R"(data: {\"choices\":[],\"x\":\")" + std::string(20'000, 'x') + R"(\"}\n\n)";
  for (int i = 0; i < 15; ++i) endless += large;
  running_gateway g({.targets = {{.script = stream_of(endless + done, "")}}, .attempts = 1});
  const auto got = stream_through(g);
  EXPECT_THAT(got.body, Not(HasSubstr("[DONE]")));
  EXPECT_EQ(g.record_of(got.request_id).outcome, errc::upstream_bad_reply);
}

TEST(continuation, rewritten_events_of_several_lines_stay_events) {
  const std::string lines = R"(data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":null}],\ndata: \"usage\":null}\n\n)";
  running_gateway g({.targets = {{.script = stream_of(lines + chunk("", R"(\"stop\")") + done, slowly)}}, .attempts = 1, .flavour = "openai"});
  const auto got = stream_through(g);
  EXPECT_EQ(text_of(got.body), "Hi");
  std::size_t begin = 0;
  for (auto end = got.body.find('\n'); end != std::string::npos; begin = end + 1, end = got.body.find('\n', begin)) {
    const auto line = std::string_view(got.body).substr(begin, end - begin);
    EXPECT_TRUE(line.empty() || line.starts_with("data:")) << line;
  }
}

}  // namespace
}  // namespace andon::gateway::testing
