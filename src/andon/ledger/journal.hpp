#pragma once
// The durable log of everything that happened, and the archive of all content: append-only segment files, one stream
// per core.
//
// Appending copies into a mapped file and publishes with a release store: no system call, and what was appended
// survives the death of the process at any moment. A background thread (`journal`) makes it survive the machine's
// (fdatasync in groups), prepares segments ahead of time and keeps the disk quota.
//
// Life cycle: open (recovers what a crash left) → writers → stop. Every writer belongs to one thread; everything else
// here is thread-safe. Files: <directory>/<stream>-<segment>.seg and spare-*.seg; their layout is in segment.hpp.
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "andon/base/clock.hpp"
#include "andon/base/error.hpp"
#include "andon/ledger/journal_position.hpp"
#include "andon/ledger/record.hpp"
#include "andon/ledger/record_codec.hpp"

namespace andon::ledger {

class file_operations;
class keyring;
class segment_directory;
class stream_log;

/// What happens when the quota or the disk is full.
enum class full_policy : std::uint8_t {
  refuse,       ///< append_opened and Records of calls that were never opened fail with errc::disk_full
  drop_oldest,  ///< the oldest segments are removed; Records in them that were not yet indexed count as dropped
};

struct journal_options {
  std::filesystem::path directory;
  std::uint32_t streams = 1;                      ///< writers: one per core
  std::uint64_t segment_bytes = 64u << 20;        ///< 16 KiB to 1 GiB
  std::uint64_t max_disk_bytes = 0;               ///< all files of the journal together; 0: no quota
  full_policy when_full = full_policy::refuse;
  std::chrono::milliseconds sync_interval{50};
  bool sync_always = false;                       ///< on_durable wakes the journal thread at once
  bool background = true;                         ///< false: no thread; tests call tick() themselves
  std::vector<checkpoint> at_least;               ///< known from elsewhere: no position or number below these is used again
};

/// An exchange that was admitted and never closed, found at start.
struct unfinished {
  std::uint32_t stream = 0;
  opened what;
  bool known = true;  ///< false: only the id is known, because the opened entry itself is damaged or gone
};

/// What recovery found and did. Byte counts and entry counts are exact as far as the bytes allow to know.
struct recovery_report {
  std::uint64_t segments = 0;        ///< files of the journal
  std::uint64_t scanned_bytes = 0;   ///< read to find the end and the open exchanges
  std::uint64_t torn_tails = 0;      ///< segments that ended in an unfinished entry, cut off
  std::uint64_t lost_entries = 0;    ///< damaged entries in the scanned parts
  std::uint64_t lost_records = 0;    ///< those of them that were Records
  std::uint64_t bad_segments = 0;    ///< files whose header is unreadable; renamed to *.damaged, never deleted
  std::vector<unfinished> open;
  nanoseconds took{};
};

/// Exact since the first start of this directory, unless it says otherwise.
struct stream_counters {
  std::uint32_t stream = 0;
  std::uint64_t records = 0;      ///< Records appended
  std::uint64_t first_records = 0;  ///< Records before the oldest segment that is still there
  position next;                  ///< where the next entry goes
  position durable;               ///< everything before it survives a power loss
};

struct journal_status {
  std::vector<stream_counters> streams;
  std::uint64_t disk_bytes = 0;
  std::uint64_t max_disk_bytes = 0;
  std::uint64_t segments = 0;
  std::uint64_t open_exchanges = 0;
  std::uint64_t refused = 0;             ///< appends refused for want of space, since start
  std::uint64_t truncated = 0;           ///< Records whose bodies were cut for want of space, since start
  std::uint64_t rotations = 0;           ///< since start
  std::uint64_t rotations_on_core = 0;   ///< those that found no segment prepared, so the core made it itself
  std::uint64_t dropped_segments = 0;    ///< removed by drop_oldest, since start
  std::uint64_t sync_failures = 0;       ///< since start
  bool full = false;                     ///< alarm: space ran out and has not come back
  bool sync_failing = false;             ///< alarm: the last fdatasync failed
  std::optional<wall_time> oldest;       ///< start of the oldest segment
};

/// Appends to one stream. Owned by one thread; all calls from that thread.
class journal_writer {
public:
  /// Admits an exchange: after this its `closed` entry can always be appended, because space for it is set aside:
  /// expected_bytes (size of the bodies as far as known; at least 4 KiB, at most a quarter of a segment is reserved).
  /// errc::disk_full under full_policy::refuse: do not take the call. errc::already_exists if the id is open.
  [[nodiscard]] result<position> append_opened(const opened& o, std::uint64_t expected_bytes = 0);

  /// Appends the Record; if its id is open, closes it. A Record larger than what was set aside is stored whole if there
  /// is any space; otherwise its bodies are cut to fit and marked truncated (counted). Fails only for a Record that was
  /// never opened (errc::disk_full), or if the device fails (errc::io_error).
  [[nodiscard]] result<position> append_record(const record& r);

  /// Any other entry.
  [[nodiscard]] result<position> append(entry_kind kind, byte_span payload);

  [[nodiscard]] std::size_t open_count() const;

  journal_writer(const journal_writer&) = delete;
  journal_writer& operator=(const journal_writer&) = delete;
  ~journal_writer();

private:
  friend class journal;
  struct state;
  explicit journal_writer(std::unique_ptr<state> s);
  std::unique_ptr<state> state_;
};

class journal {
public:
  /// Takes the directory (created if missing), recovers, prepares the first segments, starts the thread.
  /// errc::invalid_argument, io_error, disk_full, forbidden (segments need a keyring that is not given).
  /// `keys` null: not encrypted. `files` null: the machine's. `keys`, `clk` and `files` outlive the journal.
  [[nodiscard]] static result<std::unique_ptr<journal>> open(journal_options options, const clock& clk,
                                                             const keyring* keys = nullptr, file_operations* files = nullptr);
  ~journal();  ///< stops
  journal(const journal&) = delete;
  journal& operator=(const journal&) = delete;

  /// Stream `core`'s writer, 0 … streams-1 (beyond it only for streams that recovery left open exchanges in).
  [[nodiscard]] journal_writer& writer(std::uint32_t core);

  /// `then` runs on the journal thread once everything up to and including the entry at `p` survives a power loss, or
  /// with the error of the fdatasync that failed. Costs a lock and, with sync_always, one wake-up.
  void on_durable(position p, std::function<void(result<void>)> then);

  /// Makes everything appended so far durable, on the calling thread.
  [[nodiscard]] result<void> flush();

  /// One round of the background work; only with background = false.
  void tick();

  /// Every writer's thread must be done. Flushes, gives back unused space, ends the thread. Idempotent.
  [[nodiscard]] result<void> stop();

  /// Whole segments before these positions may go (they are indexed and out of retention): one position a stream.
  /// Segments that hold the `opened` of an open exchange stay. Returns the bytes freed.
  std::uint64_t remove_before(const std::vector<position>& limits);

  [[nodiscard]] const recovery_report& recovered() const;
  [[nodiscard]] journal_status status() const;
  [[nodiscard]] const std::shared_ptr<segment_directory>& segments() const;  ///< for journal_reader.hpp

private:
  struct state;
  explicit journal(std::unique_ptr<state> s);
  std::unique_ptr<state> state_;
};

}  // namespace andon::ledger
