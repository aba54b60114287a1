#include "andon/alert/api_v2.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "andon/base/hashing.hpp"
#include "andon/base/text_start.hpp"
#include "andon/base/time_text.hpp"

namespace andon::alert::api {
namespace {

namespace json = boost::json;

constexpr std::size_t most_posted = 10'000;
constexpr std::size_t longest_name = 100;  ///< of an alert that is named by its summary

std::string text_of(const json::value& from) { return std::string(std::string_view(from.get_string())); }

result<label_set> read_labels(const json::object& from, const char* name) {
  label_set out;
  const auto* found = from.if_contains(name);
  if (found == nullptr || found->is_null()) return out;
  if (!found->is_object()) return fail(errc::invalid_argument, fmt::format("{} must be an object of texts", name), name);
  for (const auto& [key, value] : found->get_object()) {
    if (!value.is_string()) return fail(errc::invalid_argument, fmt::format("{}.{} must be a text", name, std::string_view(key)), name);
    out.emplace(std::string(key), text_of(value));
  }
  return out;
}

/// Absent, null and Go's zero time are no time.
result<std::optional<wall_time>> read_time(const json::object& from, const char* name) {
  const auto* found = from.if_contains(name);
  if (found == nullptr || found->is_null() || (found->is_string() && (found->get_string().empty() || found->get_string().starts_with("0001-01-01")))) return std::optional<wall_time>{};
  const auto at = found->is_string() ? parse_rfc3339(found->get_string()) : result<wall_time>(fail(errc::invalid_argument, ""));
  if (!at) return fail(errc::invalid_argument, fmt::format("{} must be a time such as 2027-01-31T00:00:00Z", name), name);
  return std::optional(*at);
}

result<std::string> read_text(const json::object& from, const char* name) {
  const auto* found = from.if_contains(name);
  if (found == nullptr || found->is_null()) return std::string{};
  if (!found->is_string()) return fail(errc::invalid_argument, fmt::format("{} must be a text", name), name);
  return text_of(*found);
}

result<posted_alert> read_one(const json::value& from) {
  if (!from.is_object()) return fail(errc::invalid_argument, "an alert must be an object");
  const auto& all = from.get_object();
  auto labels = read_labels(all, "labels");
  if (!labels) return std::unexpected(std::move(labels.error()));
  auto annotations = read_labels(all, "annotations");
  if (!annotations) return std::unexpected(std::move(annotations.error()));
  const auto starts = read_time(all, "startsAt"), ends = read_time(all, "endsAt");
  if (!starts) return std::unexpected(starts.error());
  if (!ends) return std::unexpected(ends.error());
  auto generator = read_text(all, "generatorURL");
  if (!generator) return std::unexpected(std::move(generator.error()));
  return posted_alert{std::move(*labels), std::move(*annotations), *starts, *ends, std::move(*generator)};
}

bool read_flag(const json::object& from, const char* name, bool missing) {
  const auto* found = from.if_contains(name);
  return found != nullptr && found->is_bool() ? found->get_bool() : missing;
}

result<matchers> read_matchers(const json::object& from) {
  const auto* found = from.if_contains("matchers");
  if (found == nullptr || !found->is_array()) return fail(errc::invalid_argument, "matchers must be a list of {name, value, isRegex, isEqual}", "matchers");
  matchers out;
  for (const auto& item : found->get_array()) {
    const auto* one = item.if_object();
    const auto name = one != nullptr ? read_text(*one, "name") : fail(errc::invalid_argument, "a matcher must be an object", "matchers");
    const auto value = one != nullptr ? read_text(*one, "value") : fail(errc::invalid_argument, "a matcher must be an object", "matchers");
    if (!name || !value) return std::unexpected(name ? value.error() : name.error());
    const bool regex = read_flag(*one, "isRegex", false), equal = read_flag(*one, "isEqual", true);
    auto made = matcher::make(*name, regex ? (equal ? match_op::match : match_op::not_match) : (equal ? match_op::equal : match_op::not_equal), *value);
    if (!made) return std::unexpected(std::move(made.error()));
    out.push_back(std::move(*made));
  }
  return out;
}

result<interval_text> read_recurrence(const json::object& from) {
  interval_text out;
  const auto* found = from.if_contains("recurrence");
  if (found == nullptr || found->is_null()) return out;
  if (!found->is_object()) return fail(errc::invalid_argument, "recurrence must be an object with times, weekdays, days_of_month, months, years, time_zone", "recurrence");
  for (const auto& [name, value] : found->get_object()) {
    const std::string_view key(name);
    auto* list = key == "times" ? &out.times : key == "weekdays" ? &out.weekdays : key == "days_of_month" ? &out.days_of_month : key == "months" ? &out.months : key == "years" ? &out.years : nullptr;
    if (list == nullptr) {
      if (key != "time_zone" || !value.is_string()) return fail(errc::invalid_argument, fmt::format("recurrence.{} is not known or no text", key), "recurrence");
      out.zone = text_of(value);
      continue;
    }
    if (!value.is_array()) return fail(errc::invalid_argument, fmt::format("recurrence.{} must be a list of texts", key), "recurrence");
    for (const auto& one : value.get_array()) {
      if (!one.is_string()) return fail(errc::invalid_argument, fmt::format("recurrence.{} must be a list of texts", key), "recurrence");
      list->push_back(text_of(one));
    }
  }
  return out;
}

result<json::value> parsed(std::string_view body) {
  boost::system::error_code failed;
  auto out = json::parse(body, failed);
  if (failed) return fail(errc::bad_json, "the body is not JSON: " + failed.message());
  return out;
}

}  // namespace

result<read_alerts> read_posted(std::string_view body) {
  const auto document = parsed(body);
  if (!document) return std::unexpected(document.error());
  if (!document->is_array()) return fail(errc::invalid_argument, "the body must be a list of alerts");
  if (document->get_array().size() > most_posted) return fail(errc::invalid_argument, fmt::format("more than {} alerts at once", most_posted));
  read_alerts out;
  for (const auto& one : document->get_array()) {
    auto read = read_one(one);
    if (read) out.alerts.push_back(std::move(*read));
    else out.problems.push_back(std::move(read.error().message));
  }
  return out;
}

result<silence> read_silence(std::string_view body) {
  const auto document = parsed(body);
  if (!document) return std::unexpected(document.error());
  if (!document->is_object()) return fail(errc::invalid_argument, "the body must be a silence");
  const auto& from = document->get_object();
  silence out;
  auto id = read_text(from, "id"), author = read_text(from, "createdBy"), comment = read_text(from, "comment");
  auto match = read_matchers(from);
  auto recurrence = read_recurrence(from);
  const auto starts = read_time(from, "startsAt"), ends = read_time(from, "endsAt");
  for (const error* why : std::initializer_list<const error*>{id ? nullptr : &id.error(), author ? nullptr : &author.error(), comment ? nullptr : &comment.error(), match ? nullptr : &match.error(),
                          recurrence ? nullptr : &recurrence.error(), starts ? nullptr : &starts.error(), ends ? nullptr : &ends.error()})
    if (why != nullptr) return std::unexpected(*why);
  if (!*starts || !*ends) return fail(errc::invalid_argument, "startsAt and endsAt are needed", *starts ? "endsAt" : "startsAt");
  out = {.id = std::move(*id), .match = std::move(*match), .starts_at = **starts, .ends_at = **ends, .created_by = std::move(*author), .comment = std::move(*comment), .recurrence = std::move(*recurrence)};
  return out;
}

std::string integration_label(std::string_view routing_key) { return "pagerduty-" + to_hex(sha256(routing_key)).substr(0, 12); }

result<intake_event> read_intake(std::string_view body, const std::string& fresh_key) {
  const auto document = parsed(body);
  if (!document) return std::unexpected(document.error());
  if (!document->is_object()) return fail(errc::invalid_argument, "the body must be an event");
  const auto& from = document->get_object();
  intake_event out;
  auto routing = read_text(from, "routing_key"), key = read_text(from, "dedup_key"), action = read_text(from, "event_action"), client = read_text(from, "client"), link = read_text(from, "client_url");
  for (const error* why : std::initializer_list<const error*>{routing ? nullptr : &routing.error(), key ? nullptr : &key.error(), action ? nullptr : &action.error(), client ? nullptr : &client.error(), link ? nullptr : &link.error()})
    if (why != nullptr) return std::unexpected(*why);
  out.routing_key = std::move(*routing);
  if (*action == "trigger") out.what = intake_event::action::trigger;
  else if (*action == "acknowledge") out.what = intake_event::action::acknowledge;
  else if (*action == "resolve") out.what = intake_event::action::resolve;
  else return fail(errc::invalid_argument, "event_action must be trigger, acknowledge or resolve", "event_action");
  if (key->size() > 255) return fail(errc::invalid_argument, "dedup_key may have 255 characters", "dedup_key");
  if (key->empty() && out.what != intake_event::action::trigger) return fail(errc::invalid_argument, "dedup_key is needed to acknowledge or resolve", "dedup_key");
  out.dedup_key = key->empty() ? fresh_key : *key;
  if (out.what != intake_event::action::trigger) return out;
  const auto* found = from.if_contains("payload");
  const auto* payload = found != nullptr ? found->if_object() : nullptr;
  if (payload == nullptr) return fail(errc::invalid_argument, "payload is needed", "payload");
  for (const auto* name : {"summary", "source", "severity"}) {
    const auto value = read_text(*payload, name);
    if (!value || value->empty()) return fail(errc::invalid_argument, fmt::format("payload.{} is needed", name), name);
    (std::string_view(name) == "summary" ? out.alert.annotations : out.alert.labels)[name] = *value;
  }
  const auto& severity = out.alert.labels["severity"];
  if (severity != "critical" && severity != "error" && severity != "warning" && severity != "info") return fail(errc::invalid_argument, "payload.severity must be critical, error, warning or info", "severity");
  if (out.alert.annotations["summary"].size() > 1024) return fail(errc::invalid_argument, "payload.summary may have 1024 characters", "summary");
  for (const auto* name : {"component", "group", "class"})
    if (const auto value = read_text(*payload, name); value && !value->empty()) out.alert.labels[name] = *value;
  const auto& name = label_value(out.alert.labels, "class");
  out.alert.labels["alertname"] = name.empty() ? std::string(text_start(out.alert.annotations["summary"], longest_name)) : std::string(name);
  out.alert.labels["dedup_key"] = out.dedup_key;
  out.alert.labels["integration"] = integration_label(out.routing_key);
  if (const auto* details = payload->if_contains("custom_details"); details != nullptr && !details->is_null()) out.alert.annotations["description"] = json::serialize(*details).substr(0, 8192);
  if (!client->empty()) out.alert.annotations["client"] = *client;
  if (!link->empty()) out.alert.generator_url = *link;
  return out;
}

result<post_outcome> take_event(board& into, intake_event from, wall_time now) {
  std::vector<posted_alert> posts;
  std::vector<std::int64_t> incidents;
  const auto integration = integration_label(from.routing_key);
  const auto is_same = [&](const label_set& labels) { return label_value(labels, "dedup_key") == from.dedup_key && label_value(labels, "integration") == integration; };
  into.read([&](const board_view& seen) {
    for (const auto& [fingerprint, one] : seen.book.all())
      if (is_same(one.labels) && !one.resolved(now) && one.labels != from.alert.labels && from.what != intake_event::action::acknowledge)
        posts.push_back({one.labels, one.annotations, one.starts_at, now, one.generator_url});
    for (const auto& [number, one] : seen.open_incidents)
      if (std::ranges::any_of(one.latest.alerts, [&](const notified_alert& a) { return is_same(a.labels); })) incidents.push_back(number);
  });
  if (from.what == intake_event::action::acknowledge) {
    for (const auto number : incidents) (void)into.acknowledge(number, "PagerDuty event", now);  // one that is acknowledged stays so
    return post_outcome{};
  }
  if (from.what == intake_event::action::trigger) {
    from.alert.starts_at = now;
    from.alert.ends_at = now + into.settings()->intake_timeout;
    posts.push_back(std::move(from.alert));
  }
  return into.post(posts, now);
}

}  // namespace andon::alert::api
