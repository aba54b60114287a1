#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "andon/base/hashing.hpp"
#include "andon/base/log.hpp"
#include "andon/ledger/store_sqlite.hpp"
#include "andon/sql/damage.hpp"

namespace andon::ledger {
namespace {

constexpr std::int64_t store_schema = 1;
constexpr std::uint32_t page_bytes = 32 * 1024;

constexpr const char* settings = R"(
  PRAGMA page_size = 32768; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY;
  PRAGMA cache_size = -1024; PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 67108864; PRAGMA busy_timeout = 20;
  PRAGMA secure_delete = ON;)";
constexpr const char* reader_settings = "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -1024; PRAGMA busy_timeout = 100;";
constexpr const char* schema = R"(
  BEGIN IMMEDIATE;
  CREATE TABLE chunk (id INTEGER PRIMARY KEY, data BLOB NOT NULL);
  CREATE TABLE segment (id INTEGER PRIMARY KEY, meta BLOB NOT NULL);
  CREATE TABLE position (stream INTEGER PRIMARY KEY, segment INTEGER, offset INTEGER, records INTEGER, dropped INTEGER);
  CREATE TABLE fact (name INTEGER PRIMARY KEY, value INTEGER);
  PRAGMA user_version = 1;
  COMMIT;)";

std::uint64_t sum_of(std::uint64_t id, std::span<const unsigned char> bytes) {
  return xxh3({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, id);
}

std::uint64_t inode_of(const std::filesystem::path& file) {
  struct stat about {};
  return ::stat(file.c_str(), &about) == 0 ? about.st_ino : 0;
}

}  // namespace

result<std::unique_ptr<sqlite_chunks>> sqlite_chunks::open(const std::filesystem::path& file, sql::open_mode mode, const std::string& vfs) {
  auto db = sql::database::open(file, mode, vfs);
  if (!db) return std::unexpected(db.error());
  auto chunks = std::make_unique<sqlite_chunks>();
  chunks->db_ = std::move(*db);
  if (auto done = chunks->db_.run(mode == sql::open_mode::read_only ? reader_settings : settings); !done) return std::unexpected(done.error());
  if (mode == sql::open_mode::read_write_create) {
    auto version = sql::statement<sql::params<>, sql::columns<std::int64_t>>::prepare(chunks->db_, "PRAGMA user_version");
    std::int64_t found = 0;
    auto read = version ? version->each([&](std::int64_t v) { found = v; }) : std::unexpected(version.error());
    if (!read) return std::unexpected(read.error());
    if (found == 0) {
      if (auto done = chunks->db_.run(schema); !done) { (void)chunks->db_.run("ROLLBACK"); return std::unexpected(done.error()); }
    } else if (found != store_schema) {
      return fail(errc::conflict, fmt::format("schema {}, need {}", found, store_schema));
    }
    auto write = writing::prepare(chunks->db_, "INSERT OR REPLACE INTO chunk (id, data) VALUES (?, ?)");
    if (!write) return std::unexpected(write.error());
    chunks->write_ = std::move(*write);
  }
  auto read = reading::prepare(chunks->db_, "SELECT data FROM chunk WHERE id = ?");
  if (!read) return std::unexpected(read.error());
  auto pin = pinning::prepare(chunks->db_, "SELECT count(*) FROM position");
  if (!pin) return std::unexpected(pin.error());
  chunks->read_ = std::move(*read);
  chunks->pin_ = std::move(*pin);
  return chunks;
}

result<void> sqlite_chunks::begin_read() {
  if (auto done = db_.run("BEGIN"); !done) return done;
  const auto pinned = pin_.each([](std::int64_t) {});
  if (pinned) return {};
  end_read();
  return std::unexpected(pinned.error());
}

result<chunk_bytes> sqlite_chunks::read(std::uint64_t id) {
  chunk_bytes bytes;
  bool whole = false;
  const auto rows = read_.each([&](sql::blob_view data) {
    if (data.size() < 8) return;
    const sql::blob_view body = data.first(data.size() - 8);
    std::uint64_t sum = 0;
    std::memcpy(&sum, data.data() + body.size(), 8);
    whole = sum == sum_of(id, body);
    if (whole) bytes.assign(body.begin(), body.end());
  }, static_cast<std::int64_t>(id));
  if (!rows) return std::unexpected(rows.error());
  if (!whole) return fail(errc::corrupt, fmt::format("index: chunk {:x} is {}", id, *rows == 0 ? "missing" : "damaged"));
  return bytes;
}

result<void> sqlite_chunks::write(std::uint64_t id, std::span<const unsigned char> bytes) {
  if (bytes.size() > most_) return fail(errc::invalid_argument, fmt::format("index: a part of {} bytes is too large", bytes.size()));
  const std::uint64_t sum = sum_of(id, bytes);
  buffer_.resize(bytes.size() + 8);
  std::ranges::copy(bytes, buffer_.begin());
  std::memcpy(buffer_.data() + bytes.size(), &sum, 8);
  return write_->run(static_cast<std::int64_t>(id), sql::blob_view{buffer_});
}

sqlite_store::~sqlite_store() {
  pool_.clear();
  writer_.reset();
}

result<void> sqlite_store::open() {
  std::error_code failed;
  std::filesystem::create_directories(options_.directory, failed);
  if (failed) return fail(errc::io_error, fmt::format("index: cannot create {}: {}", options_.directory.string(), failed.message()));
  if (!options_.encryption_key.empty()) {
    auto made = sql::encrypted_vfs::make(options_.encryption_key, page_bytes);
    if (!made) return std::unexpected(made.error());
    vfs_ = std::move(*made);
  }
  const bool existed = std::filesystem::exists(file());
  auto opened = open_files();
  if (!opened && (opened.error().code == errc::corrupt || opened.error().code == errc::conflict)) {
    if (auto aside = put_aside(opened.error()); !aside) return aside;
    opened = start_anew(opened.error().message);
  } else if (opened && !existed) {
    rebuilding_ = true;
    why_rebuilding_ = "no store";
  }
  return opened;
}

