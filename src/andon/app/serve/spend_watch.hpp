#pragma once
// Keeps the budgets' memory: charges every Record of the ledger once, saves checkpoints, and at start seeds the live
// accounts from them, so that no restart forgets what was spent.
//
// Life cycle: restore() before serving, start(), stop(). Threads: a thread of its own, `watch`.
#include <condition_variable>
#include <mutex>
#include <thread>

#include "andon/access/budget_book.hpp"
#include "andon/ledger/journal_reader.hpp"
#include "andon/ledger/ledger.hpp"

namespace andon::app {

class spend_watch {
public:
  spend_watch(ledger::ledger& records, access::keyring& keys, const access::directory_board& callers, access::admission& limits, const clock& time, metrics::registry* metrics);
  ~spend_watch();
  spend_watch(const spend_watch&) = delete;
  spend_watch& operator=(const spend_watch&) = delete;

  /// Reads what the ledger has since the last checkpoint and sets the accounts.
  result<void> restore();
  void start();
  void stop();

private:
  /// Records read; what keeps a stream from being read is an error, and the others go on.
  result<std::size_t> read_on();
  void read_all_or_complain();
  void run();
  void save();
  [[nodiscard]] bool save_is_due() const;

  ledger::ledger& records_;
  access::keyring& keys_;
  const access::directory_board& callers_;
  access::admission& limits_;
  const clock& time_;
  access::budget_book book_;
  std::vector<ledger::journal_reader> readers_;
  mono_time saved_{};
  std::uint64_t unsaved_entries_ = 0, unsaved_bytes_ = 0;  ///< since saved_: what a start would have to read again
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false, failing_ = false;
  std::thread thread_;
};

}  // namespace andon::app
