#include "andon/access/settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <unordered_set>

#include "andon/access/calendar.hpp"
#include "andon/base/json_text.hpp"

namespace andon::access {
namespace {

constexpr std::array<std::string_view, 6> scope_names{"gateway", "project", "key", "model", "user", "tag"};
constexpr std::array<std::string_view, 3> window_names{"day", "week", "month"};
constexpr std::array<std::string_view, 3> window_adverbs{"daily", "weekly", "monthly"};
constexpr std::int64_t largest_rate = 10'000'000'000;
constexpr std::size_t longest_text = 256;
constexpr std::size_t most_items = 256;
constexpr std::size_t shortest_declared_secret = 16;

/// Collects problems, so that all are reported at once.
class report {
public:
  void add(std::string problem) { (text_ += text_.empty() ? "" : "\n") += problem; }
  void require(bool good, std::string_view problem) { if (!good) add(std::string(problem)); }
  [[nodiscard]] result<void> end() const { return text_.empty() ? result<void>{} : fail(errc::invalid_argument, text_); }

private:
  std::string text_;
};

bool printable(std::string_view text) {
  return text.size() <= longest_text && is_utf8(text) && std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

bool plain_name(std::string_view text) {
  const auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'; };
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, allowed);
}

scope_set may_split(scope owner, bool budget) {
  scope_set set{scope::user, scope::route};
  if (budget) set.add(scope::tag);
  if (owner == scope::route) set = budget ? scope_set{scope::user, scope::tag} : scope_set{scope::user};
  if (owner != scope::key) set.add(scope::key);
  if (owner == scope::gateway || owner == scope::route) set.add(scope::project);
  return set;
}

void check_per(report& to, const std::string& where, scope owner, scope_set per, bool budget) {
  const auto allowed = may_split(owner, budget);
  if ((per.bits() & ~allowed.bits()) != 0) to.add(where + ": `per` names a scope that this rule cannot be split by");
}

void check_limits(report& to, const std::string& who, scope owner, const std::vector<limit_rule>& rules) {
  std::set<std::pair<std::uint8_t, std::string>> seen;
  to.require(rules.size() <= most_items, who + ": more than 256 limits");
  for (const auto& rule : rules) {
    const auto where = who + ": limit";
    auto in_range = [](const std::optional<std::int64_t>& n) { return !n || (*n >= 0 && *n <= largest_rate); };
    to.require(in_range(rule.requests_per_minute) && in_range(rule.tokens_per_minute) && in_range(rule.parallel), where + ": a value is not within 0 and 10,000,000,000");
    to.require(rule.requests_per_minute || rule.tokens_per_minute || rule.parallel, where + ": limits nothing");
    check_per(to, where, owner, rule.per, false);
    to.require(seen.emplace(rule.per.bits(), rule.only_route.str()).second, where + ": two rules count the same; make them one");
  }
}

void check_budgets(report& to, const std::string& who, scope owner, const std::vector<budget_rule>& rules) {
  std::set<std::tuple<std::uint8_t, std::string, std::string, window>> seen;
  to.require(rules.size() <= most_items, who + ": more than 256 budgets");
  for (const auto& rule : rules) {
    const auto where = who + ": budget";
    to.require(rule.limit >= nano_usd{0}, where + ": the limit is negative");
    to.require(rule.alarm_percent >= 1 && rule.alarm_percent <= 100, where + ": alarm_percent is not within 1 and 100");
    to.require(printable(rule.only_tag), where + ": the tag is not printable text of at most 256 bytes");
    to.require(static_cast<std::size_t>(rule.period) < window_names.size(), where + ": unknown period");
    check_per(to, where, owner, rule.per, true);
    to.require(seen.emplace(rule.per.bits(), rule.only_route.str(), rule.only_tag, rule.period).second, where + ": two rules count the same in the same period");
  }
}

void check_texts(report& to, const std::string& who, const std::vector<std::string>& texts, std::string_view what) {
  to.require(texts.size() <= most_items, fmt::format("{}: more than 256 {}", who, what));
  for (const auto& text : texts) to.require(!text.empty() && printable(text), fmt::format("{}: {} are printable texts of 1 to 256 bytes", who, what));
}

void check_metadata(report& to, const std::string& who, const text_pairs& pairs) {
  to.require(pairs.size() <= most_items, who + ": more than 256 metadata fields");
  for (const auto& [name, value] : pairs) to.require(!name.empty() && printable(name) && is_utf8(value) && value.size() <= 4096, who + ": bad metadata field");
}

void check(report& to, const project_settings& project) {
  to.require(plain_name(project.id.view()), "project: the id is 1 to 64 letters, digits, '-', '_' or '.'");
  const auto who = "project " + (plain_name(project.id.view()) ? project.id.str() : std::string("?"));
  to.require(printable(project.title), who + ": the title is not printable text of at most 256 bytes");
  check_limits(to, who, scope::project, project.limits);
  check_budgets(to, who, scope::project, project.budgets);
  check_texts(to, who, project.tags, "tags");
  check_metadata(to, who, project.metadata);
  if (const auto zone = time_zone::load(project.zone); !zone) to.add(who + ": " + zone.error().message);
}

void check(report& to, const key_settings& key) {
  const auto who = "key " + (printable(key.name) ? key.name : std::string("?"));
  to.require(!key.name.empty() && printable(key.name), "key: the name is 1 to 256 bytes of printable text");
  to.require(static_cast<std::size_t>(key.role) < role_count, who + ": unknown role");
  const bool needs_project = key.role == role::caller || key.role == role::developer;
  to.require(!key.project.empty() || !needs_project, who + ": a key of this role belongs to a project");
  check_limits(to, who, scope::key, key.limits);
  check_budgets(to, who, scope::key, key.budgets);
  check_texts(to, who, key.scopes, "scopes");
  check_texts(to, who, key.tags, "tags");
  check_metadata(to, who, key.metadata);
}

std::unordered_set<std::string> check_projects_and_routes(report& to, const declared_access& all) {
  std::unordered_set<std::string> routes;
  for (const auto& route : all.routes) {
    const auto who = "route " + route.name.str();
    to.require(!route.name.empty() && printable(route.name.view()), "route: the name is 1 to 256 bytes of printable text");
    to.require(routes.insert(route.name.str()).second, who + ": declared twice");
    check_limits(to, who, scope::route, route.limits);
    check_budgets(to, who, scope::route, route.budgets);
  }
  std::unordered_set<std::string> projects;
  for (const auto& project : all.projects) {
    check(to, project);
    to.require(projects.insert(project.id.str()).second, "project " + project.id.str() + ": declared twice");
    for (const auto& route : project.routes) to.require(routes.contains(route.str()), "project " + project.id.str() + ": no route " + route.str());
  }
  return routes;
}

}  // namespace

std::string_view to_string(scope s) {
  const auto i = static_cast<std::size_t>(s);
  return i < scope_names.size() ? scope_names[i] : "none";
}

std::optional<scope> parse_scope(std::string_view text) {
  if (text == "route") return scope::route;
  for (std::size_t i = 0; i < scope_names.size(); ++i)
    if (scope_names[i] == text) return static_cast<scope>(i);
  return std::nullopt;
}

std::string_view to_string(window length) {
  const auto i = static_cast<std::size_t>(length);
  return i < window_names.size() ? window_names[i] : "none";
}

std::optional<window> parse_window(std::string_view text) {
  for (std::size_t i = 0; i < window_names.size(); ++i)
    if (window_names[i] == text || window_adverbs[i] == text) return static_cast<window>(i);
  return std::nullopt;
}

result<void> validate(const project_settings& project) {
  report to;
  check(to, project);
  return to.end();
}

result<void> validate(const key_settings& key) {
  report to;
  check(to, key);
  return to.end();
}

result<void> validate(const declared_access& all) {
  report to;
  const auto routes = check_projects_and_routes(to, all);
  check_limits(to, "gateway", scope::gateway, all.limits);
  check_budgets(to, "gateway", scope::gateway, all.budgets);
  if (const auto zone = time_zone::load(all.zone); !zone) to.add(zone.error().message);
  std::unordered_set<std::string> ids;
  for (const auto& key : all.keys) {
    check(to, key.settings);
    to.require(key.id.view().starts_with("key_") && plain_name(key.id.view()), "key " + key.settings.name + ": the id is 'key_' and a name");
    to.require(ids.insert(key.id.str()).second, "key " + key.id.str() + ": declared twice");
    to.require(key.text.reveal().size() >= shortest_declared_secret, "key " + key.id.str() + ": the secret has fewer than 16 bytes");
    for (const auto& route : key.settings.routes) to.require(routes.contains(route.str()), "key " + key.id.str() + ": no route " + route.str());
  }
  return to.end();
}

}  // namespace andon::access
