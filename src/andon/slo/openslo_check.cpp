// The check of OpenSLO v1 documents. The rules are those of the specification and of its reference SDK (OpenSLO/go-sdk,
// pkg/openslo/v1), told with the same paths.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "andon/slo/openslo_fields.hpp"

namespace andon::slo::openslo {
namespace {

constexpr std::array<std::string_view, 7> kinds{"DataSource", "SLO", "SLI", "AlertPolicy", "AlertCondition", "AlertNotificationTarget", "Service"};
constexpr std::array<std::string_view, 3> methods{"Occurrences", "Timeslices", "RatioTimeslices"};

void check_bounds(yaml_object& of, std::string_view name, const std::optional<double>& value, double low, bool low_fits, double high, bool high_fits) {
  if (!value) return;
  const bool fits = (low_fits ? *value >= low : *value > low) && (high_fits ? *value <= high : *value < high);
  if (!fits) of.complain(name, fmt::format("should be {} {:g} and {} {:g}", low_fits ? "at least" : "above", low, high_fits ? "at most" : "below", high));
}

objective read_objective(const YAML::Node& node, const std::string& path, const slo& of, const fault_list& faults, openslo_reading& out) {
  yaml_object from(node, path, faults);
  objective made;
  made.path = path;
  made.at = node;
  made.display_name = from.text("displayName");
  const bool slices = of.method == "Timeslices" || of.method == "RatioTimeslices";
  const bool threshold = of.own && of.own->threshold, ratio = of.own && of.own->ratio;
  made.op = threshold ? operation(from, required) : from.text("op");
  made.value = from.number("value", threshold ? required : presence::optional);
  if (ratio && made.value) from.complain("value", "has no place in an objective of a ratioMetric");
  // The published examples have op: gt there, which says what is always meant.
  if (ratio && (made.op == "gt" || made.op == "gte"))
    out.advice.push_back(
        {faults.file, node.Mark().line + 1, node.Mark().column + 1, faults.object, from.path_of("op"), "says nothing for a ratioMetric; leave it out"});
  else if (ratio && !made.op.empty()) from.complain("op", "has no place in an objective of a ratioMetric");
  made.target = from.number("target");
  made.target_percent = from.number("targetPercent");
  if (made.target && made.target_percent) from.complain("[target, targetPercent] exclude each other: give one of them");
  if (!made.target && !made.target_percent) from.complain("one of [target, targetPercent] must be given");
  check_bounds(from, "target", made.target, 0, true, 1, false);
  check_bounds(from, "targetPercent", made.target_percent, 0, true, 100, false);
  made.slice_target = from.number("timeSliceTarget", of.method == "Timeslices" ? required : presence::optional);
  if (of.method == "Timeslices") check_bounds(from, "timeSliceTarget", made.slice_target, 0, false, 1, true);
  made.slice = duration(from, "timeSliceWindow", slices ? required : presence::optional);
  read_indicator(from, made.own, made.own_ref);
  made.weight = from.number("compositeWeight");
  if (made.weight && !(*made.weight > 0)) from.complain("compositeWeight", "should be above 0");
  from.refuse_others();
  return made;
}

void read_window(yaml_object& of, slo& made) {
  const auto windows = of.items("timeWindow");
  if (windows.size() != 1) return of.complain("timeWindow", "must have exactly one item");
  yaml_object from(windows[0], of.path_of("timeWindow") + "[0]", of.faults());
  made.duration = duration(from, "duration", required);
  made.is_rolling = from.flag("isRolling");
  const bool has_calendar = from.has("calendar");
  if (made.is_rolling && has_calendar) from.complain("'calendar' cannot be given when 'isRolling' is true");
  if (!made.is_rolling && !has_calendar) from.complain("'calendar' must be given when 'isRolling' is false");
  const auto node = from.node("calendar");
  from.refuse_others();
  if (node.IsNull()) return;
  yaml_object when(node, from.path_of("calendar"), of.faults());
  const auto start = parse_local_time(when.text("startTime"));
  if (!start) when.complain("startTime", start.error().message);
  auto zone_name = when.text("timeZone");
  if (zone_name.empty()) zone_name = "UTC";
  auto zone = time_zone::load(zone_name);
  if (!zone) when.complain("timeZone", fmt::format("'{}' is no IANA time zone", zone_name));
  when.refuse_others();
  if (start && zone && made.duration) made.follows = calendar{*start, *made.duration, zone_name, std::make_shared<const time_zone>(std::move(*zone))};
}

void read_slo_spec(const YAML::Node& node, slo& made, openslo_reading& out) {
  yaml_object from(node, "spec", made.found);
  made.description = from.text("description", presence::optional, most_description);
  made.service = from.text("service", required);
  made.method = from.text("budgetingMethod", required);
  one_of(from, "budgetingMethod", made.method, methods);
  read_indicator(from, made.own, made.own_ref);
  read_window(from, made);
  const auto objectives = from.items("objectives");
  for (std::size_t i = 0; i < objectives.size(); ++i)
    made.objectives.push_back(read_objective(objectives[i], fmt::format("spec.objectives[{}]", i), made, made.found, out));
  const auto composite = [](const objective& one) { return one.own.has_value() || !one.own_ref.empty(); };
  const bool here = from.has("indicator") || from.has("indicatorRef"), there = std::ranges::any_of(made.objectives, composite);
  if (!here && !there) from.complain("'indicator' or 'indicatorRef' must be given in 'spec' or, for composites, in 'spec.objectives[*]'");
  if (here && there) from.complain("'indicator' or 'indicatorRef' must be given in 'spec' or, for composites, in 'spec.objectives[*]', but not in both");
  const auto policies = from.items("alertPolicies");
  for (std::size_t i = 0; i < policies.size(); ++i) {
    auto ref = ref_or_inline(policies[i], fmt::format("spec.alertPolicies[{}]", i), made.found, "alertPolicyRef", "AlertPolicy",
                             [&](const YAML::Node& spec, const std::string& at) { made.policies.push_back(read_policy_spec(spec, at, made.found)); });
    if (!ref.empty()) made.policy_refs.push_back(std::move(ref));
  }
  from.refuse_others();
}

void read_plain_spec(yaml_object& of, std::string_view kind) {
  yaml_object from(of.node("spec"), "spec", of.faults());
  (void)from.text("description", presence::optional, most_description);
  if (kind == "DataSource") {
    (void)from.text("type", required);
    (void)from.node("connectionDetails", required);
  }
  if (kind == "AlertNotificationTarget") (void)from.text("target", required);
  from.refuse_others();
}

}  // namespace

void read_object(const YAML::Node& node, const std::string& file, library& into, openslo_reading& out) {
  ++out.documents;
  fault_list faults{out.faults, file, "document"};
  if (!node.IsMap()) return faults.add(node, "", "must be an OpenSLO object: a mapping with apiVersion, kind, metadata and spec");
  const auto plain = [&](const char* name) { return node[name] && node[name].IsScalar() ? node[name].Scalar() : std::string{}; };
  const auto name = node["metadata"] && node["metadata"].IsMap() && node["metadata"]["name"] && node["metadata"]["name"].IsScalar()
                        ? node["metadata"]["name"].Scalar()
                        : std::string{};
  faults.object = fmt::format("{} {}", plain("kind").empty() ? "object" : plain("kind"), name);
  yaml_object from(node, "", faults);
  if (const auto version = from.text("apiVersion", required); !version.empty() && version != "openslo/v1")
    from.complain("apiVersion", fmt::format("'{}' should be openslo/v1", version));
  const auto kind = from.text("kind", required);
  one_of(from, "kind", kind, kinds);
  const auto before = out.faults.size();
  auto about = read_metadata(from);
  if (kind == "SLO") {
    slo made{.about = std::move(about),
             .description = {},
             .service = {},
             .method = {},
             .own = {},
             .own_ref = {},
             .duration = {},
             .is_rolling = false,
             .follows = {},
             .objectives = {},
             .policies = {},
             .policy_refs = {},
             .found = faults,
             .at = node};
    read_slo_spec(from.node("spec", required), made, out);
    if (out.faults.size() == before) into.slos.push_back(std::move(made));
  } else if (kind == "SLI") {
    into.indicators[name] = read_indicator_spec(from.node("spec"), "spec", faults);
  } else if (kind == "AlertCondition") {
    into.conditions.insert_or_assign(name, read_condition_spec(from.node("spec"), "spec", faults));
  } else if (kind == "AlertPolicy") {
    into.policies.insert_or_assign(name, read_policy_spec(from.node("spec"), "spec", faults));
  } else if (std::ranges::find(kinds, kind) != kinds.end()) {
    read_plain_spec(from, kind);
  } else {
    return;
  }
  from.refuse_others();
}

}  // namespace andon::slo::openslo
