#include <gtest/gtest.h>

#include "andon/app/plan/compile_testing.hpp"

namespace andon::app {
namespace {

using testing_support::compilation;
using testing_support::smallest;

TEST(compile_access, limits_and_budgets_arrive_with_their_owners) {
  const compilation got(smallest + R"(
time_zone: Europe/Vienna
limits: { parallel: 9 }
budget: { daily: 1 USD, weekly: 2 USD, monthly: 3 USD }
projects:
  shop:
    title: The shop
    models: [ r ]
    tags: [ gold ]
    time_zone: Asia/Tokyo
    unknown_price: refuse
    blocked: true
    limits: { requests_per_minute: 60 }
    limit_rules: [ { per: [ user, model ], model: r, tokens_per_minute: 2k } ]
    budget: { monthly: 5 USD }
    budget_rules: [ { per: [ tag ], tag: blue, weekly: 1 USD, alarm_percent: 50 } ]
keys:
  web: { project: shop, value: "${KEY}", role: developer, models: [ r ], limits: { parallel: 2 }, budget: { daily: 1 USD } }
  ops: { value: "0123456789abcdef", role: operator }
)");
  ASSERT_TRUE(got.made) << got.found.text();
  const auto& all = got.made->access;
  EXPECT_EQ(all.zone, "Europe/Vienna");
  ASSERT_EQ(all.limits.size(), 1u);
  EXPECT_EQ(all.limits[0].parallel, 9);
  ASSERT_EQ(all.budgets.size(), 3u);
  EXPECT_EQ(all.budgets[1].period, access::window::week);
  EXPECT_EQ(all.budgets[2].limit.value(), 3'000'000'000);

  ASSERT_EQ(all.projects.size(), 1u);
  const auto& shop = all.projects[0];
  EXPECT_EQ(shop.id.str(), "shop");
  EXPECT_EQ(shop.title, "The shop");
  EXPECT_EQ(shop.tags, std::vector<std::string>{"gold"});
  EXPECT_EQ(shop.zone, "Asia/Tokyo");
  EXPECT_EQ(shop.on_unknown_price, access::unknown_price::refuse);
  EXPECT_TRUE(shop.blocked);
  ASSERT_EQ(shop.limits.size(), 2u);
  EXPECT_TRUE(shop.limits[0].per.empty());
  EXPECT_EQ(shop.limits[0].requests_per_minute, 60);
  EXPECT_EQ(shop.limits[1].per, (access::scope_set{access::scope::user, access::scope::route}));
  EXPECT_EQ(shop.limits[1].only_route.str(), "r");
  EXPECT_EQ(shop.limits[1].tokens_per_minute, 2000);
  ASSERT_EQ(shop.budgets.size(), 2u);
  EXPECT_EQ(shop.budgets[1].only_tag, "blue");
  EXPECT_EQ(shop.budgets[1].alarm_percent, 50);
  EXPECT_EQ(shop.routes.at(0).str(), "r");

  ASSERT_EQ(all.keys.size(), 2u);
  EXPECT_EQ(all.keys[0].id.str(), "key_ops");
  EXPECT_EQ(all.keys[0].settings.role, access::role::operator_);
  EXPECT_TRUE(all.keys[0].settings.project.empty());
  EXPECT_EQ(all.keys[1].text.reveal(), "sk-from-the-environment");
  EXPECT_EQ(all.keys[1].settings.project.str(), "shop");
  EXPECT_EQ(all.keys[1].settings.limits.at(0).parallel, 2);
  EXPECT_EQ(all.keys[1].settings.budgets.at(0).period, access::window::day);
  ASSERT_EQ(all.routes.size(), 1u);
  EXPECT_EQ(all.routes[0].name.str(), "r");
}

struct wrong { const char *text, *said; };

class access_errors : public ::testing::TestWithParam<wrong> {};

TEST_P(access_errors, point_at_the_value) {
  const auto said = compilation(smallest + GetParam().text).errors();
  ASSERT_EQ(said.size(), 1u) << (said.empty() ? "nothing" : said[1]);
  EXPECT_EQ(said[0].substr(0, std::string_view(GetParam().said).size()), GetParam().said);
}

INSTANTIATE_TEST_SUITE_P(all, access_errors, ::testing::Values(
    wrong{"projects:\n  s: { models: [ r, q ] }", "a.yaml:5:21: projects.s.models[1]: there is no route 'q'"},
    wrong{"projects:\n  s: { limit_rules: [ { per: [ user, moon ], parallel: 1 } ] }", "a.yaml:5:38: projects.s.limit_rules[0].per[1]: 'moon' cannot be counted separately"},
    wrong{"projects:\n  s: { limit_rules: [ { per: [ tag ], parallel: 1 } ] }", "a.yaml:5:32: projects.s.limit_rules[0].per[0]: 'tag' cannot be counted separately"},
    wrong{"projects:\n  s: { limit_rules: [ { model: q, parallel: 1 } ] }", "a.yaml:5:32: projects.s.limit_rules[0].model: there is no route 'q'"},
    wrong{"projects:\n  s: { limit_rules: [ { per: [ user ] } ] }", "a.yaml:5:21: projects.s.limit_rules: limit: limits nothing"},
    wrong{"projects:\n  s: { budget_rules: [ user ] }", "a.yaml:5:24: projects.s.budget_rules[0]: the budget has no amount (give daily, weekly or monthly)"},
    wrong{"projects:\n  s: { budget_rules: [ { per: [ project ], daily: 1 USD } ] }", "a.yaml:5:33: projects.s.budget_rules[0].per[0]: 'project' cannot be counted separately"},
    wrong{"projects:\n  s: { budget_rules: [ { model: q, daily: 1 USD } ] }", "a.yaml:5:33: projects.s.budget_rules[0].model: there is no route 'q'"},
    wrong{"projects:\n  s: { budget_rules: [ { per: [ user ], daily: 1 USD }, { per: [ user ], daily: 2 USD } ] }", "a.yaml:5:22: projects.s.budget_rules: budget: two rules count the same"},
    wrong{"projects:\n  s: { time_zone: Moon/Base }", "a.yaml:5:19: projects.s.time_zone: "},
    wrong{"projects:\n  s/t: { title: x }", "a.yaml:5:3: projects.s/t: "},
    wrong{"time_zone: Moon/Base", "a.yaml:4:12: time_zone: "},
    wrong{"keys:\n  k: { value: 0123456789abcdef }", "a.yaml:5:3: keys.k: a key of this role belongs to a project"},
    wrong{"keys:\n  k: { project: s, value: 0123456789abcdef }", "a.yaml:5:17: keys.k.project: there is no project 's'"},
    wrong{"keys:\n  k: { role: king, project: s, value: 0123456789abcdef }\nprojects: { s: { title: x } }", "a.yaml:5:14: keys.k.role: 'king' is not a role"},
    wrong{"keys:\n  k: { role: admin, value: short }", "a.yaml:5:28: keys.k.value: a key has at least 16 characters"},
    wrong{"keys:\n  k: { role: admin, value: \"\" }", "a.yaml:5:28: keys.k.value: a key has at least 16 characters"},
    wrong{"keys:\n  k: { role: admin, value: 0123456789abcdef, models: [ q ] }", "a.yaml:5:56: keys.k.models[0]: there is no route 'q'"},
    wrong{"keys:\n  \"a b\": { role: admin, value: 0123456789abcdef }", "a.yaml:5:3: keys.a b: the id is 'key_' and a name"}));

}  // namespace
}  // namespace andon::app
