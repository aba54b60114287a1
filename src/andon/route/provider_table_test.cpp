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
    if (!row.base_url.empty()) EXPECT_TRUE(parse_provider_url(row.base_url)) << row.name;
    if (row.local) EXPECT_EQ(parse_provider_url(row.base_url)->host, "127.0.0.1") << row.name;
    if (!row.local && !row.base_url.empty()) EXPECT_TRUE(parse_provider_url(row.base_url)->tls && !row.key_variable.empty()) << row.name;
  }
  for (const char* name : {"openai", "azure", "vllm", "llama-server", "ollama", "groq", "mistral", "deepseek", "xai", "together", "openrouter", "sim", "custom"})
    EXPECT_NE(find_flavour(name), nullptr) << name;
  EXPECT_EQ(find_flavour("acme"), nullptr);
}

TEST(provider_url, is_taken_apart) {
  struct row { const char* url; provider_address parts; };
  for (const auto& [url, parts] : {row{"https://api.openai.com/v1", {true, "api.openai.com", 443, "/v1"}}, row{"http://127.0.0.1:8080/v1/", {false, "127.0.0.1", 8080, "/v1"}},
                                   row{"http://[::1]:11434", {false, "::1", 11434, ""}}, row{"http://host", {false, "host", 80, ""}},
                                   row{"https://[2001:db8::1]/a/b", {true, "2001:db8::1", 443, "/a/b"}}}) {
    const auto parsed = parse_provider_url(url);
    ASSERT_TRUE(parsed) << url;
    EXPECT_EQ(*parsed, parts) << url;
  }
}

TEST(provider_url, refuses_what_is_odd) {
  for (const char* url : {"", "ftp://x", "host/v1", "http://", "http:///v1", "http://u:p@h/", "http://h:0", "http://h:65536", "http://h:", "http://h:8a", "http://h/?q", "http://h/#f",
                          "http://h /v1", "http://h\r\nx", "http://[::1", "http://[]", "http://[::1]x", "http://[zz]", "http://h\\evil", "http://a%2fb"})
    EXPECT_FALSE(parse_provider_url(url)) << url;
}

TEST(upstream_path, follows_the_flavour) {
  const auto plain = *parse_provider_url("https://api.groq.com/openai/v1");
  EXPECT_EQ(upstream_path(*find_flavour("groq"), plain, "chat/completions", "m"), "/openai/v1/chat/completions");
  const auto azure = *parse_provider_url("https://acme.openai.azure.com");
  EXPECT_EQ(upstream_path(*find_flavour("azure"), azure, "embeddings", "my model/../x", "2024-10-21"),
            "/openai/deployments/my%20model%2F..%2Fx/embeddings?api-version=2024-10-21");
  EXPECT_EQ(upstream_path(*find_flavour("azure"), *parse_provider_url("https://a.b/openai"), "embeddings", "m"), "/openai/deployments/m/embeddings?api-version=2024-10-21");
}

}  // namespace
}  // namespace andon::route
