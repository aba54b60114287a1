#pragma once
// Objectives as recording and alerting rules of Prometheus: the same budgets and burn-rate alerts, computed there. Names of
// recordings and labels are those of sloth (github.com/slok/sloth), so that what was built on its rules goes on working.
#include <string>
#include <vector>

#include "andon/slo/objective.hpp"

namespace andon::slo {

/// What rules are made of: queries with `{{.window}}` where the range belongs.
struct rule_source {
  std::string service, name, description;
  double target = 0;
  seconds period{};
  label_pairs labels;
  std::string error_query, total_query;   ///< or
  std::string ratio_query;                ///< the share of errors itself
  std::string alert_name;                 ///< empty: the service's and objective's
  label_pairs alert_labels, alert_annotations, page_labels, page_annotations, ticket_labels, ticket_annotations;
  bool page = true, ticket = true;
};

/// A YAML document with groups of rules.
std::string prometheus_rules(const std::vector<rule_source>& from);
/// Objectives of sloth's format (`version: prometheus/v1`), one document or several. errc::invalid_argument.
result<std::vector<rule_source>> read_sloth(const std::string& text);
/// Of an objective of Andon, by the counters on its /metrics. errc::invalid_argument for composites of events, which have no
/// counters of their own.
result<rule_source> rule_source_of(const objective_spec& from);

}  // namespace andon::slo
