#include "andon/ledger/retention.hpp"

namespace andon::ledger {
namespace {

filter_node started_before(wall_time at) {
  filter_node node;
  node.kind = node_kind::compare;
  node.which = field::started;
  node.how = comparison::range;
  node.high = at.time_since_epoch().count() - 1;
  return node;
}

filter_node of_project(const project_id& project) {
  filter_node node;
  node.kind = node_kind::compare;
  node.which = field::project;
  node.how = comparison::exact;  // filters fold case; projects do not
  node.text = project.view();
  return node;
}

filter_node without_rule(const retention_policy& policy, wall_time before) {
  filter_node all;
  all.kind = node_kind::all_of;
  all.children.push_back(started_before(before));
  for (const auto& rule : policy.projects) {
    filter_node other;
    other.kind = node_kind::none_of;
    other.children.push_back(of_project(rule.project));
    all.children.push_back(std::move(other));
  }
  return all;
}

}  // namespace

result<retention_result> apply_retention(store& index, const retention_policy& policy, wall_time now, const patience& wait) {
  retention_result out;
  for (const auto& rule : policy.projects) {
    const auto removed = index.remove(filter{started_before(now - rule.keep)}, scope::only(rule.project), wait);
    if (!removed) return std::unexpected(removed.error());
    out.removed += *removed;
  }
  if (policy.keep) {
    const auto removed = index.remove(filter{without_rule(policy, now - *policy.keep)}, scope::everything(), wait);
    if (!removed) return std::unexpected(removed.error());
    out.removed += *removed;
  }
  out.first_needed = index.oldest_needed();
  return out;
}

}  // namespace andon::ledger
