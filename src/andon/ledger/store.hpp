#pragma once
// The searchable index of the ledger. The journal is the truth and holds the bodies; a store holds what is needed to
// find Records again, and where in the journal each one stands. It can always be rebuilt from the journal.
//
// One thread (the index thread) writes: apply, remove, maintain. Any thread asks.
//
//   auto store = open_sqlite_store(options, clock);
//   readers start from store->checkpoints()             // resume where the durable part ends
//   store->apply(batch, {reader.reached()});            // on an error: wait and apply the same batch again
//
// What apply has taken is visible to searches at once. It becomes durable in groups of up to `seal_rows` rows, each
// written together with the journal positions it reaches in one transaction; after a crash the reader resumes at
// checkpoints() and gives the rest again. A row that the database refuses is left out and counted (status().lost); it
// never keeps the others waiting. So nothing is lost and nothing is doubled, without a write per batch.
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "andon/base/clock.hpp"
#include "andon/base/error.hpp"
#include "andon/base/secret.hpp"
#include "andon/ledger/journal_position.hpp"
#include "andon/ledger/record.hpp"
#include "andon/ledger/record_codec.hpp"
#include "andon/ledger/search.hpp"

namespace andon::ledger {

/// A Record and where it stands. Refers to the caller's bytes for the time of the call.
struct placed_record {
  record_view what;
  position at;
};

/// Reads whole Records back from the journal. Thread-safe. errc::not_found when retention or the quota removed it.
class record_source {
public:
  virtual ~record_source() = default;
  [[nodiscard]] virtual result<record> read(position) const = 0;
};

struct store_status {
  std::uint64_t rows = 0;           ///< visible to searches
  std::uint64_t durable_rows = 0;   ///< of them, those that a restart does not have to read again
  std::uint64_t sequence = 0;       ///< Records ever applied to this store
  std::uint64_t lost = 0;           ///< alarm: rows that could not be sealed even alone, since opening or the last beginning anew; checkpoints of a later opening count them as dropped
  std::uint64_t duplicates = 0;     ///< Records given again and recognised, since opening
  std::uint64_t segments = 0;
  std::uint64_t disk_bytes = 0;
  std::uint64_t memory_bytes = 0;
  bool rebuilding = false;          ///< started empty although the journal is not; ends with rebuilt()
  std::string why_rebuilding;       ///< "no store", "corrupt: …", "schema 1, need 2"
};

/// What apply did.
struct applied {
  std::size_t added = 0;
  std::size_t duplicates = 0;
};

class store {
public:
  virtual ~store() = default;

  /// Takes a batch, or nothing of it. A batch of one is fine: there is no cost per batch worth saving, so a reader can
  /// hand over each entry in place. `reached`: for each stream that moved, journal_reader::reached() after the batch.
  /// Records before an already reached position, and Records whose id is among
  /// those applied lately (since the segment before the last), are counted as duplicates and skipped,
  /// so giving a batch again is harmless.
  /// Errors: locked (another process writes), disk_full, io_error: try the same batch again later. corrupt: the files
  /// were deleted or damaged; the store has put them aside, started empty and `checkpoints()` begins anew.
  virtual result<applied> apply(std::span<const placed_record> batch, std::span<const checkpoint> reached) = 0;

  /// What is durable; one per stream ever seen. Empty for a new store. Any thread.
  [[nodiscard]] virtual std::vector<checkpoint> checkpoints() const = 0;
  /// What is visible to searches, durable or not. Any thread.
  [[nodiscard]] virtual std::vector<checkpoint> visible_until() const = 0;
  /// Makes everything durable now (on a clean stop it is optional: the journal is read again instead).
  virtual result<void> flush() = 0;
  /// The reader has caught up with the journal's end: a rebuild is over.
  virtual void rebuilt() = 0;

  [[nodiscard]] virtual result<page> search(const search_request&) const = 0;
  [[nodiscard]] virtual result<aggregated> aggregate(const aggregate_request&) const = 0;
  [[nodiscard]] virtual result<followed> follow(const follow_request&) const = 0;
  [[nodiscard]] virtual std::uint64_t follow_from() const = 0;
  /// errc::not_found when there is none or it is outside the scope.
  [[nodiscard]] virtual result<summary> find(request_id, const scope&, const patience& = {}) const = 0;

  /// Removes every Record that matches, its words included; for retention and erasure. Returns how many.
  virtual result<std::uint64_t> remove(const filter&, const scope&, const patience& = {}) = 0;
  /// For each stream the oldest journal segment that still holds an indexed Record; segments before it may go once
  /// they lie before checkpoints() as well. Streams without Records are absent.
  [[nodiscard]] virtual std::vector<position> oldest_needed() const = 0;

  [[nodiscard]] virtual store_status status() const = 0;
};

struct store_options {
  std::filesystem::path directory;      ///< created if missing; the store's files are `index.db*` in it
  secret encryption_key{};              ///< 32 bytes from the keyring; empty: not encrypted
  std::size_t seal_rows = 16384;        ///< rows per sealed segment, 64 … 65,536
  std::size_t seal_bytes = 14 << 20;    ///< of memory for what is not yet sealed: rows, names and words
  std::size_t part_bytes = 256 << 20;   ///< of one part of a segment; rows whose parts are larger are sealed by halves
  std::size_t readers = 4;              ///< read connections kept open
};

/// Opens or creates. A store that is corrupt or encrypted under another key is put aside as `index.db.damaged`, one of another
/// schema as `index.db.aside` (with a key either is removed). The log says so, and the store is begun anew with
/// status().rebuilding set. Errors: locked, io_error, disk_full.
result<std::unique_ptr<store>> open_sqlite_store(const store_options&, const andon::clock&);

/// The whole Record for an id: the index says where, the source reads it.
result<record> get_record(const store&, const record_source&, request_id, const scope&, const patience& = {});

}  // namespace andon::ledger
