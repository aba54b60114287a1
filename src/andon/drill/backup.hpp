#pragma once
// A copy of a data directory while it is in use, and a data directory from such a copy.
//
// A backup is a directory: `data/` with the journal and the audit log as their files, every database as a consistent copy, the key ring
// and the other small files; and MANIFEST.json, written last, with each file's size and SHA-256. The directory gets its name when all
// of it is on the disk, so one that has its name is whole. The search index is not in it: the first start builds it from the journal.
// Neither are the configuration file (its name and digest are, where known), certificates, and the master key of an encrypted ledger: without that key
// an encrypted backup is of no use.
//
// Threads: any, one backup to one directory.
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "andon/base/clock.hpp"
#include "andon/base/error.hpp"

namespace andon::ledger { class keyring; }

namespace andon::drill {

struct backup_order {
  std::filesystem::path data;              ///< the data directory
  std::filesystem::path to;                ///< must not exist, or be empty
  std::filesystem::path configuration;     ///< that the gateway runs with; empty: not known
  const ledger::keyring* keys = nullptr;   ///< of an encrypted ledger; null: the copy of one is not read again
  std::string version;                     ///< of the program
  wall_time now;
  /// Asked between files, while they are copied and while the copied journal is read; false ends it with errc::cancelled.
  std::function<bool()> go_on = [] { return true; };
};

struct backed_up {
  std::uint64_t files = 0, bytes = 0;
  std::uint64_t records = 0;     ///< in the copied journal
  bool verified = false;         ///< the copied journal was read whole
};

/// errc: already_exists (`to` holds something), not_found (no data directory), disk_full (also when it would be), io_error, corrupt (the journal has
/// damaged entries: the backup is not made), cancelled. What was begun is removed.
[[nodiscard]] result<backed_up> make_backup(const backup_order& how);

/// Bytes that a backup would take, at most.
[[nodiscard]] result<std::uint64_t> backup_size(const std::filesystem::path& data);

struct restored {
  std::uint64_t files = 0, bytes = 0;
  bool encrypted = false;
};
/// Copies it to `data`, which must not exist or be empty, comparing every file with the manifest. errc: not_found (no backup), corrupt (a file is
/// missing, altered or not in the manifest), already_exists, disk_full, io_error, cancelled. `data` appears whole or not at all.
[[nodiscard]] result<restored> restore_backup(const std::filesystem::path& from, const std::filesystem::path& data, const std::function<bool()>& go_on = [] { return true; });

/// Records of one journal stream, numbered from its beginning: [first, end). What was before `first` was removed by retention.
struct stream_records {
  std::uint64_t first = 0, end = 0;
};
using records_by_stream = std::map<std::uint32_t, stream_records>;
/// How many of `wanted` are not in `found`. Newer ones make up for none.
[[nodiscard]] std::uint64_t records_missing(const records_by_stream& wanted, const records_by_stream& found);

/// What a journal directory holds, read byte by byte. errc::corrupt: damaged entries, with the file; forbidden: encrypted, and no key;
/// cancelled: go_on(), asked between files, was false.
struct journal_count {
  std::uint64_t records = 0, entries = 0, bytes = 0;
  records_by_stream streams;
};
[[nodiscard]] result<journal_count> read_journal(const std::filesystem::path& directory, const ledger::keyring* keys, const std::function<bool()>& go_on = [] { return true; });

}  // namespace andon::drill
