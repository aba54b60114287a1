#include "andon/app/serve/statement_clerk.hpp"

#include <fmt/format.h>

#include "andon/base/log.hpp"

namespace andon::app {
namespace {

using namespace std::chrono_literals;

constexpr nanoseconds between_looks = 10min;

/// The month is not wholly counted yet, or objectives are not watched at all, which has an alarm of its own.
bool only_early(errc why) { return why == errc::conflict || why == errc::unavailable; }

}  // namespace

void statement_clerk::issued(const business::desk::due_issue& one) {
  log::info("statement_issued", {{"agreement", one.agreement}, {"month", one.when.text()}, {"revision", one.done->revision}});
  ledger::audit_entry act{.began = time_.wall(), .role = "agreement", .action = "issue", .target = fmt::format("statement {} {}", one.agreement, one.when.text())};
  act.after = fmt::format(R"({{"revision":{}}})", one.done->revision);
  act.status = 200;
  (void)audit_.note(act, ledger::audit_log::safety::on_disk);   // its own failures are its alarm: the statement is issued
}

void statement_clerk::look() {
  if (looked_ != mono_time{} && time_.mono() - looked_ < between_looks) return;
  looked_ = time_.mono();
  problem_.clear();
  for (const auto& one : desk_.issue_due()) {
    if (one.done) {
      issued(one);
    } else if (!only_early(one.done.error().code)) {
      problem_ = fmt::format("{} of {}: {}", one.when.text(), one.agreement, one.done.error().message);
      log::error("statement_not_issued", {{"agreement", one.agreement}, {"month", one.when.text()}, {"reason", one.done.error().message}});
    }
  }
}

}  // namespace andon::app
