#include "andon/app/config/schema.hpp"

#include <fmt/format.h>

#include <set>

namespace andon::app {
namespace {

constexpr std::string_view environment_prefix = "env:";

void complain_unset(const std::string& name, const std::string& written, const YAML::Node& node, const std::string& path, reading& in) {
  in.found.add(place_of(node), path, fmt::format("the environment variable {} is not set", name),
               fmt::format("export {}=… before the start, or write {}", name, written));
}

/// Replaces one ${…} whose inside is `body`.
std::optional<std::string> variable(const std::string& body, const YAML::Node& node, const std::string& path, reading& in) {
  const auto dash = body.find(":-");
  const auto name = body.substr(0, dash);
  if (auto value = in.environment(name)) return value;
  if (dash != std::string::npos) return body.substr(dash + 2);
  complain_unset(name, fmt::format("${{{}:-default}}", name), node, path, in);
  return std::nullopt;
}

}  // namespace

position place_of(const YAML::Node& node) {
  const auto mark = node.Mark();
  return mark.line < 0 ? position{} : position{mark.line + 1, mark.column + 1};
}

std::string join_path(const std::string& path, const std::string& name) { return path.empty() ? name : path + "." + name; }

std::optional<std::string> scalar_text(const YAML::Node& node, const std::string& path, reading& in) {
  if (!node.IsScalar()) {
    in.found.add(place_of(node), path, node.IsNull() ? "has no value" : "must be a single value");
    return std::nullopt;
  }
  const auto& raw = node.Scalar();
  std::string out;
  std::size_t from = 0;
  for (auto open = raw.find("${"); open != std::string::npos; open = raw.find("${", from)) {
    const auto close = raw.find('}', open);
    if (close == std::string::npos) {
      in.found.add(place_of(node), path, "'${' without '}'");
      return std::nullopt;
    }
    const auto value = variable(raw.substr(open + 2, close - open - 2), node, path, in);
    if (!value) return std::nullopt;
    out.append(raw, from, open - from).append(*value);
    from = close + 1;
  }
  return out.append(raw, from);
}

std::optional<std::string> secret_text(const YAML::Node& node, const std::string& path, reading& in) {
  if (!node.IsScalar() || !node.Scalar().starts_with(environment_prefix)) return scalar_text(node, path, in);
  const auto name = node.Scalar().substr(environment_prefix.size());
  auto value = in.environment(name);
  if (!value) complain_unset(name, "file:PATH for a secret in a file", node, path, in);
  return value;
}

void warn_of_plain_secret(const YAML::Node& node, const std::string& path, reading& in) {
  if (!node.IsScalar()) return;
  const auto& raw = node.Scalar();
  if (raw.empty() || raw.starts_with(environment_prefix) || raw.starts_with("file:")) return;
  const auto open = raw.find("${");
  const auto preset = raw.find(":-", open == std::string::npos ? raw.size() : open);
  const bool has_default = preset != std::string::npos && preset + 2 < raw.size() && raw[preset + 2] != '}';
  if (open != std::string::npos && !has_default) return;
  in.found.warn(place_of(node), path, open == std::string::npos ? "the secret stands in the file as plain text" : "the default of the secret stands in the file as plain text",
                "write \"${NAME}\" or file:PATH");
}

bool for_each_entry(const YAML::Node& node, const std::string& path, reading& in,
                    const std::function<void(const std::string&, const YAML::Node&, const YAML::Node&)>& each) {
  if (!node.IsMap()) {
    in.found.add(place_of(node), path, "must be a map of names to values");
    return false;
  }
  std::set<std::string> seen;
  for (const auto& entry : node) {
    if (!entry.first.IsScalar()) {
      in.found.add(place_of(entry.first), path, "a name must be plain text");
      continue;
    }
    const auto& name = entry.first.Scalar();
    if (!seen.insert(name).second) {
      in.found.add(place_of(entry.first), join_path(path, name), "is given twice");
      continue;
    }
    each(name, entry.first, entry.second);
  }
  return true;
}

void complain_unknown(const YAML::Node& key_node, const std::string& path, const std::string& name,
                      const std::vector<std::string>& known, reading& in) {
  const auto close = nearest(name, known);
  std::string all;
  for (const auto& k : known) all.append(all.empty() ? "" : ", ").append(k);
  in.found.add(place_of(key_node), join_path(path, name), "unknown setting",
               close.empty() ? "known here: " + all : "did you mean '" + close + "'?");
}

}  // namespace andon::app
