// Every path of the table × every caller: allowed or 403, as access::allows says, and nothing in between.
#include "andon/admin/admin_fixture_test.hpp"
#include "andon/admin/route_table.hpp"

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

/// What the path names: a key or project of `project`, so that only the project decides.
std::string target_of(const admin_path& path, const std::string& project, const std::string& key) {
  if (path.pattern.starts_with("/api/v1/projects/")) return replace_argument(path.pattern, project);
  if (path.pattern.starts_with("/api/v1/keys/")) return replace_argument(path.pattern, key);
  return replace_argument(path.pattern, "x");
}

std::string body_of(const admin_path& path, const std::string& project, int number) {
  if (path.method == "POST" && path.pattern == "/api/v1/keys") return R"({"name":"n)" + std::to_string(number) + R"(","project":")" + project + R"("})";
  if (path.method == "POST" && path.pattern == "/api/v1/projects") return R"({"id":"made-)" + std::to_string(number) + R"("})";
  return {};
}

class walk_test : public ::testing::Test {
protected:
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
  /// Things to act on, new for each call, so that a deletion does not hide the next one's answer.
  std::string fresh_key(const std::string& project) {
    (void)server.key(access::role::caller, project, "victim-" + std::to_string(++count));
    return server.last_id.str();
  }
  admin_server server;
  int count = 0;
};

TEST_F(walk_test, every_path_for_every_role) {
  for (const auto& who : visitors())
    for (const auto& path : admin_paths()) {
      const bool names_project = path.pattern.find("/projects/") != std::string_view::npos || path.pattern.find("/keys") != std::string_view::npos;
      for (const std::string project : {"shop", "bank"}) {
        const auto target = target_of(path, project, fresh_key(project));
        const auto got = server.ask(std::string(path.method), target, who.token, body_of(path, project, ++count));
        const bool by_role = !path.needs || access::allows(who.role, *path.needs);
        const bool lists = path.method == "GET" && path.pattern == "/api/v1/keys";
        const bool elsewhere = who.bound && project == "bank" && names_project && !lists;
        const bool allowed = by_role && !(who.bound && path.whom == reach::installation) && !elsewhere;
        if (allowed) EXPECT_TRUE(got.status != 401 && got.status != 403 && got.status != 0) << who.who << ' ' << path.method << ' ' << target << ": " << got.status << got.body;
        else EXPECT_EQ(got.status, 403) << who.who << ' ' << path.method << ' ' << target << ": " << got.body;
        EXPECT_NE(got.status, 500) << path.method << ' ' << target << got.body;
      }
    }
  EXPECT_GT(server.drains, 0);
  EXPECT_GT(server.reloads, 0);
}

TEST_F(walk_test, without_a_key_only_what_says_so) {
  for (const auto& path : admin_paths()) {
    const auto got = server.ask(std::string(path.method), target_of(path, "shop", "key_x"));
    EXPECT_EQ(got.status, path.needs ? 401 : 200) << path.method << ' ' << path.pattern;
  }
  EXPECT_EQ(server.drains, 0);
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
