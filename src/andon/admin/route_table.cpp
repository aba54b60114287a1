#include "andon/admin/route_table.hpp"

#include <fmt/format.h>

#include <array>

#include "andon/admin/handlers.hpp"
#include "andon/base/json_text.hpp"

namespace andon::admin {
namespace {

using enum access::permission;
using namespace handlers;
constexpr auto any = std::nullopt;

constexpr std::array table{
    admin_path{"GET", "/", reach::anyone, any, "", "The status page.", conduct::at_once, page},
    admin_path{"GET", "/healthz", reach::anyone, any, "", "200 while the program runs.", conduct::at_once, health},
    admin_path{"GET", "/readyz", reach::anyone, any, "", "200 while calls are taken, else 503.", conduct::at_once, readiness},
    admin_path{"GET", "/metrics", reach::anyone, any, "", "Metrics in Prometheus text form.", conduct::blocking, metrics_text},
    admin_path{"GET", "/api/v1/status", reach::installation, metrics_read, "", "Version, Plan, ledger account, counts.", conduct::blocking, status},
    admin_path{"GET", "/api/v1/paths", reach::project, models_list, "", "This table.", conduct::at_once, paths},
    admin_path{"GET", "/api/v1/filter-reference", reach::project, models_list, "", "The filter language, as Markdown.", conduct::at_once, filter_page},
    admin_path{"GET", "/api/v1/records", reach::project, records_read, "q cursor limit content timeout",
               "Records that match a filter, newest first. content=true gives whole Records and needs content.read, as does a filter with words.", conduct::blocking, search_records},
    admin_path{"GET", "/api/v1/records/aggregate", reach::project, records_read, "q by bucket percentiles_of percentiles max_groups timeout",
               "Counts, sums and percentiles by fields and time. A filter with words needs content.read.", conduct::blocking, aggregate_records},
    admin_path{"GET", "/api/v1/records/export", reach::project, records_export, "q max timeout", "Whole Records as JSON lines, streamed.", conduct::stream,
               nullptr, export_records},
    admin_path{"GET", "/api/v1/records/follow", reach::project, records_read, "q after limit content",
               "Records as they come; waits up to 10 s for the first. Without `after`: from now on.", conduct::poll, follow_records},
    admin_path{"GET", "/api/v1/records/{id}", reach::project, content_read, "", "One whole Record.", conduct::blocking, record_by_id},
    admin_path{"POST", "/api/v1/ledger/verify", reach::installation, ledger_verify, "", "Reads the whole journal and checks it.", conduct::blocking, verify_ledger},
    admin_path{"GET", "/api/v1/projects", reach::project, projects_read, "", "Projects and their settings.", conduct::blocking, list_projects},
    admin_path{"POST", "/api/v1/projects", reach::installation, projects_write, "", "Creates a project.", conduct::blocking, create_project},
    admin_path{"GET", "/api/v1/projects/{id}", reach::project, projects_read, "", "One project.", conduct::blocking, project_by_id},
    admin_path{"PUT", "/api/v1/projects/{id}", reach::installation, projects_write, "", "Replaces a project's settings.", conduct::blocking, replace_project},
    admin_path{"DELETE", "/api/v1/projects/{id}", reach::installation, projects_write, "", "Deletes a project that has no keys.", conduct::blocking, delete_project},
    admin_path{"GET", "/api/v1/keys", reach::project, keys_read, "project", "Keys and their settings; never a secret.", conduct::blocking, list_keys},
    admin_path{"POST", "/api/v1/keys", reach::project, keys_write, "", "Creates a key. Its secret is in this reply and nowhere else.", conduct::blocking, create_key},
    admin_path{"GET", "/api/v1/keys/{id}", reach::project, keys_read, "", "One key.", conduct::blocking, key_by_id},
    admin_path{"PATCH", "/api/v1/keys/{id}", reach::project, keys_write, "", "Changes the fields that are given.", conduct::blocking, change_key},
    admin_path{"DELETE", "/api/v1/keys/{id}", reach::project, keys_write, "", "Deletes a key; it stops working at once.", conduct::blocking, delete_key},
    admin_path{"POST", "/api/v1/keys/{id}/rotate", reach::project, keys_write, "",
               "A new secret; the old one stays good for `overlap` (\"24h\"; absent: ends at once).", conduct::blocking, rotate_key},
    admin_path{"POST", "/api/v1/keys/{id}/block", reach::project, keys_block, "", "Blocks a key.", conduct::blocking, block_key},
    admin_path{"POST", "/api/v1/keys/{id}/unblock", reach::project, keys_block, "", "Lets a blocked key work again.", conduct::blocking, unblock_key},
    admin_path{"GET", "/api/v1/budgets", reach::project, budgets_read, "", "Budgets in force: limit, spent, reserved, reset.", conduct::blocking, budgets},
    admin_path{"GET", "/api/v1/self", reach::project, self_read, "timeout", "The own key: settings, limits and what is left of them, budgets, spending of the day and month (UTC).",
               conduct::blocking, self},
    admin_path{"GET", "/api/v1/audit", reach::project, audit_read, "since until project key target refused cursor limit timeout",
               "Who changed what, when, from where and how it ended, newest first; refused acts too.", conduct::blocking, list_audit},
    admin_path{"GET", "/api/v1/routes", reach::installation, metrics_read, "", "Routes, their targets and the targets' health.", conduct::blocking, routes},
    admin_path{"POST", "/api/v1/targets/{model}/pause", reach::installation, operate, "for", "Takes a model out of all routes (for=1h; absent: until resumed).",
               conduct::blocking, pause_target},
    admin_path{"POST", "/api/v1/targets/{model}/resume", reach::installation, operate, "", "Takes a model back in.", conduct::blocking, resume_target},
    admin_path{"GET", "/api/v1/config", reach::installation, config_read, "", "The configuration in force as YAML, secrets masked.", conduct::blocking, configuration},
    admin_path{"POST", "/api/v1/config/reload", reach::installation, config_write, "", "Reads the configuration file again.", conduct::blocking, reload},
    admin_path{"POST", "/api/v1/drain", reach::installation, operate, "", "Ends the program gracefully.", conduct::blocking, drain},
};

// A path without a permission is one that says so, and every path has exactly one way to run.
static_assert([] {
  for (const auto& path : table)
    if ((path.whom == reach::anyone) == path.needs.has_value() || (path.run == nullptr) != (path.how == conduct::stream) ||
        (path.run_stream == nullptr) == (path.how == conduct::stream))
      return false;
  return true;
}());

/// Splits off the first segment, without its slash.
std::string_view take_segment(std::string_view& rest) {
  rest.remove_prefix(1);
  const auto end = std::min(rest.find('/'), rest.size());
  const auto out = rest.substr(0, end);
  rest.remove_prefix(end);
  return out;
}

std::optional<std::string> fit(std::string_view pattern, std::string_view path) {
  std::string_view argument;
  while (!pattern.empty() && !path.empty()) {
    if (pattern[0] != '/' || path[0] != '/') return std::nullopt;
    const auto wanted = take_segment(pattern);
    const auto given = take_segment(path);
    if (wanted.starts_with('{')) {
      if (given.empty()) return std::nullopt;
      argument = given;
    } else if (wanted != given) {
      return std::nullopt;
    }
  }
  if (!pattern.empty() || !path.empty()) return std::nullopt;
  return percent_decode(argument, false);
}

std::string_view name_of(reach whom) {
  switch (whom) {
    case reach::anyone: return "anyone";
    case reach::project: return "own project";
    case reach::installation: return "installation";
  }
  return "";
}

std::string roles_of(const admin_path& path) {
  if (!path.needs) return "anyone";
  std::string out;
  for (std::size_t i = 0; i < access::role_count; ++i) {
    const auto who = static_cast<access::role>(i);
    if (access::allows(who, *path.needs)) out.append(out.empty() ? "" : ", ").append(access::to_string(who));
  }
  return out;
}

}  // namespace

std::span<const admin_path> admin_paths() { return table; }

match find_path(std::string_view method, std::string_view path) {
  match out;
  for (const auto& one : table) {
    auto argument = fit(one.pattern, path);
    if (!argument) continue;
    if (one.method == method || (method == "HEAD" && one.method == "GET")) return {&one, std::move(*argument), {}};
    // A literal path hides a pattern that would fit as well: /records/export is no record's id.
    if (out.allow.find(one.method) == std::string::npos) out.allow.append(out.allow.empty() ? "" : ", ").append(one.method);
  }
  return out;
}

bool may_call(const admin_path& path, const access::principal& who) {
  if (!path.needs) return true;
  return path.whom == reach::installation ? who.may(*path.needs) : access::allows(who.role, *path.needs);
}

std::string paths_json() {
  std::string out = R"({"data":[)";
  for (const auto& path : table) {
    if (&path != table.data()) out += ',';
    out += fmt::format(R"({{"method":{},"path":{},"permission":{},"for":{},"roles":{},"arguments":{},"summary":{}}})", json_string(path.method),
                       json_string(path.pattern), path.needs ? json_string(access::to_string(*path.needs)) : "null", json_string(name_of(path.whom)),
                       json_string(roles_of(path)), json_string(path.arguments), json_string(path.summary));
  }
  return out + "]}";
}

std::string paths_markdown() {
  std::string out = "# Admin API\n\nEvery path with the permission it needs. `own project`: a key bound to a project sees and changes that project only; "
                    "`installation`: such a key is refused.\n\n| method | path | permission | roles | reach | query | what it does |\n| --- | --- | --- | --- | --- | --- | --- |\n";
  for (const auto& path : table)
    out += fmt::format("| {} | `{}` | {} | {} | {} | {} | {} |\n", path.method, path.pattern, path.needs ? access::to_string(*path.needs) : "none",
                       roles_of(path), name_of(path.whom), path.arguments, path.summary);
  return out;
}

}  // namespace andon::admin
