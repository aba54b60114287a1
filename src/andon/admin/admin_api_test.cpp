#include "andon/admin/admin_fixture_test.hpp"
#include "andon/admin/guard.hpp"
#include "andon/admin/request.hpp"

namespace andon::admin {
namespace {

using testing_support::admin_server;
namespace json = boost::json;

class admin_api_test : public ::testing::Test {
protected:
  testing_support::answer ask(const std::string& method, const std::string& target, const std::string& body = {}) { return server.ask(method, target, server.admin_token, body); }
  admin_server server;
};

TEST_F(admin_api_test, a_secret_is_in_the_reply_of_creation_and_nowhere_else) {
  const auto made = ask("POST", "/api/v1/keys", R"({"name":"web","project":"shop","limits":{"requests_per_minute":60},"budgets":{"monthly":"12.5 USD"},"tags":["a"],"expires":"2030-01-01T00:00:00Z"})");
  ASSERT_EQ(made.status, 201) << made.body;
  const auto text = std::string(made.json().at("key").as_string());
  const auto id = std::string(made.json().at("id").as_string());
  EXPECT_EQ(server.ask("GET", "/api/v1/keys", text).status, 403);  // it works, as a caller
  const auto shown = ask("GET", "/api/v1/keys/" + id);
  EXPECT_EQ(shown.json().at("limits").at(0).at("requests_per_minute").as_int64(), 60);
  EXPECT_EQ(shown.json().at("budgets").at(0).at("limit_usd").as_string(), "12.5");
  for (const auto* path : {"/api/v1/keys", "/api/v1/status", "/api/v1/config", "/api/v1/budgets", "/", "/metrics"})
    EXPECT_EQ(ask("GET", path).body.find(text.substr(12)), std::string::npos) << path;
  const auto rotated = ask("POST", "/api/v1/keys/" + id + "/rotate", R"({"overlap":"1h"})");
  ASSERT_EQ(rotated.status, 200) << rotated.body;
  EXPECT_NE(rotated.json().at("key").as_string(), text);
  EXPECT_EQ(server.ask("GET", "/api/v1/keys", text).status, 403);  // still good
  EXPECT_EQ(ask("POST", "/api/v1/keys/" + id + "/block").status, 200);
  EXPECT_EQ(server.ask("GET", "/api/v1/keys", text).status, 401);
  EXPECT_EQ(ask("POST", "/api/v1/keys/" + id + "/unblock").status, 200);
  EXPECT_EQ(ask("PATCH", "/api/v1/keys/" + id, R"({"name":"web2"})").json().at("name").as_string(), "web2");
  EXPECT_EQ(ask("DELETE", "/api/v1/keys/" + id).status, 200);
  EXPECT_EQ(ask("GET", "/api/v1/keys/" + id).status, 404);
}

TEST_F(admin_api_test, bodies_are_read_strictly) {
  struct bad_body { const char *method, *path, *body, *param; };
  for (const auto& one : {bad_body{"POST", "/api/v1/keys", R"({"name":"a","project":"shop","rpm":5})", "rpm"},
                          bad_body{"POST", "/api/v1/keys", R"({"name":5})", "name"},
                          bad_body{"POST", "/api/v1/keys", R"({"name":"a","role":"king"})", "role"},
                          bad_body{"POST", "/api/v1/keys", R"({"name":"a","limits":[{"per":["moon"],"parallel":1}]})", "limits"},
                          bad_body{"POST", "/api/v1/keys", R"({"name":"a","budgets":{"daily":-1}})", "budgets"},
                          bad_body{"POST", "/api/v1/keys", R"({"name":"a","expires":"soon"})", "expires"},
                          bad_body{"PUT", "/api/v1/projects/shop", R"({"unknown_price":"guess"})", "unknown_price"},
                          bad_body{"GET", "/api/v1/records?color=red", "", "color"}}) {
    const auto got = ask(one.method, one.path, one.body);
    EXPECT_EQ(got.status, 400) << one.body << got.body;
    EXPECT_EQ(got.json().at("error").at("param").as_string(), one.param) << got.body;
  }
  EXPECT_EQ(ask("POST", "/api/v1/keys", "{").status, 400);
  EXPECT_EQ(ask("POST", "/api/v1/keys", "[]").status, 400);
}

TEST_F(admin_api_test, projects_live_and_die) {
  EXPECT_EQ(ask("POST", "/api/v1/projects", R"({"id":"lab","title":"Lab","models":["chat"],"budgets":[{"period":"daily","limit_usd":3}]})").status, 201);
  EXPECT_EQ(ask("POST", "/api/v1/projects", R"({"id":"lab"})").status, 409);
  EXPECT_EQ(ask("GET", "/api/v1/budgets").json().at("data").at(0).at("limit_usd").as_string(), "3");
  EXPECT_EQ(ask("PUT", "/api/v1/projects/lab", R"({"title":"New"})").json().at("title").as_string(), "New");
  EXPECT_EQ(ask("DELETE", "/api/v1/projects/lab").status, 200);
  EXPECT_EQ(ask("GET", "/api/v1/projects/lab").status, 404);
}

TEST_F(admin_api_test, records_are_found_shown_exported_and_kept_apart) {
  server.record_call("shop", "refund the order");
  const auto of_shop = server.last_record.str();
  server.record_call("bank", "refund the fee");
  EXPECT_EQ(ask("GET", "/api/v1/records?q=refund").json().at("data").as_array().size(), 2u);
  const auto whole = ask("GET", "/api/v1/records?q=order&content=true").json().at("data").at(0);
  EXPECT_EQ(whole.at("id").as_string(), of_shop);
  EXPECT_EQ(whole.at("request").at("messages").at(0).at("content").as_string(), "refund the order");
  EXPECT_EQ(ask("GET", "/api/v1/records/" + of_shop).json().at("project").as_string(), "shop");
  EXPECT_EQ(ask("GET", "/api/v1/records/aggregate?by=project").json().at("total").at("count").as_int64(), 2);
  const auto exported = ask("GET", "/api/v1/records/export?q=refund");
  EXPECT_EQ(exported.status, 200);
  EXPECT_NE(exported.body.find("refund the fee"), std::string::npos);
  const auto bank = server.key(access::role::auditor, "bank", "looks");
  EXPECT_EQ(server.ask("GET", "/api/v1/records?q=refund", bank).json().at("data").as_array().size(), 1u);
  EXPECT_EQ(server.ask("GET", "/api/v1/records?q=project:shop", bank).json().at("data").as_array().size(), 0u);
  EXPECT_EQ(server.ask("GET", "/api/v1/records/" + of_shop, bank).status, 404);
  EXPECT_EQ(server.ask("GET", "/api/v1/records/export", bank).body.find("the order"), std::string::npos);
  const auto operates = server.key(access::role::operator_, "", "operates");
  EXPECT_EQ(server.ask("GET", "/api/v1/records?q=project:shop", operates).status, 200);
  EXPECT_EQ(server.ask("GET", "/api/v1/records?q=refund", operates).status, 403);
  EXPECT_EQ(server.ask("GET", "/api/v1/records?q=refund&content=true", operates).status, 403);
  EXPECT_EQ(ask("GET", "/api/v1/records?q=status%3E%3E").status, 400);
  EXPECT_TRUE(ask("POST", "/api/v1/ledger/verify").json().at("whole").as_bool());
}

TEST_F(admin_api_test, following_starts_from_now_and_sees_what_comes) {
  server.record_call("shop", "before");
  const auto start = json::serialize(ask("GET", "/api/v1/records/follow").json().at("next"));
  server.record_call("shop", "after");
  const auto got = ask("GET", "/api/v1/records/follow?after=" + start).json();
  ASSERT_EQ(got.at("data").as_array().size(), 1u);
  EXPECT_EQ(got.at("data").at(0).at("id").as_string(), server.last_record.str());
}

TEST_F(admin_api_test, an_export_larger_than_the_channel_arrives_whole) {
  for (int i = 0; i < 1500; ++i) server.record_call("shop", std::string(600, 'x') + std::to_string(i), i == 1499);
  const auto got = ask("GET", "/api/v1/records/export");
  EXPECT_NE(got.head.find("application/x-ndjson"), std::string::npos);
  std::size_t lines = 0;
  for (std::size_t at = 0; (at = got.body.find("{\"id\":\"req_", at)) != std::string::npos; ++at) ++lines;
  EXPECT_EQ(lines, 1500u);
  EXPECT_GT(got.body.size(), 1'000'000u);
  EXPECT_TRUE(got.body.ends_with("0\r\n\r\n"));  // the end of a complete chunked reply
}

TEST_F(admin_api_test, a_client_that_leaves_an_export_frees_its_thread) {
  for (int i = 0; i < 1500; ++i) server.record_call("shop", std::string(600, 'x'), i == 1499);
  for (int i = 0; i < 8; ++i) server.ask_and_leave("/api/v1/records/export", server.admin_token);  // more than there are threads
  EXPECT_EQ(ask("GET", "/api/v1/status").status, 200);
}

TEST_F(admin_api_test, stopping_ends_a_long_poll) {
  const auto start = json::serialize(ask("GET", "/api/v1/records/follow").json().at("next"));
  auto waiting = std::async(std::launch::async, [&] { return ask("GET", "/api/v1/records/follow?after=" + start).status; });
  while (server.api_calls("/api/v1/records/follow") < 1) std::this_thread::yield();
  const auto asked = server.time.mono();
  server.api->stop();
  const int status = waiting.get();
  EXPECT_LT(server.time.mono() - asked, std::chrono::seconds{5});
  EXPECT_TRUE(status == 200 || status == 503) << status;
}

TEST_F(admin_api_test, strangers_are_refused) {
  EXPECT_EQ(server.ask("GET", "/metrics", "", "", "Host: evil.example\r\n").status, 421);
  EXPECT_EQ(server.ask("GET", "/healthz", "", "", "Host: evil.example\r\n").status, 200);
  EXPECT_EQ(server.ask("GET", "/metrics", "", "", "Origin: http://evil.example\r\n").status, 403);
  EXPECT_EQ(server.ask("GET", "/metrics", "", "", "Origin: null\r\n").status, 403);
  EXPECT_EQ(server.ask("GET", "/metrics", "", "", "Origin: http://127.0.0.1:" + std::to_string(server.port) + "\r\n").status, 200);
  for (int i = 0; i < failure_count::allowed; ++i) EXPECT_EQ(server.ask("GET", "/api/v1/keys", "sk-andon-wrong").status, 401);
  const auto slowed = server.ask("GET", "/api/v1/keys", "sk-andon-wrong");
  EXPECT_EQ(slowed.status, 429);
  EXPECT_NE(slowed.head.find("Retry-After"), std::string::npos);
}

TEST(guard_test, hosts) {
  for (const auto* own : {"127.0.0.1", "127.0.0.1:4001", "[::1]:4001", "localhost", "LocalHost:4001", "10.1.2.3:80"}) EXPECT_TRUE(is_own_host(own)) << own;
  for (const auto* other : {"", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example:4001", ":4001", "[::1"}) EXPECT_FALSE(is_own_host(other)) << other;
}

TEST(guard_test, configured_hosts) {
  const std::vector<std::string> names{"andon.internal"};
  EXPECT_TRUE(is_own_host("Andon.Internal:4001", names));
  EXPECT_FALSE(is_own_host("x.andon.internal", names));
}

TEST(guard_test, failures_are_forgotten_after_a_minute) {
  failure_count count;
  simulated_clock time;
  for (int i = 0; i < failure_count::allowed; ++i) {
    EXPECT_FALSE(count.must_wait("a", time.mono()));
    count.failed("a", time.mono());
  }
  EXPECT_TRUE(count.must_wait("a", time.mono()));
  EXPECT_FALSE(count.must_wait("b", time.mono()));
  time.advance(failure_count::window);
  EXPECT_FALSE(count.must_wait("a", time.mono()));
}

TEST(request_test, query_arguments) {
  const auto good = query_arguments::parse("q=a%20b+c&limit=5&flag", "q limit flag");
  ASSERT_TRUE(good);
  EXPECT_EQ(good->text("q"), "a b c");
  EXPECT_EQ(*good->number("limit", 1, 1, 10), 5u);
  EXPECT_FALSE(good->number("limit", 1, 1, 4));
  EXPECT_TRUE(*good->flag("flag"));
  for (const auto* bad : {"x=1", "q=%", "q=%4", "q=%zz", "q=%00", "q=1&q=2"}) EXPECT_FALSE(query_arguments::parse(bad, "q")) << bad;
}

TEST_F(admin_api_test, a_key_reads_itself_and_nothing_else) {
  const auto made = ask("POST", "/api/v1/keys", R"({"name":"web","project":"shop","limits":[{"requests_per_minute":60,"parallel":4},{"model":"chat","tokens_per_minute":1000},{"per":["user"],"requests_per_minute":5}],"budgets":{"monthly":7}})").json();
  const auto token = std::string(made.at("key").as_string());
  ASSERT_EQ(ask("PUT", "/api/v1/projects/shop", R"({"budgets":{"daily":3}})").status, 200);
  ASSERT_EQ(ask("PUT", "/api/v1/projects/bank", R"({"budgets":{"daily":99}})").status, 200);
  const key_id id{std::string(made.at("id").as_string())};
  server.record_call("shop", "mine", true, id);
  server.record_call("shop", "of another key", true, key_id{"key_other"});
  const auto got = server.ask("GET", "/api/v1/self", token);
  ASSERT_EQ(got.status, 200) << got.body;
  const auto self = got.json();
  EXPECT_EQ(self.at("key").at("id").as_string(), id.view());
  EXPECT_EQ(got.body.find(token.substr(12)), std::string::npos);
  ASSERT_EQ(self.at("limits").as_array().size(), 3U) << got.body;
  EXPECT_EQ(self.at("limits").at(0).at("requests_per_minute_left").as_int64(), 60);
  EXPECT_EQ(self.at("limits").at(0).at("parallel_left").as_int64(), 4);
  ASSERT_EQ(self.at("budgets").as_array().size(), 2U) << "the key's and its project's" << got.body;
  for (const auto& one : self.at("budgets").as_array()) EXPECT_NE(one.at("limit_usd").as_string(), "99");
  EXPECT_EQ(self.at("spending").at("day").at("calls").as_int64(), 1);
  EXPECT_EQ(self.at("spending").at("month").at("calls").as_int64(), 1);
}

}  // namespace
}  // namespace andon::admin
