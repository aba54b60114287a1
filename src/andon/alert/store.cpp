#include "andon/alert/store.hpp"

#include <array>
#include <charconv>

#include "andon/alert/store_rows.hpp"
#include "andon/base/random.hpp"

namespace andon::alert {
namespace {

using namespace rows;
namespace json = boost::json;

constexpr std::array migrations{sql::migration{1, "alerts, silences, log, outbox, incidents", R"(
  CREATE TABLE meta(name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
  CREATE TABLE alert(fingerprint INTEGER PRIMARY KEY, labels TEXT NOT NULL, annotations TEXT NOT NULL, starts INTEGER NOT NULL, ends INTEGER NOT NULL,
    updated INTEGER NOT NULL, times_out INTEGER NOT NULL, generator TEXT NOT NULL) STRICT;
  CREATE TABLE history(at INTEGER NOT NULL, fingerprint INTEGER NOT NULL, what TEXT NOT NULL, labels TEXT NOT NULL) STRICT;
  CREATE INDEX history_at ON history(at);
  CREATE INDEX history_of ON history(fingerprint);
  CREATE TABLE silence(id TEXT PRIMARY KEY, starts INTEGER NOT NULL, ends INTEGER NOT NULL, updated INTEGER NOT NULL, author TEXT NOT NULL, comment TEXT NOT NULL,
    matchers TEXT NOT NULL, recurrence TEXT NOT NULL) STRICT;
  CREATE TABLE told(group_key TEXT NOT NULL, receiver TEXT NOT NULL, channel TEXT NOT NULL, at INTEGER NOT NULL, expires INTEGER NOT NULL, firing TEXT NOT NULL,
    resolved TEXT NOT NULL, PRIMARY KEY(group_key, receiver, channel)) STRICT;
  CREATE TABLE outbox(id INTEGER PRIMARY KEY AUTOINCREMENT, receiver TEXT NOT NULL, channel TEXT NOT NULL, group_key TEXT NOT NULL, body TEXT NOT NULL, state INTEGER NOT NULL,
    made INTEGER NOT NULL, due INTEGER NOT NULL, tried INTEGER, ended INTEGER, attempts INTEGER NOT NULL, problem TEXT NOT NULL) STRICT;
  CREATE INDEX outbox_state ON outbox(state, id);
  CREATE TABLE reference(group_key TEXT NOT NULL, receiver TEXT NOT NULL, channel TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY(group_key, receiver, channel)) STRICT;
  CREATE TABLE incident(number INTEGER PRIMARY KEY, group_key TEXT NOT NULL, chain TEXT NOT NULL, title TEXT NOT NULL, severity TEXT NOT NULL, state INTEGER NOT NULL,
    opened INTEGER NOT NULL, acknowledged INTEGER, resolved INTEGER, acknowledged_by TEXT NOT NULL, resolved_by TEXT NOT NULL, step INTEGER NOT NULL, round INTEGER NOT NULL,
    next INTEGER, told TEXT NOT NULL, latest TEXT NOT NULL) STRICT;
  CREATE TABLE incident_event(id INTEGER PRIMARY KEY AUTOINCREMENT, incident INTEGER NOT NULL, at INTEGER NOT NULL, kind TEXT NOT NULL, who TEXT NOT NULL, text TEXT NOT NULL) STRICT;
  CREATE INDEX incident_event_of ON incident_event(incident);
  CREATE TABLE override(id INTEGER PRIMARY KEY AUTOINCREMENT, schedule TEXT NOT NULL, person TEXT NOT NULL, begins INTEGER NOT NULL, ends INTEGER NOT NULL, author TEXT NOT NULL) STRICT;
  CREATE TABLE used_link(hash TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT;
)"}, sql::migration{2, "messages by group and by time", R"(
  CREATE INDEX outbox_group ON outbox(group_key, id);
  CREATE INDEX outbox_made ON outbox(made, state);
)"}, sql::migration{3, "the alerts that fired in an incident, the age of messages", R"(
  ALTER TABLE incident ADD COLUMN seen TEXT NOT NULL DEFAULT '';
  ALTER TABLE outbox ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
  UPDATE outbox SET since = made;
)"}};

std::string recurrence_text(const interval_text& from) {
  if (from.empty()) return {};
  return json::serialize(json::object{{"times", json::value_from(from.times)}, {"weekdays", json::value_from(from.weekdays)}, {"days_of_month", json::value_from(from.days_of_month)},
                                      {"months", json::value_from(from.months)}, {"years", json::value_from(from.years)}, {"zone", from.zone}});
}

interval_text recurrence_of(const std::string& text) {
  interval_text out;
  boost::system::error_code failed;
  const auto parsed = json::parse(text.empty() ? "{}" : text, failed);
  if (failed || !parsed.is_object() || parsed.get_object().empty()) return out;
  const auto& from = parsed.get_object();
  const auto list = [&](const char* name) { return json::value_to<std::vector<std::string>>(from.at(name)); };
  out = {list("times"), list("weekdays"), list("days_of_month"), list("months"), list("years"), std::string(std::string_view(from.at("zone").as_string()))};
  return out;
}

}  // namespace

std::string rows::numbers_text(const std::set<std::uint64_t>& from) {
  std::string out;
  for (const auto one : from) out += fingerprint_text(one);
  return out;
}

std::set<std::uint64_t> rows::numbers_of(std::string_view text) {
  std::set<std::uint64_t> out;
  for (; text.size() >= 16; text.remove_prefix(16)) {
    std::uint64_t one = 0;
    std::from_chars(text.data(), text.data() + 16, one, 16);
    out.insert(one);
  }
  return out;
}

std::string rows::json_of(const label_set& labels) { return json::serialize(to_json(labels)); }

label_set rows::labels_of(std::string_view text) {
  boost::system::error_code failed;
  const auto parsed = json::parse(text, failed);
  label_set out;
  if (failed || !parsed.is_object()) return out;
  for (const auto& [name, value] : parsed.get_object())
    if (value.is_string()) out.emplace(std::string(name), std::string(std::string_view(value.get_string())));
  return out;
}

std::string_view to_string(message_state s) {
  static constexpr std::array<std::string_view, 5> names{"waiting", "delivered", "dead", "dropped", "superseded"};
  return names[static_cast<std::size_t>(s)];
}

result<std::unique_ptr<alert_store>> alert_store::open(const std::filesystem::path& file, wall_time now) {
  auto db = sql::database::open(file);
  if (!db) return std::unexpected(std::move(db.error()));
  std::unique_ptr<alert_store> out{new alert_store(std::move(*db), file)};
  if (auto done = out->db_.run(sql::durable_settings); !done) return std::unexpected(std::move(done.error()));
  if (auto done = sql::migrate(out->db_, migrations, now); !done) return std::unexpected(std::move(done.error()));
  out->restore_ballast();
  return out;
}

result<void> alert_store::together(const std::function<result<void>()>& work) {
  const auto write = [&]() -> result<void> {
    auto all = sql::transaction::begin(db_);
    if (!all) return std::unexpected(std::move(all.error()));
    if (auto done = work(); !done) return done;
    return all->commit();
  };
  auto done = write();
  if (!done && done.error().code == errc::disk_full) ballast_.release();
  return done;
}

void alert_store::restore_ballast() { ballast_.restore(); }

result<void> alert_store::put(const alert& one) {
  statement<params<integer, view, view, integer, integer, integer, integer, view>, columns<>> put(db_, "INSERT OR REPLACE INTO alert VALUES(?,?,?,?,?,?,?,?)");
  return put.run(signed_of(one.fingerprint), json_of(one.labels), json_of(one.annotations), nanos(one.starts_at), nanos(one.ends_at), nanos(one.updated_at), one.times_out ? 1 : 0, one.generator_url);
}

result<void> alert_store::erase_alert(std::uint64_t fingerprint) {
  statement<params<integer>, columns<>> erase(db_, "DELETE FROM alert WHERE fingerprint = ?");
  return erase.run(signed_of(fingerprint));
}

result<std::vector<alert>> alert_store::alerts() {
  std::vector<alert> out;
  statement<params<>, columns<integer, text, text, integer, integer, integer, integer, text>> all(db_, "SELECT * FROM alert");
  auto done = all.each([&](integer fingerprint, const text& labels, const text& annotations, integer starts, integer ends, integer updated, integer times_out, text generator) {
    out.push_back({labels_of(labels), labels_of(annotations), static_cast<std::uint64_t>(fingerprint), time_of(starts), time_of(ends), time_of(updated), times_out != 0, std::move(generator)});
  });
  if (!done) return std::unexpected(std::move(done.error()));
  return out;
}

result<void> alert_store::put(const history_row& one) {
  statement<params<integer, integer, view, view>, columns<>> put(db_, "INSERT INTO history VALUES(?,?,?,?)");
  return put.run(nanos(one.at), signed_of(one.fingerprint), one.what, json_of(one.labels));
}

result<bool> alert_store::is_firing_in_history(std::uint64_t fingerprint) {
  bool out = false;
  statement<params<integer>, columns<text>> last(db_, "SELECT what FROM history WHERE fingerprint = ? ORDER BY rowid DESC LIMIT 1");
  auto done = last.each([&](const text& what) { out = what == "fired"; }, signed_of(fingerprint));
  if (!done) return std::unexpected(std::move(done.error()));
  return out;
}

result<label_set> alert_store::labels_in_history(std::uint64_t fingerprint) {
  label_set out;
  statement<params<integer>, columns<text>> last(db_, "SELECT labels FROM history WHERE fingerprint = ? ORDER BY rowid DESC LIMIT 1");
  auto done = last.each([&](const text& labels) { out = labels_of(labels); }, signed_of(fingerprint));
  if (!done) return std::unexpected(std::move(done.error()));
  return out;
}

result<std::vector<history_row>> alert_store::history(wall_time from, wall_time until) {
  std::vector<history_row> out;
  statement<params<integer, integer>, columns<integer, integer, text, text>> some(db_, "SELECT * FROM history WHERE at >= ? AND at <= ? ORDER BY at LIMIT 10000");
  auto done = some.each([&](integer at, integer fingerprint, text what, const text& labels) {
    out.push_back({time_of(at), static_cast<std::uint64_t>(fingerprint), std::move(what), labels_of(labels)});
  }, nanos(from), nanos(until));
  if (!done) return std::unexpected(std::move(done.error()));
  return out;
}

result<void> alert_store::put(const silence& one) {
  json::array match;
  for (const auto& m : one.match) match.emplace_back(m.text());
  statement<params<view, integer, integer, integer, view, view, view, view>, columns<>> put(db_, "INSERT OR REPLACE INTO silence VALUES(?,?,?,?,?,?,?,?)");
  return put.run(one.id, nanos(one.starts_at), nanos(one.ends_at), nanos(one.updated_at), one.created_by, one.comment, json::serialize(match), recurrence_text(one.recurrence));
}

result<void> alert_store::erase_silence(const std::string& id) {
  statement<params<view>, columns<>> erase(db_, "DELETE FROM silence WHERE id = ?");
  return erase.run(id);
}

result<std::vector<silence>> alert_store::silences() {
  std::vector<silence> out;
  statement<params<>, columns<text, integer, integer, integer, text, text, text, text>> all(db_, "SELECT * FROM silence");
  auto done = all.each([&](text id, integer starts, integer ends, integer updated, text author, text comment, const text& match, const text& recurrence) {
    silence one{.id = std::move(id), .starts_at = time_of(starts), .ends_at = time_of(ends), .updated_at = time_of(updated), .created_by = std::move(author), .comment = std::move(comment), .recurrence = recurrence_of(recurrence)};
    const auto texts = json::parse(match);
    for (const auto& m : texts.as_array())
      if (auto made = matcher::parse(m.as_string())) one.match.push_back(std::move(*made));
    out.push_back(std::move(one));
  });
  if (!done) return std::unexpected(std::move(done.error()));
  return out;
}

result<void> alert_store::put(const log_key& key, const log_entry& entry) {
  statement<params<view, view, view, integer, integer, view, view>, columns<>> put(db_, "INSERT OR REPLACE INTO told VALUES(?,?,?,?,?,?,?)");
  return put.run(key.group_key, key.receiver, key.channel, nanos(entry.at), nanos(entry.expires), numbers_text(entry.firing), numbers_text(entry.resolved));
}

result<void> alert_store::erase_log_before(wall_time expiry) {
  statement<params<integer>, columns<>> erase(db_, "DELETE FROM told WHERE expires < ?");
  return erase.run(nanos(expiry));
}

result<notification_log> alert_store::log() {
  notification_log out;
  statement<params<>, columns<text, text, text, integer, integer, text, text>> all(db_, "SELECT * FROM told");
  auto done = all.each([&](text group, text receiver, text way, integer at, integer expires, const text& firing, const text& resolved) {
    out[{std::move(group), std::move(receiver), std::move(way)}] = {time_of(at), time_of(expires), numbers_of(firing), numbers_of(resolved)};
  });
  if (!done) return std::unexpected(std::move(done.error()));
  return out;
}

result<std::string> alert_store::link_key() {
  std::string out;
  statement<params<>, columns<sql::blob>> find(db_, "SELECT value FROM meta WHERE name = 'link_key'");
  auto found = find.each([&](const sql::blob& value) { out = value.bytes; });
  if (!found) return std::unexpected(std::move(found.error()));
  if (!out.empty()) return out;
  std::array<unsigned char, 32> fresh{};
  secure_random(fresh);
  out.assign(reinterpret_cast<const char*>(fresh.data()), fresh.size());
  statement<params<sql::blob>, columns<>> put(db_, "INSERT INTO meta VALUES('link_key', ?)");
  if (auto done = put.run(sql::blob{out}); !done) return std::unexpected(std::move(done.error()));
  return out;
}

}  // namespace andon::alert
