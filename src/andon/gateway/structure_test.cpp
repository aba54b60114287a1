// Replies held against the structure that their requests asked for.
#include <gmock/gmock.h>

#include "andon/gateway/gateway_fixture.hpp"

namespace andon::gateway::testing {
namespace {

using ::testing::HasSubstr;
using ledger::structure;

std::string asking(bool stream) {
  return std::string(R"({"model":"r",)") + (stream ? R"("stream":true,)" : "") +
         R"("messages":[{"role":"user","content":"who"}],"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object","properties":{"age":{"type":"integer"}},"required":["age"]}}}})";
}
setup demanding(std::string script) {
  return {.targets = {{.script = std::move(script)}}, .amend = [](plan& made, route::health_table&) { made.routes[0]->check_structure = true; }};
}
constexpr const char* wrong = R"(defaults: { text: '{"age":"old"}' })";
constexpr const char* right = R"(defaults: { text: '{"age":7}' })";

TEST(gateway_structure, a_reply_that_breaks_the_structure_is_marked_and_delivered) {
  running_gateway g(demanding(wrong));
  for (const bool stream : {false, true}) {
    const auto got = g.send({.body = asking(stream)});
    EXPECT_EQ(got.status, 200);
    EXPECT_THAT(got.body, HasSubstr("old"));
    const auto r = g.record_of(got.request_id);
    EXPECT_EQ(r.structured, structure::invalid) << stream;
    EXPECT_EQ(r.outcome, errc::none);
    EXPECT_EQ(r.attempts.back().error_message, "The reply is not as response_format asks: /age: is no integer");
  }
}

TEST(gateway_structure, a_reply_that_keeps_it_is_valid) {
  running_gateway g(demanding(right));
  for (const bool stream : {false, true}) EXPECT_EQ(g.record_of(g.send({.body = asking(stream)}).request_id).structured, structure::valid) << stream;
}

TEST(gateway_structure, only_a_reply_that_keeps_it_is_given_again) {
  for (const bool good : {true, false}) {
    auto cached = demanding(good ? right : wrong);
    cached.prices = {{.provider = "sim", .model = "m", .input = "1", .output = "2"}};
    cached.cache = {.keep = std::chrono::minutes{10}};
    running_gateway g(std::move(cached));
    for (const bool stream : {false, true}) {
      EXPECT_EQ(header_of(g.send({.body = asking(stream)}), "x-andon-cache"), "miss");
      EXPECT_EQ(header_of(g.send({.body = asking(stream)}), "x-andon-cache"), good ? "hit" : "miss") << stream;
    }
    EXPECT_EQ(g.metric("andon_cache_not_kept_total{reason=\"unstructured\"}"), good ? 0 : 4);
  }
}

TEST(gateway_structure, nobody_looks_where_nobody_asked) {
  running_gateway g(demanding(wrong));
  EXPECT_EQ(g.record_of(g.send({.body = R"({"model":"r","messages":[{"role":"user","content":"who"}]})"}).request_id).structured, structure::unchecked);
  running_gateway other({.targets = {{.script = wrong}}});
  EXPECT_EQ(other.record_of(other.send({.body = asking(false)}).request_id).structured, structure::unchecked);
}

}  // namespace
}  // namespace andon::gateway::testing
