#include "andon/admin/audit.hpp"

#include <fstream>

#include "andon/admin/admin_fixture_test.hpp"

namespace andon::admin {
namespace {

using testing_support::admin_server;
namespace json = boost::json;

class audit_test : public ::testing::Test {
protected:
  testing_support::answer ask(const std::string& method, const std::string& target, const std::string& body = {}) { return server.ask(method, target, server.admin_token, body); }
  json::array acts(const std::string& query = {}, const std::string& token = {}) {
    const auto got = server.ask("GET", "/api/v1/audit" + query, token.empty() ? server.admin_token : token);
    EXPECT_EQ(got.status, 200) << got.body;
    return got.json().at("data").as_array();
  }
  admin_server server;
};

std::string text(const json::value& of, const char* name) {
  const auto& at = of.at(name);
  return at.is_string() ? std::string(at.as_string()) : json::serialize(at);
}

TEST_F(audit_test, every_act_is_listed_with_before_and_after_and_without_a_secret) {
  const auto made = ask("POST", "/api/v1/keys", R"({"name":"web","project":"shop","limits":{"requests_per_minute":60}})");
  const auto id = text(made.json(), "id");
  const auto key = text(made.json(), "key");
  ask("PATCH", "/api/v1/keys/" + id, R"({"limits":{"requests_per_minute":90}})");
  const auto rotated = text(ask("POST", "/api/v1/keys/" + id + "/rotate", R"({"overlap":"1h"})").json(), "key");
  ask("POST", "/api/v1/keys/" + id + "/block");
  ask("DELETE", "/api/v1/keys/" + id);
  ask("PUT", "/api/v1/projects/bank", R"({"budgets":{"monthly":5}})");
  ask("POST", "/api/v1/config/reload");
  ask("POST", "/api/v1/drain");
  ask("POST", "/api/v1/projects", R"({"id":"bank"})");
  ask("GET", "/api/v1/keys");
  const auto all = acts();
  ASSERT_EQ(all.size(), 9U) << json::serialize(all);
  struct wanted { const char *action, *target, *project, *outcome; };
  const std::vector<wanted> expected{{"POST /api/v1/projects", "project", "null", "failed"}, {"POST /api/v1/drain", "gateway", "null", "done"},
      {"POST /api/v1/config/reload", "configuration", "null", "done"}, {"PUT /api/v1/projects/{id}", "project bank", "bank", "done"},
      {"DELETE /api/v1/keys/{id}", "key", "shop", "done"}, {"POST /api/v1/keys/{id}/block", "key", "shop", "done"},
      {"POST /api/v1/keys/{id}/rotate", "key", "shop", "done"}, {"PATCH /api/v1/keys/{id}", "key", "shop", "done"}, {"POST /api/v1/keys", "key", "shop", "done"}};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(text(all[i], "action"), expected[i].action);
    EXPECT_EQ(text(all[i], "target"), expected[i].target + (std::string_view(expected[i].target) == "key" ? " " + id : std::string{}));
    EXPECT_EQ(text(all[i], "project"), expected[i].project);
    EXPECT_EQ(text(all[i], "outcome"), expected[i].outcome);
    EXPECT_EQ(text(all[i], "role"), "admin");
    EXPECT_EQ(text(all[i], "key"), "key_admin");
    EXPECT_EQ(text(all[i], "peer").find("127.0.0.1"), 0U);
  }
  EXPECT_EQ(all[0].at("status").as_int64(), 409);
  EXPECT_EQ(all[7].at("before").at("limits").at(0).at("requests_per_minute").as_int64(), 60);
  EXPECT_EQ(all[7].at("after").at("limits").at(0).at("requests_per_minute").as_int64(), 90);
  EXPECT_EQ(all[7].at("before").as_object().size(), 1U) << "only what changed";
  EXPECT_EQ(all[5].at("after").at("blocked").as_bool(), true);
  const auto shown = json::serialize(all);
  for (const auto& secret : {key, rotated, server.admin_token}) {
    EXPECT_EQ(shown.find(secret.substr(secret.size() - 6)), std::string::npos);
    EXPECT_EQ(shown.find(secret.substr(0, 12)), std::string::npos);
  }
}

TEST_F(audit_test, refusals_are_listed_at_a_bounded_pace) {
  const auto token = server.key(access::role::developer, "shop", "dev");
  for (int n = 0; n < 30; ++n) EXPECT_EQ(server.ask("POST", "/api/v1/projects", token, "{}").status, 403);
  EXPECT_EQ(server.ask("GET", "/api/v1/config", token).status, 403);
  const auto all = acts("?refused=true");
  ASSERT_EQ(all.size(), refusal_pace::listed_per_minute);
  EXPECT_EQ(text(all[0], "outcome"), "refused");
  EXPECT_EQ(text(all[0], "key_project"), "shop");
  EXPECT_NE(text(all[0], "reason").find("projects.write"), std::string::npos);
}

TEST(refusal_pace, counts_what_it_does_not_list) {
  refusal_pace pace;
  std::uint32_t unlisted = 0;
  const mono_time start{std::chrono::hours{1}};
  for (std::uint32_t n = 0; n < 50; ++n) EXPECT_EQ(pace.list("key_1", start, unlisted), n < refusal_pace::listed_per_minute);
  EXPECT_TRUE(pace.list("key_2", start, unlisted));
  EXPECT_EQ(unlisted, 0U);
  EXPECT_TRUE(pace.list("key_1", start + std::chrono::minutes{1}, unlisted));
  EXPECT_EQ(unlisted, 30U);
  for (std::size_t n = 0; n < 3 * refusal_pace::max_keys; ++n) EXPECT_TRUE(pace.list("key_x" + std::to_string(n), start, unlisted));
}

TEST_F(audit_test, a_project_sees_its_own_acts_only) {
  for (const std::string project : {"shop", "bank"}) ask("POST", "/api/v1/keys", R"({"name":"k","project":")" + project + R"("})");
  ask("POST", "/api/v1/config/reload");
  const auto token = server.key(access::role::auditor, "shop", "eyes");
  const auto own = acts("", token);
  ASSERT_EQ(own.size(), 1U);
  EXPECT_EQ(text(own[0], "project"), "shop");
  EXPECT_EQ(server.ask("GET", "/api/v1/audit?project=bank", token).status, 403);
  EXPECT_EQ(acts("?project=bank").size(), 1U);
  EXPECT_EQ(server.ask("GET", "/api/v1/audit", server.key(access::role::operator_, "", "op")).status, 403);
}

TEST_F(audit_test, pages_and_times) {
  for (int n = 0; n < 7; ++n) ask("POST", "/api/v1/config/reload");
  std::size_t seen = 0;
  std::string cursor;
  for (int pages = 0; pages < 10; ++pages) {
    const auto got = ask("GET", "/api/v1/audit?limit=3" + (cursor.empty() ? "" : "&cursor=" + cursor)).json();
    seen += got.at("data").as_array().size();
    if (got.at("next").is_null()) break;
    cursor = text(got, "next");
  }
  EXPECT_EQ(seen, 7U);
  EXPECT_EQ(acts("?since=1h").size(), 7U);
  EXPECT_EQ(acts("?until=1h").size(), 0U);
  EXPECT_EQ(acts("?since=2100-01-01").size(), 0U);
  EXPECT_EQ(acts("?key=key_admin&target=configuration").size(), 7U);
  EXPECT_EQ(acts("?key=key_other").size(), 0U);
  for (const auto* bad : {"?since=soon", "?cursor=5", "?cursor=1.x", "?limit=0", "?refused=perhaps"}) EXPECT_EQ(ask("GET", std::string("/api/v1/audit") + bad).status, 400) << bad;
}

}  // namespace
}  // namespace andon::admin
