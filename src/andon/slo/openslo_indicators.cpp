// The check of indicators and their metric sources.
#include <array>

#include "andon/slo/openslo_fields.hpp"

namespace andon::slo::openslo {
namespace {

metric_source read_source(const YAML::Node& node, const std::string& path, const fault_list& faults) {
  yaml_object from(node, path, faults);
  yaml_object inner(from.node("metricSource", required), from.path_of("metricSource"), faults);
  metric_source out{.type = {}, .spec = {}, .at = node, .path = inner.path()};
  (void)reference(inner, "metricSourceRef");
  out.type = inner.text("type");
  const auto spec = inner.node("spec", required);
  if (!spec.IsNull() && (!spec.IsMap() || spec.size() == 0)) inner.complain("spec", "must be a mapping with at least one entry");
  if (spec.IsMap())
    for (const auto& entry : spec)
      if (entry.first.IsScalar() && entry.second.IsScalar()) out.spec[entry.first.Scalar()] = entry.second.Scalar();
  inner.refuse_others();
  from.refuse_others();
  return out;
}

std::optional<metric_source> source(yaml_object& of, std::string_view name) {
  const auto node = of.node(name);
  if (node.IsNull()) return std::nullopt;
  return read_source(node, of.path_of(name), of.faults());
}

ratio_metric read_ratio(const YAML::Node& node, const std::string& path, const fault_list& faults) {
  yaml_object from(node, path, faults);
  ratio_metric out;
  (void)from.flag("counter");
  out.good = source(from, "good");
  out.bad = source(from, "bad");
  out.total = source(from, "total");
  out.raw = source(from, "raw");
  out.raw_type = from.text("rawType");
  if (out.total && out.raw) from.complain("[raw, total] exclude each other: give one of them");
  else if (!out.total && !out.raw) from.complain("one of [raw, total] must be given");
  else if (out.raw && (out.good || out.bad)) from.complain("[raw, good, bad] exclude each other: give one of them");
  else if (out.good && out.bad) from.complain("[bad, good] exclude each other: give one of them");
  else if (out.total && !out.good && !out.bad) from.complain("one of [bad, good] must be given");
  static constexpr std::array<std::string_view, 2> raw_types{"success", "failure"};
  if (out.raw && out.raw_type.empty()) from.complain("rawType", "is required but was not given");
  if (out.raw) one_of(from, "rawType", out.raw_type, raw_types);
  from.refuse_others();
  return out;
}

}  // namespace

indicator read_indicator_spec(const YAML::Node& node, const std::string& path, const fault_list& faults) {
  yaml_object from(node, path, faults);
  indicator out{.threshold = {}, .ratio = {}, .path = path};
  (void)from.text("description", presence::optional, most_description);
  out.threshold = source(from, "thresholdMetric");
  if (const auto ratio = from.node("ratioMetric"); !ratio.IsNull()) out.ratio = read_ratio(ratio, from.path_of("ratioMetric"), faults);
  if (out.threshold && out.ratio) from.complain("[ratioMetric, thresholdMetric] exclude each other: give one of them");
  if (!out.threshold && !out.ratio) from.complain("one of [ratioMetric, thresholdMetric] must be given");
  from.refuse_others();
  return out;
}

void read_indicator(yaml_object& of, std::optional<indicator>& own, std::string& own_ref) {
  const bool is_ref = of.has("indicatorRef");
  const auto node = of.node("indicator");
  if (is_ref) own_ref = reference(of, "indicatorRef");
  else (void)of.node("indicatorRef");
  if (node.IsNull()) return;
  if (is_ref) of.complain("[indicator, indicatorRef] exclude each other: give one of them");
  yaml_object from(node, of.path_of("indicator"), of.faults());
  (void)read_metadata(from);
  own = read_indicator_spec(from.node("spec"), from.path_of("spec"), of.faults());
  from.refuse_others();
}

}  // namespace andon::slo::openslo
