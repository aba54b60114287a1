#pragma once
// Which receiver is told of an alert, and with which others together. Source of the rules: Alertmanager (dispatch/route.go).
// Immutable once made; thread-safe.
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "andon/alert/matcher.hpp"
#include "andon/base/clock.hpp"

namespace andon::alert {

/// A node as it is configured; what is absent comes from the node above.
struct route_spec {
  std::string receiver;
  std::optional<std::vector<std::string>> group_by;  ///< `...` alone: every alert is a group of its own
  std::optional<nanoseconds> group_wait, group_interval, repeat_interval;
  matchers match;
  bool go_on = false;                                ///< siblings behind it are tried as well
  std::vector<std::string> mute_intervals, active_intervals;  ///< not inherited
  std::vector<route_spec> routes;
};

struct route_options {
  std::string receiver;
  std::set<std::string, std::less<>> group_by;
  bool group_by_all = false;
  nanoseconds group_wait = std::chrono::seconds{30}, group_interval = std::chrono::minutes{5}, repeat_interval = std::chrono::hours{4};
  std::vector<std::string> mute_intervals, active_intervals;
};

class route_tree {
public:
  struct node {
    std::size_t index = 0;
    route_options options;
    matchers match;
    bool go_on = false;
    std::string key;  ///< `{}/{severity="page"}`
    std::vector<std::unique_ptr<node>> children;
  };
  explicit route_tree(const route_spec& root);

  /// Depth first: the first child that matches wins unless it goes on; the node itself where no child matches.
  [[nodiscard]] std::vector<const node*> match(const label_set& labels) const;
  [[nodiscard]] const node& root() const { return *root_; }
  [[nodiscard]] const std::vector<const node*>& all() const { return all_; }  ///< by index

  /// The labels that the alert's group has under this node.
  static label_set group_labels(const node& under, const label_set& labels);

private:
  std::unique_ptr<node> make(const route_spec& from, const node* parent);
  std::vector<const node*> all_;  // before the root, whose making fills it
  std::unique_ptr<node> root_;
};

/// Alerts of the source keep those of the target quiet where the labels `equal` are the same.
struct inhibit_rule {
  matchers source, target;
  std::vector<std::string> equal;
};

}  // namespace andon::alert
