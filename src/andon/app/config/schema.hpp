#pragma once
// A setting is declared once: name, member, doc, bounds; its default is the member's initial value. From the same
// declaration come the strict reader, the reference page and the JSON Schema.
//
//   schema<listen_settings> s;
//   s.value("gateway", &listen_settings::gateway, "Where clients connect.");
//   s.value("max_body", &listen_settings::max_body, "Largest request body.", at_least(byte_count{1024}));
#include <yaml-cpp/yaml.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "andon/app/config/diagnostics.hpp"
#include "andon/app/config/value.hpp"

namespace andon::app {

/// What the reference page says of one setting.
struct setting_doc {
  std::string name, type, json_type, initial, bounds, doc;
  std::vector<std::string> choices;
  enum class shape : std::uint8_t { value, group, table, list } form = shape::value;
  bool required = false;
  std::vector<setting_doc> inside;  ///< of groups and tables
};

/// Where the reader is: the file's findings so far and the environment for ${NAME}.
struct reading {
  diagnostics& found;
  std::function<std::optional<std::string>(const std::string&)> environment;
  place_map& places;  ///< of every setting that was read
};

/// A map from a name in the file to T.
template <class T>
struct table_of {
  std::map<std::string, T> entries;
};

position place_of(const YAML::Node&);
/// The scalar's text with ${NAME} and ${NAME:-default} replaced; nothing (and a diagnostic) if it cannot be.
std::optional<std::string> scalar_text(const YAML::Node&, const std::string& path, reading&);
/// The same for a secret, which may also be `env:NAME` as a whole.
std::optional<std::string> secret_text(const YAML::Node&, const std::string& path, reading&);
/// Warns of a credential that stands in the file itself.
void warn_of_plain_secret(const YAML::Node&, const std::string& path, reading&);
/// Checks that `node` is a map without duplicate keys; calls `each` for every entry.
bool for_each_entry(const YAML::Node&, const std::string& path, reading&,
                    const std::function<void(const std::string& key, const YAML::Node& key_node, const YAML::Node& value)>& each);
std::string join_path(const std::string& path, const std::string& name);
void complain_unknown(const YAML::Node& key_node, const std::string& path, const std::string& name,
                      const std::vector<std::string>& known, reading&);

template <class T>
struct bounds {
  std::optional<T> least{}, most{};
};
template <class T> bounds<T> at_least(T v) { return {v, std::nullopt}; }
template <class T> bounds<T> between(T low, T high) { return {low, high}; }

template <class T>
concept ordered = requires(const T& a, const T& b) { { a < b } -> std::convertible_to<bool>; };

template <class T>
std::string bounds_text(const bounds<T>& b) {
  if (b.least && b.most) return value_codec<T>::print(*b.least) + " to " + value_codec<T>::print(*b.most);
  if (b.least) return "at least " + value_codec<T>::print(*b.least);
  if (b.most) return "at most " + value_codec<T>::print(*b.most);
  return {};
}

template <class T>
std::vector<std::string> choices_of() {
  std::vector<std::string> out;
  if constexpr (std::is_enum_v<T>)
    for (std::string_view name : enum_names<T>::names) out.emplace_back(name);
  return out;
}

template <class T>
void read_value(const YAML::Node& node, const std::string& path, T& out, const bounds<T>& limits, reading& in) {
  const auto text = std::same_as<T, secret> ? secret_text(node, path, in) : scalar_text(node, path, in);
  if (!text) return;
  auto parsed = value_codec<T>::read(*text);
  if (!parsed) return in.found.add(place_of(node), path, parsed.error().message);
  if constexpr (ordered<T>)
    if ((limits.least && *parsed < *limits.least) || (limits.most && *limits.most < *parsed))
      return in.found.add(place_of(node), path, "'" + *text + "' is out of bounds", bounds_text(limits));
  out = std::move(*parsed);
}

template <class S>
class schema {
public:
  template <class M>
  schema& value(std::string name, M S::*member, std::string doc, bounds<M> limits = {}) {
    setting_doc about{name, std::string(value_codec<M>::type), std::string(value_codec<M>::json_type),
                      value_codec<M>::print(S{}.*member), bounds_text(limits), std::move(doc), choices_of<M>()};
    return add(std::move(about), [member, limits](const YAML::Node& node, const std::string& path, S& out, reading& in) {
      read_value(node, path, out.*member, limits, in);
      if constexpr (std::same_as<M, secret>) warn_of_plain_secret(node, path, in);
    });
  }
  template <class M>
  schema& value(std::string name, std::optional<M> S::*member, std::string doc, bounds<M> limits = {}) {
    setting_doc about{name, std::string(value_codec<M>::type), std::string(value_codec<M>::json_type), "",
                      bounds_text(limits), std::move(doc), choices_of<M>()};
    return add(std::move(about), [member, limits](const YAML::Node& node, const std::string& path, S& out, reading& in) {
      M value{};
      const auto before = in.found.found().size();
      read_value(node, path, value, limits, in);
      if (in.found.found().size() == before) out.*member = std::move(value);
      if constexpr (std::same_as<M, secret>) warn_of_plain_secret(node, path, in);
    });
  }
  template <class M>
  schema& list(std::string name, std::vector<M> S::*member, std::string doc) {
    setting_doc about{name, "list of " + std::string(value_codec<M>::type), std::string(value_codec<M>::json_type), "", "",
                      std::move(doc), choices_of<M>(), setting_doc::shape::list};
    return add(std::move(about), [member](const YAML::Node& node, const std::string& path, S& out, reading& in) {
      if (!node.IsSequence()) return in.found.add(place_of(node), path, "must be a list");
      for (std::size_t i = 0; i < node.size(); ++i) {
        M one{};
        const auto at = path + "[" + std::to_string(i) + "]";
        in.places.put(at, place_of(node[i]));
        read_value(node[i], at, one, bounds<M>{}, in);
        (out.*member).push_back(std::move(one));
      }
    });
  }
  /// Free names with scalar values, such as headers or labels.
  schema& pairs(std::string name, std::map<std::string, secret> S::*member, std::string doc) {
    setting_doc about{name, "map of names to secrets or text", "map", "", "", std::move(doc)};
    return add(std::move(about), [member](const YAML::Node& node, const std::string& path, S& out, reading& in) {
      for_each_entry(node, path, in, [&](const std::string& key, const YAML::Node&, const YAML::Node& value) {
        in.places.put(join_path(path, key), place_of(value));
        read_value(value, join_path(path, key), (out.*member)[key], bounds<secret>{}, in);
      });
    });
  }
  template <class N>
  schema& group(std::string name, N S::*member, schema<N> inside, std::string doc) {
    setting_doc about{name, "group", "object", "", "", std::move(doc), {}, setting_doc::shape::group, false, inside.docs()};
    return add(std::move(about), [member, inside = std::move(inside)](const YAML::Node& node, const std::string& path, S& out, reading& in) {
      inside.read(node, path, out.*member, in);
    });
  }
  /// A group that does something by being there.
  template <class N>
  schema& group(std::string name, std::optional<N> S::*member, schema<N> inside, std::string doc) {
    setting_doc about{name, "group", "object", "", "", std::move(doc), {}, setting_doc::shape::group, false, inside.docs()};
    return add(std::move(about), [member, inside = std::move(inside)](const YAML::Node& node, const std::string& path, S& out, reading& in) {
      inside.read(node, path, (out.*member).emplace(), in);
    });
  }
  template <class N>
  schema& table(std::string name, table_of<N> S::*member, schema<N> inside, std::string doc) {
    setting_doc about{name, "table by name", "object", "", "", std::move(doc), {}, setting_doc::shape::table, false, inside.docs()};
    return add(std::move(about), [member, inside = std::move(inside)](const YAML::Node& node, const std::string& path, S& out, reading& in) {
      for_each_entry(node, path, in, [&](const std::string& key, const YAML::Node& key_node, const YAML::Node& value) {
        in.places.put(join_path(path, key), place_of(key_node));
        inside.read(value, join_path(path, key), (out.*member).entries[key], in);
      });
    });
  }
  /// A list whose items are either a name alone or a group; `from_name` makes the group of the name.
  template <class N>
  schema& items(std::string name, std::vector<N> S::*member, schema<N> inside, std::function<N(std::string)> from_name, std::string doc) {
    setting_doc about{name, "list of names or groups", "items", "", "", std::move(doc), {}, setting_doc::shape::list, false, inside.docs()};
    return add(std::move(about), [member, inside = std::move(inside), from_name = std::move(from_name)](const YAML::Node& node, const std::string& path, S& out, reading& in) {
      if (!node.IsSequence()) return in.found.add(place_of(node), path, "must be a list");
      for (std::size_t i = 0; i < node.size(); ++i) {
        const auto at = path + "[" + std::to_string(i) + "]";
        N one{};
        in.places.put(at, place_of(node[i]));
        if (node[i].IsScalar()) {
          if (const auto text = scalar_text(node[i], at, in)) one = from_name(*text);
        } else {
          inside.read(node[i], at, one, in);
        }
        (out.*member).push_back(std::move(one));
      }
    });
  }
  schema& required() {
    fields_.back().about.required = true;
    return *this;
  }

