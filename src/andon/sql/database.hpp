#pragma once
// A connection to one SQLite file. A connection and its statements belong to one thread at a time.
//
// Life cycle: open → (migrate) → statements and transactions → destroy, statements first.
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "andon/base/clock.hpp"
#include "andon/base/error.hpp"

struct sqlite3;

namespace andon::sql {

enum class open_mode : std::uint8_t { read_only, read_write_create };

/// What SQLite's result code means to us. invalid_argument: it will never take these values, however often it is tried;
/// already_exists: a value that has to be unique is there.
errc errc_of(int code);

/// Before anything else of SQLite, from wherever it is used first: pages are taken from the heap one by one, as they are
/// needed. Any thread.
void prepare_library();

class database {
public:
  /// `vfs` empty: the system's. A file that is made is readable by its owner alone; the file itself must not be a symbolic
  /// link, folders above it may be.
  /// errc: locked, io_error, disk_full, corrupt (no database, or encrypted otherwise).
  static result<database> open(const std::filesystem::path& file, open_mode mode = open_mode::read_write_create, const std::string& vfs = {});

  result<void> run(const char* constant_sql);  ///< for schema, pragmas and transactions: constants of the program only
  void give_back_memory();                     ///< pages that were read; for files that are hardly touched after the start
  [[nodiscard]] error last_error(std::string_view doing) const;
  [[nodiscard]] sqlite3* handle() const { return handle_.get(); }

private:
  struct closer { void operator()(sqlite3* db) const noexcept; };
  std::unique_ptr<sqlite3, closer> handle_;
  std::string name_;  ///< of the file, for messages
};

/// For databases whose every commit must survive a power loss: write-ahead log, full synchronisation, foreign keys. Half a
/// megabyte of pages is kept, not SQLite's two: these files are written a little at a time for ever, which fills any cache.
inline constexpr const char* durable_settings =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF; PRAGMA busy_timeout=5000; PRAGMA cache_size=-512";

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

struct migration {
  std::int64_t version;
  const char* name;
  const char* script;
};
/// Brings the schema from whatever version it has to the last of these, all or nothing. errc::corrupt for a file of a
/// newer version of the program.
result<void> migrate(database& db, std::span<const migration> steps, wall_time now);

}  // namespace andon::sql
