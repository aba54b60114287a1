#pragma once
// Reading the journal: onwards from a checkpoint, live entries included; one Record by its place; everything, to verify.
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "andon/base/error.hpp"
#include "andon/ledger/journal_position.hpp"
#include "andon/ledger/record.hpp"
#include "andon/ledger/record_codec.hpp"

namespace andon::ledger {

class file_operations;
class keyring;
class segment_directory;

/// One entry as the reader hands it out. `payload` is plain (decrypted) and valid until the reader's next call.
struct entry_view {
  position at;
  entry_kind kind = entry_kind::none;
  std::uint64_t serial = 0;  ///< order across all streams of the directory, in the order of appending
  wall_time appended;
  byte_span payload;
  bytes_from whom = bytes_from::file;
};

/// Reads one stream in order from a checkpoint, across segments, up to what the writer has just published: an entry is
/// seen as soon as its release store is, from any thread, without a system call. Damaged entries are skipped and
/// counted; next() never crashes and never yields an entry whose checksum fails. One owner, no locks while inside a
/// segment.
class journal_reader {
public:
  /// `from.next` {stream, 0, 0}: from the oldest entry that is there; Records before it are not counted as dropped.
  journal_reader(std::shared_ptr<segment_directory> segments, checkpoint from);
  ~journal_reader();
  journal_reader(journal_reader&&) noexcept;
  journal_reader& operator=(journal_reader&&) noexcept;

  /// The next entry, or nothing if the reader has caught up. errc::io_error if a file cannot be read, errc::forbidden
  /// if its key is missing; the reader stays where it is and may try again.
  [[nodiscard]] result<std::optional<entry_view>> next();

  /// Before the first next() of a reader at {stream, 0, 0}: counting begins at `records`, so that what is gone by the
  /// time the oldest segment is opened counts as dropped.
  void count_from(std::uint64_t records);

  /// Just after the last entry handed out. Exact: see checkpoint.
  [[nodiscard]] checkpoint reached() const;

private:
  struct state;
  std::unique_ptr<state> state_;
};

/// The journal's files of a directory without a running journal: for `verify`, `export` and `replay`.
[[nodiscard]] result<std::shared_ptr<segment_directory>> open_segments(const std::filesystem::path& directory,
                                                                       const keyring* keys = nullptr, file_operations* files = nullptr);
/// The streams that have segments, ascending.
[[nodiscard]] std::vector<std::uint32_t> streams_of(const segment_directory& segments);

/// One entry's payload, or one Record, by its place; safe from any thread. errc::not_found if retention removed the
/// segment or nothing starts there, errc::corrupt if its checksum fails, errc::io_error.
[[nodiscard]] result<std::vector<unsigned char>> read_entry(const segment_directory& segments, position at, entry_kind expected);
[[nodiscard]] result<record> read_record(const segment_directory& segments, position at);

/// What verify says of one segment.
struct segment_report {
  std::uint32_t stream = 0;
  std::uint64_t segment = 0;
  std::filesystem::path file;
  std::uint64_t bytes = 0;            ///< used, without the space prepared for later
  std::uint64_t entries = 0;          ///< readable
  std::uint64_t records = 0;          ///< readable
  std::uint64_t lost_entries = 0;     ///< missing according to the numbering
  std::uint64_t lost_records = 0;
  std::uint64_t damaged_bytes = 0;    ///< skipped
  std::string problem;                ///< empty: whole
};
/// Reads every byte, checks every checksum and, with keys, that every entry decrypts and is well formed.
[[nodiscard]] std::vector<segment_report> verify(const segment_directory& segments);
/// The same with a pause behind each segment: `between` gets its bytes, and ends it with false.
[[nodiscard]] std::vector<segment_report> verify(const segment_directory& segments, const std::function<bool(std::uint64_t bytes)>& between);

}  // namespace andon::ledger
