#include "andon/app/serve/configuration.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "andon/app/serve/temporary_folder_testing.hpp"

namespace andon::app {
namespace {

using testing_support::temporary_folder;

TEST(configuration, files_that_it_names_are_looked_for_beside_it) {
  const temporary_folder home;
  const auto path = home.write("a.yaml", "providers: { p: { kind: sim, script: s.yaml }, q: { kind: groq, ca_file: /etc/own.pem }, r: { kind: sim } }\n");
  diagnostics found(path);
  const auto loaded = load_settings(path, {}, found);
  EXPECT_TRUE(found.empty()) << found.text();
  EXPECT_EQ(loaded.name, path);
  EXPECT_EQ(loaded.values.providers.entries.at("p").script, home.file("s.yaml"));
  EXPECT_EQ(loaded.values.providers.entries.at("q").ca_file, "/etc/own.pem");
  EXPECT_EQ(loaded.values.providers.entries.at("r").script, "");
}

TEST(configuration, what_cannot_be_read_is_said_once) {
  const temporary_folder home;
  for (const auto& [path, said] : {std::pair{home.file("none.yaml"), "cannot be read"}, {home.write("big.yaml", std::string((4u << 20) + 1, '#')), "is larger than 4 MiB"}}) {
    diagnostics found(path);
    load_settings(path, {}, found);
    ASSERT_EQ(found.found().size(), 1u);
    EXPECT_NE(found.text().find(said), std::string::npos) << found.text();
  }
}

TEST(configuration, the_embedded_defaults_are_right_and_offer_what_there_is) {
  ::setenv("GROQ_API_KEY", "gsk-for-the-test", 1);  // NOLINT: no other thread runs
  const auto text = default_configuration({{"ollama", {"llama3:8b", "odd \"name\""}}});
  ::unsetenv("GROQ_API_KEY");  // NOLINT
  diagnostics found("embedded");
  const auto read = read_settings(text, found, [](const std::string& name) -> std::optional<std::string> {
    return name == "GROQ_API_KEY" ? std::optional<std::string>("gsk-for-the-test") : std::nullopt;
  });
  EXPECT_TRUE(found.empty()) << found.text() << text;
  EXPECT_EQ(read.providers.entries.at("groq").key->reveal(), "gsk-for-the-test");
  EXPECT_EQ(text.find("gsk-for-the-test"), std::string::npos) << "the text refers to the variable";
  EXPECT_TRUE(read.routes.entries.contains("sim"));
  EXPECT_TRUE(read.routes.entries.contains("llama-3.1-8b-instant"));
  ASSERT_TRUE(read.routes.entries.contains("odd \"name\""));
  EXPECT_EQ(read.models.entries.at("ollama/llama3:8b").name, "llama3:8b");
  EXPECT_TRUE(read.models.entries.at("ollama/llama3:8b").price.free);
}

TEST(configuration, a_restart_is_asked_for_by_the_groups_that_changed) {
  EXPECT_EQ(restart_needed("listen: { threads: 1 }\nlog: { level: info }\n", "listen: { threads: 2 }\nlog: { level: info }\nroutes: {}\n"), std::vector<std::string>{"listen"});
  EXPECT_EQ(restart_needed("{}", "telemetry: { traces: true }\nledger: { sync: always }\n"), (std::vector<std::string>{"ledger", "telemetry"}));
  EXPECT_TRUE(restart_needed("a: [", "b: 1").empty());
}

TEST(configuration, an_empty_variable_counts_as_not_set) {
  ::setenv("ANDON_TEST_EMPTY", "", 1);  // NOLINT
  EXPECT_FALSE(environment_variable("ANDON_TEST_EMPTY"));
  EXPECT_FALSE(environment_variable("ANDON_TEST_NEVER_SET"));
  ::setenv("ANDON_TEST_EMPTY", "x", 1);  // NOLINT
  EXPECT_EQ(environment_variable("ANDON_TEST_EMPTY"), "x");
}

}  // namespace
}  // namespace andon::app
