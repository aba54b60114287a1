#include "andon/llm/dialect/openai_paths.hpp"

#include <gtest/gtest.h>

namespace andon::llm::openai {
namespace {

TEST(OpenaiPaths, Matches) {
  struct { std::string_view path; operation op; std::string_view argument; bool azure; } cases[] = {
      {"/v1/chat/completions", operation::chat, "", false}, {"/chat/completions", operation::chat, "", false}, {"/v1/chat/completions/", operation::chat, "", false},
      {"/v1/completions", operation::completion, "", false}, {"/completions", operation::completion, "", false}, {"/v1/embeddings", operation::embeddings, "", false},
      {"/v1/models", operation::models, "", false}, {"/models", operation::models, "", false}, {"/v1/models/gpt-4o", operation::models, "gpt-4o", false},
      {"/models/meta-llama%2FLlama", operation::models, "meta-llama/Llama", false}, {"/v1/models/org/name", operation::models, "org/name", false},
      {"/openai/deployments/my-gpt/chat/completions", operation::chat, "my-gpt", true}, {"/openai/deployments/e%20x/embeddings", operation::embeddings, "e x", true},
      {"/openai/v1/chat/completions", operation::chat, "", false},
  };
  for (const auto& c : cases) {
    auto found = match_path(c.path);
    ASSERT_TRUE(found) << c.path;
    EXPECT_EQ(found->op, c.op) << c.path;
    EXPECT_EQ(found->argument, c.argument) << c.path;
    EXPECT_EQ(found->azure, c.azure) << c.path;
    EXPECT_EQ(found->method, c.op == operation::models ? "GET" : "POST");
  }
  for (std::string_view path : {"", "/", "/v1", "/v1/", "/v2/chat/completions", "/v1/v1/models", "/v1/models/a%00b", "/v1/models/%zz", "/v1/models/a%0d%0ab", "/v1/models/%ff",
                                "/v1/models/../x", "/v1//chat/completions", "/openai/deployments//chat/completions", "/openai/deployments/x/models", "/V1/models"})
    EXPECT_FALSE(match_path(path)) << path;
}

TEST(OpenaiPaths, Upstream) {
  EXPECT_EQ(upstream_path(flavour::openai, operation::chat, "/v1"), "/v1/chat/completions");
  EXPECT_EQ(upstream_path(flavour::openai, operation::embeddings, "/v1/"), "/v1/embeddings");
  EXPECT_EQ(upstream_path(flavour::openai, operation::models, ""), "/models");
  EXPECT_EQ(upstream_path(flavour::azure, operation::chat, "", "my gpt/..", "2024-10-21"), "/openai/deployments/my%20gpt%2F../chat/completions?api-version=2024-10-21");
  EXPECT_EQ(upstream_path(flavour::azure, operation::models, "", "", "v"), "/openai/models?api-version=v");
  EXPECT_EQ(key_header(flavour::azure, "k").first, "api-key");
  EXPECT_EQ(key_header(flavour::openai, "k").second, "Bearer k");
}

TEST(OpenaiPaths, Models) {
  model_entry models[] = {{"a", "andon", 5}, {"b\"", "x", 0}};
  EXPECT_EQ(models_list(models), R"({"object":"list","data":[{"id":"a","object":"model","created":5,"owned_by":"andon"},{"id":"b\"","object":"model","created":0,"owned_by":"x"}]})");
  EXPECT_EQ(models_list({}), R"({"object":"list","data":[]})");
}

}  // namespace
}  // namespace andon::llm::openai
