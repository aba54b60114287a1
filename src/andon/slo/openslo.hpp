#pragma once
// OpenSLO v1 documents: checked as strictly as the reference SDK does, and made into objectives where Andon can measure them.
//
// A file holds documents one after the other, or lists of them. References go across all files of one reading. Every fault
// comes with its field's path; unknown fields are faults, too.
//
// What Andon measures is a metric source of type Andon:
//   thresholdMetric: spec { measure: latency, filter: "route:chat" } with the objective's op and value
//   ratioMetric:     total.spec { filter }, and good.spec or bad.spec either { filter } or { measure: availability }
//   raw:             spec { measure: quality, filter }, a part of 1
#include <string>
#include <vector>

#include "andon/slo/objective.hpp"

namespace andon::slo {

struct openslo_fault {
  std::string file;
  int line = 0, column = 0;    ///< 1-based; 0: no place
  std::string object;          ///< `SLO web-availability`
  std::string path;            ///< `spec.objectives[0].target`
  std::string message;
};
/// `slo.yaml:12:7: SLO web-availability: spec.objectives[0].target: should be …`
std::string to_string(const openslo_fault&);

struct openslo_file { std::string name, text; };
struct openslo_reading {
  std::vector<openslo_fault> faults;         ///< what makes a document wrong
  std::vector<openslo_fault> unmeasurable;   ///< what makes a good SLO none that Andon could keep an eye on
  std::vector<openslo_fault> advice;
  std::vector<objective_spec> objectives;    ///< of the SLOs without either
  std::size_t documents = 0;
};
openslo_reading read_openslo(const std::vector<openslo_file>& files, wall_time now);

}  // namespace andon::slo
