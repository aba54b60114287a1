#include "andon/ledger/sqlite_database.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

namespace andon::ledger {

void sqlite_database::closer::operator()(sqlite3* db) const noexcept { sqlite3_close_v2(db); }
void raw_statement::closer::operator()(sqlite3_stmt* s) const noexcept { sqlite3_finalize(s); }

errc errc_of_sqlite(int code) {
  switch (code & 0xFF) {
    case SQLITE_BUSY: case SQLITE_LOCKED: case SQLITE_PROTOCOL: return errc::locked;
    case SQLITE_FULL: return errc::disk_full;
    case SQLITE_CORRUPT: case SQLITE_NOTADB: case SQLITE_FORMAT: return errc::corrupt;
    case SQLITE_INTERRUPT: return errc::cancelled;
    case SQLITE_TOOBIG: case SQLITE_CONSTRAINT: case SQLITE_MISMATCH: case SQLITE_RANGE: return errc::invalid_argument;
    default: return errc::io_error;
  }
}

result<sqlite_database> sqlite_database::open(const std::filesystem::path& file, open_mode mode, const std::string& vfs) {
  sqlite3* raw = nullptr;
  const int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                    (mode == open_mode::read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  const int code = sqlite3_open_v2(file.c_str(), &raw, flags, vfs.empty() ? nullptr : vfs.c_str());
  sqlite_database db;
  db.handle_.reset(raw);
  if (code != SQLITE_OK) return fail(errc_of_sqlite(code), fmt::format("index: cannot open {}: {}", file.string(), sqlite3_errstr(code)));
  return db;
}

error sqlite_database::last_error(const char* doing) const {
  const int code = sqlite3_extended_errcode(handle());
  return {errc_of_sqlite(code), fmt::format("index: {}: {}", doing, sqlite3_errmsg(handle()))};
}

result<void> sqlite_database::run(const char* constant_sql) {
  if (sqlite3_exec(handle(), constant_sql, nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return std::unexpected(last_error(constant_sql));
}

result<raw_statement> raw_statement::prepare(sqlite_database& db, const char* constant_sql) {
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v3(db.handle(), constant_sql, -1, SQLITE_PREPARE_PERSISTENT, &raw, nullptr) != SQLITE_OK) {
    return std::unexpected(db.last_error(constant_sql));
  }
  raw_statement s;
  s.handle_.reset(raw);
  return s;
}

result<void> raw_statement::bound(int code) const {
  if (code == SQLITE_OK) return {};
  return fail(errc_of_sqlite(code), fmt::format("index: a value is not taken: {}", sqlite3_errstr(code)));
}

result<void> raw_statement::bind(int index, std::int64_t value) { return bound(sqlite3_bind_int64(handle_.get(), index, value)); }

result<void> raw_statement::bind(int index, blob_view bytes) {
  if (bytes.empty()) return bound(sqlite3_bind_zeroblob(handle_.get(), index, 0));
  return bound(sqlite3_bind_blob64(handle_.get(), index, bytes.data(), bytes.size(), SQLITE_STATIC));
}

result<bool> raw_statement::step() {
  const int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return fail(errc_of_sqlite(code), fmt::format("index: {}", sqlite3_errmsg(sqlite3_db_handle(handle_.get()))));
}

void raw_statement::reset() { sqlite3_reset(handle_.get()); }

std::int64_t raw_statement::number(int column) const { return sqlite3_column_int64(handle_.get(), column); }

blob_view raw_statement::blob(int column) const {
  const auto* bytes = static_cast<const unsigned char*>(sqlite3_column_blob(handle_.get(), column));
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column))};
}

}  // namespace andon::ledger
