// Labels, matchers, the book, routes and inhibition, against tables of cases with Alertmanager's expectations.
#include <gtest/gtest.h>

#include "andon/alert/alert_book.hpp"
#include "andon/alert/alert_testing.hpp"
#include "andon/alert/inhibitor.hpp"
#include "andon/alert/link.hpp"

namespace andon::alert {
namespace {

using namespace testing_support;

TEST(labels, fingerprints_are_prometheus) {
  EXPECT_EQ(fingerprint_of({}), 14695981039346656037U);
  const label_set garland{{"name", "garland, briggs"}, {"fear", "love is not enough"}};
  EXPECT_EQ(fingerprint_of(garland), 5799056148416392346U);
  EXPECT_EQ(fingerprint_text(fingerprint_of(garland)), "507a62d79ee76c9a");
  EXPECT_EQ(labels_text({{"b", "x\"y"}, {"a", "1"}}), R"({a="1", b="x\"y"})");
}

TEST(labels, names_and_what_all_have_alike) {
  for (const auto* good : {"a", "_x", "severity", "A9_"}) EXPECT_TRUE(is_plain_label_name(good) && is_label_name(good)) << good;
  for (const auto* other : {"9a", "a-b", "a.b", "ä", " a"}) EXPECT_TRUE(!is_plain_label_name(other) && is_label_name(other)) << other;
  for (const auto* bad : {"", "\xff"}) EXPECT_FALSE(is_label_name(bad)) << bad;
  EXPECT_EQ(labels_text({{"k8s.pod", "p"}, {"a", "1"}}), R"({a="1", "k8s.pod"="p"})");
  EXPECT_FALSE(check_labels({{"a", "\xff"}}, "labels"));
  const label_set one{{"a", "1"}, {"b", "2"}}, two{{"a", "1"}, {"b", "3"}, {"c", "4"}};
  EXPECT_EQ(common_of({&one, &two}), (label_set{{"a", "1"}}));
}

TEST(matcher, table) {
  struct row { std::string text; label_set labels; bool matches; };
  const std::vector<row> rows{
      {R"(a="1")", {{"a", "1"}}, true},          {R"(a="1")", {{"a", "12"}}, false},        {"a=1", {{"a", "1"}}, true},              {R"(a!="1")", {{"a", "2"}}, true},
      {R"(a!="1")", {}, true},                   {R"(a="")", {}, true},                     {R"(a="")", {{"a", "x"}}, false},         {R"(a=~"1|2")", {{"a", "2"}}, true},
      {R"(a=~"1|2")", {{"a", "21"}}, false},     {R"(a=~"foo.*")", {{"a", "foobar"}}, true}, {R"(a=~"oo")", {{"a", "foo"}}, false},   {R"(a!~"foo.*")", {{"a", "bar"}}, true},
      {R"(a!~"foo.*")", {{"a", "foo"}}, false},  {R"(a=~".+")", {}, false},                 {R"(a!~".+")", {}, true},                 {R"(a=~".*")", {}, true},
      {"{a=\"1\", b!=\"x,y\"}", {{"a", "1"}, {"b", "z"}}, true}, {"{a=\"1\", b!=\"x,y\"}", {{"a", "1"}, {"b", "x,y"}}, false}, {R"(a="q\"q")", {{"a", "q\"q"}}, true}, {"{}", {}, true},
      {R"("k8s.pod"="a")", {{"k8s.pod", "a"}}, true}, {R"({"a=b, \"c\""!="x", d="1"})", {{"d", "1"}}, true}, {R"("ü" =~ "b")", {{"ü", "b"}}, true}};
  for (const auto& [text, labels, matches] : rows) EXPECT_EQ(all_match(match(text), labels), matches) << text << ' ' << labels_text(labels);
  for (const auto* bad : {"a", "=x", "a=~\"(\"", "a=\"x", "a=x\"y", "9a=1", "a==b", "a!1", "a=~\"\\\"", "a.b=1", "\"a=1", "\"\"=1", "\"a\"b=1"}) EXPECT_FALSE(matcher::parse(bad)) << bad;
  const auto odd = matcher::make("a", match_op::equal, std::string("nul\0 tab\t line\n \\ \" ü", 22)).value();
  EXPECT_EQ(match(odd.text()), matchers{odd}) << odd.text();
  EXPECT_FALSE(matcher::make("a", match_op::equal, "\xff"));
  for (const auto& [text, labels, matches] : rows)
    for (const auto& one : match(text)) EXPECT_EQ(match(one.text()), matchers{one}) << one.text();
}

