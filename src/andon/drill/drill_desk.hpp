#pragma once
// Runs drills: one at a time, each within its bound, each in the audit log and the book before anything is broken.
//
// Life cycle: open → look_back() before the first new Record → is_ready() once calls are taken → start/stop as asked → end_threads() →
// destroy. Threads: start, stop, list, find, limits from any; a drill under way has a thread of its own, `drill`.
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "andon/base/secret.hpp"
#include "andon/drill/drill_book.hpp"
#include "andon/ledger/audit_log.hpp"
#include "andon/ledger/ledger.hpp"
#include "andon/route/target_health.hpp"

namespace andon::drill {

/// What the configuration allows.
struct desk_limits {
  bool enabled = true;
  nanoseconds longest = std::chrono::minutes{10};   ///< of one drill
  nanoseconds settle = std::chrono::minutes{2};     ///< how long recovery is waited for
};

/// What a target's name stands for.
struct places {
  struct one { std::string model; std::shared_ptr<route::target_health> health; };
  std::vector<one> models;
  std::vector<std::string> routes;         ///< that have one of them among their targets
  std::vector<std::string> without_other;  ///< those of them that have no other target
};

/// What the desk works on. All of it outlives the desk; functions may be called from any thread.
struct desk_parts {
  const clock& time;
  ledger::ledger* records = nullptr;       ///< null: switched off; then there are no drills
  ledger::audit_log* audit = nullptr;
  std::filesystem::path data;
  std::filesystem::path configuration;     ///< empty: embedded defaults
  std::optional<secret> master_key;        ///< of the ledger
  std::string version;
  std::string supervisor;                  ///< who starts a killed process again; empty: nobody that is known
  std::function<places(std::string_view target)> find;
  std::function<std::vector<std::string>()> paging;   ///< names of alerts that page now
  std::function<void(const drill&)> told;  ///< of each that ended
  std::function<void()> die;               ///< SIGKILL to the own process
};

class drill_desk {
public:
  static constexpr nanoseconds shortest = std::chrono::milliseconds{100};

  /// Drills that the program's end interrupted are closed, but for a node-kill. errc of the book.
  static result<std::unique_ptr<drill_desk>> open(desk_parts parts, desk_limits limits);
  ~drill_desk();
  drill_desk(const drill_desk&) = delete;  // its thread refers to it
  drill_desk& operator=(const drill_desk&) = delete;

  /// Of a node-kill that ended the process before: what the journal still has. Before anything is appended.
  void look_back();
  /// Calls are taken: ends that node-kill.
  void is_ready();

  void limit(desk_limits limits);
  /// errc: forbidden (switched off), conflict (another one runs; alerts that page), invalid_argument, not_found (target), unavailable (no
  /// ledger; nobody restarts), disk_full.
  result<drill> start(order asked);
  /// Ends the one under way now. errc::not_found: none is.
  result<drill> stop(std::string_view who);
  [[nodiscard]] std::optional<drill> current() const;
  [[nodiscard]] result<std::vector<drill>> list(std::size_t most) { return book_->list(most); }
  [[nodiscard]] result<drill> find(std::int64_t id) { return book_->find(id); }
  /// Ends whatever is under way, as stopped by the end of the program.
  void end_threads();

private:
  drill_desk(desk_parts parts, desk_limits limits, std::unique_ptr<drill_book> book);
  result<void> may_start(const order& asked) const;
  result<void> check_node_kill(const order& asked) const;
  void run(drill one);
  void run_provider_down(drill& one);
  void run_store_down(drill& one);
  void run_node_kill(drill& one);
  void run_restore(drill& one);
  result<void> try_restore(drill& one, const std::filesystem::path& scratch);
  void lift(drill& one);
  void end(drill& one, std::string outcome);
  void keep(const drill& one);
  /// Waits a moment; false when the drill is to end at once.
  bool wait(nanoseconds span);
  [[nodiscard]] bool stopped() const;
  [[nodiscard]] deadline patience() const;   ///< with recovery, from now
  void audit(const drill& one, std::string_view action);
  [[nodiscard]] kill_mark mark() const;

  desk_parts parts_;
  std::unique_ptr<drill_book> book_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  desk_limits limits_;
  std::optional<drill> current_;
  bool stop_ = false;
  std::string stopped_by_;
  std::optional<drill> killed_;   ///< a node-kill that waits for is_ready()
  std::thread thread_;
};

}  // namespace andon::drill
