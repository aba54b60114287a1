#include "andon/app/serve/mask.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace andon::app {
namespace {

constexpr std::array<std::string_view, 3> secret_names{"key", "value", "encryption"};

bool refers(const std::string& text) { 
  const bool variable = text.starts_with("${") && text.find('}') == text.size() - 1 && !text.contains(":-");  // a default is a secret too
  return variable || text.starts_with("file:") || text.starts_with("env:");
}

void hide(YAML::Node node) {
  if (node.IsScalar() && !refers(node.Scalar())) node = "********";
  if (node.IsMap())
    for (auto entry : node) hide(entry.second);
  if (node.IsSequence())
    for (auto one : node) hide(one);
}

void walk(YAML::Node node) {
  if (node.IsSequence())
    for (auto one : node) walk(one);
  if (!node.IsMap()) return;
  for (auto entry : node) {
    const auto& name = entry.first.Scalar();
    const bool is_secret = name == "headers" || std::ranges::find(secret_names, name) != secret_names.end();
    if (name == "keys" && entry.second.IsSequence()) hide(entry.second);  // a provider's; the table of keys is a map
    else if (is_secret && (entry.second.IsScalar() || name == "headers")) hide(entry.second);
    else walk(entry.second);
  }
}

}  // namespace

std::string mask_secrets(const std::string& yaml) {
  try {
    auto document = YAML::Load(yaml);
    walk(document);
    YAML::Emitter out;
    out << document;
    return std::string(out.c_str()) + "\n";
  } catch (const YAML::Exception&) {
    return "# the configuration cannot be shown\n";
  }
}

}  // namespace andon::app
