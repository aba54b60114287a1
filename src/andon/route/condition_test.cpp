#include <gtest/gtest.h>

#include "andon/route/condition.hpp"

namespace andon::route {
namespace {

struct request {
  std::vector<std::string> tags{"blue", "eu-west"};
  std::vector<std::pair<std::string, std::string>> metadata{{"tier", "premium"}, {"age", "17.5"}};
  facts given() const {
    return {.project = "shop", .user = "u1", .model = "gpt-4o", .operation = "chat", .tags = tags, .metadata = metadata,
            .request_size = byte_count{2'000}, .input = tokens{300}, .output = tokens{16}, .stream = true};
  }
};

TEST(condition, compares_each_field_with_each_operator) {
  struct row { const char* field; const char* op; std::vector<std::string> values; bool holds; };
  const std::vector<row> rows{
      {"model", "eq", {"gpt-4o"}, true}, {"model", "eq", {"gpt-4"}, false}, {"model", "ne", {"gpt-4"}, true},
      {"model", "in", {"a", "gpt-4o"}, true}, {"model", "nin", {"a", "gpt-4o"}, false}, {"model", "prefix", {"gpt-"}, true},
      {"model", "prefix", {"4o"}, false}, {"model", "contains", {"-4"}, true}, {"model", "contains", {"x"}, false},
      {"project", "eq", {"shop"}, true}, {"user", "ne", {"u1"}, false}, {"operation", "eq", {"chat"}, true},
      {"stream", "eq", {"true"}, true}, {"stream", "eq", {"false"}, false},
      {"tags", "eq", {"blue"}, true}, {"tags", "eq", {"red"}, false}, {"tags", "ne", {"blue"}, false}, {"tags", "ne", {"red"}, true},
      {"tags", "in", {"red", "blue"}, true}, {"tags", "nin", {"red", "green"}, true}, {"tags", "nin", {"red", "blue"}, false},
      {"tags", "prefix", {"eu-"}, true}, {"tags", "contains", {"west"}, true}, {"tags", "contains", {"east"}, false},
      {"metadata.tier", "$eq", {"premium"}, true}, {"metadata.tier", "ne", {"premium"}, false},
      {"metadata.none", "eq", {""}, false}, {"metadata.none", "ne", {"x"}, true}, {"metadata.none", "nin", {"x"}, true},
      {"metadata.none", "gt", {"0"}, false}, {"metadata.none", "contains", {""}, false},
      {"metadata.age", "lt", {"18"}, true}, {"metadata.age", "gte", {"17.5"}, true}, {"metadata.age", "gt", {"17.5"}, false},
      {"metadata.tier", "gt", {"0"}, false},
      {"request_bytes", "gt", {"1999"}, true}, {"request_bytes", "gt", {"2000"}, false}, {"request_bytes", "lte", {"2e3"}, true},
      {"input_tokens", "eq", {"300"}, true}, {"input_tokens", "in", {"1", "300.0"}, true}, {"input_tokens", "ne", {"300"}, false},
      {"output_tokens", "nin", {"1", "2"}, true}, {"output_tokens", "lt", {"16"}, false},
  };
  const request one;
  for (const auto& [field, op, values, holds] : rows) {
    const auto made = condition::make(field, op, values);
    ASSERT_TRUE(made) << field << ' ' << op;
    EXPECT_EQ(made->holds(one.given()), holds) << field << ' ' << op << ' ' << values[0];
  }
}

TEST(condition, refuses_what_makes_no_sense) {
  struct row { const char* field; const char* op; std::vector<std::string> values; };
  for (const auto& [field, op, values] : std::vector<row>{{"colour", "eq", {"x"}}, {"metadata.", "eq", {"x"}}, {"model", "like", {"x"}},
                                                          {"model", "eq", {}}, {"model", "eq", {"a", "b"}}, {"model", "gt", {"x"}},
                                                          {"request_bytes", "eq", {"1k"}}, {"input_tokens", "prefix", {"1"}}, {"input_tokens", "gt", {""}}})
    EXPECT_FALSE(condition::make(field, op, values)) << field << ' ' << op;
}

TEST(requirement, is_any_of_all) {
  const request one;
  const auto yes = *condition::make("model", "eq", {"gpt-4o"});
  const auto no = *condition::make("model", "eq", {"other"});
  EXPECT_TRUE(requirement{}.holds(one.given()));
  EXPECT_TRUE((requirement{{{yes, yes}}}.holds(one.given())));
  EXPECT_FALSE((requirement{{{yes, no}}}.holds(one.given())));
  EXPECT_TRUE((requirement{{{yes, no}, {yes}}}.holds(one.given())));
}

}  // namespace
}  // namespace andon::route
