// Any bytes as OpenSLO documents and as sloth's format: it never crashes, every fault says what and where, and what is taken
// can be kept an eye on.
#include <cstdlib>
#include <string>

#include "andon/slo/openslo.hpp"
#include "andon/slo/prometheus_rules.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace andon;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto read = slo::read_openslo({{"fuzz.yaml", text}}, wall_time{std::chrono::seconds{1'790'000'000}});
  for (const auto& one : read.faults)
    if (one.message.empty() || one.file != "fuzz.yaml") std::abort();
  if (!read.faults.empty() && !read.objectives.empty()) std::abort();
  for (const auto& one : read.objectives) {
    if (!slo::complaints_of(one).empty()) std::abort();
    (void)slo::time_to_alert(one, "page");
    (void)one.over.begin(slo::instant{slo::seconds{1'790'000'000}});
    if (const auto source = slo::rule_source_of(one)) (void)slo::prometheus_rules({*source});
  }
  const auto sloth = slo::read_sloth(text);
  if (sloth) (void)slo::prometheus_rules(*sloth);
  else if (sloth.error().message.empty()) std::abort();
  return 0;
}