TEST(book, fills_in_times_as_alertmanager_does) {
  alert_book book;
  const auto at = t0;
  const auto plain = book.post(posted({{"alertname", "a"}}), 5min, at);
  ASSERT_TRUE(plain);
  EXPECT_EQ((*plain)->starts_at, at);
  EXPECT_EQ((*plain)->ends_at, at + 5min);
  EXPECT_TRUE((*plain)->times_out);
  const auto ended = book.post(posted({{"alertname", "b"}}, {}, at - 1min), 5min, at);
  ASSERT_TRUE(ended);
  EXPECT_EQ((*ended)->starts_at, at - 1min) << "only the end is known";
  EXPECT_TRUE((*ended)->resolved(at));
  EXPECT_EQ((*book.post(posted({{"alertname", "c"}, {"empty", ""}}), 5min, at))->labels, (label_set{{"alertname", "c"}}));
  EXPECT_FALSE(book.post(posted({}), 5min, at));
  EXPECT_FALSE(book.post(posted({{"a", ""}}), 5min, at));
  EXPECT_FALSE(book.post(posted({{"a", "1"}}, at, at - 1s), 5min, at)) << "the end is before the start";
  EXPECT_FALSE(book.post(posted({{"\xff", "1"}}), 5min, at));
  EXPECT_EQ(book.all().size(), 3U);
}

TEST(book, merges_overlapping_accounts) {
  struct row { std::string what; posted_alert first, second; wall_time starts, ends; };
  const label_set l{{"a", "1"}};
  const std::vector<row> rows{
      {"the earlier start stays", posted(l, t0 - 10min), posted(l, t0 - 1min), t0 - 10min, t0 + 1min + 5min},
      {"its source's end rules over a later timeout's", posted(l, t0 - 10min, t0 + 60min), posted(l, t0 - 5min), t0 - 10min, t0 + 60min},
      {"an end in the past ends it", posted(l, t0 - 10min), posted(l, t0 - 10min, t0 + 30s), t0 - 10min, t0 + 30s},
      {"no overlap: a new account", posted(l, t0 - 60min, t0 - 30min), posted(l, t0 - 1min), t0 - 1min, t0 + 1min + 5min},
  };
  for (const auto& r : rows) {
    alert_book book;
    ASSERT_TRUE(book.post(r.first, 5min, t0)) << r.what;
    const auto got = book.post(r.second, 5min, t0 + 1min);
    ASSERT_TRUE(got) << r.what;
    EXPECT_EQ((*got)->starts_at, r.starts) << r.what;
    EXPECT_EQ((*got)->ends_at, r.ends) << r.what;
  }
}

TEST(book, what_comes_later_counts_though_the_clock_was_set_back) {
  alert_book book;
  auto first = posted({{"alertname", "a"}}), second = first;
  first.annotations["summary"] = "one";
  second.annotations["summary"] = "two";
  ASSERT_TRUE(book.post(first, 5min, t0));
  const auto got = book.post(second, 5min, t0 - 1min);
  ASSERT_TRUE(got);
  EXPECT_EQ((*got)->annotations.at("summary"), "two");
}

TEST(book, is_bounded) {
  alert_book book(2);
  EXPECT_TRUE(book.post(posted({{"a", "1"}}), 5min, t0));
  EXPECT_TRUE(book.post(posted({{"a", "2"}}), 5min, t0));
  const auto third = book.post(posted({{"a", "3"}}), 5min, t0);
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code, errc::overloaded);
  EXPECT_TRUE(book.post(posted({{"a", "2"}}), 5min, t0)) << "one that is known is taken";
}

