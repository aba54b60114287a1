#include "andon/llm/structure.hpp"

#include <gtest/gtest.h>

#include "andon/base/json_text.hpp"

namespace andon::llm {
namespace {

using enum structure_verdict;

std::string schema(std::string_view text) { return R"({"type":"json_schema","json_schema":{"name":"x","strict":true,"schema":)" + std::string(text) + "}}"; }
std::string reply(std::string_view content, std::string_view finish = "stop", std::string_view more = "") {
  return R"({"choices":[{"index":0,"finish_reason":)" + json_string(finish) + R"(,"message":{"role":"assistant","content":)" + json_string(content) + std::string(more) + "}}]}";
}
structure_verdict verdict(std::string_view of, std::string_view content) {
  // Schemas are the root's for $ref in these cases.
  return check_structure(schema(of), reply(content)).verdict;
}

struct pair { const char* schema; const char* content; structure_verdict expected; };

TEST(structure, follows_the_schema) {
  const pair cases[] = {
      {R"({"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false})", R"({"a":"x"})", valid},
      {R"({"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false})", R"({})", invalid},
      {R"({"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false})", R"({"a":1})", invalid},
      {R"({"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false})", R"({"a":"x","b":1})", invalid},
      {R"({"type":"object","additionalProperties":{"type":"integer"}})", R"({"b":1})", valid},
      {R"({"type":"object","additionalProperties":{"type":"integer"}})", R"({"b":"1"})", invalid},
      {R"({"patternProperties":{"^n":{"type":"number"}},"additionalProperties":false})", R"({"n1":1.5})", valid},
      {R"({"patternProperties":{"^n":{"type":"number"}},"additionalProperties":false})", R"({"m":1})", invalid},
      {R"({"type":"array","items":{"type":"integer"},"minItems":1,"maxItems":3})", "[1,2]", valid},
      {R"({"type":"array","items":{"type":"integer"},"minItems":1,"maxItems":3})", "[]", invalid},
      {R"({"type":"array","items":{"type":"integer"},"minItems":1,"maxItems":3})", "[1,2.5]", invalid},
      {R"({"prefixItems":[{"type":"string"}],"items":false})", R"(["a"])", valid},
      {R"({"prefixItems":[{"type":"string"}],"items":false})", R"(["a",1])", invalid},
      {R"({"uniqueItems":true})", "[1,1.0]", invalid},
      {R"({"type":["string","null"]})", "null", valid},
      {R"({"type":["string","null"]})", "1", invalid},
      {R"({"type":"integer"})", "3.0", valid},
      {R"({"enum":["a",{"b":[1]}]})", R"({"b":[1]})", valid},
      {R"({"enum":["a",{"b":[1]}]})", R"({"b":[2]})", invalid},
      {R"({"const":2})", "2", valid},
      {R"({"minimum":1,"exclusiveMaximum":2})", "1", valid},
      {R"({"minimum":1,"exclusiveMaximum":2})", "2", invalid},
      {R"({"multipleOf":0.1})", "0.3", valid},
      {R"({"multipleOf":0.1})", "0.35", invalid},
      {R"({"minLength":2,"maxLength":2})", "\"\u00e4\u00e4\"", valid},
      {R"({"minLength":2,"maxLength":2})", "\"abc\"", invalid},
      {R"({"pattern":"^a+$"})", "\"aaa\"", valid},
      {R"({"pattern":"^a+$"})", "\"aab\"", invalid},
      {R"({"anyOf":[{"type":"string"},{"type":"null"}]})", "null", valid},
      {R"({"anyOf":[{"type":"string"},{"type":"null"}]})", "true", invalid},
      {R"({"oneOf":[{"minimum":1},{"minimum":2}]})", "3", invalid},
      {R"({"allOf":[{"minimum":1},{"maximum":2}]})", "3", invalid},
      {R"({"not":{"type":"null"}})", "null", invalid},
      {R"({"type":"object","properties":{"next":{"anyOf":[{"$ref":"#"},{"type":"null"}]}},"required":["next"]})", R"({"next":{"next":null}})", valid},
      {R"({"type":"object","properties":{"next":{"anyOf":[{"$ref":"#"},{"type":"null"}]}},"required":["next"]})", R"({"next":{}})", invalid},
      {R"({"$defs":{"n":{"type":"number"}},"type":"object","properties":{"a":{"$ref":"#/$defs/n"}}})", R"({"a":"x"})", invalid},
  };
  for (const auto& one : cases) EXPECT_EQ(verdict(one.schema, one.content), one.expected) << one.schema << " " << one.content;
}

TEST(structure, what_is_not_read_is_never_valid) {
  EXPECT_EQ(verdict(R"({"if":{"type":"string"},"then":{"minLength":3}})", "\"a\""), unchecked);
  EXPECT_EQ(verdict(R"({"pattern":"(?=a)b"})", "\"a\""), unchecked);
  EXPECT_EQ(verdict(R"({"$ref":"https://example.com/s"})", "1"), unchecked);
  EXPECT_EQ(verdict(R"({"type":"object","contains":{}})", "1"), invalid);
}

/// What is not read may be as asked: a provider is not blamed for it, wherever it stands.
TEST(structure, what_is_not_read_is_never_invalid) {
  EXPECT_EQ(verdict(R"({"patternProperties":{"^(?!_)[a-z]":{"type":"number"}},"additionalProperties":false})", R"({"a":1})"), unchecked);
  EXPECT_EQ(verdict(R"({"not":{"propertyNames":{"pattern":"^x"}}})", R"({"a":1})"), unchecked);
  EXPECT_EQ(verdict(R"({"not":{"pattern":"(?=a)b"}})", "\"a\""), unchecked);
  EXPECT_EQ(verdict(R"({"oneOf":[{"type":"object"},{"propertyNames":{"pattern":"^x"}}]})", R"({"a":1})"), unchecked);
  EXPECT_EQ(verdict(R"({"oneOf":[{"type":"null"},{"type":"string","pattern":"(?=a)b"}]})", "1"), invalid);
  EXPECT_EQ(verdict(R"({"items":[{"type":"string"}]})", "[1]"), unchecked);   // of draft 7
}

TEST(structure, text_that_is_no_json_is_invalid) {
  EXPECT_EQ(verdict("{}", "Sure! {}"), invalid);
  EXPECT_EQ(verdict("{}", "```json\n{}\n```"), invalid);
  EXPECT_EQ(check_structure(R"({"type":"json_object"})", reply("{}")).verdict, valid);
  EXPECT_EQ(check_structure(R"({"type":"json_object"})", reply("[]")).verdict, invalid);
  EXPECT_EQ(check_structure(R"({"type":"json_schema","json_schema":{"name":"x"}})", reply("1")).verdict, valid);
}

TEST(structure, says_where_and_never_what) {
  const auto found = check_structure(schema(R"({"properties":{"a":{"items":{"type":"integer"}}}})"), reply(R"({"a":[1,"secret"]})"));
  EXPECT_EQ(found.verdict, invalid);
  EXPECT_EQ(found.why, "/a/1: is no integer");
  const auto long_name = check_structure(schema(R"({"additionalProperties":false})"), reply(R"({")" + std::string(100'000, 'n') + R"(":1})"));
  EXPECT_EQ(long_name.verdict, invalid);
  EXPECT_LT(long_name.why.size(), 300U);
  EXPECT_TRUE(long_name.why.ends_with("is not allowed here")) << long_name.why.substr(0, 300);
}

TEST(structure, a_reply_that_did_not_end_with_a_text_says_nothing) {
  const auto format = schema(R"({"type":"object"})");
  EXPECT_EQ(check_structure(format, reply("{\"a", "length")).verdict, unchecked);
  EXPECT_EQ(check_structure(format, reply("", "content_filter")).verdict, unchecked);
  EXPECT_EQ(check_structure(format, reply("no", "stop", R"(,"refusal":"I cannot")")).verdict, unchecked);
  EXPECT_EQ(check_structure(format, R"({"choices":[{"finish_reason":"tool_calls","message":{"content":null,"tool_calls":[]}}]})").verdict, unchecked);
  EXPECT_EQ(check_structure(format, "{}").verdict, unchecked);
  EXPECT_EQ(check_structure("nonsense", reply("{}")).verdict, unchecked);
}

TEST(structure, every_choice_counts) {
  const auto two = R"({"choices":[{"finish_reason":"stop","message":{"content":"{}"}},{"finish_reason":"stop","message":{"content":"x"}}]})";
  EXPECT_EQ(check_structure(R"({"type":"json_object"})", two).verdict, invalid);
}

/// Whatever a client's schema and a provider's reply do together, the work has an end.
TEST(structure, work_is_bounded) {
  EXPECT_EQ(verdict(R"({"$ref":"#"})", "1"), unchecked);
  EXPECT_EQ(verdict(R"({"anyOf":[{"$ref":"#"},{"$ref":"#"}]})", "1"), unchecked);
  std::string many = "[";
  for (int n = 0; n < 20'000; ++n) many += n == 0 ? "1" : ",1";
  many += "]";
  EXPECT_EQ(verdict(R"({"items":{"type":"integer"}})", many), unchecked);
  std::string choices = R"({"items":{"enum":[)";
  for (int n = 0; n < 5'000; ++n) choices += (n == 0 ? "" : ",") + std::to_string(n + 2);
  choices += "]}}";
  EXPECT_EQ(verdict(choices, many), invalid);   // the first item decides
  EXPECT_EQ(verdict("{}", std::string(90, '[') + std::string(90, ']')), valid);
  EXPECT_EQ(verdict("{}", std::string(300, '[') + std::string(300, ']')), unchecked);
  EXPECT_EQ(check_structure(schema("{}"), reply(std::string(300'000, ' '))).verdict, unchecked);
}

}  // namespace
}  // namespace andon::llm
