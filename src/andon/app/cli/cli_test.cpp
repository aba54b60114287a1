#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "andon/app/cli/admin_client.hpp"
#include "andon/app/cli/json_rows.hpp"
#include "andon/app/cli/reference.hpp"
#include "andon/app/cli/replay.hpp"
#include "andon/app/cli/rule_options.hpp"
#include "andon/app/cli/table.hpp"

namespace andon::app {
namespace {

int run(std::vector<std::string> words, const verbs& with = {}) {
  words.insert(words.begin(), "andon");
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  return run_cli(static_cast<int>(arguments.size()), arguments.data(), with);
}

TEST(cli_test, verbs_get_their_options) {
  serve_options served;
  sim_options simulated;
  verbs with{.serve = [&](const serve_options& o) { served = o; return 7; }, .sim = [&](const sim_options& o) { simulated = o; return 0; },
             .check = [](const std::string& file) { return file == "a.yaml" ? 2 : 0; }};
  EXPECT_EQ(run({"serve", "--config", "x.yaml", "--data", "d", "--gateway", ":1", "--admin", "[::1]:2"}, with), 7);
  EXPECT_EQ(served.config, "x.yaml");
  EXPECT_EQ(served.data, "d");
  EXPECT_EQ(served.gateway, ":1");
  EXPECT_EQ(served.admin, "[::1]:2");
  EXPECT_EQ(run({"sim", "--port", "9", "--script", "s.yaml"}, with), 0);
  EXPECT_EQ(simulated.port, 9);
  EXPECT_EQ(simulated.script, "s.yaml");
  EXPECT_EQ(run({"check", "a.yaml"}, with), 2);
}

TEST(cli_test, wrong_usage_is_2_and_a_missing_gateway_is_1) {
  for (const std::vector<std::string>& wrong : {std::vector<std::string>{}, {"fly"}, {"sim", "--port", "x"}, {"key", "create"}, {"ledger", "show"}, {"reference", "moon"}, {"serve", "--bogus"}})
    EXPECT_EQ(run(wrong), 2);
  EXPECT_EQ(run({"key", "create", "--name", "a", "--rpm", "many", "--data", "/nonexistent"}), 2);
  EXPECT_EQ(run({"status", "--data", "/nonexistent"}), 1);
  EXPECT_EQ(run({"ledger", "verify", "--data", "/nonexistent"}), 1);
}

TEST(cli_test, a_word_that_nobody_knows_is_told_with_the_nearest) {
  const auto told = [](std::vector<std::string> words) {
    ::testing::internal::CaptureStderr();
    EXPECT_EQ(run(std::move(words)), 2);
    return ::testing::internal::GetCapturedStderr();
  };
  EXPECT_EQ(told({"serv"}), "andon has no verb 'serv', did you mean 'serve'?; `andon --help` tells what it takes\n");
  EXPECT_EQ(told({"key", "rotat", "x"}), "andon key has no verb 'rotat', did you mean 'rotate'?; `andon key --help` tells what it takes\n");
  EXPECT_EQ(told({"serve", "--confg=a"}), "andon serve has no option '--confg', did you mean '--config'?; `andon serve --help` tells what it takes\n");
  EXPECT_EQ(told({"version", "now"}), "andon version has no argument 'now'; `andon version --help` tells what it takes\n");
}

TEST(cli_test, pages_hold_what_they_are_made_of) {
  cli::context in;
  const cli::command_line line("andon", "", "andon 1");
  const auto root = line.root();
  const verbs with;
  cli::build(root, in, with);
  const auto page = cli::cli_page(root);
  for (const auto* verb : {"andon serve", "andon key rotate", "andon ledger replay", "--overlap", "andon completion"}) EXPECT_NE(page.find(verb), std::string::npos) << verb;
  EXPECT_NE(cli::settings_page().find("`providers.NAME.url`"), std::string::npos);
  EXPECT_NE(cli::errors_page().find("| budget_exceeded | limit | 429 |"), std::string::npos);
  const auto schema = boost::json::parse(cli::settings_json_schema());
  EXPECT_FALSE(schema.at("additionalProperties").as_bool());
  EXPECT_TRUE(schema.at("properties").at("routes").at("additionalProperties").at("properties").as_object().contains("targets"));
  for (const auto* shell : {"bash", "zsh", "fish"}) EXPECT_NE(cli::completion_script(root, shell).find("replay"), std::string::npos) << shell;
}

TEST(table_test, columns_align_and_nothing_drives_the_terminal) {
  cli::table out({"A", "B"});
  out.add({"größer", "x"});
  out.add({"y", "a\x1b[31m\nb"});
  EXPECT_EQ(out.text(false), "A       B\ngrößer  x\ny       a?[31m?b\n");
  EXPECT_EQ(cli::clean("\xc2\x9b" "31m"), "?31m");
  EXPECT_EQ(cli::clean("abcdef", 3), "abc…");
  const auto value = boost::json::parse(R"({"a":"t","b":null,"c":[1,"x"],"d":0.25,"e":""})");
  EXPECT_EQ(cli::decimal_text(0.000081), "0.000081");
  EXPECT_EQ(cli::decimal_text(8.1e-9) + " " + cli::decimal_text(12) + " " + cli::decimal_text(-0.5) + " " + cli::decimal_text(0), "0.000000008 12 -0.5 0");
  const auto shown = boost::json::parse(R"({"at":"2027-01-31T09:00:00.123456Z","big":12.3456,"small":"0.00008123","none":0})");
  EXPECT_EQ(cli::moment(shown, "at") + cli::moment(shown, "gone") + " " + cli::moment(value, "a"), "2027-01-31T09:00:00Z- t");
  EXPECT_EQ(cli::money(shown, "big") + " " + cli::money(shown, "small") + " " + cli::money(shown, "none") + " " + cli::money(shown, "gone") + " " + cli::money(value, "a"), "12.35 0.000081 0.00 - t");
  EXPECT_EQ(cli::cell(value, "a") + cli::cell(value, "b") + cli::cell(value, "c") + cli::cell(value, "d") + cli::cell(value, "e") + cli::cell(value, "f"), "t-1,x0.25--");
}

TEST(json_rows_test, rows_keep_their_bytes) {
  const auto rows = cli::raw_rows(R"({"data":[{"a":1.50,"t":"]},\"{"},{"b":[{}]}],"next":"x"})");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0], R"({"a":1.50,"t":"]},\"{"})");
  EXPECT_EQ(rows[1], R"({"b":[{}]})");
  EXPECT_TRUE(cli::raw_rows(R"({"data":[],"next":""})").empty());
  EXPECT_TRUE(cli::raw_rows(R"({"data":[{"a")").empty());
}

