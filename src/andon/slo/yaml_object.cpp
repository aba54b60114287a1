#include "andon/slo/yaml_object.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace andon::slo {
namespace {

std::optional<double> number_in(const std::string& text) {
  double out = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (failed != std::errc{} || end != text.data() + text.size() || !std::isfinite(out)) return std::nullopt;
  return out;
}

bool is_plain(const YAML::Node& node) { return node.Tag() == "?"; }

/// A number or a truth value that stands where text belongs.
bool is_other_type(const YAML::Node& node) {
  if (!is_plain(node)) return false;
  const auto& text = node.Scalar();
  return number_in(text).has_value() || text == "true" || text == "false";
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

bool is_absent(const YAML::Node& node) { return !node.IsDefined() || node.IsNull(); }

}  // namespace

// Not by assignment: that would change the document itself.
yaml_object::yaml_object(const YAML::Node& node, std::string path, const fault_list& faults)
    : node_(!is_absent(node) && node.IsMap() ? node : YAML::Node(YAML::NodeType::Map)), path_(std::move(path)), faults_(faults) {
  if (!is_absent(node) && !node.IsMap()) faults_.add(node, path_, "must be a mapping of fields");
}

YAML::Node yaml_object::at(std::string_view name) const {
  const YAML::Node& whole = node_;
  const auto found = whole[std::string(name)];
  return found.IsDefined() ? found : node_;
}

std::string yaml_object::path_of(std::string_view name) const { return path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name); }

bool yaml_object::has(std::string_view name) const {
  const YAML::Node& whole = node_;
  return !is_absent(whole[std::string(name)]);
}

YAML::Node yaml_object::node(std::string_view name, presence must) {
  known_.emplace(name);
  const YAML::Node& whole = node_;
  auto found = whole[std::string(name)];
  if (!is_absent(found)) return found;
  if (must == presence::required) complain(name, "is required but was not given");
  return YAML::Node(YAML::NodeType::Null);
}

std::string yaml_object::text(std::string_view name, presence must, std::size_t most) {
  const auto found = node(name, must);
  if (found.IsNull()) return {};
  if (!found.IsScalar() || is_other_type(found)) return complain(name, "must be text"), std::string{};
  auto out = found.Scalar();
  if (out.empty() && must == presence::required) complain(name, "is required but is empty");
  if (most > 0 && characters(out) > most) complain(name, fmt::format("is longer than {} characters", most));
  return out;
}

std::optional<double> yaml_object::number(std::string_view name, presence must) {
  const auto found = node(name, must);
  if (found.IsNull()) return std::nullopt;
  const auto value = found.IsScalar() && is_plain(found) ? number_in(found.Scalar()) : std::nullopt;
  if (!value) complain(name, "must be a number");
  return value;
}

bool yaml_object::flag(std::string_view name) {
  const auto found = node(name);
  if (found.IsNull()) return false;
  if (found.IsScalar() && is_plain(found) && (found.Scalar() == "true" || found.Scalar() == "false")) return found.Scalar() == "true";
  complain(name, "must be true or false");
  return false;
}

std::vector<YAML::Node> yaml_object::items(std::string_view name) {
  const auto found = node(name);
  std::vector<YAML::Node> out;
  if (found.IsNull()) return out;
  if (!found.IsSequence()) return complain(name, "must be a list"), out;
  for (const auto& one : found) out.push_back(one);
  return out;
}

void yaml_object::refuse_others() const {
  for (const auto& entry : node_)
    if (!entry.first.IsScalar() || !known_.contains(entry.first.Scalar()))
      faults_.add(entry.first, path_of(entry.first.IsScalar() ? entry.first.Scalar() : "?"), "is not a field of this object");
}

}  // namespace andon::slo
