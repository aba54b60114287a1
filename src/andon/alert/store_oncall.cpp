// Incidents, overrides and used links.
#include "andon/alert/store.hpp"
#include "andon/alert/store_rows.hpp"

namespace andon::alert {
namespace {

using namespace rows;
namespace json = boost::json;

#define INCIDENT_COLUMNS "number, group_key, chain, title, severity, state, opened, acknowledged, resolved, acknowledged_by, resolved_by, step, round, next, told, latest, seen"
using incident_columns = columns<integer, text, text, text, text, integer, integer, maybe, maybe, text, text, integer, integer, maybe, text, text, text>;

auto into(std::vector<incident>& out) {
  return [&out](integer number, text group, text chain, text title, text severity, integer state, integer opened, maybe acknowledged, maybe resolved, text acknowledged_by, text resolved_by,
                integer step, integer round, maybe next, const text& told, const text& latest, const text& seen) {
    incident one;
    one.number = number;
    one.group_key = std::move(group);
    one.chain = std::move(chain);
    one.title = std::move(title);
    one.severity = std::move(severity);
    one.state = static_cast<incident_state>(state);
    one.opened = time_of(opened);
    one.acknowledged = time_of(acknowledged);
    one.resolved = time_of(resolved);
    one.acknowledged_by = std::move(acknowledged_by);
    one.resolved_by = std::move(resolved_by);
    one.place = {step, round, time_of(next)};
    const auto names = json::parse(told);
    for (const auto& name : names.as_array()) one.told.emplace(name.as_string());
    if (auto read = parse_notification(latest)) one.latest = std::move(*read);
    one.seen = numbers_of(seen);
    out.push_back(std::move(one));
  };
}

}  // namespace

result<std::int64_t> alert_store::next_incident() {
  integer out = 1;
  statement<params<>, columns<integer>> last(db_, "SELECT coalesce(max(number), 0) + 1 FROM incident");
  auto done = last.each([&](integer n) { out = n; });
  if (!done) return std::unexpected(std::move(done.error()));
  return out;
}

result<void> alert_store::put(const incident& one) {
  json::array told;
  for (const auto& name : one.told) told.emplace_back(name);
  statement<params<integer, view, view, view, view, integer, integer, maybe, maybe, view, view, integer, integer, maybe, view, view, view>, columns<>> put(
      db_, "INSERT OR REPLACE INTO incident(" INCIDENT_COLUMNS ") VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
  return put.run(one.number, one.group_key, one.chain, one.title, one.severity, static_cast<integer>(one.state), nanos(one.opened), nanos(one.acknowledged), nanos(one.resolved),
                 one.acknowledged_by, one.resolved_by, one.place.step, one.place.round, nanos(one.place.next), json::serialize(told), notification_json(one.latest), numbers_text(one.seen));
}

result<std::vector<incident>> alert_store::incidents(wall_time since, std::size_t most) {
  std::vector<incident> out;
  statement<params<integer, integer>, incident_columns> some(db_, "SELECT " INCIDENT_COLUMNS " FROM incident WHERE state < 2 OR opened >= ?1 OR resolved >= ?1 ORDER BY number DESC LIMIT ?2");
  auto done = some.each(into(out), nanos(since), static_cast<integer>(most));
  if (!done) return std::unexpected(std::move(done.error()));
  return out;
}

result<std::optional<incident>> alert_store::find_incident(std::int64_t number) {
  std::vector<incident> out;
  statement<params<integer>, incident_columns> one(db_, "SELECT " INCIDENT_COLUMNS " FROM incident WHERE number = ?");
  auto done = one.each(into(out), number);
  if (!done) return std::unexpected(std::move(done.error()));
  return out.empty() ? std::optional<incident>{} : std::optional(std::move(out.front()));
}

result<void> alert_store::put(const incident_event& one) {
  statement<params<integer, integer, view, view, view>, columns<>> put(db_, "INSERT INTO incident_event(incident, at, kind, who, text) VALUES(?,?,?,?,?)");
  return put.run(one.incident, nanos(one.at), one.kind, one.who, one.text);
}

result<std::vector<incident_event>> alert_store::events(std::int64_t incident) {
  std::vector<incident_event> out;
  statement<params<integer>, columns<integer, integer, text, text, text>> all(db_, "SELECT incident, at, kind, who, text FROM incident_event WHERE incident = ? ORDER BY id LIMIT 5000");
  auto done = all.each([&](integer number, integer at, text kind, text who, text words) { out.push_back({number, time_of(at), std::move(kind), std::move(who), std::move(words)}); }, incident);
  if (!done) return std::unexpected(std::move(done.error()));
  return out;
}

result<void> alert_store::erase_over_before(wall_time then) {
  statement<params<integer>, columns<>> events(db_, "DELETE FROM incident_event WHERE incident IN (SELECT number FROM incident WHERE state = 2 AND resolved < ?)");
  if (auto done = events.run(nanos(then)); !done) return done;
  // The newest stays, so that its number is not given again.
  statement<params<integer>, columns<>> incidents(db_, "DELETE FROM incident WHERE state = 2 AND resolved < ? AND number < (SELECT max(number) FROM incident)");
  if (auto done = incidents.run(nanos(then)); !done) return done;
  statement<params<integer>, columns<>> overrides(db_, "DELETE FROM override WHERE ends < ?");
  return overrides.run(nanos(then));
}

result<std::int64_t> alert_store::put_override(const schedule_override& one) {
  integer id = 0;
  statement<params<view, view, integer, integer, view>, columns<integer>> put(db_, "INSERT INTO override(schedule, person, begins, ends, author) VALUES(?,?,?,?,?) RETURNING id");
  auto done = put.each([&](integer made) { id = made; }, one.schedule, one.person, nanos(one.from), nanos(one.until), one.by);
  if (!done) return std::unexpected(std::move(done.error()));
  return id;
}

result<bool> alert_store::erase_override(std::int64_t id) {
  statement<params<integer>, columns<integer>> erase(db_, "DELETE FROM override WHERE id = ? RETURNING id");
  auto done = erase.each([](integer) {}, id);
  if (!done) return std::unexpected(std::move(done.error()));
  return *done > 0;
}

result<std::vector<schedule_override>> alert_store::overrides(wall_time ending_after) {
  std::vector<schedule_override> out;
  statement<params<integer>, columns<integer, text, text, integer, integer, text>> all(db_, "SELECT id, schedule, person, begins, ends, author FROM override WHERE ends > ? ORDER BY id LIMIT 10000");
  auto done = all.each([&](integer id, text name, text who, integer from, integer until, text by) {
    out.push_back({id, std::move(name), std::move(who), time_of(from), time_of(until), std::move(by)});
  }, nanos(ending_after));
  if (!done) return std::unexpected(std::move(done.error()));
  return out;
}

result<bool> alert_store::use_link(const std::string& hash, wall_time until) {
  statement<params<view, integer>, columns<text>> put(db_, "INSERT OR IGNORE INTO used_link VALUES(?,?) RETURNING hash");
  auto done = put.each([](const text&) {}, hash, nanos(until));
  if (!done) return std::unexpected(std::move(done.error()));
  return *done > 0;
}

result<bool> alert_store::is_link_used(const std::string& hash) {
  statement<params<view>, columns<text>> look(db_, "SELECT hash FROM used_link WHERE hash = ?");
  auto found = look.each([](const text&) {}, hash);
  if (!found) return std::unexpected(std::move(found.error()));
  return *found > 0;
}

}  // namespace andon::alert
