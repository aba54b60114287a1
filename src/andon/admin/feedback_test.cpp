// The summary of feedback, over Records on a real ledger.
#include "andon/admin/admin_fixture_test.hpp"

namespace andon::admin {
namespace {

namespace json = boost::json;

class feedback_test : public ::testing::Test {
protected:
  request_id add(ledger::operation op, const std::string& project, const std::string& route, std::vector<std::pair<std::string, std::string>> metadata = {},
                 errc outcome = errc::none, nanoseconds ago = std::chrono::minutes{1}) {
    ledger::record r;
    r.started = server.time.wall() - ago;
    r.id = request_id::make(r.started, random);
    r.project = project_id{project};
    r.route = route_name{route};
    r.op = op;
    r.outcome = outcome;
    r.metadata = std::move(metadata);
    EXPECT_TRUE(server.records->writer(0).append_record(r));
    return r.id;
  }
  request_id call(const std::string& project, const std::string& route, errc outcome = errc::none, nanoseconds ago = std::chrono::minutes{1}) {
    return add(ledger::operation::chat, project, route, {}, outcome, ago);
  }
  void say(const std::string& project, request_id of, const std::string& csat) {
    add(ledger::operation::feedback, project, "", {{"feedback.request", of.str()}, {"feedback.csat", csat}});
  }
  json::value summary(const std::string& query, const std::string& token) {
    EXPECT_TRUE(server.records->wait_indexed(std::chrono::seconds{5}));
    const auto got = server.ask("GET", "/api/v1/feedback/summary" + query, token);
    EXPECT_EQ(got.status, 200) << got.body;
    return got.json();
  }
  random_source random{9};
  testing_support::admin_server server;
};

TEST_F(feedback_test, a_rate_is_of_answered_calls_of_the_time_asked_for) {
  std::vector<request_id> calls;
  for (int i = 0; i < 8; ++i) calls.push_back(call("shop", "chat"));
  const auto failed = call("shop", "chat", errc::upstream_error);
  const auto old = call("shop", "chat", errc::none, std::chrono::days{40});
  add(ledger::operation::embeddings, "shop", "chat");
  call("shop", "search");
  for (const auto* csat : {"5", "4", "1"}) say("shop", calls[0], csat);
  say("shop", calls[1], "5");
  say("shop", failed, "1");
  say("shop", old, "1");
  say("bank", calls[2], "1");  // no call of its own project
  const auto all = summary("", server.admin_token);
  EXPECT_TRUE(all.at("complete").as_bool());
  ASSERT_EQ(all.at("data").as_array().size(), 3u) << json::serialize(all);
  EXPECT_EQ(all.at("data").at(0).at("project").as_string(), "bank");
  EXPECT_EQ(all.at("data").at(0).at("route").as_string(), "");
  EXPECT_TRUE(all.at("data").at(0).at("response").at("share").is_null());
  const auto& chat = all.at("data").at(1);
  EXPECT_EQ(chat.at("response").at("good").to_number<int>(), 2);
  EXPECT_EQ(chat.at("response").at("total").to_number<int>(), 8);
  EXPECT_NEAR(chat.at("response").at("low").to_number<double>(), 0.0715, 5e-4);
  EXPECT_NEAR(chat.at("response").at("high").to_number<double>(), 0.5907, 5e-4);
  EXPECT_EQ(chat.at("answers").to_number<int>(), 6);
  EXPECT_EQ(chat.at("csat").at("good").to_number<int>(), 3);
  EXPECT_EQ(all.at("data").at(2).at("response").at("good").to_number<int>(), 0);
  EXPECT_EQ(summary("?route=search&project=shop", server.admin_token).at("data").as_array().size(), 1u);
  EXPECT_TRUE(summary("?from=20d&to=10d", server.admin_token).at("data").as_array().empty());
}

TEST_F(feedback_test, a_project_sees_its_own_and_wrong_times_are_refused) {
  say("shop", call("shop", "chat"), "5");
  say("bank", call("bank", "chat"), "5");
  const auto key = server.key(access::role::developer, "shop", "k");
  const auto own = summary("", key);
  ASSERT_EQ(own.at("data").as_array().size(), 1u);
  EXPECT_EQ(own.at("data").at(0).at("project").as_string(), "shop");
  EXPECT_TRUE(summary("?project=bank", key).at("data").as_array().empty());
  EXPECT_EQ(server.ask("GET", "/api/v1/feedback/summary?from=nonsense", server.admin_token).status, 400);
  EXPECT_TRUE(summary("?to=100000d", server.admin_token).at("data").as_array().empty());
  EXPECT_EQ(server.ask("GET", "/api/v1/feedback/summary?from=1h&to=2h", server.admin_token).status, 400);
}

}  // namespace
}  // namespace andon::admin
