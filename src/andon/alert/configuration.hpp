#pragma once
// Everything that the operator says about alerting, compiled: immutable, shared between threads, replaced as a whole.
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "andon/alert/dispatcher.hpp"
#include "andon/alert/oncall.hpp"
#include "andon/alert/outbox.hpp"
#include "andon/alert/receiver.hpp"

namespace andon::alert {

struct receiver_settings {
  std::vector<way> ways;  ///< at most one of each kind, which names it
};

struct configuration {
  nanoseconds resolve_timeout = std::chrono::minutes{5};
  nanoseconds intake_timeout = std::chrono::hours{24};  ///< of an alert that an event of the intake raised
  std::string external_url;                    ///< without a slash at its end; empty: messages have no links
  nanoseconds link_lifetime = std::chrono::hours{72};
  route_spec route;
  std::vector<inhibit_rule> inhibit;
  std::map<std::string, time_interval> intervals;
  std::map<std::string, receiver_settings> receivers;
  std::map<std::string, person> people;
  std::map<std::string, schedule> schedules;
  std::map<std::string, escalation> escalations;
  std::vector<secret> intake_keys;             ///< routing keys of the PagerDuty intake
  outbox_bounds bounds;

  // By seal():
  std::unique_ptr<route_tree> routes;
  std::map<std::string, std::vector<channel>> channels;

  /// To be called once, when all is filled in.
  void seal();
  [[nodiscard]] const way* find_way(const std::string& receiver, const std::string& channel) const;
  [[nodiscard]] bool sends() const;            ///< whether a receiver has a way of its own
  /// As a configuration file of Alertmanager (JSON, which is YAML): routes, receivers by name, inhibition.
  [[nodiscard]] std::string alertmanager_text() const;
};
using configuration_ptr = std::shared_ptr<const configuration>;

/// No receivers: alerts are kept and shown, nobody is told.
configuration_ptr empty_configuration();

}  // namespace andon::alert
