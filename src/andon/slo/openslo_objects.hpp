#pragma once
// OpenSLO objects as they stand in documents, after their check. Values.
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "andon/slo/yaml_object.hpp"

namespace andon::slo::openslo {

struct metadata {
  std::string name, display_name;
  label_pairs labels, annotations;
};
struct metric_source {
  std::string type;
  std::map<std::string, std::string> spec;   ///< its scalars
  YAML::Node at;
  std::string path;
};
struct ratio_metric {
  std::optional<metric_source> good, bad, total, raw;
  std::string raw_type;
};
struct indicator {
  std::optional<metric_source> threshold;
  std::optional<ratio_metric> ratio;
  std::string path;
};
struct condition {
  std::string severity, op;
  double threshold = 0;
  span lookback, after;
  YAML::Node at;
  std::string path;
};
struct policy {
  bool when_no_data = false, when_breaching = false;
  std::optional<condition> inline_condition;
  std::string condition_ref;
};
struct objective {
  std::string display_name, op, path;
  std::optional<double> value, target, target_percent, slice_target, weight;
  std::optional<span> slice;
  std::optional<indicator> own;
  std::string own_ref;
  YAML::Node at;
};
struct slo {
  metadata about;
  std::string description, service, method;
  std::optional<indicator> own;
  std::string own_ref;
  std::optional<span> duration;
  bool is_rolling = false;
  std::optional<calendar> follows;
  std::vector<objective> objectives;
  std::vector<policy> policies;
  std::vector<std::string> policy_refs;
  fault_list found;
  YAML::Node at;
};

/// Everything that one reading knows by name.
struct library {
  std::map<std::string, indicator> indicators;
  std::map<std::string, condition> conditions;
  std::map<std::string, policy> policies;
  std::vector<slo> slos;
};

/// Checks one document and puts what others may refer to into the library.
void read_object(const YAML::Node& node, const std::string& file, library& into, openslo_reading& out);

/// Makes objectives of a library's SLOs.
void make_objectives(const library& from, wall_time now, openslo_reading& out);

}  // namespace andon::slo::openslo
