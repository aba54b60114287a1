#include "andon/app/config/alert_settings.hpp"

namespace andon::app {
namespace {

schema<smtp_group> smtp() {
  using s = smtp_group;
  schema<s> out;
  out.value("host", &s::host, "Mail server.");
  out.value("port", &s::port, "Its port.", between<std::int64_t>(1, 65'535));
  out.value("from", &s::from, "Sender's address.");
  out.value("user", &s::user, "User name; left out, without authentication.");
  out.value("password", &s::password, "Its password.");
  out.value("tls", &s::tls, "STARTTLS, which must succeed, TLS from the first byte, or none.");
  out.value("ca_file", &s::ca_file, "PEM file of the authorities to trust instead of the system's.");
  return out;
}

/// What every kind has.
schema<way_group> way() {
  using s = way_group;
  schema<s> out;
  out.value("send_resolved", &s::send_resolved, "Tell the end of alerts as well.");
  out.value("title", &s::title, "Template (mustache) of the title; left out: status, count, name and group.");
  out.value("text", &s::text, "Template of the text; left out: every alert with its summary, labels and times.");
  return out;
}

schema<way_group> web(const char* url, bool is_credential = false) {
  using s = way_group;
  auto out = way();
  if (is_credential) out.value("url", &s::url, url).required();
  else out.value("url", &s::address, url).required();
  out.pairs("headers", &s::headers, "Further headers.");
  out.value("ca_file", &s::ca_file, "PEM file of the authorities to trust instead of the system's.");
  return out;
}

schema<way_group> webhook() {
  using s = way_group;
  auto out = web("Where Alertmanager's webhook payload (version 4) is posted. Each message has an Idempotency-Key that is the same for every try.");
  out.value("key", &s::key, "Bearer token.");
  out.value("max_alerts", &s::max_alerts, "Most alerts of one message; 0: all, up to 500.", at_least<std::int64_t>(0));
  return out;
}

schema<way_group> alertmanager() {
  auto out = web("Base URL of an Alertmanager, such as http://127.0.0.1:9093.");
  out.value("key", &way_group::key, "Bearer token.");
  return out;
}

schema<way_group> slack() {
  using s = way_group;
  auto out = web("Incoming webhook, or https://slack.com/api/chat.postMessage with a token.", true);
  out.value("key", &s::key, "Token, for chat.postMessage.");
  out.value("channel", &s::place, "Channel, such as #ops; left out: the webhook's.");
  out.value("username", &s::user, "Name under which it is posted.");
  return out;
}

schema<way_group> pagerduty() {
  using s = way_group;
  auto out = way();
  out.value("key", &s::key, "Routing key of the integration (Events API v2).").required();
  out.value("url", &s::address, "Where events go; left out: https://events.pagerduty.com/v2/enqueue.");
  out.value("ca_file", &s::ca_file, "PEM file of the authorities to trust instead of the system's.");
  return out;
}

schema<way_group> opsgenie() {
  using s = way_group;
  auto out = way();
  out.value("key", &s::key, "API key.").required();
  out.value("url", &s::address, "Base URL; left out: https://api.opsgenie.com.");
  out.list("teams", &s::to, "Teams that respond.");
  out.value("ca_file", &s::ca_file, "PEM file of the authorities to trust instead of the system's.");
  return out;
}

schema<way_group> email() {
  auto out = way();
  out.list("to", &way_group::to, "Addresses.").required();
  return out;
}

schema<way_group> github() {
  using s = way_group;
  auto out = way();
  out.value("repository", &s::place, "owner/name. Each group of alerts is an issue, which is closed when all have ended.").required();
  out.value("key", &s::key, "Token that may write issues.").required();
  out.value("url", &s::address, "Base URL of the API; left out: https://api.github.com.");
  out.list("labels", &s::to, "Labels of the issues.");
  out.value("ca_file", &s::ca_file, "PEM file of the authorities to trust instead of the system's.");
  return out;
}

schema<way_group> jira() {
  using s = way_group;
  auto out = web("Base URL of the site, such as https://acme.atlassian.net.");
  out.value("project", &s::place, "Key of the project.").required();
  out.value("key", &s::key, "API token.").required();
  out.value("user", &s::user, "User of the token; left out, the token is sent as a bearer.");
  out.value("issue_type", &s::type, "Type of the issues; left out: Bug.");
  out.value("close_transition", &s::transition, "Id of the transition that closes an issue; left out: a comment says that all has ended.");
  out.list("labels", &s::to, "Labels of the issues.");
  return out;
}

schema<receiver_group> receiver() {
  using s = receiver_group;
  schema<s> out;
  out.group("webhook", &s::webhook, webhook(), "A program of your own.");
  out.group("alertmanager", &s::alertmanager, alertmanager(), "Another Alertmanager, or Andon.");
  out.group("slack", &s::slack, slack(), "Slack.");
  out.group("teams", &s::teams, web("Webhook of a Workflows flow that posts to a channel.", true), "Microsoft Teams.");
  out.group("pagerduty", &s::pagerduty, pagerduty(), "PagerDuty, or what takes its events.");
  out.group("opsgenie", &s::opsgenie, opsgenie(), "Opsgenie, or what takes its API.");
  out.group("email", &s::email, email(), "Mail, by `alerting.smtp`.");
  out.group("github", &s::github, github(), "Issues at GitHub.");
  out.group("jira", &s::jira, jira(), "Issues in Jira.");
  out.value("escalation", &s::escalation, "Entry of `escalations`: opens an incident, which is worked on until somebody acknowledges it.");
  return out;
}

const schema<alert_route_group>& route() {
  using s = alert_route_group;
  static const auto made = [] {
    schema<s> out;
    out.value("receiver", &s::receiver, "Entry of `receivers`; left out, the one of the route above.");
    out.list("matchers", &s::matchers, "What labels must be, such as severity=\"page\" or route=~\"chat.*\"; all of them. Not for the first route, which takes everything.");
    out.list("group_by", &s::group_by, "Alerts that agree in these labels are told together; `...` tells each alone.");
    out.value("group_wait", &s::group_wait, "How long a new group waits for others before it is told first; 30s.", at_least<nanoseconds>(0s));
    out.value("group_interval", &s::group_interval, "Time between two messages of a group when something changed; 5m.", at_least<nanoseconds>(1s));
    out.value("repeat_interval", &s::repeat_interval, "After how long an unchanged group is told again, rounded up to group_interval; 4h.", at_least<nanoseconds>(1s));
    out.value("continue", &s::go_on, "Try the routes behind this one as well.");
    out.list("mute_time_intervals", &s::mute_time_intervals, "Entries of `time_intervals` in which nothing is told.");
    out.list("active_time_intervals", &s::active_time_intervals, "Entries of `time_intervals` outside which nothing is told.");
    out.nested("routes", &s::routes, &route, "Routes below this one, of the same form; the first that matches wins.");
    return out;
  }();
  return made;
}

schema<inhibit_group> inhibit() {
  using s = inhibit_group;
  schema<s> out;
  out.list("source_matchers", &s::source_matchers, "Alerts that keep others quiet while they fire.").required();
  out.list("target_matchers", &s::target_matchers, "Alerts that are kept quiet.").required();
  out.list("equal", &s::equal, "Labels in which both must agree.");
  return out;
}

schema<interval_group> interval() {
  using s = interval_group;
  schema<s> out;
  out.list("times", &s::times, "Spans of the day, such as 09:00-17:00; 22:00-06:00 is the evening and the early morning of each day.");
  out.list("weekdays", &s::weekdays, "Days, such as sunday or monday:friday.");
  out.list("days_of_month", &s::days_of_month, "Days, such as 1:7; negative ones count from the end.");
  out.list("months", &s::months, "Months, such as december, 12 or march:may.");
  out.list("years", &s::years, "Years, such as 2026:2028.");
  out.value("time_zone", &s::time_zone, "IANA name of the zone.");
  return out;
}

schema<person_group> person() {
  using s = person_group;
  schema<s> out;
  out.value("name", &s::name, "For people.");
  out.list("receivers", &s::receivers, "Entries of `receivers` through which the person is told.").required();
  return out;
}

schema<rotation_group> rotation() {
  using s = rotation_group;
  schema<s> out;
  out.list("people", &s::people, "Entries of `people`, in their order.").required();
  out.value("start", &s::start, "When the first one begins, local time: 2026-01-05 09:00.").required();
  out.value("every", &s::every, "How long a turn is; hand-overs stay at the same local time.", at_least<nanoseconds>(1h));
  out.value("only", &s::only, "Entry of `time_intervals` in which it holds.");
  return out;
}

schema<schedule_group> schedule() {
  using s = schedule_group;
  schema<s> out;
  out.value("time_zone", &s::time_zone, "IANA name of the zone.");
  out.items("rotations", &s::rotations, rotation(), +[](std::string name) { return rotation_group{.people = {std::move(name)}, .start = "2020-01-01 00:00", .only = {}}; },
            "A later one goes before an earlier where both hold. A name alone is a person who is always on call.").required();
  return out;
}

schema<step_group> step() {
  using s = step_group;
  schema<s> out;
  out.list("notify", &s::notify, "Who is told: a person, schedule:NAME or receiver:NAME.").required();
  out.value("wait", &s::wait, "How long to wait for somebody to acknowledge before the next step.", at_least<nanoseconds>(10s));
  out.value("round_robin", &s::round_robin, "Tell one of them, in turn from incident to incident.");
  out.value("only", &s::only, "Entry of `time_intervals` outside which the step is passed over.");
  return out;
}

schema<escalation_group> escalation() {
  using s = escalation_group;
  schema<s> out;
  out.items("steps", &s::steps, step(), +[](std::string name) { return step_group{.notify = {std::move(name)}, .only = {}}; }, "In their order; a name alone tells it and waits 5m.").required();
  out.value("repeat", &s::repeat, "How often it begins again when nobody has acknowledged.", between<std::int64_t>(0, 20));
  return out;
}

schema<delivery_group> delivery() {
  using s = delivery_group;
  schema<s> out;
  out.value("give_up_after", &s::give_up_after, "A message that could not be delivered for so long is a dead letter.", at_least<nanoseconds>(1min));
  out.value("longest_pause", &s::longest_pause, "Longest pause between two tries; pauses double from a second.", at_least<nanoseconds>(1s));
  out.value("per_minute", &s::per_minute, "Messages to one receiver in a minute; further ones wait.", between<std::int64_t>(1, 100'000));
  return out;
}

}  // namespace

schema<alerting_settings> alerting_schema() {
  using s = alerting_settings;
  schema<s> out;
  out.value("external_url", &s::external_url, "Where people reach the admin port, for links in messages, such as https://andon.example.com; left out, messages have no links.");
  out.value("resolve_timeout", &s::resolve_timeout, "A posted alert without an end is over after this time unless it is posted again.", at_least<nanoseconds>(1s));
  out.value("intake_timeout", &s::intake_timeout, "An alert that a PagerDuty event raised is over after this time unless its event is triggered again; a resolve ends it before.", at_least<nanoseconds>(1min));
  out.value("link_lifetime", &s::link_lifetime, "How long links to acknowledge and resolve are good.", at_least<nanoseconds>(1min));
  out.group("smtp", &s::smtp, smtp(), "The mail server of all receivers with `email`.");
  out.group("delivery", &s::delivery, delivery(), "How messages are tried.");
  out.table("receivers", &s::receivers, receiver(), "Who can be told, each by one or several ways.");
  out.group("route", &s::route, route(), "Which receiver is told of which alerts. Left out, alerts are kept and shown, and nobody is told.");
  out.items("inhibit_rules", &s::inhibit_rules, inhibit(), nullptr, "Alerts that keep others quiet.");
  out.table("time_intervals", &s::time_intervals, interval(), "Spans of the calendar by name; fields that are given must all hold, of a field's entries any.");
  out.table("people", &s::people, person(), "Who can be on call.");
  out.table("schedules", &s::schedules, schedule(), "Who is on call when.");
  out.table("escalations", &s::escalations, escalation(), "Who is told one after the other until somebody acknowledges.");
  out.list("intake_keys", &s::intake_keys, "Routing keys with which others may post PagerDuty events to /v2/enqueue on the admin port; at least 16 characters each.");
  return out;
}

}  // namespace andon::app
