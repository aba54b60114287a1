// What the API shows.
#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <map>

#include "andon/alert/api_v2.hpp"
#include "andon/base/time_text.hpp"

namespace andon::alert::api {
namespace {

namespace json = boost::json;

json::array texts(const std::vector<std::string>& from) {
  json::array out;
  for (const auto& one : from) out.emplace_back(one);
  return out;
}

struct shown_state {
  std::vector<std::string> silenced_by, inhibited_by, muted_by;
  [[nodiscard]] bool is_quiet() const { return !silenced_by.empty() || !inhibited_by.empty() || !muted_by.empty(); }
};

shown_state state_of(const board_view& from, const alert& one, const std::vector<const route_tree::node*>& routes) {
  shown_state out;
  out.silenced_by = from.silences.silencing(one.labels, from.now);
  for (const auto fingerprint : from.groups.inhibition().inhibiting(one.labels, from.now)) out.inhibited_by.push_back(fingerprint_text(fingerprint));
  for (const auto* route : routes) {
    const auto muted = from.groups.muted_by(*route, from.now);
    if (muted.empty()) return out.muted_by.clear(), out;  // another route tells of it
    out.muted_by.insert(out.muted_by.end(), muted.begin(), muted.end());
  }
  return out;
}

bool is_wanted(const alert_query& query, const alert& one, const shown_state& state, wall_time now) {
  if (one.resolved(now) || !all_match(query.filter, one.labels)) return false;
  const bool active = state.silenced_by.empty() && state.inhibited_by.empty();
  return (query.active || !active) && (query.silenced || state.silenced_by.empty()) && (query.inhibited || state.inhibited_by.empty()) && (query.muted || state.muted_by.empty());
}

json::object alert_json(const alert& from, const shown_state& state, const std::vector<std::string>& receivers) {
  json::array names;
  for (const auto& name : receivers) names.emplace_back(json::object{{"name", name}});
  json::object out{{"labels", to_json(from.labels)}, {"annotations", to_json(from.annotations)}, {"startsAt", format_rfc3339(from.starts_at)}, {"endsAt", format_rfc3339(from.ends_at)},
          {"updatedAt", format_rfc3339(from.updated_at)}, {"fingerprint", fingerprint_text(from.fingerprint)}, {"receivers", std::move(names)},
          {"status", json::object{{"state", state.is_quiet() ? "suppressed" : "active"}, {"silencedBy", texts(state.silenced_by)}, {"inhibitedBy", texts(state.inhibited_by)}, {"mutedBy", texts(state.muted_by)}}}};
  if (!from.generator_url.empty()) out["generatorURL"] = from.generator_url;
  return out;
}

std::vector<std::string> receivers_of(const std::vector<const route_tree::node*>& routes) {
  std::vector<std::string> out;
  for (const auto* route : routes)
    if (std::ranges::find(out, route->options.receiver) == out.end()) out.push_back(route->options.receiver);
  return out;
}

result<std::optional<matcher>> receiver_matcher(const alert_query& query) {
  if (query.receiver.empty()) return std::optional<matcher>{};
  auto made = matcher::make("receiver", match_op::match, query.receiver);
  if (!made) return std::unexpected(std::move(made.error()));
  return std::optional(std::move(*made));
}

bool names_one(const std::optional<matcher>& wanted, const std::vector<std::string>& receivers) {
  return !wanted || std::ranges::any_of(receivers, [&](const std::string& name) { return wanted->matches_value(name); });
}

}  // namespace

result<json::array> alerts_json(const board_view& from, const alert_query& query) {
  const auto receiver = receiver_matcher(query);
  if (!receiver) return std::unexpected(receiver.error());
  std::map<std::uint64_t, json::object> found;
  for (const auto& [fingerprint, one] : from.book.all()) {
    const auto routes = from.settings.routes->match(one.labels);
    const auto receivers = receivers_of(routes);
    if (!names_one(*receiver, receivers)) continue;
    const auto state = state_of(from, one, routes);
    if (is_wanted(query, one, state, from.now)) found.emplace(fingerprint, alert_json(one, state, receivers));
  }
  json::array out;
  for (auto& [fingerprint, one] : found) out.emplace_back(std::move(one));
  return out;
}

result<json::array> groups_json(const board_view& from, const alert_query& query) {
  const auto receiver = receiver_matcher(query);
  if (!receiver) return std::unexpected(receiver.error());
  std::vector<std::pair<std::pair<std::string, std::string>, json::object>> all;
  for (const auto& [id, group] : from.groups.groups()) {
    const auto& name = group.route->options.receiver;
    if (!names_one(*receiver, {name})) continue;
    json::array alerts;
    for (const auto fingerprint : group.alerts) {
      const auto* one = from.book.find(fingerprint);
      if (one == nullptr) continue;
      const auto routes = from.settings.routes->match(one->labels);
      const auto state = state_of(from, *one, routes);
      if (is_wanted(query, *one, state, from.now)) alerts.emplace_back(alert_json(*one, state, receivers_of(routes)));
    }
    if (alerts.empty()) continue;
    all.push_back({{labels_text(group.labels), name}, json::object{{"labels", to_json(group.labels)}, {"receiver", json::object{{"name", name}}}, {"alerts", std::move(alerts)}}});
  }
  std::ranges::sort(all, {}, [](const auto& item) { return item.first; });
  json::array out;
  for (auto& item : all) out.emplace_back(std::move(item.second));
  return out;
}

std::size_t count_firing(const board_view& from) {
  return static_cast<std::size_t>(std::ranges::count_if(from.book.all(), [&](const auto& item) { return !item.second.resolved(from.now); }));
}

std::size_t count_quiet(const board_view& from) {
  const auto silences = from.silences.in_effect(from.now);
  std::map<const route_tree::node*, bool> known;
  const auto is_muted = [&](const route_tree::node* route) {
    const auto [at, fresh] = known.try_emplace(route);
    if (fresh) at->second = !from.groups.muted_by(*route, from.now).empty();
    return at->second;
  };
  return static_cast<std::size_t>(std::ranges::count_if(from.book.all(), [&](const auto& item) {
    const auto& one = item.second;
    if (one.resolved(from.now)) return false;
    if (std::ranges::any_of(silences, [&](const silence* by) { return all_match(by->match, one.labels); })) return true;
    if (from.groups.inhibition().inhibits(one.labels, from.now)) return true;
    const auto routes = from.settings.routes->match(one.labels);
    return !routes.empty() && std::ranges::all_of(routes, is_muted);
  }));
}

/// To whoever reads it, one that recurs is pending outside its hours.
silence_state told_state(const silence& of, wall_time now) {
  const auto state = of.state(now);
  return state == silence_state::active && !of.in_effect(now) ? silence_state::pending : state;
}

json::object silence_json(const silence& from, wall_time now) {
  json::array match;
  for (const auto& one : from.match) match.emplace_back(json::object{{"name", one.name()}, {"value", one.value()}, {"isRegex", one.is_regex()}, {"isEqual", one.is_equal()}});
  json::object out{{"id", from.id}, {"status", json::object{{"state", to_string(told_state(from, now))}}}, {"updatedAt", format_rfc3339(from.updated_at)}, {"matchers", std::move(match)},
                   {"startsAt", format_rfc3339(from.starts_at)}, {"endsAt", format_rfc3339(from.ends_at)}, {"createdBy", from.created_by}, {"comment", from.comment}};
  if (!from.recurrence.empty())
    out["recurrence"] = json::object{{"times", texts(from.recurrence.times)}, {"weekdays", texts(from.recurrence.weekdays)}, {"days_of_month", texts(from.recurrence.days_of_month)},
                                     {"months", texts(from.recurrence.months)}, {"years", texts(from.recurrence.years)}, {"time_zone", from.recurrence.zone}, {"in_effect", from.in_effect(now)}};
  return out;
}

json::array silences_json(const board_view& from, const matchers& filter) {
  const auto is_shown = [&](const silence& one) {
    label_set said;
    for (const auto& has : one.match) said[has.name()] = has.value();
    return all_match(filter, said);
  };
  std::vector<const silence*> shown;
  for (const auto& [id, one] : from.silences.all())
    if (is_shown(one)) shown.push_back(&one);
  std::ranges::sort(shown, [&](const silence* a, const silence* b) { return std::tuple(a->state(from.now), a->ends_at, a->id) < std::tuple(b->state(from.now), b->ends_at, b->id); });
  json::array out;
  for (const auto* one : shown) out.emplace_back(silence_json(*one, from.now));
  return out;
}

json::array receivers_json(const board_view& from) {
  json::array out;
  for (const auto& [name, receiver] : from.settings.receivers) out.emplace_back(json::object{{"name", name}});
  return out;
}

json::object status_json(const board_view& from, std::string_view version, wall_time started) {
  return {{"cluster", json::object{{"status", "disabled"}, {"peers", json::array{}}}},
          {"versionInfo", json::object{{"version", version}, {"revision", ""}, {"branch", ""}, {"buildUser", ""}, {"buildDate", ""}, {"goVersion", ""}}},
          {"config", json::object{{"original", from.settings.alertmanager_text()}}}, {"uptime", format_rfc3339(started)}};
}

}  // namespace andon::alert::api
