#include "andon/alert/route_tree.hpp"

#include <algorithm>

namespace andon::alert {
namespace {

void collect(const route_tree::node& at, const label_set& labels, std::vector<const route_tree::node*>& out) {
  const auto before = out.size();
  for (const auto& child : at.children) {
    if (!all_match(child->match, labels)) continue;
    collect(*child, labels, out);
    if (!child->go_on) break;
  }
  if (out.size() == before) out.push_back(&at);
}

}  // namespace

route_tree::route_tree(const route_spec& root) : root_(make(root, nullptr)) {
  root_->match.clear();
  root_->go_on = false;
}

std::unique_ptr<route_tree::node> route_tree::make(const route_spec& from, const node* parent) {
  auto out = std::make_unique<node>();
  out->index = all_.size();
  all_.push_back(out.get());
  if (parent != nullptr) out->options = parent->options;
  auto& options = out->options;
  if (!from.receiver.empty()) options.receiver = from.receiver;
  if (from.group_by) {
    options.group_by_all = std::ranges::find(*from.group_by, "...") != from.group_by->end();
    options.group_by = {from.group_by->begin(), from.group_by->end()};
  }
  options.group_wait = from.group_wait.value_or(options.group_wait);
  options.group_interval = from.group_interval.value_or(options.group_interval);
  options.repeat_interval = from.repeat_interval.value_or(options.repeat_interval);
  options.mute_intervals = from.mute_intervals;
  options.active_intervals = from.active_intervals;
  out->match = from.match;
  out->go_on = from.go_on;
  out->key = (parent != nullptr ? parent->key + "/" : "") + matchers_text(parent != nullptr ? from.match : matchers{});
  for (const auto& child : from.routes) out->children.push_back(make(child, out.get()));
  return out;
}

std::vector<const route_tree::node*> route_tree::match(const label_set& labels) const {
  std::vector<const node*> out;
  collect(*root_, labels, out);
  return out;
}

label_set route_tree::group_labels(const node& under, const label_set& labels) {
  if (under.options.group_by_all) return labels;
  label_set out;
  for (const auto& [name, value] : labels)
    if (under.options.group_by.contains(name)) out.emplace(name, value);
  return out;
}

}  // namespace andon::alert
