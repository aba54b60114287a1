#include "andon/route/provider_table.hpp"

#include <gtest/gtest.h>

#include <set>

namespace andon::route {
namespace {

TEST(provider_table, every_row_is_complete) {
  std::set<std::string_view> names;
  for (const auto& row : provider_table()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_FALSE(row.telemetry_name.empty()) << row.name;
    EXPECT_FALSE(row.base_url.ends_with('/')) << row.name;
    if (row.local) EXPECT_TRUE(row.base_url.starts_with("http://127.0.0.1:")) << row.name;
    if (!row.local && !row.base_url.empty()) EXPECT_TRUE(row.base_url.starts_with("https://") && !row.key_variable.empty()) << row.name;
  }
  for (const char* name : {"openai", "azure", "vllm", "llama-server", "ollama", "groq", "mistral", "deepseek", "xai", "together", "openrouter", "sim", "custom"})
    EXPECT_NE(find_flavour(name), nullptr) << name;
  EXPECT_EQ(find_flavour("acme"), nullptr);
}

TEST(upstream_path, follows_the_flavour) {
  EXPECT_EQ(upstream_path(*find_flavour("groq"), "/openai/v1", "chat/completions", "m"), "/openai/v1/chat/completions");
  const auto& azure = *find_flavour("azure");
  EXPECT_EQ(upstream_path(azure, "", "embeddings", "my model/../x"), "/openai/deployments/my%20model%2F..%2Fx/embeddings?api-version=2024-10-21");
  EXPECT_EQ(upstream_path(azure, "/openai", "embeddings", "m", "preview"), "/openai/deployments/m/embeddings?api-version=preview");
}

}  // namespace
}  // namespace andon::route
