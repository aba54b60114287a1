// The check of alert conditions and policies.
#include <fmt/format.h>

#include <array>

#include "andon/slo/openslo_fields.hpp"

namespace andon::slo::openslo {
namespace {

/// An object written where it is used: kind, metadata, spec. Calls `spec` with its node and path.
void inline_object(yaml_object& from, std::string_view kind, const std::function<void(const YAML::Node&, const std::string&)>& read) {
  if (const auto given = from.text("kind", required); !given.empty() && given != kind) from.complain("kind", fmt::format("should be {}", kind));
  (void)read_metadata(from);
  const auto spec = from.node("spec", required);
  if (!spec.IsNull()) read(spec, from.path_of("spec"));
}

}  // namespace

condition read_condition_spec(const YAML::Node& node, const std::string& path, const fault_list& faults) {
  yaml_object from(node, path, faults);
  condition out{.severity = from.text("severity", required), .op = {}, .threshold = 0, .lookback = {}, .after = {}, .at = node, .path = path};
  (void)from.text("description", presence::optional, most_description);
  const auto inner = from.node("condition", required);
  from.refuse_others();
  if (inner.IsNull()) return out;
  yaml_object how(inner, from.path_of("condition"), faults);
  static constexpr std::array<std::string_view, 1> condition_kinds{"burnrate"};
  const auto kind = how.text("kind", required);
  one_of(how, "kind", kind, condition_kinds);
  const auto must = kind == "burnrate" ? required : presence::optional;
  out.op = operation(how, must);
  out.threshold = how.number("threshold", must).value_or(0);
  out.lookback = duration(how, "lookbackWindow", must).value_or(span{});
  out.after = duration(how, "alertAfter", presence::optional).value_or(span{0, span_unit::minute});
  how.refuse_others();
  return out;
}

std::string ref_or_inline(const YAML::Node& node, const std::string& path, const fault_list& faults, std::string_view ref, std::string_view kind,
                          const std::function<void(const YAML::Node&, const std::string&)>& read) {
  yaml_object from(node, path, faults);
  const bool is_ref = node.IsMap() && node[std::string(ref)].IsDefined();
  const bool is_inline = from.has("kind") || from.has("metadata") || from.has("spec");
  std::string out;
  if (is_ref && is_inline) from.complain(fmt::format("[spec, {}] exclude each other: give one of them", ref));
  else if (!is_ref && !is_inline) from.complain(fmt::format("one of [spec, {}] must be given", ref));
  if (is_ref) out = reference(from, ref, required);
  if (is_inline) inline_object(from, kind, read);
  if (is_ref == is_inline) return out;
  from.refuse_others();
  return out;
}

policy read_policy_spec(const YAML::Node& node, const std::string& path, const fault_list& faults) {
  yaml_object from(node, path, faults);
  policy out;
  (void)from.text("description", presence::optional, most_description);
  out.when_no_data = from.flag("alertWhenNoData");
  (void)from.flag("alertWhenResolved");
  out.when_breaching = from.flag("alertWhenBreaching");
  const auto conditions = from.items("conditions");
  if (conditions.size() != 1) from.complain("conditions", "must have exactly one item");
  for (std::size_t i = 0; i < conditions.size(); ++i)
    out.condition_ref = ref_or_inline(conditions[i], fmt::format("{}[{}]", from.path_of("conditions"), i), faults, "conditionRef", "AlertCondition",
                                      [&](const YAML::Node& spec, const std::string& at) { out.inline_condition = read_condition_spec(spec, at, faults); });
  const auto targets = from.items("notificationTargets");
  if (targets.empty()) from.complain("notificationTargets", "must have at least one item");
  for (std::size_t i = 0; i < targets.size(); ++i)
    (void)ref_or_inline(targets[i], fmt::format("{}[{}]", from.path_of("notificationTargets"), i), faults, "targetRef", "AlertNotificationTarget",
                        [&](const YAML::Node& spec, const std::string& at) {
                          yaml_object target(spec, at, faults);
                          (void)target.text("target", required);
                          (void)target.text("description", presence::optional, most_description);
                          target.refuse_others();
                        });
  from.refuse_others();
  return out;
}

}  // namespace andon::slo::openslo
