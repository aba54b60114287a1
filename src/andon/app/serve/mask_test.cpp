#include "andon/app/serve/mask.hpp"

#include <gtest/gtest.h>

namespace andon::app {
namespace {

TEST(mask, hides_every_secret_and_nothing_else) {
  const auto shown = mask_secrets(
      "providers:\n  d: { key: env:D_KEY }\n  a: { key: sk-plain-1, url: \"http://x/v1\" }\n  b: { key: \"${B_KEY:-sk-default-2}\" }\n  c: { key: \"${C_KEY}\", headers: { x-token: sk-header-3 } }\n  e: { keys: [ sk-listed-6, env:E_KEY ] }\n"
      "keys:\n  k: { value: sk-value-4 }\nledger: { encryption: sk-master-5 }\n");
  for (const char* secret : {"sk-plain-1", "sk-default-2", "sk-header-3", "sk-value-4", "sk-master-5", "sk-listed-6"}) EXPECT_EQ(shown.find(secret), std::string::npos) << secret;
  for (const char* kept : {"http://x/v1", "${C_KEY}", "env:D_KEY", "env:E_KEY"}) EXPECT_NE(shown.find(kept), std::string::npos) << kept;
}

}  // namespace
}  // namespace andon::app
