#include "andon/app/serve/mask.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace andon::app {
namespace {

constexpr std::array<std::string_view, 4> secret_names{"key", "value", "encryption", "password"};

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

// User and password within an address. A proxy's needs no scheme, and its password may hold any character.
void hide_userinfo(YAML::Node node, const std::string& name) {
  const std::string text = node.Scalar();
  const auto scheme = text.find("://");
  const bool proxy = name == "proxy";
  if (scheme == text.npos && !proxy) return;
  const auto from = scheme == text.npos ? 0 : scheme + 3;
  const auto end = proxy ? text.npos : text.find_first_of("/?# ", from);
  const auto at = text.substr(0, end).rfind('@');
  if (at != text.npos && at >= from) node = text.substr(0, from) + "********" + text.substr(at);
}

/// `of`: the name that it stands under. `receivers`: of alerts, whose addresses are credentials, too.
void walk(YAML::Node node, const std::string& of = {}, bool receivers = false) {
  if (node.IsScalar()) hide_userinfo(node, of);
  if (node.IsSequence())
    for (auto one : node) walk(one, of, receivers);
  if (!node.IsMap()) return;
  for (auto entry : node) {
    const auto& name = entry.first.Scalar();
    const bool is_secret = name == "headers" || (receivers && name == "url") || std::ranges::find(secret_names, name) != secret_names.end();
    if ((name == "keys" || name == "intake_keys") && entry.second.IsSequence()) hide(entry.second);  // a provider's; the table of keys is a map
    else if (is_secret && (entry.second.IsScalar() || name == "headers")) hide(entry.second);
    else walk(entry.second, name, receivers || (name == "receivers" && entry.second.IsMap()));
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