/// The tree of Alertmanager's own test (dispatch/route_test.go), in short.
route_spec tree() {
  route_spec root{.receiver = "notify-def"};
  route_spec a{.receiver = "notify-A", .match = match("owner=\"team-A\"")};
  a.routes.push_back({.receiver = "notify-testing", .group_by = std::vector<std::string>{"..."}, .match = match("env=\"testing\"")});
  a.routes.push_back({.receiver = "notify-productionA", .group_wait = 1min, .match = match("env=\"production\""), .go_on = true});
  a.routes.push_back({.receiver = "notify-productionB", .group_by = std::vector<std::string>{"job"}, .group_wait = 30s, .group_interval = 5min, .repeat_interval = 1h, .match = match("env=~\"produ.*\",job=~\".*\"")});
  route_spec bc{.receiver = "notify-BC", .group_by = std::vector<std::string>{"foo", "bar"}, .match = match("owner=~\"team-(B|C)\"")};
  route_spec on{.receiver = "notify-D", .match = match("group_by=\"role\"")};
  on.group_by = std::vector<std::string>{"role"};
  on.routes.push_back({.receiver = "", .group_wait = 2min, .match = match("env=\"testing\"")});
  on.routes.push_back({.receiver = "", .group_wait = 3min, .match = match("env=\"production\"")});
  root.routes = {a, bc, on};
  return root;
}

TEST(routes, table) {
  struct row { label_set labels; std::vector<std::string> receivers; std::vector<std::string> keys; };
  const std::vector<row> rows{
      {{{"owner", "team-A"}}, {"notify-A"}, {R"({}/{owner="team-A"})"}},
      {{{"owner", "team-A"}, {"env", "unset"}}, {"notify-A"}, {R"({}/{owner="team-A"})"}},
      {{{"owner", "team-C"}}, {"notify-BC"}, {R"x({}/{owner=~"team-(B|C)"})x"}},
      {{{"owner", "team-A"}, {"env", "testing"}}, {"notify-testing"}, {R"({}/{owner="team-A"}/{env="testing"})"}},
      {{{"owner", "team-A"}, {"env", "production"}}, {"notify-productionA", "notify-productionB"},
       {R"({}/{owner="team-A"}/{env="production"})", R"({}/{owner="team-A"}/{env=~"produ.*",job=~".*"})"}},
      {{{"group_by", "role"}, {"env", "production"}}, {"notify-D"}, {R"({}/{group_by="role"}/{env="production"})"}},
      {{{"group_by", "role"}}, {"notify-D"}, {R"({}/{group_by="role"})"}},
      {{{"env", "testing"}}, {"notify-def"}, {"{}"}},
  };
  const route_tree routes(tree());
  for (const auto& [labels, receivers, keys] : rows) {
    std::vector<std::string> got, got_keys;
    for (const auto* one : routes.match(labels)) {
      got.push_back(one->options.receiver);
      got_keys.push_back(one->key);
    }
    EXPECT_EQ(got, receivers) << labels_text(labels);
    EXPECT_EQ(got_keys, keys) << labels_text(labels);
  }
}

TEST(routes, inherit_what_is_not_said) {
  const route_tree routes(tree());
  const auto one = routes.match({{"group_by", "role"}, {"env", "production"}})[0];
  EXPECT_EQ(one->options.group_by, (std::set<std::string, std::less<>>{"role"}));
  EXPECT_EQ(one->options.group_wait, 3min);
  EXPECT_EQ(one->options.group_interval, 5min);
  EXPECT_EQ(one->options.repeat_interval, 4h);
  const label_set labels{{"owner", "team-A"}, {"env", "testing"}, {"x", "y"}};
  EXPECT_EQ(route_tree::group_labels(*routes.match(labels)[0], labels), labels) << "...";
  EXPECT_EQ(route_tree::group_labels(*routes.match({{"owner", "team-B"}})[0], {{"owner", "team-B"}, {"foo", "1"}}), (label_set{{"foo", "1"}}));
}

