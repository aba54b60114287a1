#include "andon/app/plan/compile_objectives.hpp"

#include <gtest/gtest.h>

#include "andon/app/plan/compile_testing.hpp"
#include "andon/app/serve/temporary_folder_testing.hpp"

namespace andon::app {
namespace {

using testing_support::compilation;
using testing_support::smallest;

const slo::objective_spec& objective(const compilation& of, std::string_view name) {
  const auto& all = of.made->watch.objectives;
  return *std::ranges::find(all, name, &slo::objective_spec::name);
}

TEST(compile_objectives, warns_of_names_in_filters_that_nothing_has) {
  const auto of = [](const std::string& filter) { return compilation(smallest + "objectives: { up: { target: 99, filter: '" + filter + "' } }\n").warnings(); };
  for (const auto* good : {"route:r", "route:R model:m", "route:chat*", "project:unknown", "-provider:p", "provider:p or tag:x"}) EXPECT_EQ(of(good), std::vector<std::string>{}) << good;
  const auto told = of("status:200 -route:rr");
  ASSERT_EQ(told.size(), 1U);
  EXPECT_NE(told[0].find("objectives.up.filter: there is no route 'rr' in the configuration: no call has it (did you mean 'r'?)"), std::string::npos) << told[0];
  EXPECT_EQ(of("model:gpt or provider:nobody").size(), 2U);
}

TEST(compile_objectives, the_short_form_becomes_objectives) {
  const compilation c(smallest + R"(
time_zone: Europe/Berlin
objectives:
  up: { filter: "route:r", target: 99.9, service: shop, labels: [ team=a ], alerts: { absent: 1h } }
  fast: { measure: latency, at_most: 2, target: 95, window: 7d, alerts: { ticket: false } }
  slices: { target: 99, method: timeslices, slice: 5m, slice_target: 95, calendar: month }
  both: { target: 99, parts: [ up, { objective: fast, weight: 2 } ] }
maintenance:
  - { from: 2026-01-01T00:00:30Z, to: 2026-01-01T02:00:00Z, objectives: [ up ] }
  - { from: 2026-01-01T01:00:00Z, to: 2026-01-01T03:00:00Z, objectives: [ up ] }
)");
  ASSERT_TRUE(c.made) << c.found.text();
  const auto& up = objective(c, "up");
  EXPECT_EQ(up.target, 0.999) << "what was written, and not 99.9 / 100";
  EXPECT_EQ(up.burns.size(), 4U);
  EXPECT_EQ(up.min_events, 10);
  EXPECT_EQ(up.absent_for, slo::seconds{3'600});
  EXPECT_EQ(up.labels, (slo::label_pairs{{"team", "a"}}));
  ASSERT_EQ(up.maintenance.size(), 1U) << "what overlaps is one stretch";
  ASSERT_EQ(c.found.warnings().size(), 1U);
  EXPECT_TRUE(c.found.warnings()[0].message.starts_with("budgets are counted by the minute: it is taken from 2026-01-01T00:00:00")) << c.found.warnings()[0].message;
  EXPECT_EQ(up.maintenance[0].to - up.maintenance[0].from, slo::seconds{3 * 3'600});
  const auto& fast = objective(c, "fast");
  EXPECT_EQ(fast.burns.size(), 2U);
  EXPECT_EQ(fast.members[0].what.how, slo::comparison::lte);
  EXPECT_EQ(fast.members[0].what.bound, 2);
  const auto& slices = objective(c, "slices");
  EXPECT_EQ(slices.slice, slo::seconds{300});
  EXPECT_EQ(slices.members[0].slice_target, 0.95);
  ASSERT_FALSE(slices.over.is_rolling());
  EXPECT_EQ(slices.over.text(), "calendar month (Europe/Berlin)");
  const auto& both = objective(c, "both");
  ASSERT_EQ(both.members.size(), 2U);
  EXPECT_EQ(both.members[1].weight, 2);
  EXPECT_EQ(both.members[1].target, 0.95);
}

TEST(compile_objectives, what_is_wrong_is_told_with_its_place) {
  struct row { const char *text, *complaint; };
  for (const auto& [text, complaint] : {
           row{"objectives: { a: { target: 90 } }", "can never fire: 14.4 x (1 - 0.9) = 1.44"},
           row{"objectives: { a: { } }", "'target' is missing"},
           row{"objectives: { a: { target: 100 } }", "leaves no error budget"},
           row{"objectives: { a: { target: 99, measure: laency } }", "did you mean 'latency'?"},
           row{"objectives: { a: { target: 99, measure: latency } }", "at_most or at_least"},
           row{"objectives: { a: { target: 0.999 } }", "did you mean 99.9?"},
           row{"objectives: { a: { target: 99, at_most: 2 } }", "objectives.a.at_most: availability is good or bad by itself"},
           row{"objectives: { a: { target: 99, slice_target: 95 } }", "objectives.a.slice_target: single events are counted"},
           row{"objectives: { a: { target: 99, measure: cpu, at_most: 0.8, filter: \"route:r\" } }", "objectives.a.filter: cpu comes from samples"},
           row{"objectives: { a: { target: 99, measure: csat, at_least: 4, filter: \"project:p -route:r\" } }", "objectives.a.filter: csat is counted from feedback"},
           row{"objectives: { a: { target: 99, filter: refund } }", "objectives.a.filter: words of the content"},
           row{"objectives: { a: { target: 99, filter: \"model:\" } }", "objectives.a.filter"},
           row{"objectives: { a: { target: 99, errors: [ nobody ] } }", "objectives.a.errors[0]"},
           row{"objectives: { a: { target: 99, labels: [ x ] } }", "write name=value"},
           row{"objectives: { a: { target: 99, calendar: month, time_zone: Moon/Crater } }", "objectives.a.time_zone"},
           row{"objectives: { a: { target: 99, parts: [ b ] } }", "'b' is no objective"},
           row{"objectives: { a: { target: 99, method: timeslices, slice: 90s } }", "whole minutes"},
           row{"indicators: { a: { by: [ colour ] } }", "indicators.a.by[0]"},
           row{"alert_rules: { a: { indicator: nothing, above: 1 } }", "there is no indicator 'nothing'"},
           row{"alert_rules: { a: { indicator: latency } }", "needs a bound"},
           row{"alert_rules: { a: { indicator: latency, statistic: p42, above: 1 } }", "alert_rules.a.statistic"},
           row{"alert_rules: { a: { indicator: latency, kind: anomaly, over: 1h, history: 2h } }", "at least ten times"},
           row{"alert_rules: { a: { indicator: latency, kind: change, below: 0, over: 2h, history: 1h } }", "do not overlap"},
           row{"alert_rules: { a: { indicator: availability, statistic: p95, above: 1 } }", "alert_rules.a.statistic: 'availability' says of events only"},
           row{"alert_rules: { a: { indicator: latency, statistic: lower_bound, below: 1 } }", "'latency' is a number"},
           row{"alert_rules: { a: { indicator: latency, kind: absence, min_events: 2 } }", "alert_rules.a.min_events: absence"},
           row{"alert_rules: { a: { indicator: latency, statistic: count, below: 10, min_events: 10 } }", "alert_rules.a.min_events: so many events are never below"},
           row{"alert_rules: { a: { indicator: latency, statistic: rate, below: 0.1, over: 1m, min_events: 6 } }", "alert_rules.a.min_events: so many events are never below"},
           row{"maintenance: [ { from: yesterday, to: 2026-01-01T00:00:00Z } ]", "maintenance[0].from"},
           row{"maintenance: [ { from: 2026-01-02T00:00:00Z, to: 2026-01-01T00:00:00Z } ]", "is not after"},
           row{"maintenance: [ { from: 2026-01-01T00:00:00Z, to: 2026-01-02T00:00:00Z, objectives: [ a ] } ]", "there is no objective 'a'"},
           row{"ledger: { enabled: false }\nobjectives: { a: { target: 99 } }", "ledger, which is switched off"},
           row{"openslo: [ /nowhere/slo.yaml ]", "cannot be read"},
       }) {
    const compilation c(smallest + text + "\n");
    EXPECT_FALSE(c.made) << text;
    EXPECT_NE(c.found.text().find(complaint), std::string::npos) << text << "\n" << c.found.text();
    EXPECT_EQ(c.found.text().find("a.yaml:0"), std::string::npos) << c.found.text();
  }
}

TEST(compile_objectives, a_target_that_is_wrong_brings_no_further_complaints) {
  for (const auto* text : {"objectives: { a: { } }", "objectives: { a: { target: \"99.9%\" } }", "objectives: { a: { target: 0.5 } }"}) {
    const compilation c(smallest + text + "\n");
    EXPECT_FALSE(c.made) << text;
    EXPECT_EQ(c.found.text().find("never fire"), std::string::npos) << c.found.text();
  }
}

TEST(compile_objectives, openslo_files_stand_beside) {
  const testing_support::temporary_folder home;
  const std::string document = R"(apiVersion: openslo/v1
kind: SLO
metadata: { name: up }
spec:
  service: chat
  indicator:
    metadata: { name: up }
    spec: { ratioMetric: { good: { metricSource: { type: Andon, spec: { measure: availability } } }, total: { metricSource: { type: TYPE, spec: { filter: "route:r" } } } } }
  timeWindow: [ { duration: 28d, isRolling: true } ]
  budgetingMethod: Occurrences
  objectives: [ { targetPercent: 99.9 } ]
)";
  const auto with_type = [&](std::string type) { auto text = document; return text.replace(text.find("TYPE"), 4, type); };
  const auto good = home.write("good.yaml", with_type("Andon")), elsewhere = home.write("elsewhere.yaml", with_type("Prometheus"));
  const compilation c(smallest + "openslo: [ " + good + " ]\n");
  ASSERT_TRUE(c.made) << c.found.text();
  EXPECT_DOUBLE_EQ(objective(c, "up").target, 0.999);
  const compilation twice(smallest + "openslo: [ " + good + " ]\nobjectives: { up: { target: 99 } }\n");
  EXPECT_NE(twice.found.text().find("another objective of this name"), std::string::npos);
  const compilation not_here(smallest + "openslo: [ " + elsewhere + " ]\n");
  EXPECT_NE(not_here.found.text().find("spec.indicator.spec.ratioMetric.total.metricSource.type: 'Prometheus' is measured elsewhere"), std::string::npos) << not_here.found.text();
}

}  // namespace
}  // namespace andon::app
