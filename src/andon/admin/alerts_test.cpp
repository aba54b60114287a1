// Alertmanager's API as its clients use it, links from messages, incidents with their timeline, the report of the night.
#include "andon/admin/admin_fixture_test.hpp"
#include "andon/admin/guard.hpp"
#include "andon/base/time_text.hpp"

namespace andon::admin {
namespace {

using testing_support::admin_server;
namespace json = boost::json;

class alerts_test : public ::testing::Test {
protected:
  using answer = testing_support::answer;
  [[nodiscard]] answer get(const std::string& target) const { return server.ask("GET", target, server.admin_token); }
  [[nodiscard]] answer post(const std::string& target, const std::string& body = {}) const { return server.ask("POST", target, server.admin_token, body); }
  [[nodiscard]] std::string in(std::chrono::minutes span) const { return format_rfc3339(server.time.wall() + span); }
  /// The acknowledging link of the message that went out last.
  [[nodiscard]] std::string link() const {
    std::string out;
    server.alerts->read([&](const alert::board_view& from) {
      const auto rows = from.store.messages(std::nullopt, {}, 1).value();
      if (!rows.empty()) out = alert::parse_notification(rows[0].body)->ack_url.substr(std::string("https://andon.example").size());
    });
    return out;
  }
  admin_server server;
};

TEST_F(alerts_test, alerts_are_posted_filtered_and_silenced) {
  EXPECT_EQ(post("/api/v2/alerts", R"([{"labels":{"alertname":"a","team":"x"},"annotations":{"summary":"s"}},{"labels":{"alertname":"b"}}])").status, 200);
  EXPECT_EQ(get("/api/v2/alerts").json().as_array().size(), 2U);
  EXPECT_EQ(get("/api/v2/alerts?filter=alertname%3D%22a%22&filter=team%3D%22x%22").json().as_array().size(), 1U);
  EXPECT_EQ(get("/api/v2/alerts?filter=alertname%3D%22a%22&filter=team%3D%22y%22").json().as_array().size(), 0U) << "filters may be repeated, and all must hold";
  EXPECT_EQ(get("/api/v2/alerts?filter=a%3D~%22(%22").status, 400);
  EXPECT_EQ(get("/api/v2/alerts?active=true&active=true").status, 400);
  const auto made = post("/api/v2/silences", R"({"matchers":[{"name":"alertname","value":"a","isRegex":false}],"startsAt":"2026-01-01T00:00:00Z","endsAt":")" + in(std::chrono::minutes{60}) + R"(","createdBy":"me","comment":"c"})");
  ASSERT_EQ(made.status, 200) << made.body;
  const std::string id(made.json().at("silenceID").as_string());
  EXPECT_EQ(get("/api/v2/alerts?silenced=false").json().as_array().size(), 1U);
  EXPECT_EQ(json::serialize(get("/api/v1/status").json().at("alerts")), R"({"firing":2,"quiet":1,"open_incidents":0,"waiting_messages":0,"dead_letters":0})");
  EXPECT_EQ(get("/api/v2/silence/" + id).json().at("status").at("state").as_string(), "active");
  EXPECT_EQ(server.ask("DELETE", "/api/v2/silence/" + id, server.admin_token).status, 200);
  EXPECT_EQ(get("/api/v2/silence/" + id).json().at("status").at("state").as_string(), "expired");
  EXPECT_EQ(get("/api/v2/alerts?silenced=false").json().as_array().size(), 2U);
  EXPECT_EQ(get("/api/v2/silence/nothing").status, 404);
  EXPECT_EQ(get("/api/v2/status").json().at("cluster").at("status").as_string(), "disabled");
  const auto acts = get("/api/v1/audit?target=silence%20" + id).json();
  EXPECT_EQ(acts.at("data").as_array().size(), 2U) << "made and ended; posted alerts are no acts";
  EXPECT_EQ(get("/api/v1/audit?since=1h").body.find("/api/v2/alerts"), std::string::npos);
}

TEST_F(alerts_test, one_that_is_wrong_is_said_and_the_others_are_taken) {
  const auto got = post("/api/v2/alerts", R"([{"labels":{}},{"labels":{"a":"1"}},{"labels":{"b":1}}])");
  EXPECT_EQ(got.status, 400);
  EXPECT_NE(got.body.find("at least one label pair"), std::string::npos) << got.body;
  EXPECT_EQ(get("/api/v2/alerts").json().as_array().size(), 1U);
  for (const auto* bad : {"", "{}", "[1", R"([{"labels":{"a":"1"},"startsAt":"yesterday"}])"}) EXPECT_EQ(post("/api/v2/alerts", bad).status, 400) << bad;
}

TEST_F(alerts_test, events_need_a_known_routing_key) {
  const auto event = [](const std::string& key) { return R"({"routing_key":")" + key + R"(","event_action":"trigger","payload":{"summary":"s","source":"x","severity":"critical"}})"; };
  EXPECT_EQ(server.ask("POST", "/v2/enqueue", {}, event("wrong")).status, 401);
  const auto got = server.ask("POST", "/v2/enqueue", {}, event("routing-key-of-tests"));
  ASSERT_EQ(got.status, 202) << got.body;
  EXPECT_EQ(got.json().at("status").as_string(), "success");
  EXPECT_FALSE(got.json().at("dedup_key").as_string().empty());
  EXPECT_EQ(get("/api/v2/alerts").json().as_array().size(), 1U);
}

TEST_F(alerts_test, a_link_shows_a_page_and_acts_only_when_asked) {
  ASSERT_EQ(post("/api/v1/incidents", R"({"escalation":"primary","title":"the <shop> is slow"})").status, 201);
  server.alerts->tick(server.time.wall());
  const auto target = link();
  ASSERT_TRUE(target.starts_with("/alert/")) << target;
  for (int i = 0; i < 2; ++i) {
    const auto page = server.ask("GET", target);
    EXPECT_EQ(page.status, 200);
    EXPECT_NE(page.body.find("<form method=\"post\">"), std::string::npos) << page.body;
    EXPECT_NE(page.body.find("the &lt;shop&gt; is slow"), std::string::npos) << page.body;
    EXPECT_NE(page.head.find("form-action 'self'"), std::string::npos) << page.head;
    EXPECT_NE(page.head.find("Referrer-Policy: same-origin"), std::string::npos) << "with no-referrer the button sends `Origin: null`\n" << page.head;
  }
  EXPECT_EQ(get("/api/v1/incidents/inc_1").json().at("state").as_string(), "triggered") << "looking changes nothing";
  EXPECT_EQ(server.ask("POST", target).status, 200);
  EXPECT_EQ(get("/api/v1/incidents/inc_1").json().at("acknowledged_by").as_string(), "alice");
  EXPECT_EQ(server.ask("POST", target).status, 409);
  EXPECT_NE(get("/api/v1/audit?target=incident%20inc_1").body.find(R"("reason":"this link was used before")"), std::string::npos) << get("/api/v1/audit?target=incident%20inc_1").body;
  EXPECT_EQ(server.ask("GET", target).body.find("<form"), std::string::npos);
  EXPECT_EQ(server.ask("GET", target + "?utm_source=mail").status, 200);
  const auto foreign = server.ask("POST", target, "", "", "Origin: null\r\n");
  EXPECT_EQ(foreign.status, 403);
  EXPECT_NE(foreign.body.find("<h1>This link cannot be used</h1>"), std::string::npos) << foreign.body;
  const auto dead = server.ask("GET", target + "x");
  EXPECT_EQ(dead.status, 404);
  EXPECT_NE(dead.body.find("<h1>This link cannot be used</h1>"), std::string::npos) << dead.body;
  EXPECT_NE(get("/api/v1/audit?target=incident%20inc_1").body.find(R"("role":"link")"), std::string::npos);
}

TEST_F(alerts_test, strangers_do_not_write_into_the_audit_log) {
  ASSERT_EQ(post("/api/v1/incidents", R"({"escalation":"primary","title":"slow"})").status, 201);
  server.alerts->tick(server.time.wall());
  for (int i = 0; i < failure_count::allowed; ++i) ASSERT_EQ(server.ask("POST", "/alert/guess" + std::to_string(i)).status, 404);
  const auto slowed = server.ask("POST", "/alert/guess");
  EXPECT_EQ(slowed.status, 429);
  const auto told = slowed.body.find("retry in ");
  ASSERT_NE(told, std::string::npos) << slowed.body;
  EXPECT_NE(slowed.head.find("Retry-After: " + std::to_string(std::stoi(slowed.body.substr(told + 9)))), std::string::npos) << slowed.head << slowed.body;
  EXPECT_NE(slowed.body.find("<h1>This link cannot be used</h1>"), std::string::npos) << slowed.body;
  EXPECT_EQ(get("/api/v1/audit?since=1h").body.find("/alert/"), std::string::npos);
  EXPECT_EQ(server.ask("POST", link()).status, 200) << "a good link is not locked out";
  EXPECT_NE(get("/api/v1/audit?since=1h").body.find("inc_1"), std::string::npos);
}

TEST_F(alerts_test, a_timeline_has_its_own_messages_among_many_others) {
  ASSERT_EQ(post("/api/v1/incidents", R"({"escalation":"primary","title":"slow"})").status, 201);
  server.alerts->tick(server.time.wall());
  server.alerts->read([&](const alert::board_view& from) {
    EXPECT_TRUE(from.store.together([&]() -> result<void> {
      for (int i = 0; i < 1'200; ++i)
        if (auto done = from.store.put_message({.receiver = "ops", .channel = "webhook", .group_key = "others", .group_labels = {}, .at = from.now}, from.now, alert::message_state::dead, "full"); !done)
          return std::unexpected(done.error());
      return {};
    }));
  });
  std::string kinds;
  for (const auto& one : get("/api/v1/incidents/inc_1").json().at("timeline").as_array()) kinds.append(one.at("kind").as_string()).append(";");
  EXPECT_NE(kinds.find("message waiting;"), std::string::npos) << kinds;
  EXPECT_EQ(kinds.find("message dead;"), std::string::npos) << "others' messages are not its own";
  const auto told = get("/api/v1/report").json().at("messages");
  EXPECT_EQ(told.at("dead").to_number<int>(), 1'200);
  EXPECT_EQ(told.at("waiting").to_number<int>(), 1);
}

TEST_F(alerts_test, a_report_tells_what_failed_from_what_was_refused) {
  for (const auto outcome : {errc::none, errc::none, errc::budget_exceeded, errc::requests_limited, errc::bad_json, errc::upstream_bad_reply}) server.record_call("shop", "hello", true, {}, outcome);
  const auto calls = get("/api/v1/report").json().at("calls");
  EXPECT_EQ(calls.at("count").to_number<int>(), 6);
  EXPECT_EQ(calls.at("errors").to_number<int>(), 1) << calls;
  EXPECT_EQ(calls.at("refused").to_number<int>(), 3) << "by limits, and for what the client sent";
}

TEST_F(alerts_test, an_incident_has_its_timeline_and_a_draft) {
  server.record_call("shop", "hello");
  ASSERT_EQ(post("/api/v1/incidents", R"({"escalation":"primary","title":"slow"})").status, 201);
  server.alerts->tick(server.time.wall());
  while (server.alerts->send_one(server.time.wall())) {}
  EXPECT_EQ(post("/api/v1/incidents/inc_1/notes", R"({"text":"looked at the graphs"})").status, 201);
  ASSERT_EQ(post("/api/v1/projects", R"({"id":"others"})").status, 201);
  EXPECT_EQ(post("/api/v1/incidents/inc_1/resolve").status, 200);
  EXPECT_EQ(post("/api/v1/incidents/inc_1/resolve").status, 409);
  std::string kinds, changes;
  for (const auto& one : get("/api/v1/incidents/inc_1").json().at("timeline").as_array()) {
    kinds.append(one.at("kind").as_string()).append(";");
    if (one.at("kind").as_string().ends_with("change")) changes.append(one.at("text").as_string()).append(";");
  }
  EXPECT_NE(changes.find("others"), std::string::npos) << changes;
  EXPECT_EQ(changes.find("inc_1"), std::string::npos) << "what was done to it, or refused, is in its own lines: " << changes;
  for (const auto* kind : {"opened;", "notified;", "note;", "resolved;", "message dead;", "change;"}) EXPECT_NE(kinds.find(kind), std::string::npos) << kind << " in " << kinds;
  const auto draft = get("/api/v1/incidents/inc_1/postmortem");
  EXPECT_NE(draft.head.find("text/markdown"), std::string::npos);
  for (const auto* part : {"# Post-mortem of inc_1: slow", "## Impact", "- 1 calls, 0 failed", "## Budget burned", "looked at the graphs", "## Actions"}) EXPECT_NE(draft.body.find(part), std::string::npos) << part << draft.body;
  const auto report = get("/api/v1/report").json();
  EXPECT_EQ(report.at("incidents").as_array().size(), 1U);
  EXPECT_EQ(report.at("calls").at("count").to_number<int>(), 1);
  EXPECT_GE(report.at("messages").at("dead").to_number<int>(), 1);
  const auto operator_key = server.key(access::role::operator_, "", "op");
  EXPECT_TRUE(server.ask("GET", "/api/v1/report", operator_key).json().at("changes").as_array().empty()) << "who may not read the audit log does not see it here";
  EXPECT_FALSE(report.at("changes").as_array().empty());
  EXPECT_EQ(get("/api/v1/incidents/nothing").status, 404);
}

TEST_F(alerts_test, the_report_of_the_night_has_the_worst_first_and_one_line_for_a_storm) {
  std::string storm;
  for (int i = 0; i < 60; ++i) storm += std::string(i == 0 ? "" : ",") + R"({"labels":{"alertname":"storm","severity":"info","n":")" + std::to_string(i) + R"("}})";
  ASSERT_EQ(post("/api/v2/alerts", "[" + storm + R"(,{"labels":{"alertname":"slow","severity":"ticket"}},{"labels":{"alertname":"down","severity":"page"},"annotations":{"summary":"s"}}])").status, 200);
  const auto alerts = get("/api/v1/report").json().at("alerts");
  EXPECT_EQ(alerts.at("firing_count").to_number<int>(), 62);
  EXPECT_EQ(alerts.at("firing").as_array().size(), 50U);
  EXPECT_EQ(alerts.at("firing").at(0).at("name").as_string(), "down");
  EXPECT_EQ(alerts.at("firing").at(0).at("severity").as_string(), "critical");
  EXPECT_EQ(alerts.at("firing").at(1).at("name").as_string(), "slow");
  ASSERT_EQ(alerts.at("fired").as_array().size(), 3U) << alerts;
  EXPECT_EQ(alerts.at("fired").at(0).at("alert").as_string(), "storm");
  EXPECT_EQ(alerts.at("fired").at(0).at("alerts").to_number<int>(), 60);
}

TEST_F(alerts_test, overrides_and_shifts) {
  EXPECT_EQ(get("/api/v1/oncall").json().at("data").at(0).at("person").as_string(), "alice");
  EXPECT_EQ(post("/api/v1/oncall/primary/overrides", R"({"person":"nobody","until":"1h"})").status, 404);
  EXPECT_EQ(post("/api/v1/oncall/primary/overrides", R"({"person":"alice","until":"soon"})").status, 400);
  const auto made = post("/api/v1/oncall/primary/overrides", R"({"person":"alice","until":"1h"})");
  ASSERT_EQ(made.status, 201) << made.body;
  const auto plan = get("/api/v1/oncall/primary?days=1").json();
  EXPECT_EQ(plan.at("overrides").as_array().size(), 1U);
  EXPECT_EQ(plan.at("data").at(0).at("person").as_string(), "alice");
  EXPECT_TRUE(plan.at("data").at(0).at("until").is_null()) << "nobody follows her, and what is shown ends earlier than her shift";
  EXPECT_EQ(get("/api/v1/oncall/nothing").status, 404);
}

}  // namespace
}  // namespace andon::admin