TEST(inhibition, table) {
  // Alertmanager's inhibit_test.go: two rules that depend on each other, and one whose source and target overlap.
  struct row { std::string what; std::vector<label_set> firing, ended; label_set target; bool inhibited; };
  const inhibit_rule simple{match("s=\"1\""), match("t=\"1\""), {"e"}};
  const inhibit_rule both_sides{match("instance=~\".+\""), match("instance=~\".+\",severity=\"warning\""), {}};
  struct set { inhibit_rule rule; std::vector<row> rows; };
  const std::vector<set> sets{
      {simple, {{"same equal label", {{{"s", "1"}, {"e", "1"}}}, {}, {{"t", "1"}, {"e", "1"}}, true},
                {"another equal label", {{{"s", "1"}, {"e", "1"}}}, {}, {{"t", "1"}, {"e", "2"}}, false},
                {"a missing label equals an empty one", {{{"s", "1"}}}, {}, {{"t", "1"}}, true},
                {"only what fires inhibits", {}, {{{"s", "1"}, {"e", "1"}}}, {{"t", "1"}, {"e", "1"}}, false},
                {"one has ended, another fires", {{{"s", "1"}, {"e", "1"}, {"n", "2"}}}, {{{"s", "1"}, {"e", "1"}}}, {{"t", "1"}, {"e", "1"}}, true},
                {"no target", {{{"s", "1"}, {"e", "1"}}}, {}, {{"t", "2"}, {"e", "1"}}, false},
                {"itself", {{{"s", "1"}, {"t", "1"}, {"e", "1"}}}, {}, {{"s", "1"}, {"t", "1"}, {"e", "1"}}, false},
                {"both sides by one side", {{{"s", "1"}, {"e", "1"}}}, {}, {{"s", "1"}, {"t", "1"}, {"e", "1"}}, true}}},
      {both_sides, {{"both sides by both sides", {{{"instance", "a"}, {"severity", "warning"}, {"n", "1"}}}, {}, {{"instance", "a"}, {"severity", "warning"}, {"n", "2"}}, false},
                    {"both sides by a source", {{{"instance", "a"}, {"severity", "critical"}}}, {}, {{"instance", "b"}, {"severity", "warning"}}, true}}},
  };
  for (const auto& [rule, rows] : sets)
    for (const auto& r : rows) {
      alert_book book;
      for (const auto& labels : r.firing) ASSERT_TRUE(book.post(posted(labels), 5min, t0));
      for (const auto& labels : r.ended) ASSERT_TRUE(book.post(posted(labels, t0 - 1h, t0 - 1min), 5min, t0));
      inhibitor made({rule}, book);
      EXPECT_EQ(made.inhibits(r.target, t0), r.inhibited) << r.what;
    }
}

TEST(inhibition, ends_with_its_source) {
  alert_book book;
  inhibitor made({{match("s=\"1\""), match("t=\"1\""), {}}}, book);
  EXPECT_FALSE(made.inhibits({{"t", "1"}}, t0));
  const auto source = book.post(posted({{"s", "1"}}), 5min, t0);
  EXPECT_EQ(made.inhibiting({{"t", "1"}}, t0), (std::vector<std::uint64_t>{(*source)->fingerprint}));
  EXPECT_TRUE(made.inhibits({{"t", "1"}}, t0 + 5min - 1ns));
  EXPECT_FALSE(made.inhibits({{"t", "1"}}, t0 + 5min)) << "it timed out";
}

TEST(link, is_signed_and_expires) {
  const incident_link made{link_action::resolve, 12, "alice @home", t0 + 1h};
  const auto token = link_token(made, "key");
  EXPECT_EQ(token.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."), std::string::npos) << token;
  const auto read = read_link(token, "key", t0);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->action, link_action::resolve);
  EXPECT_EQ(read->incident, 12);
  EXPECT_EQ(read->who, "alice @home");
  EXPECT_EQ(read_link(token, "key", t0 + 1h).error().code, errc::expired_key);
  EXPECT_EQ(read_link(token, "other", t0).error().code, errc::not_found);
  for (std::size_t i = 0; i < token.size(); ++i) {
    auto changed = token;
    changed[i] = changed[i] == 'a' ? 'b' : 'a';
    EXPECT_FALSE(read_link(changed, "key", t0)) << i;
  }
  for (const auto* bad : {"", ".", "a", "a.1.2.3", "...."}) EXPECT_FALSE(read_link(bad, "key", t0)) << bad;
}

}  // namespace
}  // namespace andon::alert
