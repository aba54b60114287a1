#include "andon/sql/statement.hpp"

#include <sqlite3.h>

namespace andon::sql::detail {

void raw_statement::closer::operator()(sqlite3_stmt* s) const noexcept { sqlite3_finalize(s); }

raw_statement::raw_statement(database& db, const char* constant_sql) {
  sqlite3_stmt* raw = nullptr;
  const int code = sqlite3_prepare_v3(db.handle(), constant_sql, -1, SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
  handle_.reset(raw);
  if (code != SQLITE_OK) problem_ = db.last_error(constant_sql);
}

result<void> raw_statement::ready() const {
  if (problem_) return std::unexpected(*problem_);
  return {};
}

result<bool> raw_statement::step() {
  const int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return fail(errc_of(code), std::string("database: ") + sqlite3_errmsg(sqlite3_db_handle(handle_.get())));
}

void raw_statement::reset() { sqlite3_reset(handle_.get()); }

result<void> raw_statement::bound(int code) const {
  if (code == SQLITE_OK) return {};
  return fail(errc_of(code), std::string("database: a value is not taken: ") + sqlite3_errstr(code));
}

int raw_statement::bind(int index, std::int64_t value) { return sqlite3_bind_int64(handle_.get(), index, value); }
int raw_statement::bind(int index, double value) { return sqlite3_bind_double(handle_.get(), index, value); }
int raw_statement::bind_null(int index) { return sqlite3_bind_null(handle_.get(), index); }

// The caller's bytes live until the statement is reset: each() does so before it returns.
int raw_statement::bind(int index, std::string_view text) {
  return sqlite3_bind_text64(handle_.get(), index, text.data() == nullptr ? "" : text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
}

int raw_statement::bind(int index, blob_view bytes) {
  if (bytes.empty()) return sqlite3_bind_zeroblob(handle_.get(), index, 0);
  return sqlite3_bind_blob64(handle_.get(), index, bytes.data(), bytes.size(), SQLITE_STATIC);
}

bool raw_statement::is_null(int column) const { return sqlite3_column_type(handle_.get(), column) == SQLITE_NULL; }
void raw_statement::read(int column, std::int64_t& to) const { to = sqlite3_column_int64(handle_.get(), column); }
void raw_statement::read(int column, double& to) const { to = sqlite3_column_double(handle_.get(), column); }

void raw_statement::read(int column, std::string& to) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(handle_.get(), column));
  to.assign(text == nullptr ? "" : text, static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column)));
}

void raw_statement::read(int column, blob_view& to) const {
  const auto* bytes = static_cast<const unsigned char*>(sqlite3_column_blob(handle_.get(), column));
  to = {bytes, static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column))};
}

void raw_statement::read(int column, blob& to) const {
  blob_view bytes;
  read(column, bytes);
  to.bytes.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

}  // namespace andon::sql::detail
