#include "andon/access/role.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "andon/access/directory.hpp"

namespace andon::access {
namespace {

// Columns: admin, operator, developer, auditor, caller. Written out once more on purpose: a change of the table must be
// a change here.
const std::map<std::string, std::string> expected{
    {"models.call", "x.x.x"},    {"models.list", "xxxxx"},   {"self.read", "xxxxx"},      {"projects.read", "xxxx."}, {"projects.write", "x...."},
    {"keys.read", "xxxx."},      {"keys.write", "x...."},    {"keys.block", "xx..."},     {"budgets.read", "xxxx."},  {"budgets.write", "x...."},
    {"records.read", "xxxx."},   {"content.read", "x.xx."},  {"records.export", "x..x."}, {"ledger.verify", "xx.x."},
    {"config.read", "xx.x."},    {"config.write", "x...."},  {"operate", "xx..."},        {"metrics.read", "xxxx."},  {"audit.read", "x..x."},
    {"alerts.read", "xxxx."},    {"alerts.write", "xx..."},  {"decisions.read", "xxxx."}, {"decisions.write", "xx..."}};

TEST(role, every_permission_of_every_role) {
  ASSERT_EQ(expected.size(), permission_count);
  for (std::size_t p = 0; p < permission_count; ++p) {
    const auto what = static_cast<permission>(p);
    const auto row = expected.find(std::string(to_string(what)));
    ASSERT_NE(row, expected.end()) << to_string(what);
    EXPECT_FALSE(describe(what).empty());
    for (std::size_t r = 0; r < role_count; ++r)
      EXPECT_EQ(allows(static_cast<role>(r), what), row->second[r] == 'x') << to_string(static_cast<role>(r)) << ' ' << row->first;
  }
}

TEST(role, denies_what_the_table_does_not_know) {
  EXPECT_FALSE(allows(role::count_, permission::models_list));
  EXPECT_FALSE(allows(static_cast<role>(200), permission::models_list));
  EXPECT_FALSE(allows(role::admin, permission::count_));
  EXPECT_FALSE(allows(role::admin, static_cast<permission>(255)));
}

TEST(role, names_are_read_back) {
  for (std::size_t r = 0; r < role_count; ++r) EXPECT_EQ(parse_role(to_string(static_cast<role>(r))), static_cast<role>(r));
  for (const char* text : {"", "Admin", "root", "admin ", "none"}) EXPECT_FALSE(parse_role(text)) << text;
}

TEST(principal, is_confined_to_its_project) {
  principal developer;
  developer.role = role::developer;
  developer.project = project_id{"shop"};
  EXPECT_TRUE(developer.may(permission::content_read, project_id{"shop"}));
  EXPECT_FALSE(developer.may(permission::content_read, project_id{"bank"}));
  EXPECT_FALSE(developer.may(permission::keys_write, project_id{"shop"}));
  EXPECT_FALSE(developer.may(permission::metrics_read)) << "installation-wide";
  principal admin;
  admin.role = role::admin;
  EXPECT_TRUE(admin.may(permission::keys_write, project_id{"shop"}));
  EXPECT_TRUE(admin.may(permission::config_write));
  admin.project = project_id{"shop"};
  EXPECT_FALSE(admin.may(permission::config_write)) << "an admin of one project is none of the installation";
}

}  // namespace
}  // namespace andon::access
