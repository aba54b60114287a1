#include "andon/sql/database.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>

#include "andon/sql/statement.hpp"

namespace andon::sql {
namespace {

/// Opens the file only when it is not there yet: a process that closes any descriptor of a file lets go of all its locks on
/// it (fcntl(2)), those of another connection's SQLite included, whose log the next process to come would then delete.
result<void> make_private(const std::filesystem::path& file) {
  const auto refused = [&] { return fail(errc::io_error, "cannot open " + file.string() + ": " + std::generic_category().message(errno)); };
  const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd >= 0) {
    ::close(fd);
    return {};
  }
  struct stat about {};
  if (errno != EEXIST || ::lstat(file.c_str(), &about) != 0) return refused();
  if (S_ISLNK(about.st_mode)) return errno = ELOOP, refused();
  if ((about.st_mode & 0777) != 0600 && ::chmod(file.c_str(), 0600) != 0) return refused();
  return {};
}

}  // namespace

void prepare_library() {
  static const int done = sqlite3_config(SQLITE_CONFIG_PAGECACHE, nullptr, 0, 0);
  (void)done;  // refused where somebody has used SQLite before: then pages are taken twenty at a time, which costs memory only
}

errc errc_of(int code) {
  switch (code) {
    case SQLITE_CONSTRAINT_UNIQUE: case SQLITE_CONSTRAINT_PRIMARYKEY: case SQLITE_CONSTRAINT_ROWID: return errc::already_exists;
    default: break;
  }
  switch (code & 0xFF) {
    case SQLITE_BUSY: case SQLITE_LOCKED: case SQLITE_PROTOCOL: return errc::locked;
    case SQLITE_FULL: return errc::disk_full;
    case SQLITE_CORRUPT: case SQLITE_NOTADB: case SQLITE_FORMAT: case SQLITE_SCHEMA: return errc::corrupt;
    case SQLITE_INTERRUPT: return errc::cancelled;
    case SQLITE_TOOBIG: case SQLITE_CONSTRAINT: case SQLITE_MISMATCH: case SQLITE_RANGE: return errc::invalid_argument;
    default: return errc::io_error;
  }
}

void database::closer::operator()(sqlite3* db) const noexcept { sqlite3_close_v2(db); }

result<database> database::open(const std::filesystem::path& file, open_mode mode, const std::string& vfs) {
  if (mode == open_mode::read_write_create)
    if (auto made = make_private(file); !made) return std::unexpected(std::move(made.error()));
  prepare_library();
  sqlite3* raw = nullptr;
  const int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                    (mode == open_mode::read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  const int code = sqlite3_open_v2(file.c_str(), &raw, flags, vfs.empty() ? nullptr : vfs.c_str());
  database db;
  db.handle_.reset(raw);
  db.name_ = file.filename().string();
  if (code != SQLITE_OK) return fail(errc_of(code), fmt::format("{}: cannot be opened: {}", file.string(), sqlite3_errstr(code)));
  return db;
}

error database::last_error(std::string_view doing) const {
  return {errc_of(sqlite3_extended_errcode(handle())), fmt::format("{}: {}: {}", name_, doing, sqlite3_errmsg(handle()))};
}

result<void> database::run(const char* constant_sql) {
  if (sqlite3_exec(handle(), constant_sql, nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return std::unexpected(last_error(std::string_view{constant_sql}.substr(0, 80)));
}

void database::give_back_memory() { (void)sqlite3_db_release_memory(handle()); }

result<transaction> transaction::begin(database& db) {
  if (auto done = db.run("BEGIN IMMEDIATE"); !done) return std::unexpected(std::move(done.error()));
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

result<void> migrate(database& db, std::span<const migration> steps, wall_time now) {
  auto change = transaction::begin(db);
  if (!change) return std::unexpected(std::move(change.error()));
  if (auto made = db.run("CREATE TABLE IF NOT EXISTS migration(version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied INTEGER NOT NULL) STRICT"); !made) return made;
  std::int64_t version = 0;
  statement<params<>, columns<std::optional<std::int64_t>>> newest(db, "SELECT max(version) FROM migration");
  if (auto read = newest.each([&](const std::optional<std::int64_t>& v) { version = v.value_or(0); }); !read) return std::unexpected(std::move(read.error()));
  if (version > steps.back().version)
    return fail(errc::corrupt, fmt::format("{} was written by a newer version of andon (schema {}); start that version, or restore a backup",
                                           std::filesystem::path(sqlite3_db_filename(db.handle(), "main")).filename().string(), version));
  statement<params<std::int64_t, std::string_view, std::int64_t>, columns<>> note(db, "INSERT INTO migration VALUES(?, ?, ?)");
  for (const auto& step : steps) {
    if (step.version <= version) continue;
    if (auto done = db.run(step.script); !done) return done;
    if (auto done = note.run(step.version, step.name, now.time_since_epoch().count()); !done) return done;
  }
  if (auto done = change->commit(); !done) return done;
  db.give_back_memory();
  return {};
}

}  // namespace andon::sql