  void read(const YAML::Node& node, const std::string& path, S& out, reading& in) const {
    if (node.IsNull()) return complain_required(node, path, {}, in);
    std::vector<std::string> seen;
    for_each_entry(node, path, in, [&](const std::string& key, const YAML::Node& key_node, const YAML::Node& value) {
      for (const auto& field : fields_)
        if (field.about.name == key) {
          seen.push_back(key);
          in.places.put(join_path(path, key), place_of(value.IsNull() ? key_node : value));
          return field.bind(value, join_path(path, key), out, in);
        }
      complain_unknown(key_node, path, key, names(), in);
    });
    if (node.IsMap()) complain_required(node, path, seen, in);
  }

  [[nodiscard]] std::vector<setting_doc> docs() const {
    std::vector<setting_doc> out;
    for (const auto& field : fields_) out.push_back(field.about);
    return out;
  }

private:
  using binder = std::function<void(const YAML::Node&, const std::string&, S&, reading&)>;
  struct field {
    setting_doc about;
    binder bind;
  };

  schema& add(setting_doc about, binder bind) {
    fields_.push_back({std::move(about), std::move(bind)});
    return *this;
  }
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& field : fields_) out.push_back(field.about.name);
    return out;
  }
  void complain_required(const YAML::Node& node, const std::string& path, const std::vector<std::string>& seen, reading& in) const {
    for (const auto& field : fields_)
      if (field.about.required && std::ranges::find(seen, field.about.name) == seen.end())
        in.found.add(place_of(node), path, "'" + field.about.name + "' is missing", field.about.doc);
  }

  std::vector<field> fields_;
};

}  // namespace andon::app
