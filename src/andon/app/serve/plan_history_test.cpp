#include "andon/app/serve/plan_history.hpp"

#include <gtest/gtest.h>

#include "andon/app/serve/temporary_folder_testing.hpp"

namespace andon::app {
namespace {

slo::instant at(std::int64_t n) { return slo::instant{slo::seconds{n}}; }

slo::plan_entry entry(std::int64_t number, std::int64_t when, const std::string& hash, std::optional<double> left) {
  slo::plan_entry out{.number = number, .at = at(when), .who = "file", .hash = hash, .standing = {}, .text = {}};
  if (left) out.standing.emplace_back("chat", *left);
  return out;
}

TEST(plan_history, a_freeze_keeps_the_plan_and_leaves_people_free) {
  const auto same = [](const std::string& a, const std::string& b) { return frozen_part(a, {}) == frozen_part(b, {}); };
  const std::string text = "routes: { a: { targets: [ m, n ] } }\nmodels: { m: { provider: p } }\n";
  EXPECT_TRUE(same(text, "# a comment\nmodels:\n  m:\n    provider: p\nroutes: { a: { targets: [ m, n ] } }\n")) << "layout, order and comments";
  EXPECT_TRUE(same(text, text + "keys: { k: { value: x } }\nprojects: { shop: {} }\nalerting: { }\nlog: { level: debug }\n"));
  EXPECT_FALSE(same(text, "routes: { a: { targets: [ n, m ] } }\nmodels: { m: { provider: p } }\n")) << "the order of a list counts";
  for (const auto* more : {"objectives: { o: { target: 9 } }\n", "policies: { }\n", "maintenance: [ ]\n", "providers: { p: { } }\n", "shedding: { target: 0s }\n", "limits: { parallel: 1 }\n"})
    EXPECT_FALSE(same(text, text + more)) << more;
  const testing_support::temporary_folder home;
  settings with;
  with.openslo = {home.write("o.yaml", "one")};
  const auto before = frozen_part(text, with);
  home.write("o.yaml", "two");
  EXPECT_NE(frozen_part(text, with), before) << "promises in other files are kept, too";
}

TEST(plan_history, comments_make_no_other_plan) {
  EXPECT_TRUE(says_the_same("a: { x: 1, y: [ 2, 3 ] }\nb: 4\n", "# why\nb: 4\na:\n  y: [ 2, 3 ]\n  x: 1\n"));
  EXPECT_FALSE(says_the_same("a: [ 2, 3 ]\n", "a: [ 3, 2 ]\n"));
  EXPECT_FALSE(says_the_same("a: 1\n", "a: 1\nkeys: { }\n"));
}

TEST(plan_history, a_roll_back_leaves_people_as_they_are) {
  const std::string then = "# of then\nroutes:\n  a: { targets: [ m ] }  # one\nkeys:\n  old: { value: x }\n# models\nmodels: { m: { provider: p } }\n";
  const std::string now = "keys:\n  old: { value: x }\n  # since Monday\n  late: { value: \"0y\" }\nroutes:\n  a: { targets: [ n ] }\nprojects: { shop: {} }";
  EXPECT_EQ(with_free_part_of(then, now),
            "# of then\nroutes:\n  a: { targets: [ m ] }  # one\nmodels: { m: { provider: p } }\nkeys:\n  old: { value: x }\n  # since Monday\n  late: { value: \"0y\" }\nprojects: { shop: {} }\n");
  const auto mixed = with_free_part_of(then, now);
  EXPECT_EQ(with_free_part_of(then, mixed), mixed) << "the same again";
  EXPECT_EQ(with_free_part_of(then, "keys: { old: { value: x } }\nroutes: { }\n"), then) << "nothing is different";
  const auto braces = with_free_part_of("{ routes: { a: { targets: [ m ] } }, keys: { } }", now);
  EXPECT_NE(braces.find("late"), std::string::npos) << braces;
  EXPECT_NE(braces.find("targets: [m]"), std::string::npos) << braces;
  const auto anchored = with_free_part_of("projects: { shop: &s { x: 1 } }\nroutes: { a: *s }\n", "keys: { k: { value: x } }\nroutes: { }\n");
  EXPECT_TRUE(says_the_same(anchored, "routes: { a: { x: 1 } }\nkeys: { k: { value: x } }\n")) << anchored;
  const auto ended = with_free_part_of("routes: { a: 1 }\n...\n", "keys: { k: { value: x } }\n");
  EXPECT_TRUE(says_the_same(ended, "routes: { a: 1 }\nkeys: { k: { value: x } }\n")) << ended;
  EXPECT_EQ(with_free_part_of("routes: { }\nkeys: { k: { value: x } }\n", "routes: { }\n"), "routes: { }\n") << "a key that was taken away does not come back";
}

TEST(plan_history, goes_back_to_the_last_plan_that_was_inside_the_budget) {
  using entries = std::vector<slo::plan_entry>;
  const auto good = [](const entries& of, slo::seconds within = slo::seconds{1'000}) -> std::int64_t {
    const auto* found = find_good_plan(of, "chat", 0.0, within, at(2'000), [&](const auto& one) { return one.hash == of[0].hash; });
    return found == nullptr ? 0 : found->number;
  };
  EXPECT_EQ(good({entry(2, 1'500, "b", 0.9), entry(1, 100, "a", std::nullopt)}), 1);
  EXPECT_EQ(good({entry(3, 1'800, "c", -0.5), entry(2, 1'500, "b", 0.9), entry(1, 100, "a", {})}), 1) << "the second came, but was outside when the third did";
  EXPECT_EQ(good({entry(3, 1'800, "c", 0.5), entry(2, 1'500, "b", 0.9), entry(1, 100, "a", {})}), 2);
  EXPECT_EQ(good({entry(2, 1'500, "b", 0.9), entry(1, 100, "a", {})}, slo::seconds{499}), 0) << "the change is too old to be what it was";
  EXPECT_EQ(good({entry(1, 1'900, "a", {})}), 0);
  EXPECT_EQ(good({}), 0);
  EXPECT_EQ(good({entry(2, 1'500, "b", std::nullopt), entry(1, 100, "a", {})}), 1) << "not known to be outside";
  EXPECT_EQ(good({entry(3, 1'800, "a", 0.8), entry(2, 1'700, "b", -1), entry(1, 1'600, "a", 0.9), entry(0, 5, "z", {})}), 2) << "b is what the last change took away";
  EXPECT_EQ(good({entry(3, 1'800, "a", -0.8), entry(2, 1'700, "b", -1), entry(1, 1'600, "a", 0.9)}), 0) << "the same text is no way back";
}

TEST(plan_history, does_not_bring_back_what_a_roll_back_took_away) {
  std::vector<slo::plan_entry> plans{entry(3, 1'800, "a", -0.5), entry(2, 1'500, "b", 0.9), entry(1, 1'400, "a", 0.9), entry(0, 1'000, "z", {})};
  plans[0].who = "dec_1";
  plans[0].standing.emplace_back("embed", 0.9);
  const auto* found = find_good_plan(plans, "embed", 0.0, slo::seconds{1'000}, at(2'000), [&](const auto& one) { return one.hash == plans[0].hash; });
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->number, 0) << "embed was inside its budget when b was rolled back; a is in force already";
}

TEST(plan_history, shows_what_differs) {
  EXPECT_EQ(text_diff("a\nb\n", "a\nb\n", "x", "y"), "");
  EXPECT_EQ(text_diff("1\n2\n3\n4\n5\n6\n7\n8\n", "1\n2\n3\n4\nfive\n6\n7\n8\n", "plan 1", "plan 2"), "--- plan 1\n+++ plan 2\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
  EXPECT_EQ(text_diff("", "a\n", "x", "y"), "--- x\n+++ y\n@@ -1,0 +1,1 @@\n+a\n");
  EXPECT_EQ(text_diff("a\nb\nc\n", "b\nc\na\n", "x", "y"), "--- x\n+++ y\n@@ -1,3 +1,3 @@\n-a\n b\n c\n+a\n");
}

}  // namespace
}  // namespace andon::app
