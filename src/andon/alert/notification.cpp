#include "andon/alert/notification.hpp"

#include <algorithm>
#include <boost/json.hpp>

namespace andon::alert {
namespace {

namespace json = boost::json;

std::int64_t nanos(wall_time at) { return at.time_since_epoch().count(); }
wall_time time_of(const json::value& from) { return wall_time{nanoseconds{from.as_int64()}}; }
std::string text_of(const json::value& from) { return std::string(std::string_view(from.as_string())); }

label_set labels_of(const json::value& from) {
  label_set out;
  for (const auto& [name, value] : from.as_object()) out.emplace(std::string(name), text_of(value));
  return out;
}

label_set common(const std::vector<notified_alert>& alerts, label_set notified_alert::*which) {
  std::vector<const label_set*> all;
  for (const auto& one : alerts) all.push_back(&(one.*which));
  return common_of(all);
}

notification read(const json::object& from) {
  notification out;
  out.receiver = text_of(from.at("receiver"));
  out.channel = text_of(from.at("channel"));
  out.group_key = text_of(from.at("group_key"));
  out.group_labels = labels_of(from.at("group_labels"));
  for (const auto& one : from.at("alerts").as_array()) {
    const auto& a = one.as_object();
    out.alerts.push_back({labels_of(a.at("labels")), labels_of(a.at("annotations")), time_of(a.at("starts")), time_of(a.at("ends")), a.at("resolved").as_bool(),
                          text_of(a.at("generator")), fingerprint_of(labels_of(a.at("labels")))});
  }
  out.truncated = static_cast<std::uint64_t>(from.at("truncated").as_int64());
  out.at = time_of(from.at("at"));
  out.repeat_interval = nanoseconds{from.at("repeat").as_int64()};
  out.incident = text_of(from.at("incident"));
  out.ack_url = text_of(from.at("ack_url"));
  out.resolve_url = text_of(from.at("resolve_url"));
  out.note = text_of(from.at("note"));
  if (const auto* who = from.if_contains("who")) out.who = text_of(*who);  // not in those of older versions
  return out;
}

}  // namespace

std::size_t notification::firing() const { return static_cast<std::size_t>(std::ranges::count(alerts, false, &notified_alert::resolved)); }
std::set<std::uint64_t> notification::firing_alerts() const {
  std::set<std::uint64_t> out;
  for (const auto& one : alerts)
    if (!one.resolved) out.insert(one.fingerprint);
  return out;
}
label_set notification::common_labels() const { return common(alerts, &notified_alert::labels); }
label_set notification::common_annotations() const { return common(alerts, &notified_alert::annotations); }

bool tells_all_of(const notification& later, const notification& earlier) {
  if (earlier.truncated > 0 || earlier.who != later.who || (earlier.firing() == 0 && later.firing() > 0)) return false;
  return std::ranges::all_of(earlier.alerts, [&](const notified_alert& one) {
    const auto again = std::ranges::find(later.alerts, one.fingerprint, &notified_alert::fingerprint);
    return again != later.alerts.end() && (one.resolved || !again->resolved);
  });
}

json::object to_json(const label_set& labels) {
  json::object out;
  for (const auto& [name, value] : labels) out[name] = value;
  return out;
}

std::string notification_json(const notification& from) {
  json::array alerts;
  for (const auto& one : from.alerts)
    alerts.emplace_back(json::object{{"labels", to_json(one.labels)}, {"annotations", to_json(one.annotations)}, {"starts", nanos(one.starts_at)},
                                     {"ends", nanos(one.ends_at)}, {"resolved", one.resolved}, {"generator", one.generator_url}});
  return json::serialize(json::object{{"receiver", from.receiver}, {"channel", from.channel}, {"group_key", from.group_key}, {"group_labels", to_json(from.group_labels)},
                                      {"alerts", std::move(alerts)}, {"truncated", static_cast<std::int64_t>(from.truncated)}, {"at", nanos(from.at)},
                                      {"repeat", from.repeat_interval.count()}, {"incident", from.incident}, {"ack_url", from.ack_url},
                                      {"resolve_url", from.resolve_url}, {"note", from.note}, {"who", from.who}});
}

result<notification> parse_notification(std::string_view text) {
  boost::system::error_code failed;
  const auto parsed = json::parse(text, failed);
  if (failed || !parsed.is_object()) return fail(errc::corrupt, "a notification of the outbox is not readable");
  try {
    return read(parsed.get_object());
  } catch (const std::exception& broken) {
    return fail(errc::corrupt, std::string("a notification of the outbox is not readable: ") + broken.what());
  }
}

}  // namespace andon::alert
