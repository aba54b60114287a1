#pragma once
// Documents of Alertmanager's API v2 and of PagerDuty's Events API v2, both ways. Errors: bad_json, invalid_argument naming
// the field.
#include <boost/json.hpp>
#include <span>

#include "andon/alert/board.hpp"

namespace andon::alert::api {

/// What one element of a posted array was: an alert, or what is wrong with it.
struct read_alerts {
  std::vector<posted_alert> alerts;
  std::vector<std::string> problems;
};
result<read_alerts> read_posted(std::string_view body);
result<silence> read_silence(std::string_view body);

/// `GET /alerts` and `/alerts/groups`: which to show. Alerts that have ended are never shown.
struct alert_query {
  bool active = true, silenced = true, inhibited = true, muted = true, unprocessed = true;
  matchers filter;
  std::string receiver;  ///< anchored expression over names; empty: all
};
result<boost::json::array> alerts_json(const board_view& from, const alert_query& query);
result<boost::json::array> groups_json(const board_view& from, const alert_query& query);

std::size_t count_firing(const board_view& from);
/// How many of them a silence, another alert or a time interval keeps quiet.
std::size_t count_quiet(const board_view& from);

boost::json::object silence_json(const silence& from, wall_time now);
/// Active ones first, then pending, then expired; within these by when they end. `filter` is held against the names and
/// values of each silence's matchers as if they were labels, as Alertmanager does it.
boost::json::array silences_json(const board_view& from, const matchers& filter);
boost::json::array receivers_json(const board_view& from);
boost::json::object status_json(const board_view& from, std::string_view version, wall_time started);

/// An event of PagerDuty's intake: trigger raises an alert, resolve ends it, acknowledge stops the escalation that it
/// began. Events of other routing keys do not touch it.
struct intake_event {
  std::string routing_key, dedup_key;
  enum class action : std::uint8_t { trigger, acknowledge, resolve } what = action::trigger;
  posted_alert alert;
};
/// `fresh_key`: the dedup_key of a trigger that brings none.
result<intake_event> read_intake(std::string_view body, const std::string& fresh_key);
std::string integration_label(std::string_view routing_key);
result<post_outcome> take_event(board& into, intake_event from, wall_time now);

}  // namespace andon::alert::api
