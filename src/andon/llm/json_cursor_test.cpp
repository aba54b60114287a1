#include "andon/llm/json_cursor.hpp"

#include <gtest/gtest.h>
#include <simdjson.h>

#include "andon/base/random.hpp"

namespace andon::llm {
namespace {

bool accepts(std::string_view text) {
  json_cursor at{text};
  at.skip();
  at.finish();
  return !at.failed() && valid_utf8(text);
}

bool oracle(std::string_view text) {
  simdjson::dom::parser parser;
  return parser.parse(simdjson::padded_string{text}).error() == simdjson::SUCCESS;
}

TEST(JsonCursor, AcceptsWhatJsonIs) {
  for (std::string_view text : {"{}", "[]", " [ ] ", "0", "-0", "1e5", "-1.25E-7", "\"\"", "\"\\u00e9\\n\"", "[1,2,[3,{\"a\":null}]]",
                                "{\"a\":{\"b\":[true,false]},\"c\":\"\xC3\xA9\"}", "123456789012345678901234567890", "1e999"})
    EXPECT_TRUE(accepts(text)) << text;
}

TEST(JsonCursor, RefusesWhatJsonIsNot) {
  for (std::string_view text : {"", " ", "{", "}", "[", "]", "[1,]", "[,1]", "{,}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "[1 2]", "01", "-", "1.",
                                "1e", "+1", ".5", "tru", "nul", "True", "\"", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"a\nb\"", "{}{}", "[] x", "[}", "{]",
                                "\xEF\xBB\xBF{}", "\"\xFF\"", "\"\xC0\x80\"", "NaN", "'a'", "/*x*/1", "[1,2", "{\"a\":1", "{\"a\" 1}"})
    EXPECT_FALSE(accepts(text)) << text;
  EXPECT_FALSE(accepts(std::string_view{"[1\0]", 4}));
  EXPECT_FALSE(accepts(std::string_view{"\"\0\"", 3}));
}

TEST(JsonCursor, DepthIsBoundedAndCostsNoStack) {
  EXPECT_TRUE(accepts(std::string(256, '[') + std::string(256, ']')));
  EXPECT_FALSE(accepts(std::string(257, '[') + std::string(257, ']')));
  EXPECT_FALSE(accepts(std::string(100'000, '[')));
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  EXPECT_FALSE(accepts(objects));
}

TEST(JsonCursor, ErrorsHaveAPlace) {
  json_cursor at{"{\n \"a\": 1,\n \"b\" 2}"};
  at.skip();
  EXPECT_EQ(at.failure(), "A colon is expected at byte 16 (line 3, column 6)");
}

TEST(JsonCursor, AgreesWithSimdjsonOnMutatedTexts) {
  const std::string seed = R"({"model":"gpt","n":[1,-2.5e3,true,null],"s":{"x":"a\"b\\c","y":[[],{}]},"t":"é€😀"})";
  random_source random{7};
  int accepted = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text = seed;
    for (std::uint64_t edits = 1 + random.below(3); edits > 0; --edits) {
      std::size_t at = random.below(text.size());
      constexpr std::string_view bytes = "{}[]\",:\\ 01ae.-t\n\xC3\xA9";
      switch (random.below(3)) {
        case 0: text[at] = bytes[random.below(bytes.size())]; break;
        case 1: text.erase(at, 1 + random.below(3)); break;
        default: text.insert(at, 1, bytes[random.below(bytes.size())]);
      }
      if (text.empty()) text = "1";
    }
    if (text.find("\\u") != std::string::npos || text.find_first_of("eE") == 0) continue;
    bool mine = accepts(text);
    accepted += mine;
    ASSERT_EQ(mine, oracle(text)) << text;
  }
  EXPECT_GT(accepted, 100);
}

TEST(JsonCursor, EveryCutIsRefused) {
  const std::string text = R"({"a":[1,"x\u00e9",{"b":null}],"c":-1.5})";
  for (std::size_t size = 0; size < text.size(); ++size) EXPECT_FALSE(accepts(std::string_view{text}.substr(0, size))) << size;
}

TEST(JsonCursor, Unescapes) {
  std::string out;
  append_unescaped(out, R"(a\"\\\/\b\f\n\r\t\u0041\u00e9\ud83d\ude00\ud800x\udc00)");
  EXPECT_EQ(out, "a\"\\/\b\f\n\r\tA\xC3\xA9\xF0\x9F\x98\x80\xEF\xBF\xBDx\xEF\xBF\xBD");
}

TEST(JsonCursor, Integers) {
  struct { std::string_view text; bool good; std::int64_t value; } cases[] = {
      {"0", true, 0}, {"-5", true, -5}, {"9223372036854775807", true, INT64_MAX}, {"99999999999999999999", true, INT64_MAX},
      {"-99999999999999999999", true, INT64_MIN}, {"1e999", true, INT64_MAX}, {"-1e999", true, INT64_MIN}, {"1e-999", true, 0}, {"1.5", true, 2}, {"2e3", true, 2000}, {"", false, 0}};
  for (const auto& c : cases) {
    std::int64_t value = 0;
    EXPECT_EQ(to_integer(c.text, value), c.good) << c.text;
    if (c.good) EXPECT_EQ(value, c.value) << c.text;
  }
}

}  // namespace
}  // namespace andon::llm
