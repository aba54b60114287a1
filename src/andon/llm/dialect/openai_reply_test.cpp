#include "andon/llm/dialect/openai_reply.hpp"

#include <gtest/gtest.h>

namespace andon::llm::openai {
namespace {

usage use_of(std::string_view json) {
  auto facts = scan_reply(operation::chat, R"({"choices":[{"message":{"content":"x"}}],"usage":)" + std::string{json} + "}");
  EXPECT_TRUE(facts && facts->use) << json;
  return facts && facts->use ? *facts->use : usage{};
}

TEST(OpenaiReply, ReadsAChat) {
  auto f = scan_reply(operation::chat, R"({"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-4o-2024","choices":[
    {"index":0,"message":{"role":"assistant","content":"Hi","refusal":null},"finish_reason":"stop"},{"index":1,"message":{"content":""},"finish_reason":null}],
    "usage":{"prompt_tokens":12,"completion_tokens":100,"total_tokens":112,"prompt_tokens_details":{"cached_tokens":5,"audio_tokens":2},
    "completion_tokens_details":{"reasoning_tokens":90,"audio_tokens":3}},"service_tier":"default","system_fingerprint":"fp","error":null})");
  ASSERT_TRUE(f) << f.error().message;
  EXPECT_EQ(f->model, "gpt-4o-2024");
  EXPECT_EQ(f->id, "chatcmpl-1");
  EXPECT_EQ(f->finish_reason, "stop");
  EXPECT_EQ(f->service_tier, "default");
  EXPECT_EQ(f->system_fingerprint, "fp");
  EXPECT_EQ(f->choices, 2u);
  EXPECT_EQ(f->finished, 1u);
  EXPECT_TRUE(f->has_content);
  EXPECT_FALSE(f->failure);
  usage expected;
  expected.input = tokens{12};
  expected.cached_read = tokens{5};
  expected.input_audio = tokens{2};
  expected.output = tokens{100};
  expected.reasoning = tokens{90};
  expected.output_audio = tokens{3};
  EXPECT_EQ(f->use, expected);
}

TEST(OpenaiReply, UsageVariants) {
  EXPECT_EQ(use_of(R"({"prompt_tokens":10,"completion_tokens":2,"prompt_cache_hit_tokens":4})").cached_read, tokens{4});
  EXPECT_EQ(use_of(R"({"prompt_tokens":10,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":99}})").cached_read, tokens{10});
  EXPECT_EQ(use_of(R"({"prompt_tokens":10,"completion_tokens":5,"total_tokens":45,"completion_tokens_details":{"reasoning_tokens":30}})").output, tokens{35});
  EXPECT_EQ(use_of(R"({"prompt_tokens":10,"completion_tokens":35,"total_tokens":45,"completion_tokens_details":{"reasoning_tokens":30}})").output, tokens{35});
  EXPECT_EQ(use_of(R"({"prompt_tokens":10,"total_tokens":10})").output, tokens{0});
  for (auto json : {"null", "{}", "[]", R"({"prompt_tokens":-1,"completion_tokens":2})", R"({"prompt_tokens":"5"})", R"({"prompt_tokens":5,"completion_tokens":-7})",
                    R"({"prompt_tokens":9000000000000000000,"completion_tokens":7})", R"({"prompt_tokens":5,"completion_tokens":1000000001})"}) {
    auto facts = scan_reply(operation::chat, R"({"choices":[{"message":{}}],"usage":)" + std::string{json} + "}");
    ASSERT_TRUE(facts) << json;
    EXPECT_FALSE(facts->use) << json;
  }
}

TEST(OpenaiReply, WrongShapes) {
  struct { operation op; std::string_view body; } cases[] = {
      {operation::chat, ""}, {operation::chat, "[]"}, {operation::chat, "\"hi\""}, {operation::chat, "{}"}, {operation::chat, "<html>"}, {operation::chat, R"({"choices":[]})"},
      {operation::chat, R"({"choices":null})"}, {operation::chat, R"({"choices":{}})"}, {operation::chat, R"({"choices":[5]})"}, {operation::chat, R"({"choices":[{}]})"},
      {operation::chat, R"({"choices":[{"text":5}]})"}, {operation::chat, R"({"choices":[{"message":{"content":"x"}}]})" "garbage"}, {operation::chat, "{\"choices\":[{\"message\":{\"content\":\"\xff\"}}]}"},
      {operation::completion, R"({"choices":[{"message":{}}],"x":)"}, {operation::embeddings, R"({"choices":[]})"}, {operation::embeddings, R"({"data":{}})"}, {operation::models, "{}"},
  };
  for (const auto& c : cases) {
    auto facts = scan_reply(c.op, c.body);
    ASSERT_FALSE(facts) << c.body;
    EXPECT_EQ(facts.error().code, errc::upstream_bad_reply);
  }
}

TEST(OpenaiReply, ErrorsInsideA200) {
  auto f = scan_reply(operation::chat, R"({"error":{"message":"busy","code":"rate_limit_exceeded"}})");
  ASSERT_TRUE(f && f->failure);
  EXPECT_EQ(f->failure->message, "busy");
  EXPECT_EQ(f->failure->what, failure_class::rate_limited);
  f = scan_reply(operation::chat, R"({"object":"error","message":"no","code":40303})");
  ASSERT_TRUE(f && f->failure);
  EXPECT_EQ(f->failure->message, "no");
}

TEST(OpenaiReply, OtherOperations) {
  auto f = scan_reply(operation::embeddings, R"({"object":"list","data":[{"embedding":[0.1,-2e-3],"index":0}],"model":"e","usage":{"prompt_tokens":8,"total_tokens":8}})");
  ASSERT_TRUE(f);
  EXPECT_EQ(f->use->input, tokens{8});
  EXPECT_TRUE(f->has_content);
  f = scan_reply(operation::completion, R"({"choices":[{"text":"abc","index":0,"finish_reason":"length"}]})");
  ASSERT_TRUE(f);
  EXPECT_EQ(f->finish_reason, "length");
  EXPECT_TRUE(scan_reply(operation::models, R"({"object":"list","data":[]})"));
}

}  // namespace
}  // namespace andon::llm::openai
