#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "andon/alert/render.hpp"
#include "andon/base/text_start.hpp"
#include "andon/base/time_text.hpp"

namespace andon::alert::render {
namespace {

namespace json = boost::json;

constexpr std::size_t longest_summary = 1024, most_details = 400 << 10;
constexpr std::size_t longest_genie_message = 130, longest_genie_text = 15000;
constexpr nanoseconds grace = std::chrono::minutes{5};

outgoing json_to(const rendering& in, std::string url, const json::value& body) {
  outgoing out{.method = "POST", .url = secret(std::move(url)), .body = json::serialize(body), .ca_file = in.to.ca_file};
  out.headers.emplace_back("Content-Type", secret("application/json"));
  for (const auto& [name, value] : in.to.headers) out.headers.emplace_back(name, value);
  return out;
}

std::string base_of(const way& to) {
  std::string out(to.url.reveal());
  while (out.ends_with('/')) out.pop_back();
  return out;
}

std::size_t most_of(const way& to, std::size_t all) { return to.max_alerts == 0 ? all : std::min(all, to.max_alerts); }

json::object alert_json(const notified_alert& from) {
  return {{"status", from.resolved ? "resolved" : "firing"}, {"labels", to_json(from.labels)}, {"annotations", to_json(from.annotations)},
          {"startsAt", format_rfc3339(from.starts_at)}, {"endsAt", from.resolved ? format_rfc3339(from.ends_at) : "0001-01-01T00:00:00Z"},
          {"generatorURL", from.generator_url}, {"fingerprint", fingerprint_text(from.fingerprint)}};
}

std::string lines_of(const notification& what, bool resolved) {
  std::string out;
  for (const auto& one : what.alerts)
    if (one.resolved == resolved) out += labels_text(one.labels) + "\n";
  return out;
}

std::string source_of(const rendering& in) {
  const auto common = in.what.common_labels();
  for (const auto* name : {"instance", "route", "job", "source"})
    if (const auto value = label_value(common, name); !value.empty()) return std::string(value);
  return in.external_url.empty() ? "andon" : in.external_url;
}

}  // namespace

result<std::optional<outgoing>> webhook(const rendering& in) {
  const auto& what = in.what;
  const auto shown = most_of(in.to, what.alerts.size());
  json::array alerts;
  for (std::size_t i = 0; i < shown; ++i) alerts.emplace_back(alert_json(what.alerts[i]));
  json::object body{{"version", "4"}, {"groupKey", what.group_key}, {"truncatedAlerts", what.truncated + (what.alerts.size() - shown)}, {"status", what.status()},
                    {"receiver", what.receiver}, {"groupLabels", to_json(what.group_labels)}, {"commonLabels", to_json(what.common_labels())},
                    {"commonAnnotations", to_json(what.common_annotations())}, {"externalURL", in.external_url}, {"alerts", std::move(alerts)}};
  if (!what.incident.empty()) body["incident"] = json::object{{"id", what.incident}, {"ack_url", what.ack_url}, {"resolve_url", what.resolve_url}, {"note", what.note}};
  auto out = json_to(in, std::string(in.to.url.reveal()), body);
  out.headers.emplace_back("Idempotency-Key", secret(in.idempotency_key));
  if (!in.to.key.empty()) out.headers.emplace_back("Authorization", secret("Bearer " + std::string(in.to.key.reveal())));
  return std::optional(std::move(out));
}

result<std::optional<outgoing>> alertmanager(const rendering& in) {
  json::array alerts;
  for (const auto& one : in.what.alerts) {
    const auto ends = one.resolved ? one.ends_at : in.what.at + in.what.repeat_interval + grace;
    alerts.emplace_back(json::object{{"labels", to_json(one.labels)}, {"annotations", to_json(one.annotations)}, {"startsAt", format_rfc3339(one.starts_at)},
                                     {"endsAt", format_rfc3339(ends)}, {"generatorURL", one.generator_url}});
  }
  auto out = json_to(in, base_of(in.to) + "/api/v2/alerts", alerts);
  if (!in.to.key.empty()) out.headers.emplace_back("Authorization", secret("Bearer " + std::string(in.to.key.reveal())));
  return std::optional(std::move(out));
}

result<std::optional<outgoing>> pagerduty(const rendering& in) {
  json::object body{{"routing_key", in.to.key.reveal()}, {"event_action", in.what.firing() > 0 ? "trigger" : "resolve"}, {"dedup_key", dedup_key(in.what)}};
  if (in.what.firing() > 0) {
    const auto common = in.what.common_labels();
    json::object details{{"num_firing", std::to_string(in.what.firing())}, {"num_resolved", std::to_string(in.what.resolved())},
                         {"firing", text_start(lines_of(in.what, false), most_details / 2)}, {"resolved", text_start(lines_of(in.what, true), most_details / 2)},
                         {"text", in.words.text}};
    json::object payload{{"summary", text_start(in.words.title, longest_summary)}, {"source", source_of(in)}, {"severity", severity_of(in.what)},
                         {"timestamp", format_rfc3339(in.what.alerts.front().starts_at)}, {"custom_details", std::move(details)}};
    if (const auto name = label_value(common, "alertname"); !name.empty()) payload["class"] = name;
    if (const auto name = label_value(common, "component"); !name.empty()) payload["component"] = name;
    body["payload"] = std::move(payload);
    body["client"] = "Andon";
    if (!in.external_url.empty()) body["client_url"] = in.external_url;
    json::array links;
    for (const auto& one : in.what.alerts)
      if (!one.generator_url.empty() && links.size() < 10) links.emplace_back(json::object{{"href", one.generator_url}, {"text", label_value(one.labels, "alertname")}});
    if (!links.empty()) body["links"] = std::move(links);
  }
  return std::optional(json_to(in, base_of(in.to), body));
}

result<std::optional<outgoing>> opsgenie(const rendering& in) {
  const auto alias = dedup_key(in.what);
  outgoing out;
  if (in.what.firing() == 0) {
    out = json_to(in, base_of(in.to) + "/v2/alerts/" + alias + "/close?identifierType=alias", json::object{{"source", "andon"}, {"note", text_start(in.words.title, longest_genie_message)}});
  } else {
    static constexpr std::array<std::pair<std::string_view, std::string_view>, 4> priorities{{{"critical", "P1"}, {"error", "P2"}, {"warning", "P3"}, {"info", "P5"}}};
    json::object body{{"message", text_start(in.words.title, longest_genie_message)}, {"alias", alias}, {"description", text_start(in.words.text, longest_genie_text)},
                      {"details", to_json(in.what.common_labels())}, {"source", source_of(in)},
                      {"priority", std::ranges::find(priorities, severity_of(in.what), [](const auto& p) { return p.first; })->second}};
    json::array responders;
    for (const auto& name : in.to.to) responders.emplace_back(json::object{{"name", name}, {"type", "team"}});
    if (!responders.empty()) body["responders"] = std::move(responders);
    out = json_to(in, base_of(in.to) + "/v2/alerts", body);
  }
  out.headers.emplace_back("Authorization", secret("GenieKey " + std::string(in.to.key.reveal())));
  return std::optional(std::move(out));
}

}  // namespace andon::alert::render
