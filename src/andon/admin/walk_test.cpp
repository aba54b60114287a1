// Every path of the table × every caller: 2xx or 403, as access::allows says, and nothing in between.
#include <map>

#include "andon/admin/admin_fixture_test.hpp"
#include "andon/admin/route_table.hpp"
#include "andon/base/time_text.hpp"

namespace andon::admin {
namespace {

using testing_support::admin_server;

struct visitor {
  std::string who, token;
  access::role role;
  bool bound;
};

std::string replace_argument(std::string_view pattern, const std::string& with) {
  const auto begin = pattern.find('{');
  if (begin == std::string_view::npos) return std::string(pattern);
  const auto end = pattern.find('}');
  return std::string(pattern.substr(0, begin)) + with + std::string(pattern.substr(end + 1));
}

std::string body_of(const admin_path& path, const std::string& project, int number) {
  if (path.method == "POST" && path.pattern == "/api/v1/keys") return R"({"name":"n)" + std::to_string(number) + R"(","project":")" + project + R"("})";
  if (path.method == "POST" && path.pattern == "/api/v1/projects") return R"({"id":"made-)" + std::to_string(number) + R"("})";
  if (path.pattern == "/api/v1/measures/{measure}/samples") return R"({"value":0.9})";
  if (path.pattern == "/api/v1/kpis/{name}/values") return R"({"value":4})";
  const auto in_an_hour = format_rfc3339(system_clock{}.wall() + std::chrono::hours{1});
  if (path.method == "POST" && path.pattern == "/api/v2/alerts") return R"([{"labels":{"alertname":"walked"}}])";
  if (path.method == "POST" && path.pattern == "/api/v2/silences")
    return R"({"matchers":[{"name":"a","value":"b","isRegex":false}],"startsAt":"2026-01-01T00:00:00Z","endsAt":")" + in_an_hour + R"(","createdBy":"me","comment":"c"})";
  if (path.pattern == "/v2/enqueue")
    return R"({"routing_key":"routing-key-of-tests","event_action":"trigger","dedup_key":"d","payload":{"summary":"s","source":"x","severity":"info"}})";
  if (path.pattern == "/api/v1/oncall/{schedule}/overrides") return R"({"person":"alice","until":"1h"})";
  if (path.method == "POST" && path.pattern == "/api/v1/incidents") return R"({"escalation":"primary","title":"t"})";
  if (path.pattern == "/api/v1/decisions/{id}/end" || path.pattern == "/api/v1/plans/{number}/roll-back") return R"({"reason":"r"})";
  if (path.method == "POST" && path.pattern == "/api/v1/drills") return R"({"kind":"provider-down","target":"m0"})";
  if (path.pattern == "/api/v1/incidents/{id}/notes") return R"({"text":"t"})";
  return {};
}

/// Nobody has the link that the walk asks for.
bool names_a_link(const admin_path& path) { return path.pattern == "/alert/{token}"; }
bool names_a_key(const admin_path& path) { return path.pattern.starts_with("/api/v1/keys/"); }
bool names_a_project(const admin_path& path) { return path.pattern.starts_with("/api/v1/projects/"); }
bool names_a_record(const admin_path& path) { return path.pattern == "/api/v1/records/{id}"; }
bool makes_a_key(const admin_path& path) { return path.method == "POST" && path.pattern == "/api/v1/keys"; }

class walk_test : public ::testing::Test {
protected:
  walk_test() {
    for (const std::string project : {"shop", "bank"}) {
      server.record_call(project, "words-of-" + project);
      records[project] = server.last_record.str();
    }
  }
  std::vector<visitor> visitors() {
    std::vector<visitor> out;
    for (std::size_t i = 0; i < access::role_count; ++i) {
      const auto role = static_cast<access::role>(i);
      const std::string name(access::to_string(role));
      out.push_back({name + " of shop", server.key(role, "shop", name + "-bound"), role, true});
      if (role == access::role::admin || role == access::role::operator_ || role == access::role::auditor)
        out.push_back({name, server.key(role, "", name + "-free"), role, false});
    }
    return out;
  }
  /// What the path names: something that is there, of `project`, and new where the path may end it.
  std::string target_of(const admin_path& path, const std::string& project) {
    if (names_a_key(path)) {
      (void)server.key(access::role::caller, project, "victim-" + std::to_string(++count));
      return replace_argument(path.pattern, server.last_id.str());
    }
    if (names_a_project(path) && path.method == "DELETE") {
      const auto empty = "empty-" + std::to_string(++count);
      EXPECT_TRUE(server.keys->create_project({.id = project_id{empty}}));
      return replace_argument(path.pattern, empty);
    }
    if (path.pattern.starts_with("/api/v1/alerts/") || path.pattern.starts_with("/api/v1/oncall/") || path.pattern.starts_with("/api/v1/incidents/") || path.pattern.starts_with("/api/v2/"))
      return replace_argument(path.pattern, target_of_alerts(path));
    if (path.pattern.starts_with("/api/v1/drills")) return replace_argument(path.pattern, drill_for(path));
    if (names_a_project(path)) return replace_argument(path.pattern, project);
    if (path.pattern.starts_with("/api/v1/decisions/")) {
      slo::decision made;
      EXPECT_TRUE(server.decisions->begin(made));
      return replace_argument(path.pattern, made.id());
    }
    if (path.pattern.starts_with("/api/v1/plans/")) {
      slo::plan_entry made{.number = 0, .at = {}, .who = "file", .hash = "h", .standing = {}, .text = "routes: {}\n"};
      EXPECT_TRUE(server.decisions->put(made, 20));
      return replace_argument(path.pattern, std::to_string(made.number));
    }
    if (path.pattern.starts_with("/api/v1/objectives/")) return replace_argument(path.pattern, "calls");
    if (path.pattern.starts_with("/api/v1/measures/")) return replace_argument(path.pattern, "quality");
    if (path.pattern.starts_with("/api/v1/agreements/")) return replace_argument(replace_argument(path.pattern, "acme"), server.past_month);
    if (path.pattern.starts_with("/api/v1/kpis/")) return replace_argument(path.pattern, "churn");
    if (path.pattern.starts_with("/api/v1/indicators/")) return replace_argument(path.pattern, "latency");
    return replace_argument(path.pattern, names_a_record(path) ? records[project] : "m0");
  }
  /// A drill that is over to be read, one under way to be ended, none where one is begun.
  std::string drill_for(const admin_path& path) {
    (void)server.drills->stop("walk");
    if (path.method == "POST") return {};
    drill::order asked;
    asked.target = "m0";
    const auto begun = server.drills->start(asked);
    EXPECT_TRUE(begun) << (begun ? "" : begun.error().message);
    if (path.method == "GET") (void)server.drills->stop("walk");
    return std::to_string(begun->id);
  }
  /// The same of what the board of alerts holds.
  std::string target_of_alerts(const admin_path& path) {
    auto& board = *server.alerts;
    const auto now = server.time.wall();
    if (path.pattern.find("receivers/{") != std::string_view::npos) return "ops";
    if (path.pattern.find("{schedule}") != std::string_view::npos) return "primary";
    if (path.pattern.starts_with("/api/v1/incidents/")) return board.open_incident("primary", "walked", "me", now)->id();
    if (path.pattern.starts_with("/api/v1/oncall/overrides/"))
      return std::to_string(board.put_override({.schedule = "primary", .person = "alice", .from = now, .until = now + std::chrono::hours{1}}, now).value());
    if (path.pattern.starts_with("/api/v2/silence/"))
      return board.set_silence({.id = {}, .match = {alert::matcher::parse("a=b").value()}, .starts_at = now, .ends_at = now + std::chrono::hours{1}, .created_by = "me", .comment = "c"}, now)->id;
    if (path.pattern.find("messages/{") == std::string_view::npos) return {};
    const auto id = board.test("ops", now)->at(0);
    while (board.send_one(now)) {}
    return std::to_string(id);
  }
  /// 2xx or 403, but for one case: a Record of another project is not found, so that nobody learns that it is there.
  static int expected(const visitor& who, const admin_path& path, const std::string& project) {
    if (names_a_link(path)) return 404;
    if (path.needs && !access::allows(who.role, *path.needs)) return 403;
    if (who.bound && path.whom == reach::installation) return 403;
    if (!who.bound || project == "shop") return 200;
    if (names_a_record(path)) return 404;
    return names_a_key(path) || names_a_project(path) || makes_a_key(path) ? 403 : 200;
  }
  admin_server server;
  std::map<std::string, std::string> records;
  int count = 0;
};

TEST_F(walk_test, every_path_for_every_role) {
  for (const auto& who : visitors())
    for (const auto& path : admin_paths())
      for (const std::string project : {"shop", "bank"}) {
        const auto target = target_of(path, project);
        const auto got = server.ask(std::string(path.method), target, who.token, body_of(path, project, ++count));
        const int status = got.status >= 200 && got.status < 300 ? 200 : got.status;
        EXPECT_EQ(status, expected(who, path, project)) << who.who << ' ' << path.method << ' ' << target << ": " << got.body;
      }
  EXPECT_GT(server.drains, 0);
  EXPECT_GT(server.reloads, 0);
}

TEST_F(walk_test, lists_hold_the_own_project_and_never_another) {
  for (const std::string project : {"shop", "bank"}) {
    ASSERT_EQ(server.ask("PUT", "/api/v1/projects/" + project, server.admin_token, R"({"title":"title-of-)" + project + R"(","budgets":{"monthly":5}})").status, 200);
    ASSERT_EQ(server.ask("POST", "/api/v1/keys", server.admin_token, R"({"name":"key-of-)" + project + R"(","project":")" + project + R"("})").status, 201);
  }
  const std::map<std::string_view, std::string_view> queries{{"/api/v1/records", "?content=true"}, {"/api/v1/records/aggregate", "?by=project"}, {"/api/v1/records/follow", "?after=0"}};
  std::size_t lists = 0;
  const auto everyone = visitors();
  for (const auto& path : admin_paths()) {
    if (path.method != "GET" || path.whom != reach::project || path.pattern.find('{') != std::string_view::npos) continue;
    if (path.pattern == "/api/v1/paths" || path.pattern == "/api/v1/filter-reference" || path.pattern == "/api/v1/measures") continue;
    ++lists;
    for (const auto& who : everyone) {
      if (!access::allows(who.role, *path.needs)) continue;
      const auto query = queries.find(path.pattern);
      const bool content = access::allows(who.role, access::permission::content_read) || path.pattern != "/api/v1/records";
      const auto got = server.ask("GET", std::string(path.pattern) + (query == queries.end() || !content ? "" : std::string(query->second)), who.token);
      ASSERT_EQ(got.status, 200) << who.who << ' ' << path.pattern << got.body;
      if (who.bound) {
        EXPECT_EQ(got.body.find("bank"), std::string::npos) << who.who << ' ' << path.pattern << ": " << got.body;
        EXPECT_NE(got.body.find("shop"), std::string::npos) << who.who << ' ' << path.pattern << ": " << got.body;
      } else if (path.pattern != "/api/v1/self") {
        for (const auto* project : {"shop", "bank"}) EXPECT_NE(got.body.find(project), std::string::npos) << who.who << ' ' << path.pattern << ": " << got.body;
      }
    }
  }
  EXPECT_EQ(lists, 10U) << "a new list has to be looked at here";
}

TEST_F(walk_test, no_argument_leads_out_of_the_own_project) {
  const auto eyes = server.key(access::role::auditor, "shop", "eyes");
  for (const auto* target : {"/api/v1/keys?project=bank", "/api/v1/audit?project=bank"}) EXPECT_EQ(server.ask("GET", target, eyes).status, 403) << target;
  for (const auto* target : {"/api/v1/records?content=true&q=project:bank", "/api/v1/records?q=words-of-bank", "/api/v1/records?q=project:shop%20or%20project:bank",
                             "/api/v1/records/export?q=project:bank", "/api/v1/records/aggregate?by=project&q=project:bank"}) {
    const auto got = server.ask("GET", target, eyes);
    EXPECT_EQ(got.body.find("bank"), std::string::npos) << target << got.body;
  }
}

TEST_F(walk_test, words_of_the_content_are_only_for_those_who_may_read_it) {
  for (const auto& who : visitors()) {
    if (!access::allows(who.role, access::permission::records_read)) continue;
    const int text = access::allows(who.role, access::permission::content_read) ? 200 : 403;
    for (const std::string path : {"/api/v1/records", "/api/v1/records/aggregate", "/api/v1/records/follow"})
      for (const auto& [query, status] : std::map<std::string, int>{{"words-of-shop", text}, {"%22words%20of%22", text}, {"wor*", text}, {"~ords", text}, {"-words", text},
                                                                    {"in:prompt%20words", text}, {"status:200%20(model:m0%20OR%20words)", text},
                                                                    {"status:200", 200}, {"project:shop%20latency%3E1s", 200}}) {
        const auto got = server.ask("GET", path + "?q=" + query, who.token);
        EXPECT_EQ(got.status, status) << who.who << ' ' << path << ' ' << query << got.body;
        if (status == 403) EXPECT_NE(got.body.find("content.read"), std::string::npos) << got.body;
      }
  }
}

TEST_F(walk_test, without_a_key_only_what_says_so) {
  for (const auto& path : admin_paths()) {
    const auto got = server.ask(std::string(path.method), target_of(path, "shop"), {}, body_of(path, "shop", ++count));
    EXPECT_EQ(got.status == 202 ? 200 : got.status, path.needs ? 401 : names_a_link(path) ? 404 : 200) << path.method << ' ' << path.pattern << got.body;
  }
  EXPECT_EQ(server.drains, 0);
}

TEST_F(walk_test, head_is_get_without_its_body) {
  for (const auto& path : admin_paths()) {
    if (path.method != "GET" || path.how == conduct::stream || path.how == conduct::poll) continue;
    const auto target = target_of(path, "shop");
    const auto whole = server.ask("GET", target, server.admin_token), head = server.ask("HEAD", target, server.admin_token);
    EXPECT_EQ(head.status, whole.status) << target;
    EXPECT_EQ(head.body, "") << target;
    EXPECT_NE(head.head.find("Content-Length: "), std::string::npos) << target << head.head;
  }
  EXPECT_EQ(server.ask("HEAD", "/api/v1/status").status, 401);
  EXPECT_EQ(server.ask("HEAD", "/api/v1/nothing", server.admin_token).status, 404);
}

TEST_F(walk_test, what_the_server_itself_refuses_is_json) {
  struct row { std::string more; int status; };
  for (const auto& [more, status] : {row{"X-Long: " + std::string(200'000, 'a') + "\r\n", 431}, row{"Transfer-Encoding: chunked\r\n", 400}, row{"no colon\r\n", 400}}) {
    const auto got = server.ask("GET", "/api/v1/status", server.admin_token, {}, more);
    EXPECT_EQ(got.status, status) << got.head;
    EXPECT_NE(got.head.find("Content-Type: application/json"), std::string::npos) << got.head;
    EXPECT_NE(got.json().at("error").at("message").as_string(), "") << got.body;
  }
}

TEST_F(walk_test, unknown_paths_and_methods) {
  EXPECT_EQ(server.ask("GET", "/api/v1/nothing", server.admin_token).status, 404);
  EXPECT_EQ(server.ask("GET", "/api/v1/keys/", server.admin_token).status, 404);
  EXPECT_EQ(server.ask("GET", "/api/v1/../v1/keys", server.admin_token).status, 404);
  const auto got = server.ask("PUT", "/api/v1/keys", server.admin_token);
  EXPECT_EQ(got.status, 405);
  EXPECT_NE(got.head.find("Allow: GET, POST"), std::string::npos) << got.head;
}

}  // namespace
}  // namespace andon::admin
