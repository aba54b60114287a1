#pragma once
// What every verb of the command line shares: where the data directory is, how to print, and what to run in the end.
#include <functional>
#include <string>

#include "andon/app/cli/command.hpp"
#include "andon/base/error.hpp"

namespace andon::app::cli {

struct context {
  std::string data = "./andon-data";
  bool json = false;
  bool terminal = false;               ///< standard output is one: colours and tables for people
  std::function<int()> chosen;         ///< set by the verb that was given
};

constexpr int done = 0;
constexpr int failed = 1;
constexpr int wrong_usage = 2;

/// On standard error, a line for each of the message. Returns the exit code: wrong_usage for arguments that are not acceptable.
int complain(const error& why);

/// `--data` and `--json`, as every verb that talks to a gateway has them.
command add_common(command verb, context& in);

void add_status_verbs(command root, context& in);     // status, reload, drain, budgets
void add_audit_verb(command root, context& in);
void add_alert_verbs(command root, context& in);      // alert, silence
void add_oncall_verbs(command root, context& in);     // oncall, incident
void add_report_verbs(command root, context& in);
void add_key_verbs(command root, context& in);
void add_project_verbs(command root, context& in);
void add_ledger_verbs(command root, context& in);
void add_replay_verb(command ledger, context& in);
void add_rotate_key_verb(command ledger, context& in);
void add_objective_verbs(command root, context& in);  // objective, indicator
void add_pack_verbs(command root, context& in);       // pack, dashboard
void add_business_verbs(command root, context& in);   // agreement, kpi
void add_decision_verbs(command root, context& in);   // decision, plan
void add_feedback_verbs(command root, context& in);
void add_drill_verbs(command root, context& in);
void add_backup_verbs(command root, context& in);     // backup, restore
void add_reference_verbs(command root, context& in);  // reference, completion, version

}  // namespace andon::app::cli
