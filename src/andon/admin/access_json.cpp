#include "andon/admin/access_json.hpp"

#include <fmt/format.h>

#include "andon/admin/body_reader.hpp"
#include "andon/base/money.hpp"
#include "andon/base/time_text.hpp"

namespace andon::admin {
namespace {

namespace json = boost::json;
using access::scope;

constexpr std::array every_scope{scope::gateway, scope::project, scope::key, scope::route, scope::user, scope::tag};

json::array scopes_json(access::scope_set set) {
  json::array out;
  for (const auto one : every_scope)
    if (set.has(one)) out.emplace_back(access::to_string(one));
  return out;
}

template <class Names>
json::array names_json(const Names& names) {
  json::array out;
  for (const auto& name : names) {
    if constexpr (requires { name.view(); }) out.emplace_back(name.view());
    else out.emplace_back(name);
  }
  return out;
}

json::object pairs_json(const access::text_pairs& pairs) {
  json::object out;
  for (const auto& [name, value] : pairs) out[name] = value;
  return out;
}

json::array limits_json(const std::vector<access::limit_rule>& rules) {
  json::array out;
  for (const auto& rule : rules) {
    json::object one;
    one["per"] = scopes_json(rule.per);
    if (!rule.only_route.empty()) one["model"] = rule.only_route.view();
    if (rule.requests_per_minute) one["requests_per_minute"] = *rule.requests_per_minute;
    if (rule.tokens_per_minute) one["tokens_per_minute"] = *rule.tokens_per_minute;
    if (rule.parallel) one["parallel"] = *rule.parallel;
    out.emplace_back(std::move(one));
  }
  return out;
}

json::array budgets_json(const std::vector<access::budget_rule>& rules) {
  json::array out;
  for (const auto& rule : rules) {
    json::object one;
    one["per"] = scopes_json(rule.per);
    if (!rule.only_route.empty()) one["model"] = rule.only_route.view();
    if (!rule.only_tag.empty()) one["tag"] = rule.only_tag;
    one["period"] = access::to_string(rule.period);
    one["limit_usd"] = format_usd(rule.limit);
    one["alarm_percent"] = rule.alarm_percent;
    out.emplace_back(std::move(one));
  }
  return out;
}

json::value time_json(const std::optional<wall_time>& at) { return at ? json::value(format_rfc3339(*at)) : json::value(nullptr); }

void read_per(body_reader& in, access::scope_set& out) {
  std::vector<std::string> names;
  in.texts("per", names);
  for (const auto& name : names) {
    const auto one = access::parse_scope(name);
    if (!one) return in.complain("per", fmt::format("'{}' is not one of project, key, model, user, tag", name));
    out.add(*one);
  }
}

result<access::limit_rule> read_limit(const json::object& from, std::string where) {
  body_reader in(from, std::move(where));
  access::limit_rule out;
  std::string model;
  read_per(in, out.per);
  if (in.text("model", model)) out.only_route = route_name{model};
  in.number("requests_per_minute", out.requests_per_minute);
  in.number("tokens_per_minute", out.tokens_per_minute);
  in.number("parallel", out.parallel);
  if (!out.requests_per_minute && !out.tokens_per_minute && !out.parallel)
    in.complain("requests_per_minute", "is missing: a limit needs requests_per_minute, tokens_per_minute or parallel");
  if (auto good = in.finish(); !good) return std::unexpected(std::move(good.error()));
  return out;
}

void read_alarm(body_reader& in, int& out) {
  std::optional<std::int64_t> percent;
  if (!in.number("alarm_percent", percent)) return;
  if (*percent < 1 || *percent > 100) return in.complain("alarm_percent", "must be from 1 to 100");
  out = static_cast<int>(*percent);
}

result<access::budget_rule> read_budget(const json::object& from, std::string where) {
  body_reader in(from, std::move(where));
  access::budget_rule out;
  std::string model, period;
  std::optional<nano_usd> limit;
  read_per(in, out.per);
  if (in.text("model", model)) out.only_route = route_name{model};
  in.text("tag", out.only_tag);
  if (in.text("period", period)) {
    if (const auto length = access::parse_window(period)) out.period = *length;
    else in.complain("period", fmt::format("'{}' is not one of daily, weekly, monthly", period));
  }
  if (in.money("limit_usd", limit)) out.limit = *limit;
  else in.complain("limit_usd", "is missing: the amount in dollars");
  read_alarm(in, out.alarm_percent);
  if (auto good = in.finish(); !good) return std::unexpected(std::move(good.error()));
  return out;
}

result<std::vector<access::budget_rule>> read_short_budgets(const json::object& from, std::string where) {
  body_reader in(from, std::move(where));
  std::vector<access::budget_rule> out;
  int alarm = access::budget_rule{}.alarm_percent;
  const auto add = [&](std::string_view name, access::window length) {
    std::optional<nano_usd> limit;
    if (in.money(name, limit)) out.push_back({.per = {}, .only_route = {}, .only_tag = {}, .period = length, .limit = *limit});
  };
  add("daily", access::window::day);
  add("weekly", access::window::week);
  add("monthly", access::window::month);
  read_alarm(in, alarm);
  for (auto& rule : out) rule.alarm_percent = alarm;
  if (auto good = in.finish(); !good) return std::unexpected(std::move(good.error()));
  return out;
}

/// A list of rules; `one` reads each.
template <class Rule, class Read>
bool read_rules(body_reader& in, std::string_view name, const json::array& from, std::vector<Rule>& out, Read one) {
  std::vector<Rule> read;
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (!from[i].is_object()) return in.complain(name, "must be a list of objects"), false;
    auto rule = one(from[i].get_object(), in.path(fmt::format("{}[{}].", name, i)));
    if (!rule) return in.complain(name, "is wrong: " + rule.error().message), false;
    read.push_back(std::move(*rule));
  }
  out = std::move(read);
  return true;
}

bool read_limits(body_reader& in, std::vector<access::limit_rule>& out) {
  const auto* from = in.value("limits");
  if (from == nullptr) return false;
  if (from->is_array()) return read_rules(in, "limits", from->get_array(), out, read_limit);
  if (!from->is_object()) return in.complain("limits", "must be an object or a list of objects"), false;
  auto rule = read_limit(from->get_object(), in.path("limits."));
  if (!rule) return in.complain("limits", "is wrong: " + rule.error().message), false;
  out = {std::move(*rule)};
  return true;
}

bool read_budgets(body_reader& in, std::vector<access::budget_rule>& out) {
  const auto* from = in.value("budgets");
  if (from == nullptr) return false;
  if (from->is_array()) return read_rules(in, "budgets", from->get_array(), out, read_budget);
  if (!from->is_object()) return in.complain("budgets", "must be an object or a list of objects"), false;
  auto rules = read_short_budgets(from->get_object(), in.path("budgets."));
  if (!rules) return in.complain("budgets", "is wrong: " + rules.error().message), false;
  out = std::move(*rules);
  return true;
}

void read_models(body_reader& in, std::vector<route_name>& out) {
  std::vector<std::string> names;
  if (!in.texts("models", names)) return;
  out.clear();
  for (auto& name : names) out.emplace_back(std::move(name));
}

}  // namespace

