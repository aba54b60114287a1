#include <algorithm>
#include <array>

#include "andon/app/plan/compile.hpp"

namespace andon::app {
namespace {

std::string where(std::string_view table, const std::string& name, std::string_view member = {}) {
  std::string out(table);
  out.append(".").append(name);
  if (!member.empty()) out.append(".").append(member);
  return out;
}

void add_limit(std::vector<access::limit_rule>& out, const limit_settings& from) {
  if (!from.requests_per_minute && !from.tokens_per_minute && !from.parallel) return;
  out.push_back({.per = {}, .only_route = {}, .requests_per_minute = from.requests_per_minute,
                 .tokens_per_minute = from.tokens_per_minute, .parallel = from.parallel});
}

template <class Budget>
void add_budgets(std::vector<access::budget_rule>& out, const Budget& from, const access::budget_rule& model = {}) {
  const auto add = [&](const std::optional<nano_usd>& amount, access::window period) {
    if (!amount) return;
    auto& rule = out.emplace_back(model);
    rule.period = period;
    rule.limit = *amount;
  };
  add(from.daily, access::window::day);
  add(from.weekly, access::window::week);
  add(from.monthly, access::window::month);
}

std::string item(const std::string& list, std::size_t index) { return list + "[" + std::to_string(index) + "]"; }

/// A rule's splits; the owner of the rules is a project, so `project` splits nothing further.
access::scope_set scopes(const settings& all, const std::vector<std::string>& names, const std::string& rule, bool tags, diagnostics& found) {
  access::scope_set out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto parsed = access::parse_scope(names[i]);
    const bool splits = parsed && *parsed != access::scope::gateway && *parsed != access::scope::project && (*parsed != access::scope::tag || tags);
    const auto path = all.places.has(rule + ".per") ? item(rule + ".per", i) : rule;
    if (splits) out.add(*parsed);
    else found.add(all.places.at(path), path, "'" + names[i] + "' cannot be counted separately", tags ? "one of user, key, model, tag" : "one of user, key, model");
  }
  return out;
}

void check_route(const settings& all, const std::string& name, const std::string& path, diagnostics& found) {
  if (name.empty() || all.routes.entries.contains(name)) return;
  std::vector<std::string> known;
  for (const auto& [route, one] : all.routes.entries) known.push_back(route);
  const auto close = nearest(name, known);
  found.add(all.places.at(path), path, "there is no route '" + name + "'", close.empty() ? "declare it under `routes`" : "did you mean '" + close + "'?");
}

std::vector<route_name> route_names(const settings& all, const std::vector<std::string>& names, const std::string& path, diagnostics& found) {
  std::vector<route_name> out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    check_route(all, names[i], item(path, i), found);
    out.emplace_back(names[i]);
  }
  return out;
}

/// Which setting a rule of `access` complains of, by the words it uses.
struct phrase { std::string_view says, setting; };
constexpr std::array phrases{phrase{"limit:", "limit_rules"}, phrase{"budget:", "budget_rules"}, phrase{"limit:", "limits"}, phrase{"budget:", "budget"},
                             phrase{"the title", "title"}, phrase{"tags", "tags"}, phrase{"zone", "time_zone"}, phrase{"belongs to a project", "project"}};

/// Takes `key web: ` from the front of a line; the path of that entry, or nothing.
std::string take_owner(const settings& all, std::string& line) {
  for (const auto& [says, table] : {phrase{"project ", "projects"}, phrase{"key ", "keys"}, phrase{"route ", "routes"}}) {
    const auto end = line.find(": ");
    if (!line.starts_with(says) || end == std::string::npos) continue;
    auto path = where(table, line.substr(says.size(), end - says.size()));
    if (!all.places.has(path)) continue;
    line.erase(0, end + 2);
    return path;
  }
  return {};
}

/// Complaints of `access`, a line each, as diagnostics of the entries they name, or else of the usual one.
void complain_of(const settings& all, const std::string& usual_owner, const std::string& lines, diagnostics& found) {
  for (std::size_t from = 0; from < lines.size();) {
    const auto end = std::min(lines.find('\n', from), lines.size());
    auto line = lines.substr(from, end - from);
    from = end + 1;
    auto owner = take_owner(all, line);
    if (owner.empty()) owner = usual_owner;
    auto path = owner;
    for (const auto& [says, setting] : phrases) {
      const auto inside = owner.empty() ? std::string(setting) : owner + "." + std::string(setting);
      if (path == owner && line.contains(says) && all.places.has(inside)) path = inside;
    }
    found.add(all.places.at(path), path, line);
  }
}

