#pragma once
// What the program itself has to raise alerts for: the ledger is full, does not reach the disk, does not balance; the
// index stands still; acts do not reach the audit log; objectives are not watched; Decisions are not kept; the configuration file
// is not what is in force; a damaged file was set aside; messages of alerts could not be
// delivered. Labels: alertname, severity, source="andon".
//
// Threads: look() from one thread.
#include <filesystem>
#include <map>

#include "andon/alert/board.hpp"
#include "andon/ledger/audit_log.hpp"
#include "andon/ledger/ledger.hpp"

namespace andon::app {

/// Why something does not do what it should; empty: it does.
struct own_troubles {
  std::string objectives, decisions, file, damage, statements;
};

class own_alerts {
public:
  /// `records` may be null. All must outlive this.
  own_alerts(alert::board& board, ledger::ledger* records, const ledger::audit_log& audit, std::filesystem::path data)
      : board_(board), records_(records), audit_(audit), data_(std::move(data)) { take_over(); }
  /// Raises what began, again once a minute, and ends what is over. Call about once a second.
  void look(wall_time now, const own_troubles& troubles);

private:
  struct condition { wall_time began, told; };
  void take_over();   ///< what fired in the life before, so that it ends when it is over
  void look_for_unheard(wall_time now, std::vector<alert::posted_alert>& posts);
  void look_for_dead(wall_time now, std::vector<alert::posted_alert>& posts);
  void look_for_damage(wall_time now, std::vector<alert::posted_alert>& posts);
  void set(const char* name, bool holds, std::string summary, wall_time now, std::vector<alert::posted_alert>& posts, const char* severity = "critical");

  alert::board& board_;
  ledger::ledger* records_;
  const ledger::audit_log& audit_;
  std::filesystem::path data_;
  wall_time searched_{}, counted_{};
  std::uint64_t audit_failures_ = 0;
  wall_time audit_failed_{};
  std::map<std::string, condition> firing_;
};

}  // namespace andon::app