TEST(rule_options_test, become_a_body) {
  cli::rule_options from;
  from.requests = "5k";
  from.monthly = "12.5";
  from.models = {"a", "b"};
  boost::json::object body;
  ASSERT_TRUE(cli::put_rules(from, body));
  EXPECT_EQ(boost::json::serialize(body), R"({"limits":{"requests_per_minute":5000},"budgets":{"monthly":"12.5"},"models":["a","b"]})");
  from.tokens = "-3";
  EXPECT_FALSE(cli::put_rules(from, body));
}

TEST(replay_test, only_meaning_counts) {
  const auto was = boost::json::parse(R"({"id":"1","choices":[{"finish_reason":"stop","message":{"content":"hi","tool_calls":[{"id":"c1","function":{"name":"f","arguments":"{}"}}]}}],"usage":{"total_tokens":1}})");
  const auto same = boost::json::parse(R"({"id":"2","choices":[{"finish_reason":"stop","message":{"content":"hi","tool_calls":[{"id":"c2","function":{"name":"f","arguments":"{}"}}]}}]})");
  const auto other = boost::json::parse(R"({"id":"2","choices":[{"finish_reason":"length","message":{"content":"ho"}}]})");
  EXPECT_TRUE(cli::compare_replies(was, same).empty());
  EXPECT_EQ(cli::compare_replies(was, other).size(), 3u);
  EXPECT_EQ(cli::replay_one(boost::json::parse(R"({"method":"GET"})"), {}, "k").kind, cli::replay_kind::skipped);
}

TEST(admin_client_test, addresses_are_encoded) {
  EXPECT_EQ(cli::query_text({{"q", "a b&c=\"d\""}, {"none", ""}, {"n", "5"}}), "?q=a%20b%26c%3D%22d%22&n=5");
  EXPECT_EQ(cli::percent_encode("openai/gpt-4o"), "openai%2Fgpt-4o");
}

}  // namespace
}  // namespace andon::app
