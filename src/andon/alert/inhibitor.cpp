#include "andon/alert/inhibitor.hpp"

namespace andon::alert {

std::string inhibitor::equal_key(const inhibit_rule& rule, const label_set& labels) {
  std::string out;
  for (const auto& name : rule.equal) out.append(label_value(labels, name)).push_back('\xff');
  return out;
}

void inhibitor::index() {
  if (indexed_version_ == book_.version()) return;
  indexed_version_ = book_.version();
  sources_.assign(rules_.size(), {});
  for (std::size_t i = 0; i < rules_.size(); ++i)
    for (const auto& [fingerprint, one] : book_.all())
      if (all_match(rules_[i].source, one.labels)) sources_[i][equal_key(rules_[i], one.labels)].push_back(fingerprint);
}

std::vector<std::uint64_t> inhibitor::inhibiting(const label_set& labels, wall_time now) {
  index();
  std::vector<std::uint64_t> out;
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    const auto& rule = rules_[i];
    if (!all_match(rule.target, labels)) continue;
    const auto found = sources_[i].find(equal_key(rule, labels));
    if (found == sources_[i].end()) continue;
    const bool both = all_match(rule.source, labels);
    for (const auto fingerprint : found->second) {
      const auto* source = book_.find(fingerprint);
      if (source == nullptr || source->resolved(now) || (both && all_match(rule.target, source->labels))) continue;
      out.push_back(fingerprint);
      break;
    }
  }
  return out;
}

}  // namespace andon::alert
