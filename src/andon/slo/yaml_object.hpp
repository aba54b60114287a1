#pragma once
// Strict reading of one YAML mapping by field: what is there, of which type, and what is not known. Used where documents
// follow somebody else's schema, so that faults are told by the schema's own paths.
#include <yaml-cpp/yaml.h>

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "andon/slo/openslo.hpp"

namespace andon::slo {

/// Where faults go, and of what they are told.
struct fault_list {
  std::vector<openslo_fault>& into;
  std::string file, object;
  void add(const YAML::Node& at, std::string path, std::string message) const {
    const auto mark = at.IsDefined() ? at.Mark() : YAML::Mark::null_mark();
    into.push_back({file, mark.line < 0 ? 0 : mark.line + 1, mark.line < 0 ? 0 : mark.column + 1, object, std::move(path), std::move(message)});
  }
};

enum class presence : std::uint8_t { optional, required };

class yaml_object {
public:
  /// A node that is no mapping is a fault; every field is absent then.
  yaml_object(const YAML::Node& node, std::string path, const fault_list& faults);

  [[nodiscard]] bool has(std::string_view name) const;
  /// Each notes the field as known. Empty text counts as absent.
  std::string text(std::string_view name, presence must = presence::optional, std::size_t most = 0);
  std::optional<double> number(std::string_view name, presence must = presence::optional);
  bool flag(std::string_view name);
  YAML::Node node(std::string_view name, presence must = presence::optional);
  /// Items of a sequence; a fault when it is none.
  std::vector<YAML::Node> items(std::string_view name);
  /// Fields that nobody asked for are faults.
  void refuse_others() const;

  [[nodiscard]] std::string path_of(std::string_view name) const;
  void complain(std::string_view name, std::string message) const { faults_.add(at(name), path_of(name), std::move(message)); }
  void complain(std::string message) const { faults_.add(node_, path_, std::move(message)); }
  [[nodiscard]] const fault_list& faults() const { return faults_; }
  [[nodiscard]] const std::string& path() const { return path_; }

private:
  [[nodiscard]] YAML::Node at(std::string_view name) const;

  YAML::Node node_;
  std::string path_;
  const fault_list& faults_;
  std::set<std::string, std::less<>> known_;
};

}  // namespace andon::slo
