#pragma once
// A connection to SQLite and prepared statements as typed objects: parameters and columns are template arguments, and
// no value ever becomes SQL text. A connection and its statements belong to one thread at a time.
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <utility>

#include "andon/base/error.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace andon::ledger {

using blob_view = std::span<const unsigned char>;

enum class open_mode : std::uint8_t { read_only, read_write_create };

class sqlite_database {
public:
  /// `vfs` empty: the system's. errc: locked, io_error, disk_full, corrupt (not a database, or encrypted otherwise).
  static result<sqlite_database> open(const std::filesystem::path& file, open_mode mode, const std::string& vfs);

  result<void> run(const char* constant_sql);  ///< for schema and pragmas: constants of the program only
  [[nodiscard]] error last_error(const char* doing) const;
  [[nodiscard]] sqlite3* handle() const { return handle_.get(); }

private:
  struct closer { void operator()(sqlite3* db) const noexcept; };
  std::unique_ptr<sqlite3, closer> handle_;
};

/// What SQLite's result code means to us. invalid_argument: it will never take these values, however often it is tried.
errc errc_of_sqlite(int code);

/// Untyped part of a statement. Blobs that it returns are valid until the next step or reset.
class raw_statement {
public:
  static result<raw_statement> prepare(sqlite_database& db, const char* constant_sql);
  result<void> bind(int index, std::int64_t value);
  result<void> bind(int index, blob_view bytes);
  result<bool> step();  ///< true: a row is there
  void reset();
  [[nodiscard]] std::int64_t number(int column) const;
  [[nodiscard]] blob_view blob(int column) const;

private:
  [[nodiscard]] result<void> bound(int code) const;
  struct closer { void operator()(sqlite3_stmt* s) const noexcept; };
  std::unique_ptr<sqlite3_stmt, closer> handle_;
};

template <class...> struct params {};
template <class...> struct columns {};

/// statement<params<std::int64_t>, columns<blob_view>> read = …; read.each([](blob_view b) { … }, 7);
template <class Params, class Columns> class statement;

template <class... P, class... C>
class statement<params<P...>, columns<C...>> {
public:
  static result<statement> prepare(sqlite_database& db, const char* constant_sql) {
    auto raw = raw_statement::prepare(db, constant_sql);
    if (!raw) return std::unexpected(raw.error());
    statement s;
    s.raw_ = std::move(*raw);
    return s;
  }
  /// Runs it and calls row(C...) for each row.
  template <class F>
  result<std::size_t> each(F&& row, P... values) {
    raw_.reset();
    if (auto bound = bind_all(std::index_sequence_for<P...>{}, values...); !bound) return std::unexpected(bound.error());
    std::size_t n = 0;
    for (;; ++n) {
      const auto more = raw_.step();
      if (!more || !*more) {
        raw_.reset();
        if (!more) return std::unexpected(more.error());
        return n;
      }
      call(row, std::index_sequence_for<C...>{});
    }
  }
  result<void> run(P... values) requires(sizeof...(C) == 0) {
    const auto done = each([] {}, values...);
    if (!done) return std::unexpected(done.error());
    return {};
  }

private:
  template <std::size_t... I>
  result<void> bind_all(std::index_sequence<I...>, P... values) {
    result<void> done;
    (void)((done = raw_.bind(static_cast<int>(I) + 1, values)).has_value() && ...);
    return done;
  }
  template <class F, std::size_t... I>
  void call(F& row, std::index_sequence<I...>) { row(get<C>(static_cast<int>(I))...); }
  template <class T>
  T get(int column) const {
    if constexpr (std::is_same_v<T, blob_view>) return raw_.blob(column);
    else return raw_.number(column);
  }
  raw_statement raw_;
};

}  // namespace andon::ledger
