// Fields that several kinds of OpenSLO objects share.
#include "andon/slo/openslo_fields.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace andon::slo::openslo {
namespace {

constexpr std::size_t most_name = 63;

bool is_lower(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_alnum(char c) { return is_lower(c) || (c >= 'A' && c <= 'Z'); }

/// RFC 1123 label.
bool is_label(std::string_view name) {
  return !name.empty() && name.size() <= most_name && is_lower(name.front()) && is_lower(name.back()) &&
         std::ranges::all_of(name, [](char c) { return is_lower(c) || c == '-'; });
}

bool is_key(std::string_view name) {
  return !name.empty() && name.size() <= most_name && is_alnum(name.front()) && is_alnum(name.back()) &&
         std::ranges::all_of(name, [](char c) { return is_alnum(c) || c == '-' || c == '.' || c == '_'; });
}

/// A key, or a DNS name, a slash and a key.
bool is_annotation_key(std::string_view name) {
  const auto slash = name.rfind('/');
  if (slash == std::string_view::npos) return is_key(name);
  auto domain = name.substr(0, slash);
  if (domain.empty() || domain.size() > 253 || !is_key(name.substr(slash + 1))) return false;
  while (!domain.empty()) {
    const auto dot = std::min(domain.find('.'), domain.size());
    if (!is_label(domain.substr(0, dot)) || dot + 1 == domain.size()) return false;
    domain.remove_prefix(std::min(dot + 1, domain.size()));
  }
  return true;
}

std::string label_value(const YAML::Node& node) {
  if (!node.IsSequence()) return node.Scalar();
  std::string out;
  for (const auto& one : node) out.append(out.empty() ? "" : ",").append(one.Scalar());
  return out;
}

label_pairs pairs(yaml_object& from, std::string_view name, bool (*is_good)(std::string_view), bool lists) {
  label_pairs out;
  const auto node = from.node(name);
  if (node.IsNull()) return out;
  if (!node.IsMap()) return from.complain(name, "must be a mapping"), out;
  for (const auto& entry : node) {
    const auto& key = entry.first.Scalar();
    const auto path = fmt::format("{}.{}", from.path_of(name), key);
    if (!is_good(key)) from.faults().add(entry.first, path, fmt::format("'{}' is no key: at most 63 of letters, digits and -._", key));
    const bool scalars =
        entry.second.IsScalar() || (lists && entry.second.IsSequence() && std::ranges::all_of(entry.second, [](const auto& one) { return one.IsScalar(); }));
    if (!scalars) from.faults().add(entry.second, path, lists ? "must be text or a list of texts" : "must be text");
    else out.emplace_back(key, label_value(entry.second));
  }
  return out;
}

}  // namespace

std::string reference(yaml_object& from, std::string_view name, presence must) {
  auto out = from.text(name, must);
  if (!out.empty() && !is_label(out))
    from.complain(name, fmt::format("'{}' is no RFC 1123 label: at most 63 of a-z 0-9 and -, beginning and ending with a letter or digit", out));
  return out;
}

void one_of(yaml_object& from, std::string_view name, std::string_view value, std::span<const std::string_view> allowed) {
  if (value.empty() || std::ranges::find(allowed, value) != allowed.end()) return;
  from.complain(name, fmt::format("'{}' is not one of {}", value, fmt::join(allowed, ", ")));
}

std::string operation(yaml_object& from, presence must) {
  static constexpr std::array<std::string_view, 4> allowed{"gt", "lt", "gte", "lte"};
  auto out = from.text("op", must);
  one_of(from, "op", out, allowed);
  return out;
}

std::optional<span> duration(yaml_object& from, std::string_view name, presence must) {
  const bool there = from.has(name);
  const auto text = from.text(name, must);
  if (text.empty()) {
    if (there && must == presence::optional) return span{0, span_unit::minute};
    return std::nullopt;
  }
  const auto parsed = parse_span(text);
  if (!parsed) return from.complain(name, parsed.error().message), std::nullopt;
  return *parsed;
}

metadata read_metadata(yaml_object& of) {
  metadata out;
  const auto node = of.node("metadata", required);
  if (node.IsNull()) return out;
  yaml_object from(node, of.path_of("metadata"), of.faults());
  out.name = reference(from, "name", required);
  out.display_name = from.text("displayName", presence::optional, most_name);
  out.labels = pairs(from, "labels", is_key, true);
  out.annotations = pairs(from, "annotations", is_annotation_key, false);
  from.refuse_others();
  return out;
}

}  // namespace andon::slo::openslo
