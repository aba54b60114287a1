#pragma once
// What the journal thread does: durability in groups, spares, names and sizes of what is finished.
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "andon/ledger/journal.hpp"
#include "andon/ledger/journal_stream.hpp"

namespace andon::ledger {

/// One round at a time; a lock keeps flush() on other threads apart from the thread's own rounds.
class journal_background {
public:
  journal_background(journal_common& common, std::vector<std::unique_ptr<stream_log>>& logs);

  void on_durable(position p, std::function<void(result<void>)> then);
  result<void> round();      ///< sync, callbacks, spares
  result<void> sync_all();   ///< sync and callbacks only
  void prepare_spares();
  void finish();             ///< gives back what is prepared and unused

  [[nodiscard]] position durable(std::size_t log) const;
  [[nodiscard]] bool failing() const { return failing_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t failures() const { return failures_.load(std::memory_order_relaxed); }

private:
  struct waiting {
    position at;
    std::function<void(result<void>)> then;
  };
  result<void> sync_stream(std::size_t i, position& reached);
  static void begin_writing(const position& before, const position& reached, const file_mapping& map);
  void warm_ahead(std::size_t log, const position& before, const position& reached, const segment& current);
  void warm_spares(std::size_t log);
  result<void> finish_segment(segment& s, std::size_t log);
  result<void> rewrite(std::size_t log, const segment& s, std::uint64_t end);
  void distrust(std::size_t log);
  void trim(segment& s);
  void settle(const std::vector<position>& reached, const std::vector<result<void>>& outcome);

  journal_common& common_;
  std::vector<std::unique_ptr<stream_log>>& logs_;
  std::mutex round_;
  mutable std::mutex mutex_;
  std::vector<position> durable_;
  std::vector<waiting> waiting_;
  std::vector<std::vector<std::weak_ptr<segment>>> cold_;  ///< by log: spares whose pages are not ready
  /// After a failed sync the system takes pages for written that are not. What lies behind `from` is written again before
  /// the next sync, until one has succeeded that reaches beyond `until`: an entry was being written there.
  struct doubt { position from, until; };
  std::vector<std::optional<doubt>> doubts_;  ///< by log; under round_
  std::atomic<std::uint64_t> failures_{0};
  std::atomic<bool> failing_{false};
};

}  // namespace andon::ledger
