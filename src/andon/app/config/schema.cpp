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

void field_list::read(const YAML::Node& node, const std::string& path, void* out, reading& in) const {
  if (node.IsNull()) return complain_required(node, path, {}, in);
  std::vector<std::string> seen;
  for_each_entry(node, path, in, [&](const std::string& key, const YAML::Node& key_node, const YAML::Node& value) {
    for (const auto& field : fields_)
      if (field.about.name == key) {
        seen.push_back(key);
        in.places.put(join_path(path, key), place_of(value.IsNull() ? key_node : value));
        return field.bind(value, join_path(path, key), static_cast<char*>(out) + field.member, in);
      }
    std::vector<std::string> known;
    for (const auto& field : fields_) known.push_back(field.about.name);
    complain_unknown(key_node, path, key, known, in);
  });
  if (node.IsMap()) complain_required(node, path, seen, in);
}

std::vector<setting_doc> field_list::docs() const {
  std::vector<setting_doc> out;
  for (const auto& field : fields_) out.push_back(field.about);
  return out;
}

void field_list::complain_required(const YAML::Node& node, const std::string& path, const std::vector<std::string>& seen, reading& in) const {
  for (const auto& field : fields_)
    if (field.about.required && std::ranges::find(seen, field.about.name) == seen.end())
      in.found.add(place_of(node), path, "'" + field.about.name + "' is missing", field.about.doc);
}

void field_list::add_pairs(std::string name, locate member, std::string doc) {
  setting_doc about{std::move(name), "map of names to secrets or text", "map", "", "", std::move(doc)};
  add(std::move(about), member, [](const YAML::Node& node, const std::string& path, void* out, reading& in) {
    for_each_entry(node, path, in, [&](const std::string& key, const YAML::Node&, const YAML::Node& value) {
      in.places.put(join_path(path, key), place_of(value));
      read_value(value, join_path(path, key), (*static_cast<std::map<std::string, secret>*>(out))[key], bounds<secret>{}, in);
    });
  });
}

void field_list::add_group(std::string name, locate member, place_for made, field_list inside, std::string doc) {
  setting_doc about{std::move(name), "group", "object", "", "", std::move(doc), {}, setting_doc::shape::group, false, inside.docs()};
  add(std::move(about), member, [inside = std::move(inside), made](const YAML::Node& node, const std::string& path, void* out, reading& in) {
    inside.read(node, path, made != nullptr ? made(out, path) : out, in);
  });
}

void field_list::add_table(std::string name, locate member, place_for entry, field_list inside, std::string doc) {
  setting_doc about{std::move(name), "table by name", "object", "", "", std::move(doc), {}, setting_doc::shape::table, false, inside.docs()};
  add(std::move(about), member, [inside = std::move(inside), entry](const YAML::Node& node, const std::string& path, void* out, reading& in) {
    for_each_entry(node, path, in, [&](const std::string& key, const YAML::Node& key_node, const YAML::Node& value) {
      in.places.put(join_path(path, key), place_of(key_node));
      inside.read(value, join_path(path, key), entry(out, key), in);
    });
  });
}

void field_list::add_items(std::string name, locate member, place_for item, std::function<void(void*, std::string)> named, field_list inside, std::string doc) {
  setting_doc about{std::move(name), "list of names or groups", "items", "", "", std::move(doc), {}, setting_doc::shape::list, false, inside.docs()};
  add(std::move(about), member,
      [inside = std::move(inside), item, named = std::move(named)](const YAML::Node& node, const std::string& path, void* out, reading& in) {
        if (!node.IsSequence()) return in.found.add(place_of(node), path, "must be a list");
        for (std::size_t i = 0; i < node.size(); ++i) {
          const auto at = path + "[" + std::to_string(i) + "]";
          in.places.put(at, place_of(node[i]));
          void* one = item(out, at);
          if (!node[i].IsScalar() || !named) inside.read(node[i], at, one, in);
          else if (auto text = scalar_text(node[i], at, in)) named(one, std::move(*text));
        }
      });
}

void field_list::add_nested(std::string name, locate member, place_for item, std::function<const field_list&()> inside, std::string doc) {
  setting_doc about{std::move(name), "list of groups like this one", "groups", "", "", std::move(doc), {}, setting_doc::shape::list};
  add(std::move(about), member, [inside = std::move(inside), item](const YAML::Node& node, const std::string& path, void* out, reading& in) {
    if (!node.IsSequence()) return in.found.add(place_of(node), path, "must be a list");
    for (std::size_t i = 0; i < node.size(); ++i) {
      const auto at = path + "[" + std::to_string(i) + "]";
      in.places.put(at, place_of(node[i]));
      inside().read(node[i], at, item(out, at), in);
    }
  });
}

}  // namespace andon::app
