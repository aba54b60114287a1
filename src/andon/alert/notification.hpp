#pragma once
// What is to be told to one receiver: a group of alerts as it was when the decision fell.
#include <boost/json/object.hpp>
#include <set>
#include <string>
#include <vector>

#include "andon/alert/labels.hpp"
#include "andon/base/clock.hpp"

namespace andon::alert {

struct notified_alert {
  label_set labels, annotations;
  wall_time starts_at, ends_at;  ///< ends_at counts only when resolved
  bool resolved = false;
  std::string generator_url;
  std::uint64_t fingerprint = 0;
  bool operator==(const notified_alert&) const = default;
};

struct notification {
  static constexpr std::size_t most_alerts = 500;

  std::string receiver;          ///< name in the configuration
  std::string channel;           ///< which of its ways: `slack`, `pagerduty`, …
  std::string group_key;
  label_set group_labels;
  std::vector<notified_alert> alerts{};
  std::uint64_t truncated = 0;   ///< alerts beyond most_alerts, left out
  wall_time at;
  nanoseconds repeat_interval{}; ///< of the group's route
  std::string incident{};        ///< id, when an escalation tells a person
  std::string ack_url{}, resolve_url{};
  std::string who{};             ///< whose turn it is
  std::string note{};            ///< words of the escalation: whose turn it is, why

  [[nodiscard]] std::size_t firing() const;
  [[nodiscard]] std::set<std::uint64_t> firing_alerts() const;  ///< their fingerprints
  [[nodiscard]] std::size_t resolved() const { return alerts.size() - firing(); }
  [[nodiscard]] std::string_view status() const { return firing() > 0 ? "firing" : "resolved"; }
  [[nodiscard]] label_set common_labels() const;
  [[nodiscard]] label_set common_annotations() const;
  bool operator==(const notification&) const = default;
};

/// Whether `later` tells all that `earlier` would have told: what fires in it fires still, and what has ended is named. An
/// end of all is told before what fires anew: a receiver that ties messages together would take that for the old matter.
bool tells_all_of(const notification& later, const notification& earlier);

boost::json::object to_json(const label_set& labels);
/// As it is kept in the outbox.
std::string notification_json(const notification& from);
result<notification> parse_notification(std::string_view text);  ///< errc::corrupt

}  // namespace andon::alert
