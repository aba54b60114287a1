#include "andon/drill/drill_book.hpp"

#include <array>
#include <boost/json.hpp>

#include "andon/sql/statement.hpp"

namespace andon::drill {
namespace {

using sql::columns;
using sql::params;
using sql::statement;
using integer = std::int64_t;
using view = std::string_view;

constexpr std::array migrations{sql::migration{1, "drills", "CREATE TABLE drill(id INTEGER PRIMARY KEY AUTOINCREMENT, document TEXT NOT NULL) STRICT;"}};

std::string document_of(const drill& one) { return boost::json::serialize(to_json(one, detail::kept)); }

}  // namespace

result<std::unique_ptr<drill_book>> drill_book::open(const std::filesystem::path& file, wall_time now) {
  auto db = sql::database::open(file);
  if (!db) return std::unexpected(std::move(db.error()));
  std::unique_ptr<drill_book> book(new drill_book(std::move(*db)));
  if (auto done = book->db_.run(sql::durable_settings); !done) return std::unexpected(std::move(done.error()));
  if (auto done = sql::migrate(book->db_, migrations, now); !done) return std::unexpected(std::move(done.error()));
  return book;
}

result<void> drill_book::add(drill& one) {
  const std::lock_guard hold(mutex_);
  auto all = sql::transaction::begin(db_);
  if (!all) return std::unexpected(std::move(all.error()));
  statement<params<view>, columns<integer>> insert(db_, "INSERT INTO drill(document) VALUES(?) RETURNING id");
  if (auto done = insert.each([&](integer id) { one.id = id; }, view{}); !done) return std::unexpected(std::move(done.error()));
  statement<params<view, integer>, columns<>> update(db_, "UPDATE drill SET document = ? WHERE id = ?");
  if (auto done = update.run(document_of(one), one.id); !done) return done;
  statement<params<integer>, columns<>> prune(db_, "DELETE FROM drill WHERE id <= ?");
  if (auto done = prune.run(one.id - most_kept); !done) return done;
  return all->commit();
}

result<void> drill_book::save(const drill& one) {
  const std::lock_guard hold(mutex_);
  statement<params<view, integer>, columns<>> update(db_, "UPDATE drill SET document = ? WHERE id = ?");
  return update.run(document_of(one), one.id);
}

result<std::vector<drill>> drill_book::list(std::size_t most) {
  const std::lock_guard hold(mutex_);
  std::vector<drill> out;
  statement<params<integer>, columns<std::string>> read(db_, "SELECT document FROM drill ORDER BY id DESC LIMIT ?");
  const auto done = read.each([&](const std::string& text) {
    if (auto one = from_json(text)) out.push_back(std::move(*one));
  }, static_cast<integer>(most));
  if (!done) return std::unexpected(done.error());
  return out;
}

result<drill> drill_book::find(std::int64_t id) {
  const std::lock_guard hold(mutex_);
  result<drill> out = fail(errc::not_found, "there is no drill " + std::to_string(id) + "; GET /api/v1/drills lists them");
  statement<params<integer>, columns<std::string>> read(db_, "SELECT document FROM drill WHERE id = ?");
  const auto done = read.each([&](const std::string& text) { out = from_json(text); }, id);
  if (!done) return std::unexpected(done.error());
  return out;
}

}  // namespace andon::drill
