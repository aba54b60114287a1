#pragma once
// Where Decisions are made and ended: kept in <data>/decisions.db first, then written to the audit log, counted, logged,
// and told as alerts while they hold. What they do to the program is done by whoever makes them.
//
// Life cycle: open → begin(), carried_out(), end(); tell() about once a second. Threads: any.
#include <memory>
#include <mutex>
#include <vector>

#include "andon/alert/board.hpp"
#include "andon/base/metrics.hpp"
#include "andon/ledger/audit_log.hpp"
#include "andon/slo/decision_store.hpp"
#include "andon/slo/policy.hpp"

namespace andon::app {

class decision_desk {
public:
  /// All must outlive it. errc as decision_store::open.
  static result<std::unique_ptr<decision_desk>> open(const std::filesystem::path& file, slo::text_keeper texts, const clock& time, ledger::audit_log& audit, alert::board& board, metrics::registry& registry);
  decision_desk(const decision_desk&) = delete;
  decision_desk& operator=(const decision_desk&) = delete;
  ~decision_desk();

  /// Keeps it and gives it its number. One whose act is its being in force, or that is over when it is made, comes with
  /// `done` (and `ended`). An error: nothing was decided, so nothing may be done.
  result<void> begin(slo::decision& one, std::optional<slo::rolled_back> instead = std::nullopt);
  result<void> carried_out(std::int64_t number, const std::string& outcome);
  /// `who` empty: whoever made it. `waived`: its condition still holds. errc::not_found, conflict (it is over).
  result<slo::decision> end(std::int64_t number, const std::string& who, const std::string& why, bool waived);
  /// The condition of one that was waived is over.
  result<void> forget_waiver(std::int64_t number);

  [[nodiscard]] std::vector<slo::decision> in_force() const;                       ///< oldest first
  [[nodiscard]] std::vector<slo::step_in_force> steps() const;                     ///< of policies; waived ones too
  [[nodiscard]] std::vector<slo::tightening> tightenings() const;
  [[nodiscard]] std::optional<slo::decision> freeze() const;                       ///< the first that freezes the plan
  [[nodiscard]] slo::decision_store& store() const { return *store_; }

  /// The alerts of what is in force: again once a minute, so that one whose program is no more comes to an end.
  void tell(wall_time now);

private:
  decision_desk(std::unique_ptr<slo::decision_store> store, const clock& time, ledger::audit_log& audit, alert::board& board, metrics::registry& registry)
      : store_(std::move(store)), time_(time), audit_(audit), board_(board), registry_(registry) {}
  void note(const slo::decision& one, const char* action);
  void post(const std::vector<slo::decision>& all, wall_time now);
  [[nodiscard]] slo::instant now() const { return std::chrono::floor<slo::seconds>(time_.wall()); }
  [[nodiscard]] slo::decision* known(std::int64_t number);

  std::unique_ptr<slo::decision_store> store_;
  const clock& time_;
  ledger::audit_log& audit_;
  alert::board& board_;
  metrics::registry& registry_;
  mutable std::mutex lock_;
  std::vector<slo::decision> standing_;   ///< in force or waived, oldest first
  wall_time told_{};
  std::vector<std::shared_ptr<void>> readings_;
};

/// As the board takes it; firing for five minutes, or over.
alert::posted_alert posted_of(const slo::decision& one, wall_time now);

}  // namespace andon::app
