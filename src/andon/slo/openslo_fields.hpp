#pragma once
// Fields that several kinds of OpenSLO objects share, and the parts that one object may hold of another. Each notes what it read
// as known and tells faults with the field's path.
#include <functional>
#include <span>

#include "andon/slo/openslo_objects.hpp"

namespace andon::slo::openslo {

inline constexpr std::size_t most_description = 1050;
inline constexpr auto required = presence::required;

/// The name of another object: an RFC 1123 label.
std::string reference(yaml_object& from, std::string_view name, presence must = presence::optional);
void one_of(yaml_object& from, std::string_view name, std::string_view value, std::span<const std::string_view> allowed);
/// `op`: gt, lt, gte or lte.
std::string operation(yaml_object& from, presence must);
/// Nothing if it is absent; 0m where empty text is allowed.
std::optional<span> duration(yaml_object& from, std::string_view name, presence must);
metadata read_metadata(yaml_object& of);

indicator read_indicator_spec(const YAML::Node& node, const std::string& path, const fault_list& faults);
/// `indicator` or `indicatorRef` of an SLO or of one of its objectives.
void read_indicator(yaml_object& of, std::optional<indicator>& own, std::string& own_ref);

condition read_condition_spec(const YAML::Node& node, const std::string& path, const fault_list& faults);
policy read_policy_spec(const YAML::Node& node, const std::string& path, const fault_list& faults);
/// Either a reference by `ref`, which is returned, or an object written here, whose spec and path `read` gets.
std::string ref_or_inline(const YAML::Node& node, const std::string& path, const fault_list& faults, std::string_view ref, std::string_view kind,
                          const std::function<void(const YAML::Node&, const std::string&)>& read);

}  // namespace andon::slo::openslo
