#include <gtest/gtest.h>

#include "andon/cache/directive.hpp"
#include "andon/cache/worth.hpp"

namespace andon::cache {
namespace {

using namespace std::chrono_literals;

TEST(directive, reads_both_headers) {
  struct row {
    const char *control, *own;
    directive wanted;
  };
  const row rows[] = {
      {"", "", {}},
      {"no-store", "", {.off = true}},
      {"No-Cache", "", {.refresh = true}},
      {"max-age=60", "", {.max_age = 60s}},
      {"private, max-age=\"5\" ,no-transform", "", {.max_age = 5s}},
      {"max-age=0", "", {.max_age = 0s}},
      {"max-age=soon", "", {.max_age = 0s}},
      {"only-if-cached", "", {}},
      {"no-store", "refresh", {.refresh = true}},
      {"", "off", {.off = true}},
      {"", " OFF ", {.off = true}},
      {"", "10m", {.max_age = 10min}},
      {"", "250ms", {.max_age = 250ms}},
      {"", "7", {.max_age = 7s}},
      {"", "of", {.off = true}},
      {"", "-1s", {.off = true}},
      {"", "99999999999999s", {.off = true}},
  };
  for (const auto& one : rows) EXPECT_EQ(read_directive(one.control, one.own), one.wanted) << one.control << " / " << one.own;
}

reply_facts good(std::string_view body = R"({"choices":[{"message":{"content":"x","refusal":null},"finish_reason":"stop"}]})") {
  return {.status = 200, .complete = true, .price_known = true, .finish_reason = "stop", .body = body};
}

TEST(worth, only_whole_good_replies) {
  EXPECT_EQ(judge(good()), worth::keep);
  auto one = good();
  one.complete = false;
  EXPECT_EQ(judge(one), worth::incomplete);
  one = good();
  one.status = 206;
  EXPECT_EQ(judge(one), worth::incomplete);
  one = good("");
  EXPECT_EQ(judge(one), worth::incomplete);
  one = good();
  one.finish_reason = "";
  EXPECT_EQ(judge(one), worth::incomplete);
  one.op = llm::operation::embeddings;
  EXPECT_EQ(judge(one), worth::keep);
  one = good();
  one.price_known = false;
  EXPECT_EQ(judge(one), worth::unpriced);
  one = good();
  one.finish_reason = "length";
  EXPECT_EQ(judge(one), worth::cut_short);
  one.length_asked = true;
  EXPECT_EQ(judge(one), worth::keep);
}

TEST(worth, filtered_replies_are_asked_again) {
  EXPECT_EQ(judge(good(R"({"choices":[{"finish_reason":"stop"},{"finish_reason":"content_filter"}]})")), worth::filtered);
  EXPECT_EQ(judge(good(R"({"choices":[{"message":{"refusal" : "I cannot"},"finish_reason":"stop"}]})")), worth::filtered);
  EXPECT_EQ(judge(good(R"({"choices":[{"message":{"refusal":"","content":"the \"refusal\":\"x\" and \"content_filter\""},"content_filter_results":{}}]})")), worth::keep);
}

TEST(worth, streams_need_their_end_marker) {
  auto one = good("data: {}\n\ndata: [DONE]\n\n");
  one.stream = true;
  EXPECT_EQ(judge(one), worth::keep);
  one.body = "data: {}\n\n";
  EXPECT_EQ(judge(one), worth::incomplete);
  one.body = "data: [DONE]\n\ndata: {\"error\":{\"message\":\"too late for that\"}}\n\n";
  EXPECT_EQ(judge(one), worth::incomplete);
}

}  // namespace
}  // namespace andon::cache
