#include "andon/app/config/schema.hpp"

#include <fmt/format.h>

#include <set>

namespace andon::app {
namespace {

/// Replaces one ${…} whose inside is `body`.
std::optional<std::string> variable(const std::string& body, const YAML::Node& node, const std::string& path, reading& in) {
  const auto dash = body.find(":-");
  const auto name = body.substr(0, dash);
  if (auto value = in.environment(name)) return value;
  if (dash != std::string::npos) return body.substr(dash + 2);
  in.found.add(place_of(node), path, fmt::format("the environment variable {} is not set", name),
               fmt::format("export {}=…, or write ${{{}:-default}}", name, name));
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
