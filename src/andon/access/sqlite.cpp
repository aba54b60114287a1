#include "andon/access/sqlite.hpp"

namespace andon::access::sql {

result<database> database::open(const std::filesystem::path& file) {
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(file.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, nullptr);
  database db{raw};
  if (code != SQLITE_OK) return std::unexpected(db.last_error("open " + file.string()));
  sqlite3_busy_timeout(raw, 5000);
  if (auto done = db.run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF"); !done)
    return std::unexpected(done.error());
  return db;
}

result<void> database::run(const char* script) {
  if (sqlite3_exec(raw_, script, nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return std::unexpected(last_error("access.db"));
}

error database::last_error(std::string_view doing) const {
  errc code = errc::io_error;
  switch (sqlite3_errcode(raw_) & 0xff) {
    case SQLITE_BUSY: case SQLITE_LOCKED: code = errc::locked; break;
    case SQLITE_FULL: code = errc::disk_full; break;
    case SQLITE_CORRUPT: case SQLITE_NOTADB: case SQLITE_SCHEMA: code = errc::corrupt; break;
    case SQLITE_CONSTRAINT: code = errc::already_exists; break;
    default: break;
  }
  return {code, std::string(doing) + ": " + sqlite3_errmsg(raw_)};
}

result<transaction> transaction::begin(database& db) {
  if (auto done = db.run("BEGIN IMMEDIATE"); !done) return std::unexpected(done.error());
  return transaction{db};
}

transaction::~transaction() {
  if (db_ != nullptr) (void)db_->run("ROLLBACK");
}

result<void> transaction::commit() {
  auto done = db_->run("COMMIT");
  if (done) db_ = nullptr;
  return done;
}

namespace detail {

sqlite3_stmt* prepare(sqlite3* db, const char* text) {
  sqlite3_stmt* raw = nullptr;
  sqlite3_prepare_v3(db, text, -1, 0, &raw, nullptr);
  return raw;
}

void bind(sqlite3_stmt* s, int i, std::int64_t v) { sqlite3_bind_int64(s, i, v); }
void bind(sqlite3_stmt* s, int i, std::string_view v) { sqlite3_bind_text64(s, i, v.data() == nullptr ? "" : v.data(), v.size(), SQLITE_TRANSIENT, SQLITE_UTF8); }
void bind(sqlite3_stmt* s, int i, const blob& v) { sqlite3_bind_blob64(s, i, v.bytes.data(), v.bytes.size(), SQLITE_TRANSIENT); }

void column(sqlite3_stmt* s, int i, std::int64_t& v) { v = sqlite3_column_int64(s, i); }

void column(sqlite3_stmt* s, int i, std::string& v) {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(s, i));
  v.assign(text == nullptr ? "" : text, static_cast<std::size_t>(sqlite3_column_bytes(s, i)));
}

void column(sqlite3_stmt* s, int i, blob& v) {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(s, i));
  v.bytes.assign(bytes == nullptr ? "" : bytes, static_cast<std::size_t>(sqlite3_column_bytes(s, i)));
}

}  // namespace detail
}  // namespace andon::access::sql
