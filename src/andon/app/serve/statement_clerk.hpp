#pragma once
// Issues the statements of agreements when their months are over, and tells of it: in the audit log as `agreement`, in the log,
// and as a trouble while it does not succeed.
//
// Threads: look() and problem() from the one that keeps the instance up.
#include <string>

#include "andon/business/desk.hpp"
#include "andon/ledger/audit_log.hpp"

namespace andon::app {

class statement_clerk {
public:
  /// All must outlive this.
  statement_clerk(business::desk& desk, ledger::audit_log& audit, const clock& time) : desk_(desk), audit_(audit), time_(time) {}

  /// Looks again only after some minutes: call as often as you like.
  void look();
  /// Why a statement that is due was not issued; empty: none is late.
  [[nodiscard]] const std::string& problem() const { return problem_; }

private:
  void issued(const business::desk::due_issue& one);

  business::desk& desk_;
  ledger::audit_log& audit_;
  const clock& time_;
  mono_time looked_{};
  std::string problem_;
};

}  // namespace andon::app
