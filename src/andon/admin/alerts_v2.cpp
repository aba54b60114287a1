// Alertmanager's API v2 and PagerDuty's event intake, over the board of alerts.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "andon/admin/alerts.hpp"
#include "andon/admin/audit.hpp"
#include "andon/admin/json_out.hpp"
#include "andon/alert/api_v2.hpp"
#include "andon/base/hashing.hpp"
#include "andon/base/time_text.hpp"

namespace andon::admin {

result<alert::board*> board_of(const services& with) {
  if (with.alerts == nullptr) return fail(errc::unavailable, "there is no board of alerts");
  return with.alerts;
}

std::string actor_of(const request& asked) { return asked.who ? asked.who->key.str() : "anonymous"; }

result<wall_time> since_of(const request& asked, std::string_view name, wall_time missing) {
  if (!asked.query.has(name)) return missing;
  const auto text = asked.query.text(name);
  if (const auto ago = parse_duration(text)) return asked.now - *ago;
  if (const auto at = parse_rfc3339(text)) return *at;
  return fail(errc::invalid_argument, fmt::format("{} must be a time such as 2027-01-31T00:00:00Z, or how long ago, such as 24h", name), std::string(name));
}

namespace handlers {
namespace {

namespace json = boost::json;

reply json_reply(const json::value& from, int status = 200) { return {.status = status, .body = json_text(from)}; }

result<alert::matchers> read_filter(const request& asked) {
  alert::matchers out;
  for (const auto text : asked.query.texts("filter")) {
    auto some = alert::matcher::parse_all(text);
    if (!some) return std::unexpected(std::move(some.error()));
    for (auto& one : *some) out.push_back(std::move(one));
  }
  return out;
}

result<alert::api::alert_query> read_query(const request& asked) {
  alert::api::alert_query out;
  struct row { std::string_view name; bool& flag; };
  for (const auto& [name, flag] : {row{"active", out.active}, row{"silenced", out.silenced}, row{"inhibited", out.inhibited}, row{"muted", out.muted}, row{"unprocessed", out.unprocessed}}) {
    if (!asked.query.has(name)) continue;
    const auto got = asked.query.flag(name);
    if (!got) return std::unexpected(got.error());
    flag = *got;
  }
  auto filter = read_filter(asked);
  if (!filter) return std::unexpected(std::move(filter.error()));
  out.filter = std::move(*filter);
  out.receiver = asked.query.text("receiver");
  return out;
}

result<reply> shown(const services& with, const request& asked, result<json::array> (*show)(const alert::board_view&, const alert::api::alert_query&)) {
  const auto board = board_of(with);
  if (!board) return std::unexpected(board.error());
  const auto query = read_query(asked);
  if (!query) return std::unexpected(query.error());
  result<json::array> out;
  (*board)->read([&](const alert::board_view& from) { out = show(from, *query); });
  if (!out) return std::unexpected(out.error());
  return json_reply(*out);
}

json::object silence_before(alert::board& board, const std::string& id, wall_time now) {
  json::object out;
  board.read([&](const alert::board_view& from) {
    if (const auto* known = from.silences.find(id)) out = alert::api::silence_json(*known, now);
  });
  return out;
}

std::string join(const std::vector<std::string>& lines) { return fmt::format("{}", fmt::join(lines, "; ")); }

}  // namespace

result<reply> alert_status(const services& with, const request&) {
  const auto board = board_of(with);
  if (!board) return std::unexpected(board.error());
  json::object out;
  (*board)->read([&](const alert::board_view& from) { out = alert::api::status_json(from, with.version, with.started); });
  return json_reply(out);
}

result<reply> alert_receivers(const services& with, const request&) {
  const auto board = board_of(with);
  if (!board) return std::unexpected(board.error());
  json::array out;
  (*board)->read([&](const alert::board_view& from) { out = alert::api::receivers_json(from); });
  return json_reply(out);
}

result<reply> list_alerts(const services& with, const request& asked) { return shown(with, asked, alert::api::alerts_json); }
result<reply> list_alert_groups(const services& with, const request& asked) { return shown(with, asked, alert::api::groups_json); }

result<reply> post_alerts(const services& with, const request& asked) {
  const auto board = board_of(with);
  if (!board) return std::unexpected(board.error());
  const auto read = alert::api::read_posted(asked.body);
  if (!read) return std::unexpected(read.error());
  auto done = (*board)->post(read->alerts, asked.now);
  if (done.not_kept) return std::unexpected(*done.not_kept);
  done.problems.insert(done.problems.end(), read->problems.begin(), read->problems.end());
  if (!done.problems.empty()) return fail(errc::invalid_argument, join(done.problems));
  return reply{.body = "{}"};
}

result<reply> list_silences(const services& with, const request& asked) {
  const auto board = board_of(with);
  if (!board) return std::unexpected(board.error());
  const auto filter = read_filter(asked);
  if (!filter) return std::unexpected(filter.error());
  json::array out;
  (*board)->read([&](const alert::board_view& from) { out = alert::api::silences_json(from, *filter); });
  return json_reply(out);
}

result<reply> put_silence(const services& with, const request& asked) {
  const auto board = board_of(with);
  if (!board) return std::unexpected(board.error());
  auto wanted = alert::api::read_silence(asked.body);
  if (!wanted) return std::unexpected(wanted.error());
  auto before = wanted->id.empty() ? json::object{} : silence_before(**board, wanted->id, asked.now);
  const auto done = (*board)->set_silence(std::move(*wanted), asked.now);
  if (!done) return std::unexpected(done.error());
  note_act(asked, "silence " + done->id, {}, std::move(before), silence_before(**board, done->id, asked.now));
  return json_reply(json::object{{"silenceID", done->id}});
}

result<reply> silence_by_id(const services& with, const request& asked) {
  const auto board = board_of(with);
  if (!board) return std::unexpected(board.error());
  const auto found = silence_before(**board, asked.argument, asked.now);
  if (found.empty()) return fail(errc::not_found, "silence not found");
  return json_reply(found);
}

result<reply> expire_silence(const services& with, const request& asked) {
  const auto board = board_of(with);
  if (!board) return std::unexpected(board.error());
  auto before = silence_before(**board, asked.argument, asked.now);
  const auto done = (*board)->expire_silence(asked.argument, asked.now);
  if (!done) return std::unexpected(done.error());
  note_act(asked, "silence " + asked.argument, {}, std::move(before), silence_before(**board, asked.argument, asked.now));
  return reply{.body = "{}"};
}

result<reply> take_event(const services& with, const request& asked) {
  const auto board = board_of(with);
  if (!board) return std::unexpected(board.error());
  auto event = alert::api::read_intake(asked.body, to_hex(sha256(asked.body + format_rfc3339(asked.now))).substr(0, 32));
  if (!event) return std::unexpected(event.error());
  const auto settings = (*board)->settings();
  bool known = false;  // every key is compared, so that time tells nothing
  for (const auto& key : settings->intake_keys) known |= constant_time_equal(to_hex(sha256(key.reveal())), to_hex(sha256(event->routing_key)));
  if (!known) return fail(errc::invalid_key, "routing_key is not one of alerting.intake_keys");
  const auto dedup_key = event->dedup_key;
  const auto done = alert::api::take_event(**board, std::move(*event), asked.now);
  if (!done) return std::unexpected(done.error());
  if (done->not_kept) return std::unexpected(*done->not_kept);
  if (!done->problems.empty()) return fail(errc::invalid_argument, join(done->problems));
  return json_reply(json::object{{"status", "success"}, {"message", "Event processed"}, {"dedup_key", dedup_key}}, 202);
}

}  // namespace handlers
}  // namespace andon::admin
