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

/// The fields of a group, with what they are read into forgotten: so that the compiler makes one reader for each type of
/// value and not one for each member.
class field_list {
public:
  /// Where a member lies in the object that has it.
  using locate = std::size_t;
  /// Reads a node into a member.
  using binder = std::function<void(const YAML::Node&, const std::string& path, void* member, reading&)>;
  /// Finds or makes the place of an entry or item in a member that holds many.
  using place_for = void* (*)(void* member, const std::string& name);

  void read(const YAML::Node& node, const std::string& path, void* out, reading& in) const;
  [[nodiscard]] std::vector<setting_doc> docs() const;

protected:
  void add(setting_doc about, locate member, binder bind) { fields_.push_back({std::move(about), member, std::move(bind)}); }
  /// `made` makes the group where it can be absent.
  void add_group(std::string name, locate member, place_for made, field_list inside, std::string doc);
  void add_table(std::string name, locate member, place_for entry, field_list inside, std::string doc);
  /// `item` appends one; `named` makes the last one of a name alone.
  void add_items(std::string name, locate member, place_for item, std::function<void(void* item, std::string)> named, field_list inside, std::string doc);
  void add_nested(std::string name, locate member, place_for item, std::function<const field_list&()> inside, std::string doc);
  void require_last() { fields_.back().about.required = true; }

  template <class M>
  static setting_doc about_value(std::string name, std::string initial, const bounds<M>& limits, std::string doc);
  template <class M>
  void add_value(std::string name, locate member, const M& initial, std::string doc, bounds<M> limits);
  template <class M>
  void add_optional(std::string name, locate member, std::string doc, bounds<M> limits);
  template <class M>
  void add_list(std::string name, locate member, std::string doc);
  void add_pairs(std::string name, locate member, std::string doc);

private:
  struct field {
    setting_doc about;
    locate member;
    binder bind;
  };
  void complain_required(const YAML::Node& node, const std::string& path, const std::vector<std::string>& seen, reading& in) const;

  std::vector<field> fields_;
};

template <class M>
setting_doc field_list::about_value(std::string name, std::string initial, const bounds<M>& limits, std::string doc) {
  return {std::move(name), std::string(value_codec<M>::type), std::string(value_codec<M>::json_type), std::move(initial),
          bounds_text(limits), std::move(doc), choices_of<M>()};
}

template <class M>
void field_list::add_value(std::string name, locate member, const M& initial, std::string doc, bounds<M> limits) {
  add(about_value<M>(std::move(name), value_codec<M>::print(initial), limits, std::move(doc)), member,
      [limits](const YAML::Node& node, const std::string& path, void* out, reading& in) {
        read_value(node, path, *static_cast<M*>(out), limits, in);
        if constexpr (std::same_as<M, secret>) warn_of_plain_secret(node, path, in);
      });
}

template <class M>
void field_list::add_optional(std::string name, locate member, std::string doc, bounds<M> limits) {
  add(about_value<M>(std::move(name), "", limits, std::move(doc)), member,
      [limits](const YAML::Node& node, const std::string& path, void* out, reading& in) {
        M value{};
        const auto before = in.found.found().size();
        read_value(node, path, value, limits, in);
        if (in.found.found().size() == before) *static_cast<std::optional<M>*>(out) = std::move(value);
        if constexpr (std::same_as<M, secret>) warn_of_plain_secret(node, path, in);
      });
}

template <class M>
void field_list::add_list(std::string name, locate member, std::string doc) {
  setting_doc about{std::move(name), "list of " + std::string(value_codec<M>::type), std::string(value_codec<M>::json_type), "", "",
                    std::move(doc), choices_of<M>(), setting_doc::shape::list};
  add(std::move(about), member, [](const YAML::Node& node, const std::string& path, void* out, reading& in) {
    if (!node.IsSequence()) return in.found.add(place_of(node), path, "must be a list");
    for (std::size_t i = 0; i < node.size(); ++i) {
      M one{};
      const auto at = path + "[" + std::to_string(i) + "]";
      in.places.put(at, place_of(node[i]));
      read_value(node[i], at, one, bounds<M>{}, in);
      static_cast<std::vector<M>*>(out)->push_back(std::move(one));
    }
  });
}

template <class S>
class schema : public field_list {
public:
  template <class M>
  schema& value(std::string name, M S::*member, std::string doc, bounds<M> limits = {}) {
    add_value<M>(std::move(name), in_s(member), S{}.*member, std::move(doc), std::move(limits));
    return *this;
  }
  template <class M>
  schema& value(std::string name, std::optional<M> S::*member, std::string doc, bounds<M> limits = {}) {
    add_optional<M>(std::move(name), in_s(member), std::move(doc), std::move(limits));
    return *this;
  }
  template <class M>
  schema& list(std::string name, std::vector<M> S::*member, std::string doc) {
    add_list<M>(std::move(name), in_s(member), std::move(doc));
    return *this;
  }
  /// Free names with scalar values, such as headers or labels.
  schema& pairs(std::string name, std::map<std::string, secret> S::*member, std::string doc) {
    add_pairs(std::move(name), in_s(member), std::move(doc));
    return *this;
  }
  template <class N>
  schema& group(std::string name, N S::*member, schema<N> inside, std::string doc) {
    add_group(std::move(name), in_s(member), nullptr, std::move(inside), std::move(doc));
    return *this;
  }
  /// A group that does something by being there.
  template <class N>
  schema& group(std::string name, std::optional<N> S::*member, schema<N> inside, std::string doc) {
    add_group(std::move(name), in_s(member), [](void* group, const std::string&) -> void* { return &static_cast<std::optional<N>*>(group)->emplace(); },
              std::move(inside), std::move(doc));
    return *this;
  }
  template <class N>
  schema& table(std::string name, table_of<N> S::*member, schema<N> inside, std::string doc) {
    add_table(std::move(name), in_s(member), [](void* table, const std::string& key) -> void* { return &static_cast<table_of<N>*>(table)->entries[key]; },
              std::move(inside), std::move(doc));
    return *this;
  }
  /// A list whose items are either a name alone or a group; `from_name` makes the group of the name (null: groups only).
  template <class N>
  schema& items(std::string name, std::vector<N> S::*member, schema<N> inside, std::type_identity_t<N (*)(std::string)> from_name, std::string doc) {
    add_items(std::move(name), in_s(member), [](void* all, const std::string&) -> void* { return &static_cast<std::vector<N>*>(all)->emplace_back(); },
              from_name == nullptr ? std::function<void(void*, std::string)>{} : [from_name](void* item, std::string named) { *static_cast<N*>(item) = from_name(std::move(named)); },
              std::move(inside), std::move(doc));
    return *this;
  }
  /// A list of groups of this same form; `itself` gives their schema when one is there to be read.
  schema& nested(std::string name, std::vector<S> S::*member, const schema<S>& (*itself)(), std::string doc) {
    add_nested(std::move(name), in_s(member), [](void* all, const std::string&) -> void* { return &static_cast<std::vector<S>*>(all)->emplace_back(); },
               [itself]() -> const field_list& { return itself(); }, std::move(doc));
    return *this;
  }
  schema& required() {
    require_last();
    return *this;
  }
  void read(const YAML::Node& node, const std::string& path, S& out, reading& in) const { field_list::read(node, path, &out, in); }

private:
  template <class M>
  static locate in_s(M S::*member) {
    static const S one;
    return static_cast<std::size_t>(reinterpret_cast<const char*>(&(one.*member)) - reinterpret_cast<const char*>(&one));
  }
};

}  // namespace andon::app
