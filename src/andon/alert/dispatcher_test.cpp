// Grouping, waiting, repeating, resolving, muting: each case is a story in simulated time.
#include <gtest/gtest.h>

#include "andon/alert/alert_testing.hpp"
#include "andon/base/time_text.hpp"

namespace andon::alert {
namespace {

using namespace testing_support;

class dispatcher_test : public ::testing::Test {
protected:
  void begin(route_spec root, std::vector<inhibit_rule> inhibit = {}, bool send_resolved = true) {
    settings.route = std::move(root);
    auto to = way_of("webhook");
    to.send_resolved = send_resolved;
    for (const auto* name : {"team", "other"}) settings.receivers[name].ways = {to};
    settings.inhibit = std::move(inhibit);
    settings.seal();
    restart();
  }
  void restart() {
    groups = std::make_unique<dispatcher>(dispatcher::rules{*settings.routes, settings.channels, settings.intervals, settings.inhibit}, book, silences, log);
    for (const auto& [fingerprint, one] : book.all()) groups->insert(one, now);
  }
  void post(const label_set& labels, std::optional<nanoseconds> ends = {}, std::optional<nanoseconds> starts = {}) {
    const auto time_of = [&](const std::optional<nanoseconds>& t) { return t ? std::optional(now + *t) : std::nullopt; };
    const auto got = book.post(posted(labels, time_of(starts ? starts : std::optional<nanoseconds>(0s)), time_of(ends)), 1h, now);
    ASSERT_TRUE(got) << got.error().message;
    groups->insert(**got, now);
  }
  /// Goes on second by second; a line for each notification: `30s team firing a=1 a=2`.
  std::vector<std::string> run(nanoseconds until) {
    std::vector<std::string> out;
    for (; now <= t0 + until; now += 1s)
      for (const auto& one : groups->take_due(now)) {
        for (const auto& d : one.decisions)
          if (d.send) out.push_back(format_duration(now - t0) + " " + d.send->receiver + " " + line(*d.send));
        groups->settle(one, dispatcher::outcome::kept, now);
      }
    return out;
  }
  static std::string line(const notification& from) {
    std::string out(from.status());
    std::set<std::string> names;
    for (const auto& one : from.alerts) names.insert((one.resolved ? "-" : "+") + std::string(label_value(one.labels, "n")));
    for (const auto& name : names) out += " " + name;
    return out;
  }
  using lines = std::vector<std::string>;
  static route_spec plain() {
    return {.receiver = "team", .group_by = std::vector<std::string>{"alertname"}, .group_wait = 30s, .group_interval = 5min, .repeat_interval = 1h};
  }
  static label_set named(const std::string& n) { return {{"alertname", "a"}, {"n", n}}; }

