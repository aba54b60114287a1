#include <gtest/gtest.h>

#include "andon/admin/admin_fixture_test.hpp"

namespace andon::admin {
namespace {

using testing_support::admin_server;

class decisions_test : public ::testing::Test {
protected:
  auto ask(const std::string& method, const std::string& target, const std::string& body = {}, const std::string& token = {}) { return server.ask(method, target, token.empty() ? server.admin_token : token, body); }
  void decide(std::int64_t at, const std::string& objective) {
    slo::decision one{.number = 0, .at = slo::instant{slo::seconds{at}}, .who = "policy p", .act = slo::decision_act::freeze, .subject = "plan"};
    one.policy = "p";
    one.objective = objective;
    one.reason = "because";
    one.evidence = R"({"budget_left":0.1})";
    ASSERT_TRUE(server.decisions->begin(one));
  }
  admin_server server;
};

TEST_F(decisions_test, lists_pages_and_filters) {
  for (int i = 0; i < 25; ++i) decide(1'700'000'000 + i, i % 5 == 0 ? "embed" : "chat");
  std::vector<std::string> seen;
  std::string cursor;
  do {
    const auto page = ask("GET", "/api/v1/decisions?limit=10" + cursor).json();
    for (const auto& one : page.at("data").as_array()) seen.emplace_back(std::string_view(one.at("id").as_string()));
    cursor = page.at("next").is_null() ? "" : "&cursor=" + std::string(std::string_view(page.at("next").as_string()));
  } while (!cursor.empty());
  ASSERT_EQ(seen.size(), 25U);
  EXPECT_EQ(seen.front(), "dec_25");
  EXPECT_EQ(seen.back(), "dec_1");
  EXPECT_EQ(ask("GET", "/api/v1/decisions?objective=embed").json().at("data").as_array().size(), 5U);
  EXPECT_EQ(ask("GET", "/api/v1/decisions?since=2023-11-14T22:13:30Z&until=2023-11-14T22:13:40Z").json().at("data").as_array().size(), 10U);
  for (const auto* wrong : {"?cursor=x", "?act=explode", "?since=soon", "?limit=0", "?nonsense=1"}) EXPECT_EQ(ask("GET", std::string("/api/v1/decisions") + wrong).status, 400) << wrong;
  EXPECT_EQ(ask("GET", "/api/v1/decisions/dec_3").json().at("evidence").at("budget_left").to_number<double>(), 0.1);
  for (const auto* unknown : {"dec_99", "99", "x"}) EXPECT_EQ(ask("GET", std::string("/api/v1/decisions/") + unknown).status, 404) << unknown;
  EXPECT_EQ(ask("POST", "/api/v1/decisions/dec_3/end", R"({"reason":"done"})").json().at("ended_by"), "key_admin");
  EXPECT_EQ(ask("GET", "/api/v1/decisions?open=true").json().at("data").as_array().size(), 24U);
}

TEST_F(decisions_test, acts_need_a_reason_of_sensible_length) {
  decide(1'700'000'000, "chat");
  for (const auto* body : {"", "{}", R"({"reason":""})", R"({"reason":" \n"})", R"({"reason":7})", R"({"reason":"a","more":1})", "nonsense"})
    for (const auto* path : {"/api/v1/decisions/dec_1/end", "/api/v1/plans/1/roll-back"}) EXPECT_EQ(ask("POST", path, body).status, 400) << path << ' ' << body;
  EXPECT_EQ(ask("POST", "/api/v1/decisions/dec_1/end", R"({"reason":")" + std::string(2'001, 'x') + "\"}").status, 400);
  EXPECT_EQ(ask("POST", "/api/v1/plans/1/roll-back", R"({"reason":"better"})").json().at("reason"), "better");
  EXPECT_EQ(ask("GET", "/api/v1/plans/1/diff").body, "1 file");
  EXPECT_EQ(ask("GET", "/api/v1/plans/1/diff?with=2").body, "1 2");
  EXPECT_EQ(ask("GET", "/api/v1/plans/x").status, 404);
}

TEST_F(decisions_test, decisions_stand_in_reports_for_those_who_may_read_them) {
  decide(std::chrono::floor<slo::seconds>(server.time.wall()).time_since_epoch().count(), "chat");
  const auto report = ask("GET", "/api/v1/report").json();
  ASSERT_EQ(report.at("decisions").as_array().size(), 1U);
  EXPECT_EQ(report.at("decisions").at(0).at("text"), "dec_1 freeze plan: because");
  EXPECT_EQ(report.at("decisions").at(0).at("who"), "policy p");
  const auto incident = server.alerts->open_incident("primary", "it burns", "me", server.time.wall())->id();
  bool seen = false;
  for (const auto& line : ask("GET", "/api/v1/incidents/" + incident).json().at("timeline").as_array()) seen |= line.at("kind") == "decision";
  EXPECT_TRUE(seen);
  server.frozen = true;
  EXPECT_EQ(ask("GET", "/api/v1/status").json().at("decisions").at("frozen_by"), "dec_1");
}

TEST_F(decisions_test, an_override_needs_its_permission) {
  const auto op = server.key(access::role::operator_, "", "op");
  server.frozen = true;
  const auto refused = ask("POST", "/api/v1/targets/m0/pause", {}, op);
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.json().at("error").at("code"), "plan_frozen");
  EXPECT_EQ(ask("POST", "/api/v1/targets/m0/resume", {}, op).status, 409);
  EXPECT_EQ(ask("POST", "/api/v1/targets/m0/pause?for=1s", R"({"override_reason":""})", op).status, 400);
  EXPECT_EQ(ask("POST", "/api/v1/targets/m0/pause?for=1s", R"({"override_reason":"fire"})", op).status, 200);
  EXPECT_EQ(ask("POST", "/api/v1/targets/m0/resume", R"({"override_reason":"out"})", op).status, 200);
  EXPECT_EQ(ask("POST", "/api/v1/config/reload", R"({"override_reason":"fire"})", op).status, 403) << "nor may it reload";
}

}  // namespace
}  // namespace andon::admin