access::project_settings project(const settings& all, const std::string& name, const project_settings& from, diagnostics& found) {
  access::project_settings out;
  out.id = project_id{name};
  out.title = from.title;
  add_limit(out.limits, from.limits);
  for (std::size_t i = 0; i < from.limit_rules.size(); ++i) {
    const auto& rule = from.limit_rules[i];
    const auto path = item(where("projects", name, "limit_rules"), i);
    check_route(all, rule.model, path + ".model", found);
    out.limits.push_back({.per = scopes(all, rule.per, path, false, found), .only_route = route_name{rule.model},
                          .requests_per_minute = rule.requests_per_minute, .tokens_per_minute = rule.tokens_per_minute, .parallel = rule.parallel});
  }
  add_budgets(out.budgets, from.budget);
  for (std::size_t i = 0; i < from.budget_rules.size(); ++i) {
    const auto& rule = from.budget_rules[i];
    const auto path = item(where("projects", name, "budget_rules"), i);
    check_route(all, rule.model, path + ".model", found);
    if (!rule.daily && !rule.weekly && !rule.monthly) found.add(all.places.at(path), path, "the budget has no amount", "give daily, weekly or monthly");
    access::budget_rule model{.per = scopes(all, rule.per, path, true, found), .only_route = route_name{rule.model}, .only_tag = rule.tag};
    model.alarm_percent = static_cast<int>(rule.alarm_percent);
    add_budgets(out.budgets, rule, model);
  }
  out.routes = route_names(all, from.models, where("projects", name, "models"), found);
  out.tags = from.tags;
  out.zone = from.time_zone;
  out.on_unknown_price = from.unknown_price == unknown_price_choice::refuse ? access::unknown_price::refuse : access::unknown_price::allow;
  out.blocked = from.blocked;
  if (const auto valid = access::validate(out); !valid) complain_of(all, where("projects", name), valid.error().message, found);
  return out;
}

access::declared_key declared_key(const settings& all, const std::string& name, const key_declaration& from, diagnostics& found) {
  const auto complain = [&](std::string_view member, std::string message, std::string hint = {}) {
    const auto path = where("keys", name, member);
    found.add(all.places.at(path), path, std::move(message), std::move(hint));
  };
  access::declared_key out{key_id{"key_" + name}, from.value, {}};
  out.settings.name = name;
  out.settings.project = project_id{from.project};
  if (!from.project.empty() && !all.projects.entries.contains(from.project))
    complain("project", "there is no project '" + from.project + "'", "declare it under `projects`");
  if (const auto role = access::parse_role(from.role)) out.settings.role = *role;
  else complain("role", "'" + from.role + "' is not a role", "one of admin, operator, developer, auditor, caller");
  add_limit(out.settings.limits, from.limits);
  add_budgets(out.settings.budgets, from.budget);
  out.settings.routes = route_names(all, from.models, where("keys", name, "models"), found);
  if (from.value.reveal().size() < 16 && !found.says_of(where("keys", name, "value"))) complain("value", "a key has at least 16 characters");
  if (const auto valid = access::validate(out.settings); !valid) complain_of(all, where("keys", name), valid.error().message, found);
  return out;
}

}  // namespace

access::declared_access compile_access(const settings& from, diagnostics& found) {
  access::declared_access out;
  out.zone = from.time_zone;
  add_limit(out.limits, from.limits);
  add_budgets(out.budgets, from.budget);
  for (const auto& [name, one] : from.projects.entries) out.projects.push_back(project(from, name, one, found));
  for (const auto& [name, one] : from.keys.entries) out.keys.push_back(declared_key(from, name, one, found));
  for (const auto& [name, one] : from.routes.entries) {
    auto& route = out.routes.emplace_back();
    route.name = route_name{name};
    add_limit(route.limits, one.limits);
    add_budgets(route.budgets, one.budget);
  }
  if (found.empty())
    if (const auto valid = access::validate(out); !valid) complain_of(from, {}, valid.error().message, found);
  return out;
}

}  // namespace andon::app
