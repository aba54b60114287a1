// The verbs against a real admin API.
#include <fstream>

#include "andon/admin/admin_fixture_test.hpp"
#include "andon/app/cli/run_cli.hpp"

namespace andon::app {
namespace {

namespace json = boost::json;

class cli_gateway_test : public ::testing::Test {
protected:
  cli_gateway_test() { std::ofstream(server.directory / "admin-address") << "127.0.0.1:" << server.port << '\n'; }

  /// Runs with --data; returns the exit code and what was printed.
  std::pair<int, std::string> run(std::vector<std::string> words) {
    words.insert(words.begin(), "andon");
    words.insert(words.end(), {"--data", server.directory.string()});
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    ::testing::internal::CaptureStdout();
    const int code = run_cli(static_cast<int>(arguments.size()), arguments.data());
    return {code, ::testing::internal::GetCapturedStdout()};
  }
  admin::testing_support::admin_server server;
};

TEST_F(cli_gateway_test, a_key_from_creation_to_deletion) {
  const auto [code, text] = run({"key", "create", "--project", "shop", "--name", "web", "--rpm", "60", "--expires", "90d", "--json"});
  ASSERT_EQ(code, 0) << text;
  const auto made = json::parse(text).as_object();
  EXPECT_EQ(made.size(), 2u);
  const std::string id(made.at("id").as_string());
  const std::string key(made.at("key").as_string());
  EXPECT_EQ(server.ask("GET", "/api/v1/paths", key).status, 200);
  EXPECT_NE(run({"key", "list"}).second.find(id), std::string::npos);
  EXPECT_EQ(run({"key", "list"}).second.find(key), std::string::npos);
  const auto rotated = json::parse(run({"key", "rotate", id, "--json"}).second);
  EXPECT_NE(rotated.at("key").as_string(), key);
  EXPECT_EQ(server.ask("GET", "/api/v1/paths", key).status, 401);
  EXPECT_EQ(run({"key", "block", id}).first, 0);
  EXPECT_NE(run({"key", "show", id}).second.find("blocked           true"), std::string::npos);
  EXPECT_EQ(run({"key", "delete", id}).first, 0);
  EXPECT_EQ(run({"key", "show", id}).first, 1);
}

TEST_F(cli_gateway_test, records_are_searched_shown_exported_and_verified) {
  server.record_call("shop", "refund one");
  server.record_call("shop", "refund two");
  const auto [code, text] = run({"ledger", "search", "--json", "two"});
  ASSERT_EQ(code, 0);
  EXPECT_EQ(std::ranges::count(text, '\n'), 1);
  const auto found = json::parse(std::string_view(text).substr(0, text.size() - 1));
  EXPECT_EQ(found.at("id").as_string(), server.last_record.str());
  EXPECT_EQ(found.at("request").at("messages").at(0).at("content").as_string(), "refund two");
  EXPECT_NE(run({"ledger", "search", "refund", "--limit", "1"}).second.find(server.last_record.str()), std::string::npos);
  EXPECT_EQ(run({"ledger", "search", "status>>"}).first, 2);
  EXPECT_NE(run({"ledger", "show", server.last_record.str()}).second.find("refund two"), std::string::npos);
  const auto file = (server.directory / "out.jsonl").string();
  EXPECT_EQ(run({"ledger", "export", "refund", "-o", file}).first, 0);
  std::ifstream in(file);
  EXPECT_EQ(std::count(std::istreambuf_iterator<char>(in), {}, '\n'), 2);
  EXPECT_EQ(run({"ledger", "verify"}).first, 0);
  EXPECT_EQ(run({"ledger", "verify", "--offline"}).first, 0);
}

TEST_F(cli_gateway_test, the_gateway_is_asked_and_told) {
  EXPECT_NE(run({"status"}).second.find("andon test: ready"), std::string::npos);
  EXPECT_EQ(run({"project", "create", "lab", "--monthly", "5"}).first, 0);
  EXPECT_NE(run({"budgets"}).second.find("5"), std::string::npos);
  EXPECT_EQ(run({"project", "create", "lab"}).first, 1);
  EXPECT_EQ(run({"project", "delete", "lab"}).first, 0);
  EXPECT_EQ(run({"reload"}).first, 0);
  EXPECT_EQ(server.reloads, 1);
  EXPECT_EQ(run({"drain"}).first, 0);
  EXPECT_EQ(server.drains, 1);
}

}  // namespace
}  // namespace andon::app
