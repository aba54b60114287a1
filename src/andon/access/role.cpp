#include "andon/access/role.hpp"

#include <array>

namespace andon::access {
namespace {

constexpr std::array<std::string_view, role_count> role_names{"admin", "operator", "developer", "auditor", "caller"};

constexpr std::uint8_t A = 1U << static_cast<unsigned>(role::admin);
constexpr std::uint8_t O = 1U << static_cast<unsigned>(role::operator_);
constexpr std::uint8_t D = 1U << static_cast<unsigned>(role::developer);
constexpr std::uint8_t U = 1U << static_cast<unsigned>(role::auditor);
constexpr std::uint8_t C = 1U << static_cast<unsigned>(role::caller);

struct row {
  permission what;
  std::string_view name;
  unsigned roles;
  std::string_view meaning;
};

using enum permission;
constexpr std::array table{
    row{models_call, "models.call", A | D | C, "Call models through the gateway."},
    row{models_list, "models.list", A | O | D | U | C, "List the models that may be called."},
    row{self_read, "self.read", A | O | D | U | C, "Read the own key's limits, budgets and spending."},
    row{projects_read, "projects.read", A | O | D | U, "List projects and their settings."},
    row{projects_write, "projects.write", A, "Create, change and delete projects."},
    row{keys_read, "keys.read", A | O | D | U, "List keys and their settings, never a secret."},
    row{keys_write, "keys.write", A, "Create, change, rotate and delete keys."},
    row{keys_block, "keys.block", A | O, "Block and unblock keys."},
    row{budgets_read, "budgets.read", A | O | D | U, "Read limits, budgets and what is spent."},
    row{budgets_write, "budgets.write", A, "Change limits and budgets."},
    row{records_read, "records.read", A | O | D | U, "Search Records without prompts and replies."},
    row{content_read, "content.read", A | D | U, "Read prompts and replies."},
    row{records_export, "records.export", A | U, "Export Records."},
    row{ledger_verify, "ledger.verify", A | O | U, "Verify and replay the ledger."},
    row{config_read, "config.read", A | O | U, "Read the configuration in force, credentials redacted."},
    row{config_write, "config.write", A, "Reload the configuration."},
    row{operate, "operate", A | O, "Drain the gateway, take targets out and in."},
    row{metrics_read, "metrics.read", A | O | D | U, "Read metrics."},
    row{audit_read, "audit.read", A | U, "Read the audit log."},
    row{alerts_read, "alerts.read", A | O | D | U, "Read alerts, silences, incidents and who is on call."},
    row{alerts_write, "alerts.write", A | O, "Post alerts, silence them, acknowledge and resolve incidents."},
    row{decisions_read, "decisions.read", A | O | D | U, "Read Decisions and which configurations were in force."},
    row{decisions_write, "decisions.write", A | O, "End Decisions, override a freeze, roll the plan back."},
};
static_assert(table.size() == permission_count);
static_assert([] {
  for (std::size_t i = 0; i < table.size(); ++i)
    if (static_cast<std::size_t>(table[i].what) != i) return false;
  return true;
}());

}  // namespace

std::string_view to_string(role who) {
  const auto i = static_cast<std::size_t>(who);
  return i < role_count ? role_names[i] : "none";
}

std::optional<role> parse_role(std::string_view text) {
  for (std::size_t i = 0; i < role_count; ++i)
    if (role_names[i] == text) return static_cast<role>(i);
  return std::nullopt;
}

std::string_view to_string(permission what) {
  const auto i = static_cast<std::size_t>(what);
  return i < permission_count ? table[i].name : "none";
}

std::string_view describe(permission what) {
  const auto i = static_cast<std::size_t>(what);
  return i < permission_count ? table[i].meaning : "";
}

bool allows(role who, permission what) noexcept {
  const auto r = static_cast<std::size_t>(who);
  const auto p = static_cast<std::size_t>(what);
  return r < role_count && p < permission_count && ((table[p].roles >> r) & 1U) != 0;
}

}  // namespace andon::access
