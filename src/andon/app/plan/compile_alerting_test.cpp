// The section `alerting`: what it becomes, and every kind of complaint with its place.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "andon/app/plan/compile_testing.hpp"

namespace andon::app {
namespace {

using testing_support::compilation;
using testing_support::smallest;

TEST(alerting, becomes_routes_receivers_and_people) {
  const compilation c(smallest + R"(alerting:
  external_url: https://andon.example/
  smtp: { host: mx, from: andon@example.org, tls: none, port: 25 }
  receivers:
    chat: { slack: { url: "${KEY}://x", channel: "#ops" }, email: { to: [ ops@example.org ] } }
    pd: { pagerduty: { key: "${KEY}" } }
    people: { escalation: first }
  route:
    receiver: chat
    group_by: [ alertname ]
    routes:
      - { matchers: [ 'severity="page"' ], receiver: people, group_wait: 5s, routes: [ { matchers: [ 'team=~"a|b"' ], receiver: pd, continue: true } ] }
      - { matchers: [ severity=ticket ], mute_time_intervals: [ nights ] }
  inhibit_rules: [ { source_matchers: [ severity=page ], target_matchers: [ severity=ticket ], equal: [ alertname ] } ]
  time_intervals: { nights: { times: [ "22:00-06:00" ], time_zone: Europe/Vienna } }
  people: { alice: { receivers: [ pd ] }, bob: { name: Bob, receivers: [ chat, pd ] } }
  schedules: { week: { time_zone: Europe/Vienna, rotations: [ { people: [ alice, bob ], start: 2026-01-05 09:00, only: nights }, alice ] } }
  escalations: { first: { steps: [ { notify: [ "schedule:week" ], wait: 10m }, bob, { notify: [ "receiver:chat" ], round_robin: true } ], repeat: 2 } }
  intake_keys: [ "${KEY}" ]
)");
  for (const auto& one : c.errors()) EXPECT_NE(one.find("url: must begin with http"), std::string::npos) << one;
  ASSERT_EQ(c.errors().size(), 1U) << "the address of chat";
}

TEST(alerting, compiles) {
  const compilation c(smallest + R"(alerting:
  external_url: https://andon.example/
  receivers: { hook: { webhook: { url: "http://127.0.0.1:1/", max_alerts: 5, send_resolved: false } }, people: { escalation: first } }
  route: { receiver: hook, group_wait: 1s, routes: [ { matchers: [ severity=page ], receiver: people, routes: [ { matchers: [ x=y ], repeat_interval: 1h } ] } ] }
  people: { alice: { receivers: [ hook ] } }
  escalations: { first: { steps: [ alice ] } }
)");
  ASSERT_EQ(c.errors(), std::vector<std::string>{});
  const auto& made = *c.made->alerting;
  EXPECT_EQ(made.external_url, "https://andon.example");
  EXPECT_EQ(made.receivers.at("hook").ways.at(0).max_alerts, 5U);
  EXPECT_FALSE(made.channels.at("hook").at(0).send_resolved);
  EXPECT_TRUE(made.channels.at("people").at(0).send_resolved) << "an escalation hears the end";
  const auto deepest = made.routes->match({{"severity", "page"}, {"x", "y"}});
  ASSERT_EQ(deepest.size(), 1U);
  EXPECT_EQ(deepest[0]->options.receiver, "people");
  EXPECT_EQ(deepest[0]->options.group_wait, std::chrono::seconds{1});
  EXPECT_EQ(deepest[0]->options.repeat_interval, std::chrono::hours{1});
  EXPECT_EQ(made.escalations.at("first").steps.at(0).notify.at(0).text(), "alice");
}

TEST(alerting, left_out_keeps_alerts_and_tells_nobody) {
  const compilation c(smallest);
  ASSERT_EQ(c.errors(), std::vector<std::string>{});
  EXPECT_EQ(c.made->alerting->routes->root().options.receiver, "none");
}

TEST(alerting, refuses_a_receiver_that_tells_nobody_unless_it_says_so) {
  const auto of = [](const std::string& receivers) {
    return compilation(smallest + "alerting: { receivers: { " + receivers + ", nobody: {} }, route: { receiver: ops, routes: [ { matchers: [ severity=info ], receiver: nobody } ] } }\n").errors();
  };
  const auto silent = of("ops: {}");
  ASSERT_EQ(silent.size(), 1u);
  EXPECT_NE(silent[0].find("alerting.receivers.ops: has no way to tell anybody"), std::string::npos) << silent[0];
  EXPECT_NE(silent[0].find("(give it one, such as `webhook: { url: … }`, or name it `nobody` if that is meant)"), std::string::npos) << silent[0];
  EXPECT_EQ(of("ops: { webhook: { url: \"http://h/\" } }"), std::vector<std::string>{});
}

TEST(alerting, complains_with_the_place) {
  struct row { std::string yaml, complaint; };
  const std::string hook = "  receivers: { hook: { webhook: { url: \"http://h/\" } } }\n";
  const std::vector<row> rows{
      {hook + "  route: { receiver: hok }\n", "a.yaml:6:22: alerting.route.receiver: there is no receiver 'hok' (did you mean 'hook'?)"},
      {hook, "a.yaml:5:14: alerting.receivers: there are receivers, but no alerting.route leads to them"},
      {hook + "  route: { receiver: hook, matchers: [ a=b ] }\n", "alerting.route.matchers: the first route takes everything"},
      {hook + "  route: { receiver: hook, routes: [ { matchers: [ 'a=~\"(\"' ] } ] }\n", "a.yaml:6:52: alerting.route.routes[0].matchers[0]: '(' is no regular expression"},
      {hook + "  route: { receiver: hook, routes: [ { reciever: hook } ] }\n", "alerting.route.routes[0].reciever: unknown setting (did you mean 'receiver'?)"},
      {hook + "  route: { receiver: hook, routes: [ { mute_time_intervals: [ x ] } ] }\n", "alerting.route.routes[0].mute_time_intervals[0]: there is no entry of time_intervals 'x'"},
      {hook + "  route: { receiver: hook, group_by: [ \"\" ] }\n", "alerting.route.group_by[0]: '' is no label name"},
      {hook + "  route: { receiver: hook }\n  time_intervals: { n: { times: [ \"9-5\" ] } }\n", "alerting.time_intervals.n.times: '9-5' is not a span of the day"},
      {hook + "  route: { receiver: hook }\n  time_intervals: { n: { time_zone: Mars/Base } }\n", "alerting.time_intervals.n.time_zone: 'Mars/Base' is no time zone"},
      {hook + "  route: { receiver: hook }\n  people: { a: { receivers: [ x ] } }\n", "alerting.people.a.receivers[0]: there is no receiver 'x'"},
      {hook + "  route: { receiver: hook }\n  schedules: { s: { rotations: [ { people: [ a ], start: now } ] } }\n", "alerting.schedules.s.rotations[0].start: 'now' is no local time"},
      {hook + "  route: { receiver: hook }\n  escalations: { e: { steps: [ \"schedule:s\" ] } }\n", "alerting.escalations.e.steps[0].notify[0]: there is no schedule 's'"},
      {hook + "  route: { receiver: hook }\n  people: { a: { receivers: [] } }\n", "alerting.people.a: has no receivers: nobody hears of it"},
      {hook + "  route: { receiver: hook }\n  schedules: { s: { rotations: [] } }\n", "alerting.schedules.s: has no rotations: nobody is ever on call"},
      {"  receivers: { hook: { webhook: { url: \"http://h/\" } }, nobody: {} }\n  route: { receiver: hook }\n  escalations: { e: { steps: [ \"receiver:nobody\" ] } }\n",
       "alerting.escalations.e.steps[0].notify[0]: a step cannot tell a receiver that has no way but an escalation"},
      {hook + "  route: { receiver: hook }\n  escalations: { e: { steps: [ hook ] } }\n", "alerting.escalations.e.steps[0].notify[0]: there is no person 'hook' (the receiver is `receiver:hook`)"},
      {hook + "  route: { receiver: hook }\n  escalations: { e: { steps: [] } }\n", "alerting.escalations.e: has no steps"},
      {hook + "  route: { receiver: hook }\n  intake_keys: [ short ]\n", "alerting.intake_keys[0]: must have at least 16 characters"},
      {hook + "  route: { receiver: hook }\n  inhibit_rules: [ text ]\n", "alerting.inhibit_rules[0]"},
      {"  receivers: { m: { email: { to: [ nobody ] } } }\n  route: { receiver: m }\n", "alerting.receivers.m.email: mail needs alerting.smtp.host"},
      {"  receivers: { m: { slack: { url: \"http://s/\", title: \"{{#a}}\" } } }\n  route: { receiver: m }\n", "alerting.receivers.m.slack.title: is no template"},
      {"  receivers: { g: { github: { repository: shop, key: \"${KEY}\" } } }\n  route: { receiver: g }\n", "alerting.receivers.g.github.repository: must be owner/name"},
  };
  for (const auto& [yaml, complaint] : rows) {
    const compilation c(smallest + "alerting:\n" + yaml);
    const auto all = c.errors();
    EXPECT_TRUE(std::ranges::any_of(all, [&](const auto& one) { return one.find(complaint) != std::string::npos; })) << complaint << "\n" << (all.empty() ? "no complaint" : all[0]);
  }
}

TEST(alerting, complains_once_of_what_cannot_be_read) {
  const compilation c(smallest + R"(alerting:
  smtp: { host: mx, from: "${NOPE}" }
  receivers:
    hook: { webhook: { url: "${NOPE}" } }
    chat: { slack: { url: "file:/nowhere" } }
    mail: { email: { to: [ "${NOPE}" ] } }
  route: { receiver: hook }
  intake_keys: [ "${NOPE}" ]
)");
  EXPECT_EQ(c.errors().size(), 5U) << c.found.text();
}

std::vector<std::string> warned(const std::string& alerting) {
  const compilation c(smallest + "alerting:\n  receivers: { a: { webhook: { url: \"http://h/\" } }, b: { webhook: { url: \"http://h/\" } } }\n  people: { ada: { receivers: [ a ] } }\n" + (alerting.contains("time_intervals: {") ? "" : "  time_intervals: { nights: { times: [ \"22:00-06:00\" ] } }\n") + alerting);
  EXPECT_EQ(c.errors(), std::vector<std::string>{});
  return c.warnings();
}

TEST(compile_alerting, slips_that_would_keep_a_page_from_anybody_are_told) {
  const auto told = [](const std::string& more) { return compilation(smallest + more).warnings(); };
  EXPECT_THAT(told("alert_rules: { slow: { indicator: latency, above: 1, severity: pgae } }\n"), testing::Contains(testing::HasSubstr("alert_rules.slow.severity: 'pgae' is no usual severity (did you mean 'page'?)")));
  EXPECT_THAT(told("alert_rules: { slow: { indicator: latency, above: 1, severity: team-a } }\n"), testing::Not(testing::Contains(testing::HasSubstr("severity"))));
  EXPECT_THAT(told("objectives: { o: { target: 99, policy: p } }\npolicies: { p: { steps: [ { left: 0, act: freeze, severity: pge } ] } }\n"), testing::Contains(testing::HasSubstr("policies.p.steps[0].severity: 'pge'")));
  EXPECT_THAT(told("alerting: { receivers: { a: { slack: { url: \"http://h/\", title: \"{{severity}} {{nmaes}}\" } } }, route: { receiver: a, routes: [ { receiver: a, matchers: [ severity=tiket ] } ] } }\n"),
              testing::AllOf(testing::Contains(testing::HasSubstr("alerting.receivers.a.slack.title: no message has a field 'nmaes'")), testing::Contains(testing::HasSubstr("did you mean 'ticket'?"))));
}

std::string routed(const std::string& routes) { return "  route: { receiver: a, routes: [ " + routes + " ] }\n"; }

TEST(alerting, warns_of_routes_that_no_alert_can_reach) {
  struct row { std::string routes, warning; };
  for (const auto& [routes, warning] : {
           row{"{ matchers: [ severity=page ], receiver: b }, { matchers: [ severity=page, team=x ], receiver: a }", "alerting.route.routes[1]: no alert can come here: alerting.route.routes[0] takes them all"},
           row{"{ matchers: [ 'severity=~\".*\"' ] }, { matchers: [ team=x ] }", "alerting.route.routes[1]: no alert can come here: alerting.route.routes[0] takes them all"},
           row{"{ matchers: [ 'severity=~\"page|ticket\"' ] }, { matchers: [ severity=ticket ] }", "alerting.route.routes[1]: no alert can come here: alerting.route.routes[0] takes them all"},
           row{"{ receiver: b }, { matchers: [ severity=page ], receiver: a }", "alerting.route.routes[1]: no alert can come here: alerting.route.routes[0] takes them all"},
           row{"{ matchers: [ severity=page ], receiver: b, routes: [ { matchers: [ 'severity=~\"tick.*\"' ] } ] }", "alerting.route.routes[0].routes[0]: no alert can come here: severity=\"page\" and severity=~\"tick.*\" exclude each other"},
           row{"{ matchers: [ a=b, a=c ] }", "alerting.route.routes[0]: no alert can come here: a=\"b\" and a=\"c\" exclude each other"},
       }) {
    const auto got = warned(routed(routes));
    ASSERT_EQ(got.size(), 1U) << routes;
    EXPECT_NE(got[0].find(warning), std::string::npos) << got[0];
  }
  for (const auto* good : {"{ matchers: [ severity=page ], receiver: b, continue: true }, { matchers: [ severity=page, team=x ] }", "{ matchers: [ severity=page, team=x ] }, { matchers: [ severity=page ] }",
                           "{ matchers: [ severity=page ], routes: [ { matchers: [ 'severity=~\"page|ticket\"' ] }, { matchers: [ team=x ] } ] }"})
    EXPECT_EQ(warned(routed(good)), std::vector<std::string>{}) << good;
}

TEST(alerting, warns_of_intervals_and_rotations_that_cannot_be_meant) {
  const auto one = [](const std::string& text) { return warned(text).at(0); };
  EXPECT_NE(one(routed("{ matchers: [ a=b ], mute_time_intervals: [ nights ], active_time_intervals: [ nights ] }")).find("alerting.route.routes[0]: is quiet throughout the coming year"), std::string::npos);
  EXPECT_EQ(warned(routed("{ matchers: [ a=b ], mute_time_intervals: [ nights ] }")), std::vector<std::string>{});
  EXPECT_EQ(warned(routed("") + "  time_intervals: { short: { times: [ \"10:05-10:06\" ] } }\n"), std::vector<std::string>{});
  EXPECT_NE(one(routed("") + "  time_intervals: { never: { months: [ february ], days_of_month: [ \"30\" ] } }\n").find("alerting.time_intervals.never: does not hold within the coming year"), std::string::npos);
  EXPECT_NE(one("  route: { receiver: a, group_interval: 1h, routes: [ { matchers: [ a=b ], repeat_interval: 10m } ] }\n").find("repeat_interval: told again after 1h only"), std::string::npos);
  EXPECT_NE(one(routed("") + "  schedules: { week: { rotations: [ { people: [ ada ], start: 2026-10-01 09:00 } ] } }\n").find("alerting.schedules.week: nobody is on call yet"), std::string::npos);
  EXPECT_NE(one(routed("") + "  schedules: { week: { rotations: [ ada, { people: [ ada ], start: 2062-01-05 09:00 } ] } }\n").find("rotations[1].start: is more than a year ahead"), std::string::npos);
  EXPECT_EQ(warned(routed("") + "  schedules: { week: { rotations: [ ada, { people: [ ada ], start: 2026-10-01 09:00 } ] } }\n"), std::vector<std::string>{}) << "a change that is planned";
}

}  // namespace
}  // namespace andon::app
