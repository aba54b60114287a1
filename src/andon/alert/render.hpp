#pragma once
// The renderers that the table of receivers names, one for each kind.
#include "andon/alert/receiver.hpp"

namespace andon::alert::render {

/// Alertmanager's webhook payload, version "4".
result<std::optional<outgoing>> webhook(const rendering&);
/// Alerts for another Alertmanager (or Andon): POST …/api/v2/alerts. Firing ones end when the next repetition is overdue.
result<std::optional<outgoing>> alertmanager(const rendering&);
/// Slack's incoming webhook, or chat.postMessage with a token in `key`.
result<std::optional<outgoing>> slack(const rendering&);
/// Microsoft Teams by a Workflows webhook: an Adaptive Card.
result<std::optional<outgoing>> teams(const rendering&);
/// Events API v2: trigger and resolve. `key`: the routing key.
result<std::optional<outgoing>> pagerduty(const rendering&);
/// Opsgenie's Alert API v2 and what speaks it. `key`: the GenieKey.
result<std::optional<outgoing>> opsgenie(const rendering&);
result<std::optional<outgoing>> email(const rendering&);
/// An issue for each group, a comment for each further message, closed when everything has ended.
result<std::optional<outgoing>> github(const rendering&);
std::string github_reference(const answer&);
/// The same with Jira's REST API v2; closed by the configured transition. With a user it is Basic authentication, else Bearer.
result<std::optional<outgoing>> jira(const rendering&);
std::string jira_reference(const answer&);

std::string base64(std::string_view bytes);  ///< with padding (RFC 4648)

}  // namespace andon::alert::render
