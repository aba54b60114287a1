#pragma once
// Carries Records from the journal into the store and keeps the account of it.
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "andon/ledger/journal.hpp"
#include "andon/ledger/journal_reader.hpp"
#include "andon/ledger/retention.hpp"
#include "andon/ledger/store.hpp"

namespace andon::ledger {

struct index_settings {
  std::chrono::milliseconds poll{50};
  std::chrono::milliseconds retry{250};
  std::chrono::milliseconds stop_within{5000};  ///< how long stop() goes on indexing; the journal holds the rest for the next start
  std::chrono::milliseconds most_lag{1000};  ///< Records that wait longer are worth taking processor time from the cores
  retention_policy retention;
};

/// How far one stream is in the store, and how many Records it was given there.
struct index_account {
  std::vector<checkpoint> reached;
  std::uint64_t indexed = 0;
  std::uint64_t failures = 0;
  std::string problem;
};

/// `index` does the work in turns of a few Records. Between two of them it gives way: it goes on when `index-idle`, which
/// runs only on a processor that nothing else wants, says so, when the Records have waited for `most_lag`, or when
/// somebody waits for the index. So indexing hardly delays a call, and never falls behind for want of a free moment.
class ledger_index {
public:
  /// `historic`: checkpoints of an earlier run, for what was dropped before the oldest segment when the store is new.
  ledger_index(journal& log, store& into, const clock& clk, index_settings settings, std::vector<checkpoint> historic);
  ~ledger_index();

  void start();
  void stop();  ///< indexes the rest as far as the store takes it within stop_within, makes it durable, ends the thread
  void post(std::function<void(store&)> task);
  void set_retention(retention_policy policy);  ///< any thread; applied in the thread's next turn
  [[nodiscard]] bool wait_reached(const std::vector<stream_counters>& target, nanoseconds limit);
  void refuse(mono_time until);                 ///< any thread; until then nothing goes into the store
  [[nodiscard]] nanoseconds work() const { return nanoseconds{work_.load(std::memory_order_relaxed)}; }  ///< spent in turns that moved something
  [[nodiscard]] index_account account() const;

private:
  struct source_stream {
    journal_reader reader;
    std::uint64_t malformed = 0;
    bool seen_end = false;       ///< all that was there when the index began is in
  };
  enum class step : std::uint8_t { moved, idle, failed };

  void run();
  void give_way();
  void watch_for_spare_time();
  step turn();
  [[nodiscard]] bool has_reached(const std::vector<stream_counters>& target);  ///< under the lock
  void seek();
  void seek_to(source_stream& stream, const checkpoint& from);
  void go_back(source_stream& stream);
  [[nodiscard]] bool out_of_time();
  step drain(source_stream& from, std::uint32_t stream);
  [[nodiscard]] bool give(source_stream& from, const entry_view& entry);
  [[nodiscard]] result<applied> apply(const placed_record& one, const checkpoint& now);
  [[nodiscard]] checkpoint reached(const source_stream& from) const;
  void took(const checkpoint& now, std::size_t records);
  void problem(const error& why);
  void tasks();
  void retain();
  [[nodiscard]] position end_of_expired(const checkpoint& durable) const;
  [[nodiscard]] bool pause(std::chrono::milliseconds time);

  journal& journal_;
  store& store_;
  const clock& clock_;
  const std::vector<checkpoint> historic_;

  index_settings settings_;  // the thread's, once it runs
  std::vector<source_stream> streams_;
  bool caught_up_once_ = false;   ///< changed under the lock
  mono_time next_retention_;
  std::optional<mono_time> stop_by_;
  wall_time newest_;  ///< when the last entry read was appended

  mutable std::mutex mutex_;
  std::condition_variable wake_, progress_;
  index_account account_;
  std::vector<std::function<void(store&)>> tasks_;
  std::atomic<bool> stopping_{false};
  bool kicked_ = false;
  std::atomic<bool> urgent_{false};
  std::atomic<std::int64_t> refused_until_{0}, work_{0};  ///< nanoseconds
  std::counting_semaphore<> spare_ask_{0}, spare_time_{0};
  std::thread thread_, spare_;
};

}  // namespace andon::ledger
