#include "andon/llm/json_edit.hpp"

#include <gtest/gtest.h>

#include "andon/llm/json_cursor.hpp"

namespace andon::llm {
namespace {

// Members of the top-level object, by key, found the slow way.
byte_span member_of(std::string_view body, std::string_view key) {
  json_cursor at{body};
  at.begin_object();
  json_cursor::token name;
  for (bool first = true; at.next_member(first, name);) {
    auto start = static_cast<std::uint32_t>(name.raw.data() - body.data()) - 1;
    at.skip();
    if (name.raw == key) return at.span_from(start);
  }
  return {};
}

std::string without(std::string_view body, std::initializer_list<std::string_view> keys) {
  json_edit edit{body};
  for (auto key : keys) edit.remove_member(member_of(body, key));
  std::string storage;
  return std::string{edit.apply(storage)};
}

TEST(JsonEdit, NothingToDoIsTheSameView) {
  std::string_view body = R"({"a":1})";
  std::string storage;
  EXPECT_EQ(json_edit{body}.apply(storage).data(), body.data());
  json_edit same{R"({"a":"x"})"};
  same.replace_string({5, 3}, "x");
  EXPECT_TRUE(same.empty());
}

TEST(JsonEdit, RemovesMembersWithTheirCommas) {
  EXPECT_EQ(without(R"({"a":1,"b":2,"c":3})", {"a"}), R"({"b":2,"c":3})");
  EXPECT_EQ(without(R"({"a":1,"b":2,"c":3})", {"b"}), R"({"a":1,"c":3})");
  EXPECT_EQ(without(R"({"a":1,"b":2,"c":3})", {"c"}), R"({"a":1,"b":2})");
  EXPECT_EQ(without(R"({"a":1,"b":2,"c":3})", {"b", "c"}), R"({"a":1})");
  EXPECT_EQ(without(R"({"a":1,"b":2,"c":3})", {"c", "a"}), R"({"b":2})");
  EXPECT_EQ(without(R"({"a":1,"b":2,"c":3})", {"a", "b", "c"}), "{}");
  EXPECT_EQ(without("{ \"a\" : 1 ,\n  \"b\" : [ 2 ] }", {"b"}), "{ \"a\" : 1  }");
}

TEST(JsonEdit, EverySubsetOfMembersLeavesValidJson) {
  for (std::string_view body : {R"({"a":1,"b":[2,3],"c":"x,y","d":{}})", "{ \"a\" : 1 , \"b\" :2,\"c\": 3\n,\t\"d\":4 }"}) {
    for (unsigned mask = 0; mask < 16; ++mask) {
      json_edit edit{body};
      std::string storage;
      for (unsigned i = 0; i < 4; ++i)
        if (mask >> i & 1) edit.remove_member(member_of(body, std::string_view{"abcd"}.substr(i, 1)));
      auto out = edit.apply(storage);
      json_cursor at{out};
      at.skip();
      at.finish();
      EXPECT_FALSE(at.failed()) << out;
      for (unsigned i = 0; i < 4; ++i) EXPECT_EQ(member_of(out, std::string_view{"abcd"}.substr(i, 1)).present(), !(mask >> i & 1)) << out;
    }
  }
}

TEST(JsonEdit, MixesEditsInAnyOrder) {
  std::string_view body = R"({"tags":["x"],"model":"a","cache":{}})";
  json_edit edit{body};
  auto model = member_of(body, "model");
  edit.remove_member(member_of(body, "cache"));
  edit.insert(model.end(), R"(,"z":1)");
  edit.remove_member(member_of(body, "tags"));
  edit.replace_string({model.end() - 3, 3}, "b\"c");
  std::string storage;
  EXPECT_EQ(edit.apply(storage), R"({"model":"b\"c","z":1})");
}

}  // namespace
}  // namespace andon::llm
