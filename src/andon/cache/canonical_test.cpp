#include "andon/cache/canonical.hpp"

#include <gtest/gtest.h>

#include <set>

namespace andon::cache {
namespace {

constexpr key_scope chat{.project = "p", .route = "r", .served = "m", .variant = {}, .op = llm::operation::chat, .stream = false};

std::optional<digest> key(std::string_view body, const key_scope& scope = chat) {
  std::string scratch;
  return request_key(scope, body, scratch);
}

TEST(canonical, same_meaning_same_key) {
  const auto base = key(R"({"model":"r","messages":[{"role":"user","content":"hi A"}],"temperature":1,"n":0})");
  ASSERT_TRUE(base);
  for (const auto* other : {
           R"({"temperature":1,"n":0,"messages":[{"content":"hi A","role":"user"}],"model":"r"})",
           "{ \"model\" :\"r\",\n\t\"messages\": [ {\"role\":\"user\" ,\"content\":\"hi A\"} ] , \"temperature\": 1.0, \"n\":-0.0e5 }",
           R"({"model":"r","messages":[{"role":"user","content":"h\u0069 \u0041"}],"temperature":10e-1,"n":0})",
           R"({"model":"r","messages":[{"role":"user","content":"hi A"}],"temperature":0.1E+1,"n":0.00})",
           R"({"model":"r","messages":[{"role":"user","content":"hi A"}],"temperature":1,"n":0,"user":"u","metadata":{"a":"b"},"store":true,"safety_identifier":"x","prompt_cache_key":"k","stream":false,"stream_options":{"include_usage":true},"tags":["t"]})"})
    EXPECT_EQ(key(other), base) << other;
}

TEST(canonical, other_meaning_other_key) {
  std::set<digest> seen;
  std::size_t count = 0;
  for (const auto* body : {
           R"({"messages":[{"role":"user","content":"hi"}]})",
           R"({"messages":[{"role":"system","content":"hi"}]})",
           R"({"messages":[{"role":"user","content":"hi "}]})",
           R"({"messages":[{"role":"user","content":"Hi"}]})",
           R"({"messages":[{"role":"user","content":["hi"]}]})",
           R"({"messages":[{"role":"user","content":"hi"},{"role":"user","content":"hi"}]})",
           R"({"messages":[[{"role":"user","content":"hi"}]]})",
           R"({"messages":[{"role":"user","content":"hi"}],"seed":1})",
           R"({"messages":[{"role":"user","content":"hi"}],"seed":"1"})",
           R"({"messages":[{"role":"user","content":"hi"}],"seed":10})",
           R"({"messages":[{"role":"user","content":"hi"}],"seed":-1})",
           R"({"messages":[{"role":"user","content":"hi"}],"seed":9007199254740993})",
           R"({"messages":[{"role":"user","content":"hi"}],"seed":9007199254740992})",
           R"({"messages":[{"role":"user","content":"hi"}],"seed":true})",
           R"({"messages":[{"role":"user","content":"hi"}],"seed":false})",
           R"({"messages":[{"role":"user","content":"hi"}],"seed":null})",
           R"({"messages":[{"role":"user","content":"\ud800"}]})",
           R"({"messages":[{"role":"user","content":"\udbff"}]})",
           R"({"messages":[{"role":"user","content":"\ufffd"}]})",
           R"({"messages":[{"role":"user","content":"hi","user":"x"}]})",
           R"({"messages":[{"role":"user","content":"hi","user":"y"}]})",
           R"({"messages":[{"role":"user","content":"s2:hi"}]})",
           R"({"messages":[],"tools":[{"a":{"b":1,"c":2}}]})",
           R"({"messages":[],"tools":[{"a":{"b":2,"c":1}}]})",
           R"({"messages":[],"tools":[{"a":{"b":1},"c":2}]})"}) {
    const auto one = key(body);
    ASSERT_TRUE(one) << body;
    EXPECT_TRUE(seen.insert(*one).second) << body;
    ++count;
  }
  EXPECT_EQ(seen.size(), count);
}

TEST(canonical, scope_is_part_of_the_key) {
  const std::string body = R"({"messages":[{"role":"user","content":"hi"}],"stream_options":{"include_usage":true}})";
  std::set<digest> seen{*key(body)};
  auto other = [&](auto change) {
    auto scope = chat;
    change(scope);
    EXPECT_TRUE(seen.insert(*key(body, scope)).second);
  };
  other([](key_scope& s) { s.project = "q"; });
  other([](key_scope& s) { s.route = "s"; });
  other([](key_scope& s) { s.served = "n"; });
  other([](key_scope& s) { s.variant = "beta"; });
  other([](key_scope& s) { s.op = llm::operation::completion; });
  other([](key_scope& s) { s.stream = true; });
  other([](key_scope& s) { s.project = "pr"; s.route = ""; });  // no gluing of neighbours
  auto streams = chat;
  streams.stream = true;
  EXPECT_NE(key(R"({"messages":[],"stream_options":{"include_usage":true}})", streams), key(R"({"messages":[]})", streams));
}

TEST(canonical, what_has_no_single_meaning_has_no_key) {
  EXPECT_FALSE(key(R"({"messages":[],"a":1,"a":2})"));
  EXPECT_FALSE(key(R"({"messages":[],"a":1,"\u0061":1})"));
  EXPECT_FALSE(key(R"({"messages":[],"a":{"b":1,"c":2,"b":1}})"));
  EXPECT_FALSE(key(R"({"a":1e99999999})"));
  EXPECT_FALSE(key("[]"));
  EXPECT_FALSE(key("{\"a\":"));
  EXPECT_FALSE(key("{} x"));
  const auto nested = [](unsigned n) { return "{\"a\":" + std::string(n, '[') + std::string(n, ']') + "}"; };
  EXPECT_TRUE(key(nested(max_nesting - 1)));
  EXPECT_FALSE(key(nested(max_nesting)));
}

TEST(canonical, hostile_nesting_stays_cheap) {
  std::string body = "{\"z\":1,\"a\":";
  for (unsigned i = 0; i + 2 < max_nesting; ++i) body += "{\"z\":1,\"a\":";
  body += "\"" + std::string(1u << 20, 'x') + "\"" + std::string(max_nesting - 1, '}');
  EXPECT_TRUE(key(body));
}

std::optional<question> ask(std::string_view body) {
  std::string scratch;
  return question_of(chat, body, scratch);
}

TEST(question, is_apart_from_everything_around_it) {
  const auto a = ask(R"({"messages":[{"role":"system","content":"s"},{"role":"user","content":"what is \"x\"?"}]})");
  ASSERT_TRUE(a);
  EXPECT_EQ(a->text, "what is \"x\"?");
  const auto same = ask(R"({"user":"u","messages":[{"content":"s","role":"system"},{"content":"other","role":"user"}]})");
  ASSERT_TRUE(same);
  EXPECT_EQ(same->partition, a->partition);
  for (const auto* other : {R"({"messages":[{"role":"system","content":"t"},{"role":"user","content":"what is \"x\"?"}]})",
                            R"({"messages":[{"role":"user","content":"what is \"x\"?"}]})",
                            R"({"messages":[{"role":"system","content":"s"},{"role":"user","content":"q"}],"temperature":0})",
                            R"({"messages":[{"role":"system","content":"s"},{"role":"user","content":"q"}],"tools":[]})",
                            R"({"messages":[{"role":"system","content":"s"},{"role":"user","content":"before"},{"role":"assistant","content":"a"},{"role":"user","content":"q"}]})",
                            R"({"messages":[{"role":"system","content":"s"},{"role":"user","name":"n","content":"q"}]})"}) {
    const auto one = ask(other);
    ASSERT_TRUE(one) << other;
    EXPECT_NE(one->partition, a->partition) << other;
  }
}

TEST(question, of_one_text_part_is_one) {
  const auto part = ask(R"({"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}]})");
  ASSERT_TRUE(part);
  EXPECT_EQ(part->text, "hi");
}

TEST(question, others_have_none) {
  for (const auto* body : {R"({"messages":[]})", R"({"messages":[{"role":"assistant","content":"x"}]})", R"({"messages":[{"role":"user","content":""}]})",
                           R"({"messages":[{"role":"user","content":"q"},{"role":"tool","content":"r"}]})", R"({"messages":[{"role":"user"}]})",
                           R"({"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"u"}}]}]})",
                           R"({"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]})",
                           R"({"messages":[{"role":"user","content":"a","content":"b"}]})", R"({"messages":7})"})
    EXPECT_FALSE(ask(body)) << body;
}

}  // namespace
}  // namespace andon::cache
