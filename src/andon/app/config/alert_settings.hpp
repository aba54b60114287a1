#pragma once
// The section `alerting` of the configuration file as plain values.
#include <array>
#include <utility>

#include "andon/alert/receiver.hpp"
#include "andon/app/config/schema.hpp"

namespace andon::app {

using namespace std::chrono_literals;

struct smtp_group {
  std::string host;
  std::int64_t port = 587;
  std::string from, user;
  secret password;
  alert::mail_tls tls = alert::mail_tls::starttls;
  std::string ca_file;
};

/// What the kinds of receivers are configured by; each kind's schema shows those that mean something to it.
struct way_group {
  bool send_resolved = true;
  std::string address;  ///< `url` of the kinds whose addresses are no credentials
  secret url, key;
  std::string user, place, type, transition;
  std::vector<std::string> to;
  std::map<std::string, secret> headers;
  std::string title, text, ca_file;
  std::int64_t max_alerts = 0;
};

struct receiver_group {
  std::optional<way_group> webhook, alertmanager, slack, teams, pagerduty, opsgenie, email, github, jira;
  std::string escalation;

  /// By kind; those that are not given, too.
  [[nodiscard]] std::array<std::pair<std::string_view, const std::optional<way_group>*>, 9> ways() const {
    return {{{"webhook", &webhook}, {"alertmanager", &alertmanager}, {"slack", &slack}, {"teams", &teams}, {"pagerduty", &pagerduty}, {"opsgenie", &opsgenie}, {"email", &email}, {"github", &github}, {"jira", &jira}}};
  }
};

struct alert_route_group {
  std::string receiver;
  std::optional<nanoseconds> group_wait, group_interval, repeat_interval;
  std::vector<std::string> group_by, matchers, mute_time_intervals, active_time_intervals;
  bool go_on = false;
  std::vector<alert_route_group> routes;
};

struct inhibit_group {
  std::vector<std::string> source_matchers, target_matchers, equal;
};

struct interval_group {
  std::vector<std::string> times, weekdays, days_of_month, months, years;
  std::string time_zone = "UTC";
};

struct person_group {
  std::string name;
  std::vector<std::string> receivers;
};

struct rotation_group {
  std::vector<std::string> people;
  std::string start;
  nanoseconds every = std::chrono::days{7};
  std::string only;
};

struct schedule_group {
  std::string time_zone = "UTC";
  std::vector<rotation_group> rotations;
};

struct step_group {
  std::vector<std::string> notify;
  nanoseconds wait = 5min;
  bool round_robin = false;
  std::string only;
};

struct escalation_group {
  std::vector<step_group> steps;
  std::int64_t repeat = 0;
};

struct delivery_group {
  nanoseconds give_up_after = 24h;
  nanoseconds longest_pause = 5min;
  std::int64_t per_minute = 60;
};

struct alerting_settings {
  std::string external_url;
  nanoseconds resolve_timeout = 5min;
  nanoseconds intake_timeout = 24h;
  nanoseconds link_lifetime = 72h;
  smtp_group smtp;
  delivery_group delivery;
  table_of<receiver_group> receivers;
  std::optional<alert_route_group> route;
  std::vector<inhibit_group> inhibit_rules;
  table_of<interval_group> time_intervals;
  table_of<person_group> people;
  table_of<schedule_group> schedules;
  table_of<escalation_group> escalations;
  std::vector<secret> intake_keys;
};

template <> struct enum_names<alert::mail_tls> { static constexpr std::array<std::string_view, 3> names{"starttls", "implicit", "none"}; };

schema<alerting_settings> alerting_schema();

}  // namespace andon::app
