#include "andon/app/serve/mask.hpp"

#include <gtest/gtest.h>

namespace andon::app {
namespace {

TEST(mask, hides_every_secret_and_nothing_else) {
  const auto shown = mask_secrets(
      "providers:\n  d: { key: env:D_KEY }\n  a: { key: sk-plain-1, url: \"http://x/v1\" }\n  b: { key: \"${B_KEY:-sk-default-2}\" }\n  c: { key: \"${C_KEY}\", headers: { x-token: sk-header-3 } }\n  e: { keys: [ sk-listed-6, env:E_KEY ] }\n"
      "keys:\n  k: { value: sk-value-4 }\nledger: { encryption: sk-master-5 }\n"
      "alerting: { smtp: { password: sk-mail-7 }, intake_keys: [ sk-intake-8 ], receivers: { r: { slack: { url: \"https://hooks/sk-hook-9\" }, jira: { project: OPS } } } }\n");
  for (const char* secret : {"sk-plain-1", "sk-default-2", "sk-header-3", "sk-value-4", "sk-master-5", "sk-listed-6", "sk-mail-7", "sk-intake-8", "sk-hook-9"}) EXPECT_EQ(shown.find(secret), std::string::npos) << secret;
  for (const char* kept : {"http://x/v1", "${C_KEY}", "env:D_KEY", "env:E_KEY", "OPS"}) EXPECT_NE(shown.find(kept), std::string::npos) << kept;
}

TEST(mask, hides_user_and_password_within_addresses) {
  const std::pair<const char*, const char*> cases[] = {
      {"proxy: http://user:secret-1@proxy.example:3128", "http://********@proxy.example:3128"},
      {"proxy: user:secret-2@proxy.example", "********@proxy.example"},
      {"proxy: http://user:secret/3@at@proxy.example", "http://********@proxy.example"},
      {"proxy: \"${P:-http://user:secret-4@proxy.example}\"", "${P:-http://********@proxy.example}"},
      {"proxy: http://proxy.example:3128", "http://proxy.example:3128"},
      {"proxy: none", "none"},
      {"endpoint: https://user:secret-5@traces.example/v1", "https://********@traces.example/v1"},
      {"addresses: [ https://secret-6@a.example ]", "https://********@a.example"},
      {"url: https://api.example/v1/@models", "https://api.example/v1/@models"},
      {"contact: somebody@example.com", "somebody@example.com"}};
  for (const auto& [line, shown] : cases) {
    const auto masked = mask_secrets("providers: { p: { " + std::string(line) + " } }\n");
    EXPECT_NE(masked.find(shown), std::string::npos) << masked;
    EXPECT_EQ(masked.find("secret"), std::string::npos) << masked;
  }
}

}  // namespace
}  // namespace andon::app
