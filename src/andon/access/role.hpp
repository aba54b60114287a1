#pragma once
// What each role may do: one table, deny by default. Every admin path names one permission; a path without one is
// refused, and so is a permission that the table does not grant.
#include <cstdint>
#include <optional>
#include <string_view>

namespace andon::access {

enum class role : std::uint8_t { admin, operator_, developer, auditor, caller, count_ };
inline constexpr std::size_t role_count = static_cast<std::size_t>(role::count_);

enum class permission : std::uint8_t {
  models_call,       ///< use the gateway port's model endpoints
  models_list,       ///< GET /v1/models
  self_read,         ///< own limits, budgets and spending
  projects_read,
  projects_write,    ///< create, change, delete projects
  keys_read,         ///< handles and settings; nobody can read a secret
  keys_write,        ///< create, change, rotate, delete keys
  keys_block,        ///< block and unblock
  budgets_read,
  budgets_write,     ///< limits and budgets of keys and projects
  records_read,      ///< who, when, what model, cost, outcome: no content
  content_read,      ///< prompts and replies
  records_export,
  ledger_verify,
  config_read,       ///< the configuration in force, credentials redacted
  config_write,      ///< reload
  operate,           ///< drain, take targets out and in
  metrics_read,      ///< /metrics and readings
  audit_read,
  alerts_read,       ///< alerts, silences, incidents, who is on call
  alerts_write,      ///< post alerts, silence, acknowledge, resolve
  decisions_read,    ///< Decisions and the configurations that were in force, credentials redacted
  decisions_write,   ///< end Decisions, override a freeze, roll the plan back
  count_,
};
inline constexpr std::size_t permission_count = static_cast<std::size_t>(permission::count_);

std::string_view to_string(role);                      ///< `admin`, `operator`, `developer`, `auditor`, `caller`
std::optional<role> parse_role(std::string_view text);
std::string_view to_string(permission);                ///< `keys.write`
std::string_view describe(permission);                 ///< one sentence, for the generated reference

/// The table. False for everything it does not name, out-of-range values included.
bool allows(role who, permission what) noexcept;

}  // namespace andon::access
