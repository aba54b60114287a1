// Providers that break a stream, or answer with what is no answer; tests/faults has the whole catalogue.
#include <gmock/gmock.h>

#include "andon/gateway/gateway_fixture.hpp"

namespace andon::gateway::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* plain_chat = R"({"model":"r","messages":[{"role":"user","content":"Say something nice"}]})";
constexpr const char* stream_chat = R"({"model":"r","stream":true,"messages":[{"role":"user","content":"Say something nice"}]})";

TEST(gateway_faults, never_presents_a_broken_stream_as_complete) {
  struct row { const char* fault; errc outcome; bool estimated; };
  for (const auto& [fault, outcome, estimated] :
       {row{"fault: cut, after: 3", errc::upstream_reset, true}, row{"fault: no_done", errc::stream_truncated, false},
        row{"fault: error_in_stream, after: 3", errc::upstream_error, true}, row{"fault: stall, after: 3", errc::idle_timeout, true}}) {
    running_gateway g({.targets = {{.script = std::string("defaults: { between: 2ms }\nrules: [ { ") + fault + " } ]"}}, .deadlines = {2s, 2s, 200ms, 5s}});
    const auto got = g.send({.body = stream_chat});
    EXPECT_EQ(got.status, 200) << fault;
    EXPECT_THAT(got.body, Not(HasSubstr("[DONE]"))) << fault;
    EXPECT_THAT(got.body, HasSubstr("data: {\"error\":")) << fault;
    const auto r = g.record_of(got.request_id);
    EXPECT_EQ(r.outcome, outcome) << fault << kind_of(r.outcome).name;
    EXPECT_EQ(r.delivered, ledger::delivery::cut) << fault;
    EXPECT_GT(r.use.output.value(), 0) << fault;
    EXPECT_EQ(r.use.estimated, estimated) << fault;
  }
}

TEST(gateway_faults, a_stream_never_waits_for_its_end_because_of_empty_finish_reasons) {
  const std::string chunk = R"(data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":\"\"}]}\n\n)";
  running_gateway g({.targets = {{.script = "rules: [ { fault: stall, sse: \"" + chunk + chunk + "\" } ]"}}, .deadlines = {2s, 2s, 200ms, 5s}});
  const auto got = g.send({.body = stream_chat});
  EXPECT_EQ(got.status, 200) << "the first token had come";
  EXPECT_THAT(got.body, HasSubstr("Hi"));
  EXPECT_THAT(got.body, HasSubstr("data: {\"error\":"));
}

TEST(gateway_faults, what_follows_a_finish_reason_is_held_back_within_a_bound) {
  const auto event = [](const char* reason) {
    return R"(data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\")" + std::string(100'000, 'x') + R"(\"},\"finish_reason\":)" + reason + R"(}]}\n\n)";
  };
  std::string text = event(R"(\"stop\")");
  for (int i = 0; i < 3; ++i) text += event("null");
  running_gateway g({.targets = {{.script = "rules: [ { sse: \"" + text + "\" } ]"}, {}}});
  const auto got = g.send({.body = stream_chat});
  EXPECT_EQ(got.served_by, "m1");
  EXPECT_EQ(g.record_of(got.request_id).attempts.at(0).outcome, errc::upstream_bad_reply);
}

TEST(gateway_faults, what_is_no_answer_is_another_targets_to_give) {
  struct row { const char* reply; bool stream; int status; };
  for (const auto& [reply, stream, status] :
       {row{"status: 302, headers: { location: 'http://127.0.0.1:1/' }, body: '{\"a\":1}'", false, 302}, row{"status: 204, body: ''", false, 204},
        row{"status: 405, body: '{\"error\":{\"message\":\"no\"}}'", false, 405}, row{"status: 410, body: gone", false, 410},
        row{R"(status: 200, body: '{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}]}')", true, 200}}) {
    running_gateway g({.targets = {{.script = std::string("rules: [ { ") + reply + " } ]"}, {}}, .attempts = 1});
    const auto got = g.send({.body = stream ? stream_chat : plain_chat});
    EXPECT_EQ(got.status, 200) << reply;
    EXPECT_EQ(got.served_by, "m1") << reply;
    const auto r = g.record_of(got.request_id);
    ASSERT_EQ(r.attempts.size(), 2U) << reply;
    EXPECT_EQ(r.attempts[0].http_status, status);
    EXPECT_TRUE(r.attempts[0].outcome == errc::upstream_bad_reply || r.attempts[0].outcome == errc::upstream_error) << reply;
  }
}

}  // namespace
}  // namespace andon::gateway::testing
