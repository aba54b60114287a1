#include <algorithm>

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

access::scope_set scopes(const std::vector<std::string>& names, position at, const std::string& path, bool tags, diagnostics& found) {
  access::scope_set out;
  for (const auto& name : names) {
    const auto parsed = access::parse_scope(name);
    if (!parsed || *parsed == access::scope::gateway || (*parsed == access::scope::tag && !tags))
      found.add(at, path + ".per", "'" + name + "' cannot be counted separately", tags ? "one of user, key, model, project, tag" : "one of user, key, model, project");
    else
      out.add(*parsed);
  }
  return out;
}

std::vector<route_name> route_names(const settings& all, const std::vector<std::string>& names, position at, const std::string& path, diagnostics& found) {
  std::vector<route_name> out;
  for (const auto& name : names) {
    if (!all.routes.entries.contains(name)) found.add(at, path, "there is no route '" + name + "'", "declare it under `routes`");
    out.emplace_back(name);
  }
  return out;
}

access::project_settings project(const settings& all, const std::string& name, const project_settings& from, diagnostics& found) {
  const auto at = all.projects.places.at(name);
  access::project_settings out;
  out.id = project_id{name};
  out.title = from.title;
  add_limit(out.limits, from.limits);
  for (const auto& rule : from.limit_rules)
    out.limits.push_back({.per = scopes(rule.per, rule.at, where("projects", name, "limit_rules"), false, found), .only_route = route_name{rule.model},
                          .requests_per_minute = rule.requests_per_minute, .tokens_per_minute = rule.tokens_per_minute, .parallel = rule.parallel});
  add_budgets(out.budgets, from.budget);
  for (const auto& rule : from.budget_rules) {
    access::budget_rule model{.per = scopes(rule.per, rule.at, where("projects", name, "budget_rules"), true, found),
                              .only_route = route_name{rule.model}, .only_tag = rule.tag};
    model.alarm_percent = static_cast<int>(rule.alarm_percent);
    add_budgets(out.budgets, rule, model);
  }
  out.routes = route_names(all, from.models, at, where("projects", name, "models"), found);
  out.tags = from.tags;
  out.zone = from.time_zone;
  out.on_unknown_price = from.unknown_price == unknown_price_choice::refuse ? access::unknown_price::refuse : access::unknown_price::allow;
  out.blocked = from.blocked;
  if (const auto valid = access::validate(out); !valid) found.add(at, where("projects", name), valid.error().message);
  return out;
}

access::declared_key declared_key(const settings& all, const std::string& name, const key_declaration& from, diagnostics& found) {
  const auto at = all.keys.places.at(name);
  access::declared_key out{key_id{"key_" + name}, from.value, {}};
  out.settings.name = name;
  out.settings.project = project_id{from.project};
  if (!from.project.empty() && !all.projects.entries.contains(from.project))
    found.add(at, where("keys", name, "project"), "there is no project '" + from.project + "'", "declare it under `projects`");
  if (const auto role = access::parse_role(from.role)) out.settings.role = *role;
  else found.add(at, where("keys", name, "role"), "'" + from.role + "' is not a role", "one of admin, operator, developer, auditor, caller");
  add_limit(out.settings.limits, from.limits);
  add_budgets(out.settings.budgets, from.budget);
  out.settings.routes = route_names(all, from.models, at, where("keys", name, "models"), found);
  if (from.value.reveal().size() < 16) found.add(at, where("keys", name, "value"), "a key has at least 16 characters");
  else if (const auto valid = access::validate(out.settings); !valid) found.add(at, where("keys", name), valid.error().message);
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
    if (const auto valid = access::validate(out); !valid) found.add({}, "", valid.error().message);
  return out;
}

}  // namespace andon::app
