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
    ::testing::internal::CaptureStderr();
    const int code = run_cli(static_cast<int>(arguments.size()), arguments.data());
    said = ::testing::internal::GetCapturedStderr();
    return {code, ::testing::internal::GetCapturedStdout()};
  }
  std::string said;  ///< by the last run on standard error
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
  EXPECT_EQ(run({"ledger", "search", "bogus:1"}).first, 2);
  EXPECT_NE(said.find("there is no field 'bogus'; all fields: andon reference filter"), std::string::npos) << said;
  EXPECT_NE(run({"ledger", "show", server.last_record.str()}).second.find("refund two"), std::string::npos);
  const auto file = (server.directory / "out.jsonl").string();
  EXPECT_EQ(run({"ledger", "export", "refund", "-o", file}).first, 0);
  std::ifstream in(file);
  EXPECT_EQ(std::count(std::istreambuf_iterator<char>(in), {}, '\n'), 2);
  EXPECT_EQ(run({"ledger", "verify"}).first, 0);
  EXPECT_EQ(run({"ledger", "verify", "--offline"}).first, 0);
}

TEST_F(cli_gateway_test, feedback_is_summed_up) {
  server.record_call("shop", "one");
  server.record_call("shop", "two");
  const auto [code, text] = run({"feedback", "summary", "--project", "shop"});
  EXPECT_EQ(code, 0) << said;
  EXPECT_NE(text.find("0 % (0–65.8) of 2"), std::string::npos) << text;
  const auto [json_code, line] = run({"feedback", "summary", "--json"});
  EXPECT_EQ(json_code, 0) << said;
  EXPECT_TRUE(json::parse(line).at("nps").at("nps").is_null()) << line;
  EXPECT_EQ(run({"feedback", "summary", "--from", "nonsense"}).first, 2);
  EXPECT_NE(said.find("neither a time"), std::string::npos) << said;
  EXPECT_NE(run({"feedback", "summary", "--project", "bank"}).second.find("PROJECT"), std::string::npos);
}

TEST_F(cli_gateway_test, a_statement_is_issued_and_written) {
  EXPECT_NE(run({"agreement", "list"}).second.find("calls 99 %"), std::string::npos);
  EXPECT_NE(run({"agreement", "statement", "acme"}).second.find("PRELIMINARY"), std::string::npos) << said;
  EXPECT_EQ(run({"agreement", "statement", "acme", "--issue"}).first, 1);
  EXPECT_NE(said.find("is not over"), std::string::npos) << said;
  const auto [code, text] = run({"agreement", "statement", "acme", server.past_month, "--issue"});
  EXPECT_EQ(code, 0) << said;
  EXPECT_NE(said.find("revision 1 issued"), std::string::npos) << said;
  EXPECT_NE(text.find("no data"), std::string::npos) << text;
  const auto file = (server.directory / "s.pdf").string();
  EXPECT_EQ(run({"agreement", "statement", "acme", "last", "--format", "pdf", "--out", file}).first, 0) << said;
  std::string begin(5, ' ');
  std::ifstream(file).read(begin.data(), 5);
  EXPECT_EQ(begin, "%PDF-");
  EXPECT_EQ(run({"agreement", "statement", "acme", "last", "--reissue"}).first, 2);
  EXPECT_EQ(run({"agreement", "statement", "acme", "last", "--reissue", "--reason", "why not"}).first, 0) << said;
  EXPECT_NE(said.find("revision 2 issued"), std::string::npos) << said;
  EXPECT_EQ(run({"agreement", "statement", "acme", "last", "--format", "json", "--out", "/nowhere/s.json"}).first, 1);
  EXPECT_NE(said.find("cannot write /nowhere/s.json"), std::string::npos) << said;
  EXPECT_EQ(run({"agreement", "statement", "nobody"}).first, 1);
}

TEST_F(cli_gateway_test, a_kpi_is_told_and_shown) {
  EXPECT_NE(run({"kpi", "list"}).second.find("no data"), std::string::npos) << said;
  EXPECT_EQ(run({"kpi", "set", "churn", "4.5", "--note", "survey"}).first, 0) << said;
  EXPECT_NE(run({"kpi", "show", "churn"}).second.find("churn: missed"), std::string::npos) << said;
  EXPECT_EQ(run({"kpi", "set", "churn", "many"}).first, 2);
  EXPECT_EQ(run({"kpi", "set", "churn", "1", "--at", "yesterday"}).first, 2);
  EXPECT_EQ(run({"kpi", "show", "gone"}).first, 1);
  server.record_call("shop", "one");
  EXPECT_NE(run({"objective", "recount", "calls", "--since", "1h", "--until", "2099-01-01"}).second.find("1 good of 1, 0 bad"), std::string::npos) << said;
}

TEST_F(cli_gateway_test, a_new_key_says_where_it_belongs) {
  EXPECT_EQ(run({"key", "create", "--name", "a"}).first, 2);
  EXPECT_NE(said.find("which project is the key for? --project NAME, one of bank, shop"), std::string::npos) << said;
  EXPECT_EQ(run({"project", "create", "default"}).first, 0);
  EXPECT_EQ(run({"key", "create", "--name", "a"}).first, 0);
  EXPECT_NE(said.find("(a) of project default (another: --project NAME)"), std::string::npos) << said;
  EXPECT_EQ(run({"key", "create", "--name", "b", "--project", "shop"}).first, 0);
  EXPECT_NE(said.find("(b) of project shop."), std::string::npos) << said;
}

TEST_F(cli_gateway_test, a_configuration_that_is_refused_is_told_of_line_by_line) {
  server.reload_problem = "a.yaml:1:2: x: wrong\na.yaml:3:4: y: wrong";
  EXPECT_EQ(run({"reload"}).first, 2);
  EXPECT_NE(said.find("\nandon: a.yaml:1:2: x: wrong\nandon: a.yaml:3:4: y: wrong\n"), std::string::npos) << said;
}

TEST_F(cli_gateway_test, a_gateway_that_drains_says_so) {
  server.is_draining = true;
  EXPECT_NE(run({"status"}).second.find("andon test: draining (0 calls open)"), std::string::npos);
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
  const auto [code, acts] = run({"audit", "--json", "--limit", "3"});
  EXPECT_EQ(code, 0);
  EXPECT_EQ(std::ranges::count(acts, '\n'), 3);
  EXPECT_NE(run({"audit", "--target", "project lab"}).second.find("DELETE /api/v1/projects/{id}"), std::string::npos);
  EXPECT_EQ(run({"audit", "--since", "soon"}).first, 2);
  EXPECT_EQ(server.drains, 1);
}

}  // namespace
}  // namespace andon::app