  configuration settings;
  alert_book book;
  silence_book silences{random_source(1)};
  notification_log log;
  std::unique_ptr<dispatcher> groups;
  wall_time now = t0;
};

TEST_F(dispatcher_test, waits_groups_and_repeats) {
  begin(plain());
  post(named("1"), 10h);
  EXPECT_EQ(run(10s), lines{});
  post(named("2"), 10h);
  EXPECT_EQ(run(1min), lines{"30s team firing +1 +2"});
  post(named("3"), 10h);
  EXPECT_EQ(run(10min), lines{"5m30s team firing +1 +2 +3"}) << "news waits for group_interval";
  EXPECT_EQ(run(3h), (lines{"1h10m30s team firing +1 +2 +3", "2h15m30s team firing +1 +2 +3"})) << "the first group_interval past repeat_interval";
}

TEST_F(dispatcher_test, groups_by_labels) {
  begin(plain());
  post({{"alertname", "a"}, {"n", "1"}}, 1h);
  post({{"alertname", "b"}, {"n", "2"}}, 1h);
  EXPECT_EQ(run(1min), (lines{"30s team firing +1", "30s team firing +2"}));
}

TEST_F(dispatcher_test, tells_what_is_resolved_once) {
  begin(plain());
  post(named("1"), 10h);
  post(named("2"), 10h);
  EXPECT_EQ(run(1min), lines{"30s team firing +1 +2"});
  post(named("1"), 0s);
  EXPECT_EQ(run(6min), lines{"5m30s team firing +2 -1"});
  EXPECT_EQ(run(20min), lines{});
  post(named("2"), 0s);
  EXPECT_EQ(run(30min), lines{"20m30s team resolved -2"});
  EXPECT_TRUE(groups->groups().empty());
  EXPECT_EQ(run(3h), lines{});
}

TEST_F(dispatcher_test, resolves_by_timeout) {
  begin(plain());
  post(named("1"), 2min);
  EXPECT_EQ(run(10min), (lines{"30s team firing +1", "5m30s team resolved -1"}));
}

TEST_F(dispatcher_test, what_ends_before_it_was_told_is_not_told) {
  begin(plain());
  post(named("1"), 10s);
  EXPECT_EQ(run(20min), lines{});
  EXPECT_TRUE(groups->groups().empty());
}

TEST_F(dispatcher_test, fires_again_after_it_was_resolved) {
  begin(plain());
  post(named("1"), 1min);
  EXPECT_EQ(run(6min), (lines{"30s team firing +1", "5m30s team resolved -1"}));
  post(named("1"), 1h);
  EXPECT_EQ(run(8min), lines{"6m31s team firing +1"}) << "a new group waits group_wait";
}

TEST_F(dispatcher_test, without_send_resolved_nothing_is_said_but_the_next_firing_is_news) {
  begin(plain(), {}, false);
  post(named("1"), 1min);
  EXPECT_EQ(run(6min), lines{"30s team firing +1"});
  post(named("1"), 1h);
  EXPECT_EQ(run(8min), lines{"6m31s team firing +1"}) << "although the repeat interval is not over";
}

TEST_F(dispatcher_test, an_alert_that_began_long_ago_is_told_at_once) {
  begin(plain());
  post(named("1"), 1h, -1min);
  EXPECT_EQ(run(1s), lines{"0s team firing +1"});
}

TEST_F(dispatcher_test, a_restart_tells_nothing_twice_within_its_repeat_interval) {
  begin(plain());
  post(named("1"), 10h);
  EXPECT_EQ(run(10min), lines{"30s team firing +1"});
  restart();
  EXPECT_EQ(run(1h), lines{});
  restart();
  EXPECT_EQ(run(70min), lines{"1h5m1s team firing +1"}) << "the groups' clock began anew, the repeat interval did not";
  post(named("2"), 10h);
  restart();
  EXPECT_EQ(run(80min), lines{"1h10m1s team firing +1 +2"}) << "its first alert has waited long enough";
}

TEST_F(dispatcher_test, what_could_not_be_kept_comes_again) {
  begin(plain());
  post(named("1"), 10h);
  now = t0 + 30s;
  const auto due = groups->take_due(now);
  ASSERT_EQ(due.size(), 1U);
  groups->settle(due[0], dispatcher::outcome::not_kept, now);
  EXPECT_TRUE(log.empty());
  EXPECT_EQ(run(1min), lines{"35s team firing +1"});
}

TEST_F(dispatcher_test, a_clock_set_back_silences_no_group) {
  begin(plain());
  now = t0 + 6h;
  post(named("1"), 10h);
  now = t0;
  EXPECT_EQ(run(10min), lines{"5m team firing +1"}) << "six hours earlier it waits for group_interval at most";
  post(named("2"), 10h);
  EXPECT_EQ(run(20min), lines{"15m team firing +1 +2"});
  now = t0 - 3h;
  post(named("3"), 10h);
  EXPECT_EQ(run(-170min), lines{"-2h55m team firing +1 +2 +3"});
}

TEST_F(dispatcher_test, silences_hold_back_and_let_go) {
  begin(plain());
  post(named("1"), 10h);
  post(named("2"), 10h);
  ASSERT_TRUE(silences.set({.id = {}, .match = match("n=\"1\""), .starts_at = t0, .ends_at = t0 + 7min, .created_by = "me", .comment = ""}, t0));
  EXPECT_EQ(run(20min), (lines{"30s team firing +2", "10m30s team firing +1 +2"}));
}

TEST_F(dispatcher_test, inhibition_holds_back) {
  begin(plain(), {{match("n=\"1\""), match("n=\"2\""), {"alertname"}}});
  post(named("1"), 4min);
  post(named("2"), 10h);
  EXPECT_EQ(run(20min), (lines{"30s team firing +1", "5m30s team firing +2 -1"}));
}

TEST_F(dispatcher_test, mute_and_active_intervals) {
  settings.intervals["morning"] = *time_interval::parse({.times = {"08:00-09:00"}});
  settings.intervals["ten"] = *time_interval::parse({.times = {"10:00-11:00"}});
  auto root = plain();
  root.routes.push_back({.receiver = "team", .match = match("kind=\"muted\""), .mute_intervals = {"morning"}});
  root.routes.push_back({.receiver = "other", .match = match("kind=\"active\""), .active_intervals = {"ten"}});
  begin(root);
  post({{"alertname", "m"}, {"n", "1"}, {"kind", "muted"}}, 10h);
  post({{"alertname", "o"}, {"n", "2"}, {"kind", "active"}}, 10h);
  EXPECT_EQ(run(80min), (lines{"10m30s team firing +1", "1h10m30s other firing +2", "1h15m30s team firing +1"})) << "08:53:20 is t0";
  const auto& routes = settings.routes->all();
  EXPECT_EQ(groups->muted_by(*routes[1], t0), lines{"morning"});
  EXPECT_EQ(groups->muted_by(*routes[2], t0), lines{"inactive"});
}

TEST_F(dispatcher_test, continue_tells_two_receivers) {
  auto root = plain();
  root.routes.push_back({.receiver = "other", .match = match("n=~\".+\""), .go_on = true});
  root.routes.push_back({.receiver = "team", .group_wait = 10s, .match = match("n=\"1\"")});
  begin(root);
  post(named("1"), 10h);
  EXPECT_EQ(run(1min), (lines{"10s team firing +1", "30s other firing +1"}));
}

TEST_F(dispatcher_test, large_groups_are_cut_and_say_so) {
  begin(plain());
  for (std::size_t i = 0; i < notification::most_alerts + 7; ++i) post(named(std::to_string(i)), 10h);
  now = t0 + 30s;
  const auto due = groups->take_due(now);
  ASSERT_EQ(due.size(), 1U);
  const auto& sent = *due[0].decisions[0].send;
  EXPECT_EQ(sent.alerts.size(), notification::most_alerts);
  EXPECT_EQ(sent.truncated, 7U);
  EXPECT_EQ(due[0].decisions[0].entry.firing.size(), notification::most_alerts + 7);
}

TEST(needs_telling, table) {
  using ids = std::set<std::uint64_t>;
  struct row { std::string what; std::optional<log_entry> last; ids firing, resolved; bool send_resolved, expected; };
  const auto entry = [](nanoseconds ago, ids firing, ids resolved) { return log_entry{t0 - ago, t0 + 1h, std::move(firing), std::move(resolved)}; };
  // The cases of Alertmanager's TestDedupStageNeedsUpdate; the repeat interval is an hour.
  const std::vector<row> rows{
      {"never told, something fires", std::nullopt, {2}, {}, true, true},
      {"never told, nothing fires", std::nullopt, {}, {3}, true, false},
      {"more fires", entry(1min, {1, 2, 3}, {}), {1, 2, 3, 4}, {}, true, true},
      {"the same within the repeat interval", entry(1min, {1, 2, 3}, {}), {1, 2, 3}, {}, true, false},
      {"the same, exactly one repeat interval ago", entry(1h, {1, 2, 3}, {}), {1, 2, 3}, {}, true, false},
      {"the same past the repeat interval", entry(1h + 1ns, {1, 2, 3}, {}), {1, 2, 3}, {}, true, true},
      {"the same, told in what is the future now", entry(-1h, {1, 2, 3}, {}), {1, 2, 3}, {}, true, true},
      {"fewer fire, no resolved one", entry(1min, {1, 2, 3}, {}), {1, 2}, {}, true, false},
      {"one is resolved", entry(1min, {1, 2}, {}), {1}, {2}, true, true},
      {"one is resolved, but nobody wants to know", entry(1min, {1, 2}, {}), {1}, {2}, false, false},
      {"resolved as told", entry(1min, {1}, {2}), {1}, {2}, true, false},
      {"all is resolved", entry(1min, {1}, {2}), {}, {1, 2}, true, true},
      {"all is resolved, told without resolved ones", entry(1min, {1}, {2}), {}, {1, 2}, false, true},
      {"all was resolved already", entry(1min, {}, {1}), {}, {1, 2}, true, false},
  };
  for (const auto& r : rows) EXPECT_EQ(needs_telling(r.last ? &*r.last : nullptr, r.firing, r.resolved, r.send_resolved, 1h, t0), r.expected) << r.what;
}

}  // namespace
}  // namespace andon::alert
