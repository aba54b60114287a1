#include "andon/llm/dialect/openai_continue.hpp"

#include <gtest/gtest.h>

#include "andon/llm/dialect/openai_request.hpp"

namespace andon::llm::openai {
namespace {

std::optional<std::string> ask(std::string_view body, std::string_view text = "Hel", std::int64_t produced = 2) {
  const auto facts = scan_request(operation::chat, body);
  EXPECT_TRUE(facts) << body;
  return continuing_request(body, *facts, text, tokens{produced});
}

TEST(OpenaiContinue, TheTextBecomesTheLastMessage) {
  EXPECT_EQ(ask(R"({"model":"m","messages":[{"role":"user","content":"Hi"}],"stream":true})"),
            R"({"model":"m","messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hel"}],"stream":true})");
  EXPECT_EQ(ask(R"({"messages":[{"content":[{"type":"text","text":"]"}],"role":"user"} ] ,"model":"m","max_tokens":10,"max_completion_tokens":null})", "a\\n"),
            R"({"messages":[{"content":[{"type":"text","text":"]"}],"role":"user"} ,{"role":"assistant","content":"a\n"}] ,"model":"m","max_tokens":8,"max_completion_tokens":null})");
}

TEST(OpenaiContinue, NotWhereTheAnswerWouldChange) {
  const std::string_view refused[] = {
      R"("tools":[{"type":"function","function":{"name":"f"}}])", R"("functions":[{"name":"f"}])", R"("n":2)", R"("response_format":{"type":"json_object"})",
      R"("logprobs":true)", R"("top_logprobs":3)", R"("modalities":["text","audio"])", R"("audio":{"voice":"x"})", R"("prediction":{"type":"content"})",
      R"("web_search_options":{})", R"("max_tokens":2)"};
  for (const auto more : refused) EXPECT_FALSE(ask(R"({"model":"m","messages":[{"role":"user","content":"Hi"}],)" + std::string(more) + "}")) << more;
  for (const auto more : {R"("logprobs":false)", R"("tools":[])", R"("modalities":["text"])", R"("response_format":{"type":"text"})", R"("audio":null)"})
    EXPECT_TRUE(ask(R"({"model":"m","messages":[{"role":"user","content":"Hi"}],)" + std::string(more) + "}")) << more;
  EXPECT_FALSE(ask(R"({"model":"m","messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Well, "}]})"));
  EXPECT_FALSE(ask(R"({"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}]})"));
  EXPECT_FALSE(ask(R"({"model":"m","messages":[]})"));
  EXPECT_FALSE(ask(R"({"model":"m","messages":[{"role":"user","content":"Hi"}]})", ""));
  EXPECT_FALSE(ask(R"({"model":"m","messages":[{"role":"user","content":"Hi"}]})", "a\\ud83d")) << "half a character";
  EXPECT_TRUE(ask(R"({"model":"m","messages":[{"role":"user","content":"Hi"}]})", "a\\ud83d\\ude00"));
}

const chunk_identity first{R"("c1")", "7", R"("m-1")"};
const usage before{.input = tokens{10}, .output = tokens{2}};

std::string rewrite(std::string_view data) {
  std::string storage;
  return std::string(continue_chunk(data, first, before, storage).data);
}

TEST(OpenaiContinue, ChunksTakeTheIdentityOfTheStreamBegun) {
  EXPECT_EQ(rewrite(R"({"id":"other","created":9,"model":"x","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]})"),
            R"({"id":"c1","created":7,"model":"m-1","choices":[{"index":0,"delta":{"content":""},"finish_reason":null}]})");
  EXPECT_EQ(rewrite(R"({"choices":[{"delta":{"content":"x","role":"assistant"}}],"id":"o"})"), R"({"choices":[{"delta":{"content":"x"}}],"id":"c1"})");
  EXPECT_EQ(rewrite(R"({"choices":[{"delta":{"role":"assistant"}}]})"), R"({"choices":[{"delta":{}}]})");
  for (const std::string_view other : {"[DONE]", "{", "5", R"({"error":{"message":"x"}})", R"({"choices":{}})", R"({"choices":[1]})"}) EXPECT_EQ(rewrite(other), other);
}

TEST(OpenaiContinue, UsageIsSummed) {
  std::string storage;
  const auto chunk = continue_chunk(R"({"id":"o","choices":[],"usage":{"prompt_tokens":12,"completion_tokens":5,"total_tokens":17,"prompt_tokens_details":{"cached_tokens":4}}})", first, before, storage);
  ASSERT_TRUE(chunk.use);
  EXPECT_EQ(chunk.use->input, tokens{12}) << "the provider's own";
  EXPECT_EQ(chunk.data, R"({"id":"c1","choices":[],"usage":{"prompt_tokens":22,"completion_tokens":7,"total_tokens":29,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":0}}})");
  EXPECT_EQ(rewrite(R"({"usage":null,"choices":[]})"), R"({"usage":null,"choices":[]})");
  EXPECT_TRUE(sum(before, {.estimated = true}).estimated);
}

}  // namespace
}  // namespace andon::llm::openai