json::object to_json(const access::project_settings& from) {
  json::object out;
  out["id"] = from.id.view();
  out["title"] = from.title;
  out["blocked"] = from.blocked;
  out["models"] = names_json(from.routes);
  out["tags"] = names_json(from.tags);
  out["metadata"] = pairs_json(from.metadata);
  out["time_zone"] = from.zone;
  out["unknown_price"] = from.on_unknown_price == access::unknown_price::allow ? "allow" : "refuse";
  out["limits"] = limits_json(from.limits);
  out["budgets"] = budgets_json(from.budgets);
  return out;
}

json::object to_json(const access::key_info& from) {
  const auto& set = from.settings;
  json::object out;
  out["id"] = from.id.view();
  out["name"] = set.name;
  out["project"] = set.project.empty() ? json::value(nullptr) : json::value(set.project.view());
  out["role"] = access::to_string(set.role);
  out["hint"] = from.hint;
  out["blocked"] = from.blocked;
  out["declared"] = from.declared;
  out["created"] = from.declared ? json::value(nullptr) : json::value(format_rfc3339(from.created));
  out["expires"] = time_json(set.expires);
  out["last_used"] = time_json(from.last_used);
  out["rotated"] = time_json(from.rotated);
  out["old_secret_until"] = time_json(from.old_secret_until);
  out["models"] = names_json(set.routes);
  out["scopes"] = names_json(set.scopes);
  out["tags"] = names_json(set.tags);
  out["metadata"] = pairs_json(set.metadata);
  out["limits"] = limits_json(set.limits);
  out["budgets"] = budgets_json(set.budgets);
  return out;
}

result<changed_fields> read_project(const json::object& body, access::project_settings& out, bool with_id) {
  body_reader in(body, {});
  std::string id, price;
  changed_fields changed;
  if (in.text("id", id)) {
    if (with_id) out.id = project_id{id};
    else if (id != out.id.view()) in.complain("id", "cannot be changed");
  }
  in.text("title", out.title);
  in.flag("blocked", out.blocked);
  read_models(in, out.routes);
  in.texts("tags", out.tags);
  in.pairs("metadata", out.metadata);
  in.text("time_zone", out.zone);
  if (in.text("unknown_price", price)) {
    if (price != "allow" && price != "refuse") in.complain("unknown_price", "must be allow or refuse");
    out.on_unknown_price = price == "refuse" ? access::unknown_price::refuse : access::unknown_price::allow;
  }
  const bool limits = read_limits(in, out.limits);
  const bool budgets = read_budgets(in, out.budgets);
  changed.limits_or_budgets = limits || budgets;
  if (auto good = in.finish(); !good) return std::unexpected(std::move(good.error()));
  return changed;
}

result<changed_fields> read_key(const json::object& body, access::key_settings& out) {
  body_reader in(body, {});
  std::string project, role, expires;
  changed_fields changed;
  in.text("name", out.name);
  if (in.text("project", project)) out.project = project_id{project};
  if (in.text("role", role)) {
    if (const auto parsed = access::parse_role(role)) out.role = *parsed;
    else in.complain("role", fmt::format("'{}' is not one of admin, operator, developer, auditor, caller", role));
  }
  if (in.text("expires", expires)) {
    if (const auto at = parse_rfc3339(expires)) out.expires = *at;
    else in.complain("expires", "must be a time such as 2027-01-31T00:00:00Z");
  } else if (const auto* given = body.if_contains("expires"); given != nullptr && given->is_null()) {
    out.expires.reset();
  }
  read_models(in, out.routes);
  in.texts("scopes", out.scopes);
  in.texts("tags", out.tags);
  in.pairs("metadata", out.metadata);
  const bool limits = read_limits(in, out.limits);
  const bool budgets = read_budgets(in, out.budgets);
  changed.limits_or_budgets = limits || budgets;
  if (auto good = in.finish(); !good) return std::unexpected(std::move(good.error()));
  return changed;
}

}  // namespace andon::admin
