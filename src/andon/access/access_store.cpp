#include "andon/access/access_store.hpp"

#include <fmt/format.h>

#include <array>

#include "andon/base/random.hpp"
#include "andon/sql/damage.hpp"
#include "andon/sql/statement.hpp"

namespace andon::access {
namespace {

using sql::blob;
using sql::columns;
using sql::params;
using sql::statement;
using integer = std::int64_t;
using text = std::string;
using view = std::string_view;
using maybe = std::optional<std::int64_t>;

constexpr std::array migrations{sql::migration{1, "projects, keys, rules, checkpoints", R"(
  CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
  CREATE TABLE project(id TEXT PRIMARY KEY, title TEXT NOT NULL, zone TEXT NOT NULL, unknown_price INTEGER NOT NULL, blocked INTEGER NOT NULL) STRICT;
  CREATE TABLE key(id TEXT PRIMARY KEY, name TEXT NOT NULL, project TEXT NOT NULL, role TEXT NOT NULL, created INTEGER NOT NULL, rotated INTEGER,
    expires INTEGER, last_used INTEGER NOT NULL, blocked INTEGER NOT NULL, hint TEXT NOT NULL, hash BLOB NOT NULL UNIQUE, old_hash BLOB, old_until INTEGER,
    UNIQUE(project, name)) STRICT;
  CREATE TABLE limit_rule(kind TEXT NOT NULL, owner TEXT NOT NULL, position INTEGER NOT NULL, per INTEGER NOT NULL, only_route TEXT NOT NULL,
    requests INTEGER, tokens INTEGER, parallel INTEGER, PRIMARY KEY(kind, owner, position)) STRICT;
  CREATE TABLE budget_rule(kind TEXT NOT NULL, owner TEXT NOT NULL, position INTEGER NOT NULL, per INTEGER NOT NULL, only_route TEXT NOT NULL,
    only_tag TEXT NOT NULL, period INTEGER NOT NULL, nano_usd INTEGER NOT NULL, alarm_percent INTEGER NOT NULL, PRIMARY KEY(kind, owner, position)) STRICT;
  CREATE TABLE detail(kind TEXT NOT NULL, owner TEXT NOT NULL, what TEXT NOT NULL, position INTEGER NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY(kind, owner, what, position)) STRICT;
  CREATE TABLE checkpoint_position(stream TEXT PRIMARY KEY, position INTEGER NOT NULL) STRICT;
  CREATE TABLE checkpoint_row(account INTEGER NOT NULL, period_begin INTEGER NOT NULL, period_end INTEGER NOT NULL, nano_usd INTEGER NOT NULL,
    PRIMARY KEY(account, period_begin)) STRICT, WITHOUT ROWID;
)"}};

integer nanos(wall_time at) { return at.time_since_epoch().count(); }
wall_time from_nanos(integer n) { return wall_time{nanoseconds{n}}; }
blob to_blob(const digest& d) { return {std::string(reinterpret_cast<const char*>(d.data()), d.size())}; }

std::optional<digest> to_digest(const blob& b) {
  digest d{};
  if (b.bytes.size() != d.size()) return std::nullopt;
  std::copy(b.bytes.begin(), b.bytes.end(), d.begin());
  return d;
}

/// Runs steps until one fails.
class steps {
public:
  template <class T>
  steps& then(result<T> next) {
    if (done_ && !next) done_ = std::unexpected(std::move(next.error()));
    return *this;
  }
  template <class F> requires std::invocable<F>
  steps& then(F next) {
    if (done_) then(next());
    return *this;
  }
  [[nodiscard]] result<void> end() { return std::move(done_); }

private:
  result<void> done_;
};

}  // namespace

result<std::unique_ptr<access_store>> access_store::open(const std::filesystem::path& file, wall_time now) {
  auto opened = open_any(file, now);
  if (!opened && opened.error().code == errc::corrupt && sql::is_damaged(file))
    return fail(errc::corrupt, fmt::format("{} is damaged ({}). It holds keys and projects, which nothing else knows. Restore it from a backup; to begin without them, move it away: amounts of budgets are computed again from the journal", file.string(), opened.error().message));
  return opened;
}

result<std::unique_ptr<access_store>> access_store::open_any(const std::filesystem::path& file, wall_time now) {
  auto db = sql::database::open(file);
  if (!db) return std::unexpected(db.error());
  std::unique_ptr<access_store> store{new access_store(std::move(*db))};
  if (auto done = store->db_.run(sql::durable_settings); !done) return std::unexpected(done.error());
  if (auto done = sql::migrate(store->db_, migrations, now); !done) return std::unexpected(done.error());
  if (auto done = store->load_seed(); !done) return std::unexpected(done.error());
  return store;
}

result<void> access_store::load_seed() {
  const auto fresh = static_cast<integer>(secure_seed());
  statement<params<integer>, columns<>> make(db_, "INSERT OR IGNORE INTO meta VALUES('account_seed', ?)");
  if (auto done = make.run(fresh); !done) return done;
  statement<params<>, columns<integer>> read(db_, "SELECT value FROM meta WHERE name = 'account_seed'");
  return steps{}.then(read.each([&](integer value) { seed_ = static_cast<std::uint64_t>(value); })).end();
}

result<void> access_store::erase_details(view kind, view owner) {
  steps s;
  for (const char* query : {"DELETE FROM limit_rule WHERE kind = ? AND owner = ?", "DELETE FROM budget_rule WHERE kind = ? AND owner = ?", "DELETE FROM detail WHERE kind = ? AND owner = ?"})
    s.then([&] { return statement<params<view, view>, columns<>>(db_, query).run(kind, owner); });
  return s.end();
}

result<void> access_store::put_details(view kind, view owner, const details& d) {
  steps s;
  s.then(erase_details(kind, owner));
  statement<params<view, view, integer, integer, view, maybe, maybe, maybe>, columns<>> limit(db_, "INSERT INTO limit_rule VALUES(?,?,?,?,?,?,?,?)");
  integer i = 0;
  for (const auto& r : d.limits) s.then([&] { return limit.run(kind, owner, i++, r.per.bits(), r.only_route.view(), r.requests_per_minute, r.tokens_per_minute, r.parallel); });
  statement<params<view, view, integer, integer, view, view, integer, integer, integer>, columns<>> budget(db_, "INSERT INTO budget_rule VALUES(?,?,?,?,?,?,?,?,?)");
  for (const auto& r : d.budgets)
    s.then([&] { return budget.run(kind, owner, i++, r.per.bits(), r.only_route.view(), r.only_tag, static_cast<integer>(r.period), r.limit.value(), r.alarm_percent); });
  statement<params<view, view, view, integer, view, view>, columns<>> detail(db_, "INSERT INTO detail VALUES(?,?,?,?,?,?)");
  auto put = [&](view what, view name, view value) { s.then([&] { return detail.run(kind, owner, what, i++, name, value); }); };
  for (const auto& route : d.routes) put("route", route.view(), "");
  for (const auto& tag : d.tags) put("tag", tag, "");
  for (const auto& one : d.scopes) put("scope", one, "");
  for (const auto& [name, value] : d.metadata) put("metadata", name, value);
  return s.end();
}

result<access_store::details> access_store::get_details(view kind, view owner) {
  details d;
  steps s;
  statement<params<view, view>, columns<integer, text, maybe, maybe, maybe>> limits(
      db_, "SELECT per, only_route, requests, tokens, parallel FROM limit_rule WHERE kind = ? AND owner = ? ORDER BY position");
  s.then(limits.each([&](integer per, const text& route, maybe requests, maybe count, maybe parallel) {
    d.limits.push_back({scope_set::from_bits(static_cast<std::uint8_t>(per)), route_name{route}, requests, count, parallel});
  }, kind, owner));
  statement<params<view, view>, columns<integer, text, text, integer, integer, integer>> budgets(
      db_, "SELECT per, only_route, only_tag, period, nano_usd, alarm_percent FROM budget_rule WHERE kind = ? AND owner = ? ORDER BY position");
  s.then(budgets.each([&](integer per, const text& route, const text& tag, integer period, integer amount, integer alarm) {
    d.budgets.push_back({scope_set::from_bits(static_cast<std::uint8_t>(per)), route_name{route}, tag, static_cast<window>(period), nano_usd{amount}, static_cast<int>(alarm)});
  }, kind, owner));
  statement<params<view, view>, columns<text, text, text>> others(db_, "SELECT what, name, value FROM detail WHERE kind = ? AND owner = ? ORDER BY position");
  s.then(others.each([&](const text& what, const text& name, const text& value) {
    if (what == "route") d.routes.emplace_back(name);
    else if (what == "tag") d.tags.push_back(name);
    else if (what == "scope") d.scopes.push_back(name);
    else if (what == "metadata") d.metadata.emplace_back(name, value);
  }, kind, owner));
  if (auto done = s.end(); !done) return std::unexpected(done.error());
  return d;
}

result<std::vector<project_settings>> access_store::projects() {
  std::vector<project_settings> out;
  statement<params<>, columns<text, text, text, integer, integer>> read(db_, "SELECT id, title, zone, unknown_price, blocked FROM project ORDER BY id");
  auto done = read.each([&](const text& id, const text& title, const text& zone, integer price, integer blocked) {
    out.push_back({.id = project_id{id}, .title = title, .zone = zone, .on_unknown_price = static_cast<unknown_price>(price), .blocked = blocked != 0});
  });
  if (!done) return std::unexpected(done.error());
  for (auto& p : out) {
    auto d = get_details("project", p.id.view());
    if (!d) return std::unexpected(d.error());
    p.limits = std::move(d->limits);
    p.budgets = std::move(d->budgets);
    p.routes = std::move(d->routes);
    p.tags = std::move(d->tags);
    p.metadata = std::move(d->metadata);
  }
  return out;
}

result<std::vector<stored_key>> access_store::keys() {
  std::vector<stored_key> out;
  bool bad = false;
  statement<params<>, columns<text, text, text, text, integer, maybe, maybe, integer, integer, text, blob, std::optional<blob>, maybe>> read(
      db_, "SELECT id, name, project, role, created, rotated, expires, last_used, blocked, hint, hash, old_hash, old_until FROM key ORDER BY created, id");
  auto done = read.each([&](const text& id, const text& name, const text& project, const text& who, integer created, maybe rotated, maybe expires, integer used,
                            integer blocked, const text& hint, const blob& hash, const std::optional<blob>& old_hash, maybe old_until) {
    stored_key k{.id = key_id{id}, .created = from_nanos(created), .last_used_minute = used, .blocked = blocked != 0, .hint = hint};
    k.settings.name = name;
    k.settings.project = project_id{project};
    const auto parsed = parse_role(who);
    const auto d = to_digest(hash);
    bad = bad || !parsed || !d;
    k.settings.role = parsed.value_or(role::caller);
    k.hash = d.value_or(digest{});
    if (rotated) k.rotated = from_nanos(*rotated);
    if (expires) k.settings.expires = from_nanos(*expires);
    if (old_hash) k.old_hash = to_digest(*old_hash);
    k.old_until = from_nanos(old_until.value_or(0));
    out.push_back(std::move(k));
  });
  if (!done) return std::unexpected(done.error());
  if (bad) return fail(errc::corrupt, "access.db holds a key with an unreadable hash or role");
  for (auto& k : out) {
    auto d = get_details("key", k.id.view());
    if (!d) return std::unexpected(d.error());
    k.settings.limits = std::move(d->limits);
    k.settings.budgets = std::move(d->budgets);
    k.settings.routes = std::move(d->routes);
    k.settings.tags = std::move(d->tags);
    k.settings.scopes = std::move(d->scopes);
    k.settings.metadata = std::move(d->metadata);
  }
  return out;
}

result<bool> access_store::had_keys() {
  integer had = 0;
  statement<params<>, columns<integer>> read(db_, "SELECT EXISTS(SELECT 1 FROM key) OR EXISTS(SELECT 1 FROM meta WHERE name = 'had_keys')");
  if (auto done = read.each([&](integer v) { had = v; }); !done) return std::unexpected(done.error());
  return had != 0;
}

result<void> access_store::put(const project_settings& p) {
  auto change = sql::transaction::begin(db_);
  if (!change) return std::unexpected(change.error());
  statement<params<view, view, view, integer, integer>, columns<>> write(db_, "INSERT OR REPLACE INTO project VALUES(?,?,?,?,?)");
  return steps{}
      .then(write.run(p.id.view(), p.title, p.zone, static_cast<integer>(p.on_unknown_price), p.blocked ? 1 : 0))
      .then([&] { return put_details("project", p.id.view(), {p.limits, p.budgets, p.routes, p.tags, {}, p.metadata}); })
      .then([&] { return change->commit(); })
      .end();
}

result<void> access_store::put(const stored_key& k) {
  auto change = sql::transaction::begin(db_);
  if (!change) return std::unexpected(change.error());
  const auto& set = k.settings;
  const auto old_hash = k.old_hash ? std::optional{to_blob(*k.old_hash)} : std::nullopt;
  const auto time = [](const std::optional<wall_time>& at) { return at ? maybe{nanos(*at)} : maybe{}; };
  statement<params<view>, columns<>> gone(db_, "DELETE FROM key WHERE id = ?");
  statement<params<view, view, view, view, integer, maybe, maybe, integer, integer, view, blob, std::optional<blob>, maybe>, columns<>> write(
      db_, "INSERT INTO key VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)");
  return steps{}
      .then(gone.run(k.id.view()))
      .then([&] {
        return write.run(k.id.view(), set.name, set.project.view(), to_string(set.role), nanos(k.created), time(k.rotated), time(set.expires), k.last_used_minute,
                         k.blocked ? 1 : 0, k.hint, to_blob(k.hash), old_hash, k.old_hash ? maybe{nanos(k.old_until)} : maybe{});
      })
      .then([&] { return put_details("key", k.id.view(), {set.limits, set.budgets, set.routes, set.tags, set.scopes, set.metadata}); })
      .then([&] { return db_.run("INSERT OR IGNORE INTO meta VALUES('had_keys', 1)"); })
      .then([&] { return change->commit(); })
      .end();
}

result<void> access_store::erase_project(const project_id& id) {
  auto change = sql::transaction::begin(db_);
  if (!change) return std::unexpected(change.error());
  statement<params<view>, columns<>> gone(db_, "DELETE FROM project WHERE id = ?");
  return steps{}.then(gone.run(id.view())).then([&] { return erase_details("project", id.view()); }).then([&] { return change->commit(); }).end();
}

result<void> access_store::erase_key(const key_id& id) {
  auto change = sql::transaction::begin(db_);
  if (!change) return std::unexpected(change.error());
  statement<params<view>, columns<>> gone(db_, "DELETE FROM key WHERE id = ?");
  return steps{}.then(gone.run(id.view())).then([&] { return erase_details("key", id.view()); }).then([&] { return change->commit(); }).end();
}

result<void> access_store::put_last_used(const std::vector<std::pair<key_id, integer>>& minutes) {
  auto change = sql::transaction::begin(db_);
  if (!change) return std::unexpected(change.error());
  statement<params<integer, view>, columns<>> write(db_, "UPDATE key SET last_used = ? WHERE id = ?");
  steps s;
  for (const auto& [id, minute] : minutes) s.then([&] { return write.run(minute, id.view()); });
  return s.then([&] { return change->commit(); }).end();
}

result<void> access_store::put_checkpoint(const checkpoint& state) {
  auto change = sql::transaction::begin(db_);
  if (!change) return std::unexpected(change.error());
  steps s;
  s.then(db_.run("DELETE FROM checkpoint_position; DELETE FROM checkpoint_row"));
  statement<params<view, integer>, columns<>> position(db_, "INSERT INTO checkpoint_position VALUES(?,?)");
  for (const auto& [stream, at] : state.positions) s.then([&] { return position.run(stream, static_cast<integer>(at)); });
  statement<params<integer, integer, integer, integer>, columns<>> row(db_, "INSERT INTO checkpoint_row VALUES(?,?,?,?)");
  for (const auto& r : state.rows) s.then([&] { return row.run(static_cast<integer>(r.id), r.period_begin, r.period_end, r.spent.value()); });
  return s.then([&] { return change->commit(); }).end();
}

result<checkpoint> access_store::get_checkpoint() {
  checkpoint out;
  steps s;
  statement<params<>, columns<text, integer>> position(db_, "SELECT stream, position FROM checkpoint_position ORDER BY stream");
  s.then(position.each([&](const text& stream, integer at) { out.positions.emplace_back(stream, static_cast<std::uint64_t>(at)); }));
  statement<params<>, columns<integer, integer, integer, integer>> rows(db_, "SELECT account, period_begin, period_end, nano_usd FROM checkpoint_row");
  s.then(rows.each([&](integer id, integer begin, integer end, integer spent) { out.rows.push_back({static_cast<std::uint64_t>(id), begin, end, nano_usd{spent}}); }));
  if (auto done = s.end(); !done) return std::unexpected(done.error());
  return out;
}

}  // namespace andon::access
