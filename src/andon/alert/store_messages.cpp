// The outbox's rows.
#include "andon/alert/store.hpp"
#include "andon/alert/store_rows.hpp"

namespace andon::alert {
namespace {

using namespace rows;

using message_columns = columns<integer, text, text, text, text, integer, integer, integer, maybe, integer, text>;
constexpr integer waiting = static_cast<integer>(message_state::waiting), dead = static_cast<integer>(message_state::dead);

auto into(std::vector<message_row>& out) {
  return [&out](integer id, text receiver, text channel, text group_key, text body, integer state, integer made, integer due, maybe ended, integer attempts, text problem) {
    out.push_back({id, std::move(receiver), std::move(channel), std::move(group_key), std::move(body), static_cast<message_state>(state), time_of(made), time_of(due), time_of(ended),
                   attempts, std::move(problem)});
  };
}

}  // namespace

result<pending> alert_store::put_message(const notification& what, wall_time now, message_state as, const std::string& problem, const pending* before) {
  pending out{0, what.receiver, what.channel, what.group_key, now, now, 0};
  if (before != nullptr) {
    out.due = before->due;
    out.attempts = before->attempts;
    out.wait = before->wait;
    out.since = before->since;
  }
  const auto tried = out.attempts > 0 ? maybe(nanos(out.due - out.wait)) : std::nullopt;
  statement<params<view, view, view, view, integer, integer, integer, maybe, integer, view, integer>, columns<integer>> put(
      db_, "INSERT INTO outbox(receiver, channel, group_key, body, state, made, due, tried, attempts, problem, since) VALUES(?,?,?,?,?,?,?,?,?,?,?) RETURNING id");
  auto done = put.each([&](integer made) { out.id = made; }, what.receiver, what.channel, what.group_key, notification_json(what), static_cast<integer>(as), nanos(out.made), nanos(out.due), tried,
                       out.attempts, problem, nanos(out.since));
  if (!done) return std::unexpected(std::move(done.error()));
  return out;
}

result<std::vector<pending>> alert_store::waiting_messages() {
  std::vector<pending> out;
  statement<params<>, columns<integer, text, text, text, integer, integer, integer, maybe, integer>> all(
      db_, "SELECT id, receiver, channel, group_key, made, due, attempts, tried, since FROM outbox WHERE state = 0 ORDER BY id");
  auto done = all.each([&](integer id, text receiver, text channel, text group, integer made, integer due, integer attempts, maybe tried, integer since) {
    const nanoseconds wait{attempts > 0 && tried ? std::max<integer>(due - *tried, 0) : 0};
    out.push_back({id, std::move(receiver), std::move(channel), std::move(group), time_of(made), time_of(due), attempts, wait, time_of(since)});
  });
  if (!done) return std::unexpected(std::move(done.error()));
  return out;
}

result<std::string> alert_store::message_body(std::int64_t id) {
  std::optional<std::string> out;
  statement<params<integer>, columns<text>> find(db_, "SELECT body FROM outbox WHERE id = ?");
  auto done = find.each([&](text body) { out = std::move(body); }, id);
  if (!done) return std::unexpected(std::move(done.error()));
  if (!out) return fail(errc::not_found, "the outbox has no such message");
  return std::move(*out);
}

result<void> alert_store::note_attempt(std::int64_t id, std::int64_t attempts, wall_time now) {
  statement<params<integer, integer, integer>, columns<>> note(db_, "UPDATE outbox SET attempts = ?, tried = ? WHERE id = ?");
  return note.run(attempts, nanos(now), id);
}

result<void> alert_store::note_ending(std::int64_t id, const outbox::ending& how, wall_time now) {
  const auto state = how.what == verdict::delivered ? message_state::delivered : how.what == verdict::dead ? message_state::dead : message_state::waiting;
  statement<params<integer, integer, maybe, view, integer>, columns<>> note(db_, "UPDATE outbox SET state = ?, due = ?, ended = ?, problem = ? WHERE id = ?");
  return note.run(static_cast<integer>(state), nanos(how.due), state == message_state::waiting ? maybe{} : maybe(nanos(now)), how.problem, id);
}

result<void> alert_store::note_superseded(std::int64_t id, std::int64_t by, wall_time now) {
  statement<params<integer, integer, view, integer>, columns<>> note(db_, "UPDATE outbox SET state = ?, ended = ?, problem = ? WHERE id = ?");
  return note.run(static_cast<integer>(message_state::superseded), nanos(now), "message " + std::to_string(by) + " tells it", id);
}

result<std::vector<message_row>> alert_store::messages(std::optional<message_state> only, wall_time since, std::size_t most) {
  std::vector<message_row> out;
  statement<params<integer, integer, integer, integer>, message_columns> some(
      db_, "SELECT id, receiver, channel, group_key, body, state, made, due, ended, attempts, problem FROM outbox WHERE (? < 0 OR state = ?) AND made >= ? ORDER BY id DESC LIMIT ?");
  const auto wanted = only ? static_cast<integer>(*only) : integer{-1};
  auto done = some.each(into(out), wanted, wanted, nanos(since), static_cast<integer>(most));
  if (!done) return std::unexpected(std::move(done.error()));
  return out;
}

result<std::vector<message_row>> alert_store::messages_of(const std::string& group_key, std::size_t most) {
  std::vector<message_row> out;
  statement<params<view, integer>, message_columns> some(
      db_, "SELECT id, receiver, channel, group_key, '', state, made, due, ended, attempts, problem FROM outbox WHERE group_key = ? ORDER BY id LIMIT ?");
  auto done = some.each(into(out), group_key, static_cast<integer>(most));
  if (!done) return std::unexpected(std::move(done.error()));
  return out;
}

result<message_counts> alert_store::count_messages(wall_time since) {
  message_counts out{};
  statement<params<integer>, columns<integer, integer>> count(db_, "SELECT state, count(*) FROM outbox WHERE made >= ? GROUP BY state");
  auto done = count.each([&](integer state, integer n) {
    if (state >= 0 && static_cast<std::size_t>(state) < out.size()) out[static_cast<std::size_t>(state)] = n;
  }, nanos(since));
  if (!done) return std::unexpected(std::move(done.error()));
  return out;
}

result<std::optional<message_row>> alert_store::message(std::int64_t id) {
  std::vector<message_row> out;
  statement<params<integer>, message_columns> one(db_, "SELECT id, receiver, channel, group_key, body, state, made, due, ended, attempts, problem FROM outbox WHERE id = ?");
  auto done = one.each(into(out), id);
  if (!done) return std::unexpected(std::move(done.error()));
  return out.empty() ? std::optional<message_row>{} : std::optional(std::move(out.front()));
}

result<bool> alert_store::revive(std::int64_t id, wall_time now) {
  statement<params<integer, integer, integer, integer, integer>, columns<integer>> change(
      db_, "UPDATE outbox SET state = ?, since = ?, due = ?, ended = NULL, attempts = 0 WHERE id = ? AND state = ? RETURNING id");
  auto done = change.each([](integer) {}, waiting, nanos(now), nanos(now), id, dead);
  if (!done) return std::unexpected(std::move(done.error()));
  return *done > 0;
}

result<bool> alert_store::drop(std::int64_t id, wall_time now) {
  statement<params<integer, integer, integer, integer>, columns<integer>> change(db_, "UPDATE outbox SET state = ?, ended = ? WHERE id = ? AND state = ? RETURNING id");
  auto done = change.each([](integer) {}, static_cast<integer>(message_state::dropped), nanos(now), id, dead);
  if (!done) return std::unexpected(std::move(done.error()));
  return *done > 0;
}

result<void> alert_store::erase_ended_before(wall_time delivered, wall_time dead_before) {
  statement<params<integer, integer, integer>, columns<>> erase(db_, "DELETE FROM outbox WHERE (state IN (1, 3, 4) AND ended < ?) OR (state = ? AND ended < ?)");
  if (auto done = erase.run(nanos(delivered), dead, nanos(dead_before)); !done) return done;
  statement<params<integer>, columns<>> old(db_, "DELETE FROM history WHERE at < ?");
  if (auto done = old.run(nanos(dead_before)); !done) return done;
  statement<params<integer>, columns<>> links(db_, "DELETE FROM used_link WHERE until < ?");
  return links.run(nanos(delivered));
}

result<std::vector<log_key>> alert_store::references() {
  std::vector<log_key> out;
  statement<params<>, columns<text, text, text>> all(db_, "SELECT group_key, receiver, channel FROM reference");
  auto done = all.each([&](text group, text receiver, text channel) { out.push_back({std::move(group), std::move(receiver), std::move(channel)}); });
  if (!done) return std::unexpected(std::move(done.error()));
  return out;
}

result<std::int64_t> alert_store::count_dead() {
  integer out = 0;
  statement<params<integer>, columns<integer>> count(db_, "SELECT count(*) FROM outbox WHERE state = ?");
  auto done = count.each([&](integer n) { out = n; }, dead);
  if (!done) return std::unexpected(std::move(done.error()));
  return out;
}

result<std::string> alert_store::reference(const log_key& of) {
  std::string out;
  statement<params<view, view, view>, columns<text>> find(db_, "SELECT value FROM reference WHERE group_key = ? AND receiver = ? AND channel = ?");
  auto done = find.each([&](text value) { out = std::move(value); }, of.group_key, of.receiver, of.channel);
  if (!done) return std::unexpected(std::move(done.error()));
  return out;
}

result<void> alert_store::put_reference(const log_key& of, const std::string& reference) {
  if (reference.empty()) {
    statement<params<view, view, view>, columns<>> erase(db_, "DELETE FROM reference WHERE group_key = ? AND receiver = ? AND channel = ?");
    return erase.run(of.group_key, of.receiver, of.channel);
  }
  statement<params<view, view, view, view>, columns<>> put(db_, "INSERT OR REPLACE INTO reference VALUES(?,?,?,?)");
  return put.run(of.group_key, of.receiver, of.channel, reference);
}

}  // namespace andon::alert
