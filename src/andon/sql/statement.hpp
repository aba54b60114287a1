#pragma once
// Prepared statements as typed objects: parameters and columns are template arguments, so no value ever becomes SQL text
// and no column is read as the wrong type.
//
//   statement<params<std::string_view>, columns<std::int64_t, std::string>> find(db, "SELECT id, title FROM project WHERE id = ?");
//   auto rows = find.each([&](std::int64_t id, const std::string& title) { … }, name);
//
// Types: std::int64_t, double, text (std::string_view in, std::string out), blob_view, blob, and std::optional of these
// for NULL. What a blob_view column shows is valid until the row's function returns.
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "andon/base/error.hpp"
#include "andon/sql/database.hpp"

struct sqlite3_stmt;

namespace andon::sql {

using blob_view = std::span<const unsigned char>;
struct blob {
  std::string bytes;
};

namespace detail {
class raw_statement {
public:
  raw_statement() = default;
  raw_statement(database& db, const char* constant_sql);
  [[nodiscard]] result<void> ready() const;
  result<bool> step();  ///< true: a row is there
  void reset();

  [[nodiscard]] int bind(int index, std::int64_t value);
  [[nodiscard]] int bind(int index, double value);
  [[nodiscard]] int bind(int index, std::string_view text);
  [[nodiscard]] int bind(int index, blob_view bytes);
  [[nodiscard]] int bind(int index, const blob& value) { return bind(index, blob_view{reinterpret_cast<const unsigned char*>(value.bytes.data()), value.bytes.size()}); }
  template <class T>
  [[nodiscard]] int bind(int index, const std::optional<T>& value) { return value ? bind(index, *value) : bind_null(index); }
  [[nodiscard]] result<void> bound(int code) const;

  void read(int column, std::int64_t& to) const;
  void read(int column, double& to) const;
  void read(int column, std::string& to) const;
  void read(int column, blob_view& to) const;
  void read(int column, blob& to) const;
  template <class T>
  void read(int column, std::optional<T>& to) const {
    if (!is_null(column)) read(column, to.emplace());
  }

private:
  [[nodiscard]] int bind_null(int index);
  [[nodiscard]] bool is_null(int column) const;
  struct closer { void operator()(sqlite3_stmt* s) const noexcept; };
  std::unique_ptr<sqlite3_stmt, closer> handle_;
  std::optional<error> problem_;
};
}  // namespace detail

template <class...> struct params {};
template <class...> struct columns {};
template <class Params, class Columns> class statement;

template <class... P, class... C>
class statement<params<P...>, columns<C...>> {
public:
  statement() = default;
  /// Text that is wrong for this database is told by the first each() or run().
  statement(database& db, const char* constant_sql) : raw_(db, constant_sql) {}
  /// The same, telling it at once.
  static result<statement> prepare(database& db, const char* constant_sql) {
    statement made(db, constant_sql);
    if (auto good = made.raw_.ready(); !good) return std::unexpected(std::move(good.error()));
    return made;
  }

  /// Runs it and calls row(C...) for each row. Returns how many there were.
  template <class F>
  result<std::size_t> each(F&& row, const P&... values) {
    if (auto good = raw_.ready(); !good) return std::unexpected(std::move(good.error()));
    raw_.reset();
    int code = 0, index = 0;
    (void)((code = raw_.bind(++index, values), code == 0) && ...);
    if (auto taken = raw_.bound(code); !taken) return std::unexpected(std::move(taken.error()));
    for (std::size_t n = 0;; ++n) {
      const auto more = raw_.step();
      if (more && *more) {
        call(row, std::index_sequence_for<C...>{});
        continue;
      }
      raw_.reset();
      if (!more) return std::unexpected(more.error());
      return n;
    }
  }
  result<void> run(const P&... values) requires(sizeof...(C) == 0) {
    auto done = each([] {}, values...);
    if (!done) return std::unexpected(std::move(done.error()));
    return {};
  }

private:
  template <class F, std::size_t... I>
  void call(F& row, std::index_sequence<I...>) {
    std::tuple<C...> values;
    (raw_.read(static_cast<int>(I), std::get<I>(values)), ...);
    std::apply(row, std::move(values));
  }
  detail::raw_statement raw_;
};

}  // namespace andon::sql
