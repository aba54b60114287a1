#include "andon/slo/series_store.hpp"

#include <array>
#include <span>

#include "andon/sql/statement.hpp"

namespace andon::slo {
namespace {

using sql::columns;
using sql::params;
using integer = std::int64_t;
using text = std::string_view;
template <class P, class C = columns<>>
using prepared = sql::statement<P, C>;

constexpr std::array steps{sql::migration{1, "sums", R"(
CREATE TABLE series(id INTEGER PRIMARY KEY, identity TEXT NOT NULL UNIQUE, filling INTEGER NOT NULL) STRICT;
CREATE TABLE block(series INTEGER NOT NULL, tier INTEGER NOT NULL, at INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY(series, tier, at)) STRICT, WITHOUT ROWID;
CREATE TABLE cause(id INTEGER PRIMARY KEY, origin TEXT NOT NULL, error TEXT NOT NULL, model TEXT NOT NULL, key TEXT NOT NULL, UNIQUE(origin, error, model, key)) STRICT;
CREATE TABLE loss(series INTEGER NOT NULL, at INTEGER NOT NULL, cause INTEGER NOT NULL, bad INTEGER NOT NULL, PRIMARY KEY(series, at, cause)) STRICT, WITHOUT ROWID;
CREATE TABLE position(stream INTEGER PRIMARY KEY, segment INTEGER NOT NULL, offset INTEGER NOT NULL, records INTEGER NOT NULL, dropped INTEGER NOT NULL) STRICT;
CREATE TABLE note(name TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT;
)"},
                           // Minutes of numbers lay together by the hour; those are gone, the hours that they make up stay.
                           sql::migration{2, "fewer minutes together", "DELETE FROM block WHERE tier = 1;"}};

constexpr text evaluated_note = "evaluated";

integer number(instant at) { return at.time_since_epoch().count(); }
instant moment(integer at) { return instant{seconds{at}}; }
integer number(tier of) { return static_cast<integer>(of); }
sql::blob_view view_of(text bytes) { return {reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()}; }
std::string string_of(sql::blob_view bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
template <class T>
result<void> done_of(const result<T>& ran) {
  if (!ran) return std::unexpected(ran.error());
  return {};
}

}  // namespace

struct series_store::state {
  explicit state(sql::database opened) : db(std::move(opened)) {}

  sql::database db;
  std::optional<sql::transaction> open;
  std::optional<error> problem;
  std::map<cause, integer> causes;

  prepared<params<text>, columns<integer, integer>> find_series{db, "SELECT id, filling FROM series WHERE identity = ?"};
  prepared<params<text>> add_series{db, "INSERT INTO series(identity, filling) VALUES(?, 1)"};
  prepared<params<text>, columns<std::string, integer>> series_by_name{db, "SELECT identity, id FROM series WHERE substr(identity, 1, length(?1)) = ?1 ORDER BY id"};
  prepared<params<integer, integer>> fill{db, "UPDATE series SET filling = ?2 WHERE id = ?1"};
  prepared<params<>, columns<integer>> all_series{db, "SELECT id FROM series"};
  prepared<params<integer>> drop_series{db, "DELETE FROM series WHERE id = ?"};
  prepared<params<integer>> drop_blocks{db, "DELETE FROM block WHERE series = ?"};
  prepared<params<integer>> drop_losses{db, "DELETE FROM loss WHERE series = ?"};
  prepared<params<integer>, columns<std::optional<integer>>> last_block{db, "SELECT max(at) FROM block WHERE series = ? AND tier = 2"};
  prepared<params<integer, integer>, columns<std::optional<integer>>> first_block{db, "SELECT min(at) FROM block WHERE series = ? AND tier = ?"};
  prepared<params<integer, integer, integer>, columns<sql::blob_view>> one_block{db, "SELECT bytes FROM block WHERE series = ? AND tier = ? AND at = ?"};
  prepared<params<integer, integer, integer, integer>, columns<integer, sql::blob_view>> some_blocks{
      db, "SELECT at, bytes FROM block WHERE series = ? AND tier = ? AND at >= ? AND at < ? ORDER BY at"};
  prepared<params<integer, integer, integer, sql::blob_view>> write_block{db, "INSERT OR REPLACE INTO block(series, tier, at, bytes) VALUES(?, ?, ?, ?)"};
  prepared<params<integer, integer, integer>> old_blocks{db, "DELETE FROM block WHERE series = ? AND tier = ? AND at < ?"};
  prepared<params<integer, integer>> old_losses{db, "DELETE FROM loss WHERE series = ? AND at < ?"};
  prepared<params<text, text, text, text>> add_cause{db, "INSERT OR IGNORE INTO cause(origin, error, model, key) VALUES(?, ?, ?, ?)"};
  prepared<params<text, text, text, text>, columns<integer>> find_cause{db, "SELECT id FROM cause WHERE origin = ? AND error = ? AND model = ? AND key = ?"};
  prepared<params<integer, integer, integer, integer>> add_loss{
      db, "INSERT INTO loss(series, at, cause, bad) VALUES(?, ?, ?, ?) ON CONFLICT DO UPDATE SET bad = bad + excluded.bad"};
  prepared<params<integer, integer, integer>, columns<std::string, std::string, std::string, std::string, integer>> some_losses{
      db, "SELECT origin, error, model, key, sum(bad) FROM loss JOIN cause ON cause.id = loss.cause WHERE series = ? AND at >= ? AND at < ? GROUP BY cause.id"};
  prepared<params<integer, integer, integer, integer, integer>> write_position{
      db, "INSERT OR REPLACE INTO position(stream, segment, offset, records, dropped) VALUES(?, ?, ?, ?, ?)"};
  prepared<params<>, columns<integer, integer, integer, integer, integer>> all_positions{db, "SELECT stream, segment, offset, records, dropped FROM position ORDER BY stream"};
  prepared<params<text, text>> write_note{db, "INSERT OR REPLACE INTO note(name, text) VALUES(?, ?)"};
  prepared<params<text>, columns<std::string>> read_note{db, "SELECT text FROM note WHERE name = ?"};

  result<integer> cause_id(const cause& of) {
    if (const auto known = causes.find(of); known != causes.end()) return known->second;
    if (auto added = add_cause.run(of.origin, of.error, of.model, of.key); !added) return std::unexpected(std::move(added.error()));
    integer id = 0;
    if (auto found = find_cause.each([&](integer one) { id = one; }, of.origin, of.error, of.model, of.key); !found) return std::unexpected(std::move(found.error()));
    causes.emplace(of, id);
    return id;
  }
};

series_store::series_store(std::unique_ptr<state> s) : state_(std::move(s)) {}
series_store::~series_store() = default;

result<std::unique_ptr<series_store>> series_store::open(const std::filesystem::path& file, const clock& time) {
  auto db = sql::database::open(file);
  if (!db) return std::unexpected(std::move(db.error()));
  if (auto set = db->run(sql::durable_settings); !set) return std::unexpected(std::move(set.error()));
  if (auto made = sql::migrate(*db, steps, time.wall()); !made) return std::unexpected(std::move(made.error()));
  return std::unique_ptr<series_store>(new series_store(std::make_unique<state>(std::move(*db))));
}

const std::optional<error>& series_store::problem() const { return state_->problem; }

result<known_series> series_store::series(std::string_view identity) {
  known_series out;
  const auto look = [&] { return state_->find_series.each([&](integer id, integer filling) { out = {id, filling != 0}; }, identity); };
  if (auto found = look(); !found || *found > 0) return found ? result<known_series>{out} : std::unexpected(found.error());
  if (auto added = state_->add_series.run(identity); !added) return std::unexpected(std::move(added.error()));
  if (auto found = look(); !found) return std::unexpected(std::move(found.error()));
  return out;
}

result<std::vector<std::pair<std::string, series_id>>> series_store::names_beginning(std::string_view prefix) {
  std::vector<std::pair<std::string, series_id>> out;
  const auto read = state_->series_by_name.each([&](const std::string& name, integer id) { out.emplace_back(name, id); }, prefix);
  if (!read) return std::unexpected(read.error());
  return out;
}

result<void> series_store::set_filling(series_id id, bool filling) { return state_->fill.run(id, filling ? 1 : 0); }

result<void> series_store::erase(series_id id) {
  if (auto gone = state_->drop_blocks.run(id); !gone) return gone;
  return state_->drop_losses.run(id);
}

result<void> series_store::drop_unused(const std::vector<series_id>& used, instant before) {
  std::vector<integer> gone;
  const auto listed = state_->all_series.each([&](integer id) { if (std::ranges::find(used, id) == used.end()) gone.push_back(id); });
  if (!listed) return std::unexpected(listed.error());
  for (const auto id : gone) {
    std::optional<integer> last;
    if (const auto looked = state_->last_block.each([&](std::optional<integer> at) { last = at; }, id); !looked) return std::unexpected(looked.error());
    if (last && moment(*last) >= before) continue;
    if (auto erased = erase(id); !erased) return erased;
    if (auto dropped = state_->drop_series.run(id); !dropped) return dropped;
  }
  return {};
}

std::string series_store::block(series_id id, tier of, instant at) {
  std::string out;
  const auto read = state_->one_block.each([&](sql::blob_view bytes) { out = string_of(bytes); }, id, number(of), number(at));
  if (!read && !state_->problem) state_->problem = read.error();
  return out;
}

result<std::map<instant, std::string>> series_store::blocks(series_id id, tier of, instant from, instant to) {
  std::map<instant, std::string> out;
  const auto read = state_->some_blocks.each([&](integer at, sql::blob_view bytes) { out.emplace_hint(out.end(), moment(at), string_of(bytes)); },
                                             id, number(of), number(from), number(to));
  if (!read) return std::unexpected(read.error());
  return out;
}

result<std::optional<instant>> series_store::first_block(series_id id, tier of) {
  std::optional<instant> out;
  const auto read = state_->first_block.each([&](std::optional<integer> at) { if (at) out = moment(*at); }, id, number(of));
  if (!read) return std::unexpected(read.error());
  return out;
}

result<void> series_store::begin() {
  auto begun = sql::transaction::begin(state_->db);
  if (!begun) return std::unexpected(std::move(begun.error()));
  state_->open.emplace(std::move(*begun));
  return {};
}

result<void> series_store::commit() {
  auto done = state_->open->commit();
  if (!done) state_->causes.clear();
  state_->open.reset();
  return done;
}

void series_store::roll_back() {
  state_->causes.clear();  // some may have been made in what is undone
  state_->open.reset();
}

result<void> series_store::put_block(series_id id, tier of, instant at, std::string_view bytes) {
  return state_->write_block.run(id, number(of), number(at), view_of(bytes));
}

result<void> series_store::add_losses(series_id id, instant hour, const losses& more) {
  for (const auto& [of, bad] : more) {
    const auto known = state_->cause_id(of);
    if (!known) return std::unexpected(known.error());
    if (auto added = state_->add_loss.run(id, number(hour), *known, bad); !added) return added;
  }
  return {};
}

result<losses> series_store::losses_between(series_id id, instant from, instant to) {
  losses out;
  const auto read = state_->some_losses.each(
      [&](const std::string& origin, const std::string& error, const std::string& model, const std::string& key, integer bad) { out[{origin, error, model, key}] += bad; },
      id, number(from), number(to));
  if (!read) return std::unexpected(read.error());
  return out;
}

result<void> series_store::put_positions(const std::vector<ledger::checkpoint>& reached, instant evaluated) {
  for (const auto& one : reached) {
    const auto& at = one.next;
    if (auto put = state_->write_position.run(at.stream, static_cast<integer>(at.segment), static_cast<integer>(at.offset), static_cast<integer>(one.records),
                                              static_cast<integer>(one.dropped)); !put) return put;
  }
  return put_note(evaluated_note, std::to_string(number(evaluated)));
}

result<std::vector<ledger::checkpoint>> series_store::positions() {
  std::vector<ledger::checkpoint> out;
  const auto whole = [](integer n) { return static_cast<std::uint64_t>(n); };
  const auto read = state_->all_positions.each([&](integer stream, integer segment, integer offset, integer records, integer dropped) {
    out.push_back({{static_cast<std::uint32_t>(stream), whole(segment), whole(offset)}, whole(records), whole(dropped)});
  });
  if (!read) return std::unexpected(read.error());
  return out;
}

result<std::optional<instant>> series_store::evaluated() {
  const auto text = note(evaluated_note);
  if (!text) return std::unexpected(text.error());
  if (!*text) return std::nullopt;
  return moment(std::stoll(**text));
}

result<void> series_store::put_note(std::string_view name, std::string_view what) { return state_->write_note.run(name, what); }

result<std::optional<std::string>> series_store::note(std::string_view name) {
  std::optional<std::string> out;
  const auto read = state_->read_note.each([&](const std::string& one) { out = one; }, name);
  if (!read) return std::unexpected(read.error());
  return out;
}

result<void> series_store::prune(series_id id, instant now) {
  for (const auto of : {tier::second, tier::minute, tier::hour})
    if (auto gone = state_->old_blocks.run(id, number(of), number(now - about(of).keep - about(of).block)); !gone) return gone;
  return state_->old_losses.run(id, number(now - about(tier::hour).keep));
}

}  // namespace andon::slo