result<void> sqlite_store::open_files() {
  auto writer = sqlite_chunks::open(file(), sql::open_mode::read_write_create, vfs());
  if (!writer) return std::unexpected(writer.error());
  writer_ = std::move(*writer);
  writer_->limit_parts(options_.part_bytes);
  inode_ = inode_of(file());
  files_checked_ = clock_.mono();
  auto loaded = load();
  if (loaded) writer_->database().give_back_memory();
  else writer_.reset();
  return loaded;
}

result<void> sqlite_store::load() {
  auto& db = writer_->database();
  auto segments = sql::statement<sql::params<>, sql::columns<std::int64_t, sql::blob_view>>::prepare(db, "SELECT id, meta FROM segment ORDER BY id");
  if (!segments) return std::unexpected(segments.error());
  auto list = std::make_shared<segment_list>();
  result<void> decoded;
  auto read = segments->each([&](std::int64_t id, sql::blob_view meta) {
    auto segment = segment_meta::decode(static_cast<std::uint64_t>(id), meta);
    if (segment) list->push_back(std::make_shared<const segment_meta>(std::move(*segment)));
    else decoded = std::unexpected(segment.error());
  });
  if (!read) return std::unexpected(read.error());
  if (!decoded) return decoded;
  auto places = sql::statement<sql::params<>, sql::columns<std::int64_t, std::int64_t, std::int64_t, std::int64_t, std::int64_t>>::prepare(db, "SELECT stream, segment, offset, records, dropped FROM position");
  if (!places) return std::unexpected(places.error());
  const auto u64 = [](std::int64_t v) { return static_cast<std::uint64_t>(v); };
  read = places->each([&](std::int64_t stream, std::int64_t segment, std::int64_t offset, std::int64_t records, std::int64_t dropped) {
    const auto s = static_cast<std::uint32_t>(stream);
    durable_[s] = {{s, u64(segment), u64(offset)}, u64(records), u64(dropped)};
  });
  if (!read) return std::unexpected(read.error());
  auto fact = sql::statement<sql::params<>, sql::columns<std::int64_t>>::prepare(db, "SELECT value FROM fact WHERE name = 1");
  read = fact ? fact->each([&](std::int64_t v) { durable_sequence_ = u64(v); }) : std::unexpected(fact.error());
  if (!read) return std::unexpected(read.error());
  sealed_ = std::move(list);
  reached_ = durable_;
  sequence_ = durable_sequence_;
  return {};
}

/// Clear content must not outlive encryption, so with a key nothing is kept.
result<void> sqlite_store::put_aside(const error& why) {
  const bool damaged = why.code == errc::corrupt, keep = !vfs_ && std::filesystem::exists(file());
  std::filesystem::path aside = file().native() + ".aside";
  std::error_code failed;
  if (keep && damaged) {
    auto moved = sql::set_aside(file());
    if (!moved) return std::unexpected(moved.error());
    aside = std::move(*moved);
  } else {
    for (const char* suffix : {"-wal", "-shm"}) std::filesystem::remove(file().native() + suffix, failed);
    std::filesystem::remove(aside, failed);
    if (keep) std::filesystem::rename(file(), aside, failed);
    else std::filesystem::remove(file(), failed);
    if (failed) return fail(errc::io_error, fmt::format("index: cannot put {} aside: {}", file().string(), failed.message()));
  }
  const auto tell = damaged ? log::error : log::warn;
  tell(damaged ? "damaged_file_set_aside" : "index_set_aside",
       {{"file", file().string()}, {"as", keep ? aside.string() : std::string{}}, {"reason", why.message}, {"meaning", "the index is made again from the journal"}});
  return {};
}

result<void> sqlite_store::start_anew(std::string why) {
  const std::unique_lock lock(mutex_);
  ++generation_;
  {
    const std::lock_guard pool(pool_mutex_);
    pool_.clear();
  }
  writer_.reset();
  sealed_ = std::make_shared<segment_list>();
  tail_.clear();
  recent_.clear();
  lost_.clear();
  durable_.clear();
  reached_.clear();
  sequence_ = durable_sequence_ = 0;
  rebuilding_ = true;
  why_rebuilding_ = std::move(why);
  auto opened = open_files();
  if (opened) damaged_ = false;
  return opened;
}

bool sqlite_store::file_is_gone() const { return inode_of(file()) != inode_; }

result<void> sqlite_store::check_files() {
  const mono_time now = clock_.mono();
  const bool look = damaged_ || !writer_ || now - files_checked_ >= std::chrono::milliseconds{200};
  if (!look) return {};
  files_checked_ = now;
  const bool gone = file_is_gone();
  if (!gone && !damaged_ && writer_) return {};
  const error why = gone ? error{errc::not_found, "the store's file was deleted or replaced"} : error{errc::corrupt, "the store is damaged"};
  writer_.reset();
  if (auto aside = put_aside(why); !aside) return aside;
  if (auto begun = start_anew(why.message); !begun) return begun;
  return fail(errc::corrupt, fmt::format("index: {}; it begins anew and must be filled from the journal", why.message));
}

result<std::unique_ptr<store>> open_sqlite_store(const store_options& options, const andon::clock& clock) {
  auto made = std::make_unique<sqlite_store>(options, clock);
  if (auto opened = made->open(); !opened) return std::unexpected(opened.error());
  return std::unique_ptr<store>(std::move(made));
}

}  // namespace andon::ledger
