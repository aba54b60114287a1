#pragma once
// Which alerts are kept quiet by others that fire. Source of the rules: Alertmanager (inhibit/inhibit.go).
//
// Threads: one owner.
#include <string>
#include <unordered_map>
#include <vector>

#include "andon/alert/alert_book.hpp"
#include "andon/alert/route_tree.hpp"

namespace andon::alert {

class inhibitor {
public:
  inhibitor(std::vector<inhibit_rule> rules, const alert_book& book) : rules_(std::move(rules)), book_(book) {}

  /// Fingerprints of alerts that keep this one quiet now, one for each rule. A missing label equals an empty one; an alert
  /// that is source and target is not kept quiet by another that is both; what has ended keeps nobody quiet.
  [[nodiscard]] std::vector<std::uint64_t> inhibiting(const label_set& labels, wall_time now);
  [[nodiscard]] bool inhibits(const label_set& labels, wall_time now) { return !inhibiting(labels, now).empty(); }

private:
  void index();
  static std::string equal_key(const inhibit_rule& rule, const label_set& labels);

  std::vector<inhibit_rule> rules_;
  const alert_book& book_;
  std::uint64_t indexed_version_ = ~0ULL;
  /// For each rule: sources by the values of their equal labels.
  std::vector<std::unordered_map<std::string, std::vector<std::uint64_t>>> sources_;
};

}  // namespace andon::alert
