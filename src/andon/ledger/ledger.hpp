#pragma once
// The ledger: what the rest of the program holds. It opens the journal and the store, recovers, runs the `journal` and
// `index` threads, and keeps the account `appended = indexed + waiting + dropped`.
//
// Life cycle: open → (the gateway settles what recovered() lists) → the cores append → the cores are done → stop. The data directory belongs to one process: <data>/ledger.lock holds its pid.
// Files: <data>/journal/, <data>/index/, <data>/keyring, <data>/ledger.state.
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
#include "andon/base/secret.hpp"
#include "andon/ledger/journal.hpp"
#include "andon/ledger/retention.hpp"

namespace andon::metrics { class registry; }

namespace andon::ledger {

class store;
class record_source;

struct ledger_options {
  std::filesystem::path data;                       ///< the data directory; created if missing, mode 0700
  std::uint32_t cores = 1;
  std::uint64_t segment_bytes = 64u << 20;
  std::uint64_t max_disk_bytes = 0;                 ///< journal.max_disk; 0: no quota
  full_policy when_full = full_policy::refuse;
  std::chrono::milliseconds sync_interval{50};
  bool sync_always = false;                         ///< replies wait for on_durable
  std::optional<secret> master_key;                 ///< set: encryption at rest (parse_master_key's forms)
  std::chrono::milliseconds index_poll{50};         ///< how often the index thread looks for new entries when it has caught up
  std::chrono::milliseconds store_retry{250};       ///< after the store refused a Record
  std::chrono::milliseconds index_lag{1000};        ///< Records that wait longer are indexed although the cores are busy
  std::chrono::milliseconds index_at_stop{5000};    ///< how long stop() goes on indexing; the journal holds the rest for the next start
  retention_policy retention;                       ///< applied every ten minutes; set_retention() replaces it
  file_operations* files = nullptr;                 ///< null: the machine's; of the journal only
};

/// The account, exact since the first start of the data directory: appended = indexed + waiting + dropped.
struct ledger_status {
  std::uint64_t appended = 0;    ///< Records journalled
  std::uint64_t indexed = 0;     ///< handed to the store and committed there
  std::uint64_t waiting = 0;     ///< in the journal, not yet in the store
  std::uint64_t dropped = 0;     ///< removed by quota before they were indexed, damaged, or refused by the store for good
  journal_status journal;
  std::string index_problem;     ///< alarm: why nothing is indexed now; empty when all is well
  std::uint64_t store_failures = 0;  ///< since start
  std::uint64_t left_open = 0;   ///< alarm: exchanges of a crash for whose Records there was no space at start; the next start closes them
  bool rebuilding = false;       ///< the store is new or was damaged and is being filled from the journal
  [[nodiscard]] bool balanced() const { return appended == indexed + waiting + dropped; }
};

class ledger {
public:
  /// Takes the data directory and recovers. Exchanges that a crash left open are closed by Records with
  /// interrupted = true, outcome errc::internal, and the reserved amount as their (estimated) cost; recovered().open
  /// lists them, so that access settles the same amount. Those that find no space stay open until the next start.
  /// errc::locked (message names the pid), invalid_argument, forbidden (wrong master key), io_error, disk_full.
  [[nodiscard]] static result<std::unique_ptr<ledger>> open(ledger_options options, const clock& clk, metrics::registry* metrics);
  ~ledger();  ///< stops
  ledger(const ledger&) = delete;
  ledger& operator=(const ledger&) = delete;

  /// Core `core`'s writer; use it on that core's thread only.
  [[nodiscard]] journal_writer& writer(std::uint32_t core);
  /// See journal::on_durable.
  void on_durable(position p, std::function<void(result<void>)> then);

  [[nodiscard]] const recovery_report& recovered() const;
  [[nodiscard]] ledger_status status() const;

  /// Search, aggregates, get, tail, retention, export: all of store.hpp and search.hpp works on this.
  [[nodiscard]] store& index() const;
  /// Whole Records by their place in the journal, for get_record and export_jsonl.
  [[nodiscard]] const record_source& source() const;
  /// The journal's files, for a journal_reader of one's own (watchers, replay).
  [[nodiscard]] const std::shared_ptr<segment_directory>& segments() const;

  /// Runs `task` on the index thread, the only one that may write to the store (removal, erasure).
  void on_index_thread(std::function<void(store&)> task);

  /// For drills: until then the store takes no Record, as if its disk refused; the journal goes on. Ends by the clock alone; {} lifts it.
  void refuse_index(mono_time until);
  /// How long the index thread has worked since start; the rest of the time it had nothing to do, or waited for a free processor.
  [[nodiscard]] nanoseconds index_work() const;

  /// Replaces the retention policy; the index thread applies it in its next turn. Any thread, at any time before stop().
  void set_retention(retention_policy policy);

  /// Waits until everything appended before the call is in the store, or `limit` has passed (false).
  [[nodiscard]] bool wait_indexed(nanoseconds limit);

  /// After the last append: everything is indexed as far as the store takes it within `index_at_stop`, the
  /// journal is flushed and closed. The log says how many Records wait for the next start.
  [[nodiscard]] result<void> stop();

private:
  struct state;
  explicit ledger(std::unique_ptr<state> s);
  std::unique_ptr<state> state_;
};

}  // namespace andon::ledger
