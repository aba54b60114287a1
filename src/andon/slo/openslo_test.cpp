#include "andon/slo/openslo.hpp"

#include <fstream>
#include <sstream>

#include "andon/slo/slo_testing.hpp"

namespace andon::slo {
namespace {

openslo_reading read(const std::string& text) { return read_openslo({{"a.yaml", text}}, wall_time{std::chrono::seconds{1'772'323'200}}); }

std::string all(const std::vector<openslo_fault>& faults) {
  std::string out;
  for (const auto& one : faults) out += to_string(one) + "\n";
  return out;
}

const std::string good_slo = R"(apiVersion: openslo/v1
kind: SLO
metadata: { name: chat-availability, displayName: Chat, labels: { team: [ a, b ], env: prod }, annotations: { openslo.com/folder: x } }
spec:
  description: calls are answered
  service: chat
  indicator:
    metadata: { name: chat-good }
    spec:
      ratioMetric:
        counter: true
        good: { metricSource: { type: Andon, spec: { measure: availability } } }
        total: { metricSource: { type: Andon, spec: { filter: "route:chat" } } }
  timeWindow: [ { duration: 28d, isRolling: true } ]
  budgetingMethod: Occurrences
  objectives: [ { displayName: Good, target: 0.999 } ]
)";

const std::string good_condition = R"(apiVersion: openslo/v1
kind: AlertCondition
metadata: { name: fast }
spec: { severity: page, condition: { kind: burnrate, op: gt, threshold: 2, lookbackWindow: 1h, alertAfter: 5m } }
)";

const std::string good_policy = R"(apiVersion: openslo/v1
kind: AlertPolicy
metadata: { name: p }
spec: { alertWhenBreaching: true, conditions: [ { conditionRef: fast } ], notificationTargets: [ { targetRef: mail } ] }
)";

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  const auto at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return at == std::string::npos ? text : text.replace(at, what.size(), with);
}

TEST(openslo, a_good_document_becomes_an_objective) {
  const auto got = read(good_slo);
  EXPECT_EQ(all(got.faults) + all(got.unmeasurable), "");
  ASSERT_EQ(got.objectives.size(), 1U);
  const auto& one = got.objectives[0];
  EXPECT_EQ(one.name, "chat-availability");
  EXPECT_EQ(one.target, 0.999);
  EXPECT_EQ(one.over.length, std::chrono::hours{28 * 24});
  EXPECT_EQ(one.members[0].what.what, measure::availability);
  EXPECT_EQ(one.members[0].what.filter_text, "route:chat");
  EXPECT_EQ(one.burns.size(), 4U);
  EXPECT_EQ(one.labels, (label_pairs{{"team", "a,b"}, {"env", "prod"}}));
}

TEST(openslo, wrong_documents_are_refused_with_the_field) {
  struct row { const std::string* of; std::string_view what, with, path; };
  const std::string label63(63, 'a'), label64(64, 'a');
  const std::string long_text(1'051, 'A'), name64 = "name: " + label64, long_description = "description: " + long_text;
  const std::vector<row> rows{
      {&good_slo, "apiVersion: openslo/v1", "apiVersion: v0.1", "apiVersion"},
      {&good_slo, "apiVersion: openslo/v1\n", "", "apiVersion"},
      {&good_slo, "kind: SLO", "kind: Slo", "kind"},
      {&good_slo, "name: chat-availability", "name: Chat_Availability", "metadata.name"},
      {&good_slo, "name: chat-availability", name64, "metadata.name"},
      {&good_slo, "name: chat-availability, ", "", "metadata.name"},
      {&good_slo, "name: chat-availability", "name: -a", "metadata.name"},
      {&good_slo, "team: [ a, b ]", "\"te am\": a", "metadata.labels.te am"},
      {&good_slo, "team: [ a, b ]", "team: { a: b }", "metadata.labels.team"},
      {&good_slo, "openslo.com/folder: x", "open_slo.com/folder: x", "metadata.annotations.open_slo.com/folder"},
      {&good_slo, "openslo.com/folder: x", "/folder: x", "metadata.annotations./folder"},
      {&good_slo, "description: calls are answered", long_description, "spec.description"},
      {&good_slo, "service: chat", "service: \"\"", "spec.service"},
      {&good_slo, "  service: chat\n", "", "spec.service"},
      {&good_slo, "budgetingMethod: Occurrences", "budgetingMethod: occurrences", "spec.budgetingMethod"},
      {&good_slo, "  budgetingMethod: Occurrences\n", "", "spec.budgetingMethod"},
      {&good_slo, "[ { duration: 28d, isRolling: true } ]", "[]", "spec.timeWindow"},
      {&good_slo, "[ { duration: 28d, isRolling: true } ]", "[ { duration: 1d, isRolling: true }, { duration: 1d, isRolling: true } ]", "spec.timeWindow"},
      {&good_slo, "duration: 28d, ", "", "spec.timeWindow[0].duration"},
      {&good_slo, "duration: 28d", "duration: 28x", "spec.timeWindow[0].duration"},
      {&good_slo, "duration: 28d", "duration: -1d", "spec.timeWindow[0].duration"},
      {&good_slo, "isRolling: true", "isRolling: false", "spec.timeWindow[0]"},
      {&good_slo, "isRolling: true", "isRolling: true, calendar: { startTime: 2022-01-01 12:00:00, timeZone: UTC }", "spec.timeWindow[0]"},
      {&good_slo, "isRolling: true", "isRolling: false, calendar: { startTime: 2022-01-01T12:00:00Z, timeZone: UTC }", "spec.timeWindow[0].calendar.startTime"},
      {&good_slo, "isRolling: true", "isRolling: false, calendar: { startTime: 2022-01-01 12:00:00, timeZone: Moon/Crater }", "spec.timeWindow[0].calendar.timeZone"},
      {&good_slo, "target: 0.999", "target: 1", "spec.objectives[0].target"},
      {&good_slo, "target: 0.999", "target: -0.1", "spec.objectives[0].target"},
      {&good_slo, "target: 0.999", "targetPercent: 100", "spec.objectives[0].targetPercent"},
      {&good_slo, ", target: 0.999", "", "spec.objectives[0]"},
      {&good_slo, "target: 0.999", "target: 0.9, targetPercent: 90", "spec.objectives[0]"},
      {&good_slo, "target: 0.999", "target: high", "spec.objectives[0].target"},
      {&good_slo, "target: 0.999", "target: 0.999, value: 3", "spec.objectives[0].value"},
      {&good_slo, "target: 0.999", "target: 0.999, op: lte", "spec.objectives[0].op"},
      {&good_slo, "target: 0.999", "target: 0.999, compositeWeight: 0", "spec.objectives[0].compositeWeight"},
      {&good_slo, "target: 0.999", "target: 0.999, indicatorRef: other", "spec"},
      {&good_slo, "budgetingMethod: Occurrences", "budgetingMethod: Timeslices", "spec.objectives[0].timeSliceTarget"},
      {&good_slo, "budgetingMethod: Occurrences", "budgetingMethod: RatioTimeslices", "spec.objectives[0].timeSliceWindow"},
      {&good_slo, "  indicator:", "  indicatorRef: other\n  indicator:", "spec"},
      {&good_slo, "good: {", "bad: { metricSource: { spec: { a: b } } }\n        good: {", "spec.indicator.spec.ratioMetric"},
      {&good_slo, "good: {", "raw: { metricSource: { spec: { a: b } } }\n        good: {", "spec.indicator.spec.ratioMetric"},
      {&good_slo, "        total: { metricSource: { type: Andon, spec: { filter: \"route:chat\" } } }\n", "", "spec.indicator.spec.ratioMetric"},
      {&good_slo, "spec: { measure: availability }", "spec: {}", "spec.indicator.spec.ratioMetric.good.metricSource.spec"},
      {&good_slo, "type: Andon, spec: { filter", "type: Andon, metricSourceRef: A_B, spec: { filter", "spec.indicator.spec.ratioMetric.total.metricSource.metricSourceRef"},
      {&good_slo, "ratioMetric:", "thresholdMetric: { metricSource: { spec: { a: b } } }\n      ratioMetric:", "spec.indicator.spec"},
      {&good_slo, "metadata: { name: chat-good }", "metadata: { name: chat good }", "spec.indicator.metadata.name"},
      {&good_slo, "service: chat", "service: chat\n  servise: chat", "spec.servise"},
      {&good_slo, "service: chat", "service: 5", "spec.service"},
      {&good_condition, "severity: page, ", "", "spec.severity"},
      {&good_condition, "kind: burnrate", "kind: other", "spec.condition.kind"},
      {&good_condition, "kind: burnrate, ", "", "spec.condition.kind"},
      {&good_condition, "op: gt", "op: eq", "spec.condition.op"},
      {&good_condition, "op: gt, ", "", "spec.condition.op"},
      {&good_condition, "threshold: 2, ", "", "spec.condition.threshold"},
      {&good_condition, "lookbackWindow: 1h", "lookbackWindow: \"\"", "spec.condition.lookbackWindow"},
      {&good_condition, "lookbackWindow: 1h", "lookbackWindow: 1H", "spec.condition.lookbackWindow"},
      {&good_condition, "alertAfter: 5m", "alertAfter: 5", "spec.condition.alertAfter"},
      {&good_policy, "conditions: [ { conditionRef: fast } ]", "conditions: []", "spec.conditions"},
      {&good_policy, "conditions: [ { conditionRef: fast } ]", "conditions: [ { conditionRef: a }, { conditionRef: b } ]", "spec.conditions"},
      {&good_policy, "conditionRef: fast", "conditionRef: \"a b\"", "spec.conditions[0].conditionRef"},
      {&good_policy, "conditionRef: fast", "conditionRef: fast, kind: AlertCondition", "spec.conditions[0]"},
      {&good_policy, "{ conditionRef: fast }", "{}", "spec.conditions[0]"},
      {&good_policy, "{ conditionRef: fast }", "{ kind: SLO, metadata: { name: x }, spec: { severity: a, condition: { kind: burnrate, op: gt, threshold: 1, lookbackWindow: 1h } } }", "spec.conditions[0].kind"},
      {&good_policy, "[ { targetRef: mail } ]", "[]", "spec.notificationTargets"},
      {&good_policy, "{ targetRef: mail }", "{ kind: AlertNotificationTarget, metadata: { name: x }, spec: { description: d } }", "spec.notificationTargets[0].spec.target"},
      {&good_policy, "alertWhenBreaching: true", "alertWhenBreaching: yes please", "spec.alertWhenBreaching"},
  };
  for (const auto& [of, what, with, path] : rows) {
    const auto got = read(replaced(*of, what, with));
    EXPECT_FALSE(got.faults.empty()) << path << ": '" << with << "' was taken";
    EXPECT_TRUE(std::ranges::any_of(got.faults, [&](const auto& one) { return one.path == path; })) << path << " is not among\n" << all(got.faults);
    EXPECT_TRUE(got.objectives.empty());
  }
}

TEST(openslo, what_the_sdk_takes_is_taken) {
  for (const auto& [of, what, with] : std::vector<std::tuple<const std::string*, std::string_view, std::string_view>>{
           {&good_slo, "target: 0.999", "target: 0"},
           {&good_slo, "target: 0.999", "targetPercent: 99.9999"},
           {&good_slo, "duration: 28d", "duration: 0w"},
           {&good_slo, "isRolling: true", "isRolling: false, calendar: { startTime: 2022-01-01 12:00:00, timeZone: America/New_York }"},
           {&good_slo, "budgetingMethod: Occurrences\n  objectives: [ {", "budgetingMethod: Timeslices\n  objectives: [ { timeSliceTarget: 1, timeSliceWindow: 1m,"},
           {&good_slo, "budgetingMethod: Occurrences\n  objectives: [ {", "budgetingMethod: RatioTimeslices\n  objectives: [ { timeSliceWindow: 5m,"},
           {&good_condition, ", alertAfter: 5m", ""},
           {&good_condition, "alertAfter: 5m", "alertAfter: \"\""},
           {&good_policy, "{ targetRef: mail }", "{ kind: AlertNotificationTarget, metadata: { name: x }, spec: { target: slack } }"},
       })
    EXPECT_EQ(all(read(replaced(*of, what, with)).faults), "") << with;
  EXPECT_EQ(all(read("apiVersion: openslo/v1\nkind: Service\nmetadata: { name: s }\nspec: {}\n---\napiVersion: openslo/v1\nkind: DataSource\nmetadata: { name: d }\nspec: { type: P, connectionDetails: [ { a: b } ] }\n").faults), "");
}

TEST(openslo, references_go_across_documents_and_alerts_come_with_them) {
  const auto text = replaced(good_slo, "  objectives: [", "  alertPolicies: [ { alertPolicyRef: p } ]\n  objectives: [") + "---\n" + good_policy + "---\n" + good_condition;
  const auto got = read(text);
  EXPECT_EQ(all(got.faults) + all(got.unmeasurable), "");
  ASSERT_EQ(got.objectives.size(), 1U);
  ASSERT_EQ(got.objectives[0].burns.size(), 1U);
  const auto& burn = got.objectives[0].burns[0];
  EXPECT_EQ(burn.factor, 2);
  EXPECT_EQ(burn.long_window, std::chrono::hours{1});
  EXPECT_EQ(burn.wait, std::chrono::minutes{5});
  EXPECT_EQ(burn.severity, "page");
  const auto lte = read(replaced(text, "op: gt", "op: lte"));
  EXPECT_EQ(all(lte.faults), "");
  EXPECT_NE(all(lte.unmeasurable).find("while the budget does not burn"), std::string::npos);
  const auto missing = read(replaced(text, "alertPolicyRef: p", "alertPolicyRef: q"));
  EXPECT_NE(all(missing.unmeasurable).find("no AlertPolicy 'q'"), std::string::npos);
}

TEST(openslo, composites_take_the_strictest_target) {
  const auto text = R"(apiVersion: openslo/v1
kind: SLO
metadata: { name: both }
spec:
  service: chat
  timeWindow: [ { duration: 1M, isRolling: true } ]
  budgetingMethod: Occurrences
  objectives:
    - { displayName: fast, op: lte, value: 2, target: 0.95, compositeWeight: 2, indicatorRef: quick }
    - { displayName: up, target: 0.999, indicatorRef: up }
---
apiVersion: openslo/v1
kind: SLI
metadata: { name: quick }
spec: { thresholdMetric: { metricSource: { type: Andon, spec: { measure: latency } } } }
---
apiVersion: openslo/v1
kind: SLI
metadata: { name: up }
spec: { ratioMetric: { bad: { metricSource: { type: Andon, spec: { filter: "status>=500" } } }, total: { metricSource: { type: Andon, spec: { filter: "" } } } } }
)";
  const auto got = read(text);
  EXPECT_EQ(all(got.faults) + all(got.unmeasurable), "");
  ASSERT_EQ(got.objectives.size(), 1U);
  EXPECT_EQ(got.objectives[0].target, 0.999);
  ASSERT_EQ(got.objectives[0].members.size(), 2U);
  EXPECT_EQ(got.objectives[0].members[0].weight, 2);
  EXPECT_EQ(got.objectives[0].members[0].what.how, comparison::lte);
  EXPECT_TRUE(got.objectives[0].members[1].what.good_means_bad);
}

TEST(openslo, published_examples_are_accepted) {
  const std::filesystem::path folder = ANDON_SLO_EXAMPLES;
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "the published examples are not here";
  std::size_t documents = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (!entry.path().filename().string().starts_with("openslo_")) continue;
    std::ifstream file(entry.path());
    std::ostringstream content;
    content << file.rdbuf();
    const auto got = read_openslo({{entry.path().filename(), content.str()}}, wall_time{});
    EXPECT_EQ(all(got.faults), "");
    documents += got.documents;
  }
  EXPECT_EQ(documents, 16U);
}

}  // namespace
}  // namespace andon::slo
