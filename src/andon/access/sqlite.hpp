#pragma once
// SQLite behind typed statements: parameters and columns are template arguments, so text never joins SQL and a column
// cannot be read as the wrong type. One thread at a time.
#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "andon/base/error.hpp"

namespace andon::access::sql {

struct blob { std::string bytes; };

class database {
public:
  static result<database> open(const std::filesystem::path& file);
  database(database&& other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
  database& operator=(database&&) = delete;
  ~database() { sqlite3_close_v2(raw_); }
  result<void> run(const char* script);                ///< constant text only: schema, pragmas, transaction control
  [[nodiscard]] error last_error(std::string_view doing) const;
  [[nodiscard]] sqlite3* raw() const { return raw_; }

private:
  explicit database(sqlite3* raw) : raw_(raw) {}
  sqlite3* raw_;
};

/// Commits when told, otherwise rolls back.
class transaction {
public:
  static result<transaction> begin(database& db);
  transaction(transaction&& other) noexcept : db_(std::exchange(other.db_, nullptr)) {}
  transaction& operator=(transaction&&) = delete;
  ~transaction();
  result<void> commit();

private:
  explicit transaction(database& db) : db_(&db) {}
  database* db_;
};

namespace detail {
void bind(sqlite3_stmt* s, int i, std::int64_t v);
void bind(sqlite3_stmt* s, int i, std::string_view v);
void bind(sqlite3_stmt* s, int i, const blob& v);
template <class T>
void bind(sqlite3_stmt* s, int i, const std::optional<T>& v) {
  if (v) bind(s, i, *v);
  else sqlite3_bind_null(s, i);
}
void column(sqlite3_stmt* s, int i, std::int64_t& v);
void column(sqlite3_stmt* s, int i, std::string& v);
void column(sqlite3_stmt* s, int i, blob& v);
template <class T>
void column(sqlite3_stmt* s, int i, std::optional<T>& v) {
  if (sqlite3_column_type(s, i) != SQLITE_NULL) column(s, i, v.emplace());
}
sqlite3_stmt* prepare(sqlite3* db, const char* text);
}  // namespace detail

template <class... T> struct params;
template <class... T> struct columns;
template <class Params, class Columns> class statement;

template <class... P, class... C>
class statement<params<P...>, columns<C...>> {
public:
  statement(database& db, const char* text) : db_(&db), raw_(detail::prepare(db.raw(), text)) {}
  ~statement() { sqlite3_finalize(raw_); }
  statement(const statement&) = delete;
  statement& operator=(const statement&) = delete;

  result<void> run(const P&... p) { return each([](const C&...) {}, p...); }

  template <class Visit>
  result<void> each(Visit visit, const P&... p) {
    if (raw_ == nullptr) return std::unexpected(db_->last_error("prepare"));
    int i = 0;
    (detail::bind(raw_, ++i, p), ...);
    int code = SQLITE_DONE;
    while ((code = sqlite3_step(raw_)) == SQLITE_ROW) {
      std::tuple<C...> row;
      read(row, std::index_sequence_for<C...>{});
      std::apply(visit, row);
    }
    auto out = code == SQLITE_DONE ? result<void>{} : std::unexpected(db_->last_error("write"));
    sqlite3_reset(raw_);
    sqlite3_clear_bindings(raw_);
    return out;
  }

private:
  template <std::size_t... I>
  void read(std::tuple<C...>& row, std::index_sequence<I...>) { (detail::column(raw_, static_cast<int>(I), std::get<I>(row)), ...); }
  database* db_;
  sqlite3_stmt* raw_;
};

}  // namespace andon::access::sql
