#include "andon/app/config/settings.hpp"

#include <gtest/gtest.h>

namespace andon::app {
namespace {

std::optional<std::string> environment(const std::string& name) {
  if (name == "OPENAI_API_KEY") return "sk-test";
  return std::nullopt;
}

std::vector<std::string> complaints(const std::string& text) {
  diagnostics found("a.yaml");
  read_settings(text, found, environment);
  std::vector<std::string> out;
  for (const auto& one : found.sorted()) out.push_back(to_string(one));
  return out;
}

TEST(settings, reads_the_design_example) {
  diagnostics found("a.yaml");
  const auto got = read_settings(R"(
listen:    { gateway: 127.0.0.1:4100, admin: "[::1]:4101" }
providers:
  openai:    { dialect: openai, key: "${OPENAI_API_KEY}" }
  local:     { dialect: openai, url: "http://127.0.0.1:8080/v1" }
models:
  gpt-4o-mini:  { provider: openai, name: gpt-4o-mini-2024-07-18 }
routes:
  chat:
    strategy: priority
    targets: [ gpt-4o-mini, { model: gpt-4o-mini, weight: 3 } ]
    deadline: { connect: 2s, first_token: 10s, idle: 15s, total: 120s }
    retry: { attempts: 2, on: [ connect, 429, 5xx ] }
projects:
  shop: { budget: { monthly: 500 USD }, limits: { requests_per_minute: 600, tokens_per_minute: 200k } }
)", found, environment);
  for (const auto& one : found.sorted()) ADD_FAILURE() << to_string(one);
  EXPECT_EQ(got.listen.gateway, (address{"127.0.0.1", 4100}));
  EXPECT_EQ(got.listen.admin, (address{"::1", 4101}));
  EXPECT_EQ(got.providers.entries.at("openai").key->reveal(), "sk-test");
  const auto& route = got.routes.entries.at("chat");
  ASSERT_EQ(route.targets.size(), 2U);
  EXPECT_EQ(route.targets[0].model, "gpt-4o-mini");
  EXPECT_EQ(route.targets[1].weight, 3);
  EXPECT_EQ(route.deadline.total, 120s);
  EXPECT_EQ(route.retry.on, (std::vector<std::string>{"connect", "429", "5xx"}));
  const auto& shop = got.projects.entries.at("shop");
  EXPECT_EQ(shop.budget.monthly->value(), 500'000'000'000);
  EXPECT_EQ(shop.limits.tokens_per_minute, 200'000);
}

TEST(settings, names_every_fault_with_its_place) {
  EXPECT_EQ(complaints("listen:\n  gatway: 1.2.3.4:80\n  max_body: 12\nroutes:\n  a: { strategy: priority }\n  a: { targets: [x] }\n"
                       "providers:\n  p: { key: \"${NOPE}\" }\nlog: { level: loud }\n"),
            (std::vector<std::string>{
                "a.yaml:2:3: listen.gatway: unknown setting (did you mean 'gateway'?)",
                "a.yaml:3:13: listen.max_body: '12' is not a size; write a number and a unit, e.g. 64 KiB, 32 MiB, 10 GB",
                "a.yaml:5:6: routes.a: 'targets' is missing (Models that can serve the route: names, or groups.)",
                "a.yaml:6:3: routes.a: is given twice",
                "a.yaml:8:13: providers.p.key: the environment variable NOPE is not set (export NOPE=… before the start, or write ${NOPE:-default})",
                "a.yaml:9:15: log.level: 'loud' is not one of debug, info, warn, error, off",
            }));
}

TEST(settings, says_what_a_tab_does) {
  diagnostics found("a.yaml");
  read_settings("routes:\n  a: {}\n\tb: {}\n", found, environment);
  EXPECT_NE(found.text().find("a.yaml:3:"), std::string::npos) << found.text();
  EXPECT_NE(found.text().find("(a tab indents this line; YAML wants spaces)"), std::string::npos) << found.text();
}

TEST(settings, never_throws_on_odd_documents) {
  for (const char* text : {"", "~", "[]", "a: [", "x", "? [1,2] : 3", "listen: 5", "listen: ~", "routes: { a: ~ }", "---\na: 1\n---\nb: 2",
                           "listen: { max_body: 99999999999999 TiB }", "log: { level: }", "keys: { k: { value: file:/nonexistent } }", "\xff\xfe", "a: &x [*x]"}) {
    diagnostics found("a.yaml");
    EXPECT_NO_THROW(read_settings(text, found, environment)) << text;
  }
}

TEST(value, prints_what_it_reads) {
  for (const char* text : {"32 MiB", "1 GiB", "1000 B"}) EXPECT_EQ(value_codec<byte_count>::print(value_codec<byte_count>::read(text).value()), text);
  for (const char* text : {":80", "a:b", "1.2.3.4", "::1:80", "h:70000", "h:-1"})
    if (std::string_view(text) != ":80") { EXPECT_FALSE(value_codec<address>::read(text)) << text; }
  EXPECT_EQ(value_codec<secret>::print(secret{"abc"}), "********");
}

}  // namespace
}  // namespace andon::app
