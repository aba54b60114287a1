// What happened: an incident's timeline out of alerts, messages, acts and Records; the draft of its post-mortem; the night.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <map>
#include <ranges>
#include <set>

#include "andon/admin/alerts.hpp"
#include "andon/admin/decisions.hpp"
#include "andon/admin/json_out.hpp"
#include "andon/alert/api_v2.hpp"
#include "andon/alert/words.hpp"
#include "andon/base/money.hpp"
#include "andon/base/text_start.hpp"
#include "andon/base/time_text.hpp"
#include "andon/slo/watch.hpp"

namespace andon::admin::handlers {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr nanoseconds before_incident = 1h;        // changes that may have led to it
constexpr nanoseconds before_alert = 10min;        // what made the first alert fire
constexpr std::size_t most_acts = 100, most_lines = 1000, most_shown = 50, longest_after = 100;
constexpr double budget_in_danger = 0.25;

struct line {
  wall_time at;
  std::string kind, who, text;
};

/// Refused: by a limit, or for what the client sent. Nobody is woken for those, and no route has failed.
struct calls_of {
  std::uint64_t count = 0, failed = 0, refused = 0;
  nano_usd cost{};
  [[nodiscard]] double failed_share() const { return count == 0 ? 0 : 100.0 * static_cast<double>(failed) / static_cast<double>(count); }
};
struct traffic {
  calls_of total;
  std::map<std::string, calls_of> routes;
  bool complete = true;
};

struct case_file {
  alert::incident about;
  wall_time harm_from, until;                       // it is opened by what went wrong before
  std::vector<line> lines;                          // by time
  std::optional<traffic> calls;                     // from harm_from until
};

enum class acts_shown : std::uint8_t { all, that_changed };

/// `that_changed`: what may have led to an incident or ended it; not what was refused, nor acts on this or other incidents
/// and messages, which their own timelines have, nor trials and values that people hand in.
bool is_shown(const ledger::audit_entry& one, acts_shown which) {
  if (one.action.starts_with("decision ")) return false;
  if (which == acts_shown::all) return true;
  const bool changes_nothing = one.action.ends_with("/test") || one.action.ends_with("/samples") || one.action.ends_with("/values");
  return one.status >= 200 && one.status < 300 && !changes_nothing && !one.target.starts_with("incident ") && !one.target.starts_with("message ");
}

std::string act_text(const ledger::audit_entry& one) {
  auto out = one.action + " " + one.target;
  if (!one.after.empty()) out.append(" ").append(text_start(one.after, longest_after)).append(one.after.size() > longest_after ? "…" : "");
  return out;
}

std::vector<line> acts(const services& with, const request& asked, wall_time from, wall_time until, acts_shown which) {
  std::vector<line> out;
  if (with.audit == nullptr || !access::allows(asked.who->role, access::permission::audit_read)) return out;
  ledger::audit_query query;
  query.since = from;
  query.until = until;
  query.limit = most_acts;
  query.wait = asked.wait;
  const auto page = with.audit->read(query);
  if (!page) return out;
  for (const auto& one : page->entries)
    if (is_shown(one, which)) out.push_back({one.began, one.status >= 200 && one.status < 300 ? "change" : "refused change", one.key.empty() ? one.role : one.key, act_text(one)});
  return out;
}

/// What was decided, and what ended, whatever the audit log lets the caller see.
std::vector<line> decisions(const services& with, const request& asked, wall_time from, wall_time until) {
  std::vector<line> out;
  auto* store = decisions_of(with);
  if (store == nullptr || !access::allows(asked.who->role, access::permission::decisions_read)) return out;
  const auto last = std::chrono::floor<slo::seconds>(until);
  const auto page = store->list({.since = std::chrono::floor<slo::seconds>(from), .until = last + slo::seconds{1}, .limit = most_acts});
  if (!page) return out;
  for (const auto& one : page->rows) {
    out.push_back({one.at, "decision", one.who, fmt::format("{} {} {}: {}{}{}", one.id(), slo::to_string(one.act), one.subject, one.reason, one.outcome.empty() ? "" : "; ", one.outcome)});
    if (one.ended && !one.policy.empty() && *one.ended <= last) out.push_back({*one.ended, "decision over", one.ended_by, fmt::format("{} {} {}: {}", one.id(), slo::to_string(one.act), one.subject, one.end_reason)});
  }
  return out;
}

std::optional<ledger::aggregated> counted(const services& with, const request& asked, const std::string& filter, std::vector<std::string> by, nanoseconds bucket) {
  if (with.records == nullptr) return std::nullopt;
  const auto where = ledger::parse_filter(filter, asked.now);
  if (!where) return std::nullopt;
  ledger::aggregate_request question;
  question.where = *where;
  question.group_by = std::move(by);
  question.bucket = bucket;
  question.wait = asked.wait;
  auto found = with.records->index().aggregate(question);
  return found ? std::optional(std::move(*found)) : std::nullopt;
}

std::string calls_between(wall_time from, wall_time until) { return fmt::format("-op:feedback started>={} started<={}", format_rfc3339(from), format_rfc3339(until)); }

std::optional<traffic> calls(const services& with, const request& asked, wall_time from, wall_time until) {
  const auto found = counted(with, asked, calls_between(from, until), {"route", "origin"}, {});
  if (!found) return std::nullopt;
  traffic out;
  out.complete = found->complete;
  for (const auto& group : found->groups) {
    const bool refused = group.keys[1] == to_string(origin::limit) || group.keys[1] == to_string(origin::client);
    for (auto* to : {&out.total, &out.routes[group.keys[0]]}) {
      to->count += group.count;
      to->cost += group.cost;
      (refused ? to->refused : to->failed) += group.errors;
    }
  }
  out.total.count = found->total.count;   // with those of routes that are too many to be told apart
  out.total.cost = found->total.cost;
  out.total.failed = found->total.errors - out.total.refused;
  return out;
}

void add_calls(const services& with, const request& asked, const case_file& of, std::vector<line>& to) {
  const auto span = of.until - of.harm_from;
  const auto found = counted(with, asked, calls_between(of.harm_from, of.until) + " -origin:limit -origin:client", {"route"}, std::max<nanoseconds>(1min, std::chrono::ceil<std::chrono::minutes>(span / 60)));
  if (!found) return;
  for (const auto& group : found->groups)
    if (group.errors > 0) to.push_back({group.bucket_start, "calls", "", fmt::format("route {}: {} of {} calls failed", group.keys[0], group.errors, group.count)});
}

result<case_file> gather(const services& with, const request& asked) {
  const auto board = board_of(with);
  if (!board) return std::unexpected(board.error());
  const auto number = alert::incident::parse_id(asked.argument);
  if (!number) return fail(errc::not_found, fmt::format("there is no incident '{}'", asked.argument));
  case_file out;
  result<void> done;
  (*board)->read([&](const alert::board_view& from) {
    auto found = from.store.find_incident(*number);
    if (!found || !*found) return void(done = found ? fail(errc::not_found, fmt::format("there is no incident '{}'", asked.argument)) : std::unexpected(found.error()));
    out.about = std::move(**found);
    out.until = out.about.resolved.value_or(asked.now);
    out.harm_from = out.about.opened - before_alert;
    for (const auto& one : out.about.latest.alerts) out.harm_from = std::min(out.harm_from, one.starts_at - before_alert);
    const auto events = from.store.events(*number);
    if (!events) return void(done = std::unexpected(events.error()));
    for (const auto& one : *events) out.lines.push_back({one.at, one.kind, one.who, one.text});
    for (const auto& one : from.store.history(out.about.opened - before_incident, out.until).value_or(std::vector<alert::history_row>{}))
      if (out.lines.size() < most_lines) out.lines.push_back({one.at, std::string(out.about.seen.contains(one.fingerprint) ? "alert " : "other alert ") + (one.what == "fired" ? "fired" : "resolved"), "", alert::group_text(one.labels)});
    for (const auto& one : from.store.messages_of(std::string(alert::incident::messages_prefix) + out.about.id(), most_lines).value_or(std::vector<alert::message_row>{}))
      out.lines.push_back({one.ended.value_or(one.made), std::string("message ") + std::string(alert::to_string(one.state)), one.receiver, fmt::format("{} after {} {}{}{}", one.channel, one.attempts, one.attempts == 1 ? "try" : "tries", one.problem.empty() ? "" : ": ", one.problem)});
  });
  if (!done) return std::unexpected(done.error());
  for (auto& one : acts(with, asked, out.about.opened - before_incident, out.until, acts_shown::that_changed)) out.lines.push_back(std::move(one));
  auto decided = decisions(with, asked, out.about.opened - before_incident, out.until);
  for (auto& one : decided | std::views::reverse) out.lines.push_back(std::move(one));  // newest first as they come; their times are whole seconds
  add_calls(with, asked, out, out.lines);
  std::multimap<wall_time, line> by_time;  // what came at the same time stays in its order
  for (auto& one : out.lines) by_time.emplace(one.at, std::move(one));
  out.lines.clear();
  for (auto& [at, one] : by_time) out.lines.push_back(std::move(one));
  out.calls = calls(with, asked, out.harm_from, out.until);
  return out;
}

json::array lines_json(const std::vector<line>& from) {
  json::array out;
  for (const auto& one : from) out.emplace_back(json::object{{"at", format_rfc3339(one.at)}, {"kind", one.kind}, {"who", one.who}, {"text", one.text}});
  return out;
}

json::object calls_json(const std::optional<traffic>& from) {
  const auto one = [](const calls_of& of) { return json::object{{"count", of.count}, {"errors", of.failed}, {"refused", of.refused}, {"cost_usd", format_usd(of.cost)}}; };
  if (!from) return {};
  auto out = one(from->total);
  json::array routes;
  for (const auto& [name, of] : from->routes) {
    auto row = one(of);
    row["route"] = name;
    routes.emplace_back(std::move(row));
  }
  out["routes"] = std::move(routes);
  out["complete"] = from->complete;
  return out;
}

/// Of one line and without what Markdown or a terminal would take for more than text.
std::string plain(std::string_view text) {
  std::string out;
  for (const char c : text) out += static_cast<unsigned char>(c) < 0x20 || c == '|' || c == '`' || c == '<' || c == '>' ? ' ' : c;
  return out;
}

std::string duration_text(nanoseconds span) { return format_duration(std::chrono::duration_cast<std::chrono::seconds>(span)); }

/// What alerts of objectives say of the budget, in their own words.
std::string budget_lines(const alert::incident& of) {
  std::string out;
  for (const auto& one : of.latest.alerts)
    for (const auto& [name, value] : one.annotations)
      if (name.find("budget") != std::string::npos || name.find("burn") != std::string::npos)
        out += fmt::format("- {}: {} = {}\n", plain(alert::label_value(one.labels, "alertname")), plain(name), plain(value));
  return out;
}

std::string impact_lines(const case_file& from) {
  if (!from.calls) return "The ledger is switched off: calls were not recorded.\n";
  const auto& total = from.calls->total;
  std::string out = fmt::format("From {}, ten minutes before its first alert, until {}:\n\n- {} calls, {} failed ({:.2f} %), {} refused by limits or for what the client sent\n", format_rfc3339(from.harm_from), format_rfc3339(from.until), total.count, total.failed,
                                total.failed_share(), total.refused);
  for (const auto& [name, one] : from.calls->routes)
    if (one.failed > 0) out += fmt::format("- route {}: {} of {} failed ({:.2f} %)\n", plain(name), one.failed, one.count, one.failed_share());
  return out;
}

std::string draft(const case_file& from) {
  const auto& about = from.about;
  std::string out = fmt::format("# Post-mortem of {}: {}\n\nDraft, made of what was recorded. Severity: {}. State: {}.\n\n## Summary\n\n(What happened, in two sentences.)\n\n", about.id(), plain(about.title), about.severity,
                                alert::to_string(about.state));
  out += fmt::format("- opened {}\n", format_rfc3339(about.opened));
  if (about.acknowledged) out += fmt::format("- acknowledged {} by {}, after {}\n", format_rfc3339(*about.acknowledged), plain(about.acknowledged_by), duration_text(*about.acknowledged - about.opened));
  if (about.resolved) out += fmt::format("- resolved {} by {}, after {}\n", format_rfc3339(*about.resolved), plain(about.resolved_by), duration_text(*about.resolved - about.opened));
  out += "\n## Impact\n\n" + impact_lines(from);
  const auto budget = budget_lines(about);
  out += "\n## Budget burned\n\n" + (budget.empty() ? std::string("No alert of this incident told of a budget.\n") : budget);
  out += "\n## Timeline\n\n| time (UTC) | what | who | |\n| --- | --- | --- | --- |\n";
  for (const auto& one : from.lines) out += fmt::format("| {} | {} | {} | {} |\n", format_rfc3339(one.at), plain(one.kind), plain(one.who), plain(one.text));
  return out + "\n## Root cause\n\n(Why it could happen.)\n\n## What went well, what did not\n\n\n## Actions\n\n| what | who | until |\n| --- | --- | --- |\n| | | |\n";
}

/// By the alerts' names, most often first: a storm of one kind is one line.
json::array fired_json(const std::vector<alert::history_row>& all) {
  struct kind { std::size_t times = 0; wall_time last; std::set<std::uint64_t> alerts; };
  std::map<std::string, kind> counted;
  for (const auto& one : all) {
    if (one.what != "fired") continue;
    auto& of = counted[std::string(alert::label_value(one.labels, "alertname"))];
    ++of.times;
    of.last = std::max(of.last, one.at);
    of.alerts.insert(one.fingerprint);
  }
  std::vector<std::pair<std::string, kind>> sorted(counted.begin(), counted.end());
  std::ranges::stable_sort(sorted, std::ranges::greater{}, [](const auto& item) { return item.second.times; });
  json::array out;
  for (const auto& [name, of] : sorted)
    if (out.size() < most_shown) out.emplace_back(json::object{{"alert", name}, {"alerts", of.alerts.size()}, {"times", of.times}, {"last", format_rfc3339(of.last)}});
  return out;
}

/// The worst first, of those the ones that fire longest.
json::array firing_json(const alert::board_view& from, wall_time now) {
  struct row { std::string_view severity; const alert::alert* of; };
  std::vector<row> rows;
  for (const auto& [fingerprint, one] : from.book.all())
    if (!one.resolved(now)) rows.push_back({alert::severity_of(one.labels), &one});
  static constexpr std::array<std::string_view, 4> order{"critical", "error", "warning", "info"};
  std::ranges::sort(rows, {}, [](const row& one) { return std::pair(std::ranges::find(order, one.severity) - order.begin(), one.of->starts_at); });
  json::array out;
  for (const auto& one : rows)
    if (out.size() < most_shown)
      out.emplace_back(json::object{{"alert", alert::group_text(one.of->labels)}, {"name", alert::label_value(one.of->labels, "alertname")}, {"severity", one.severity}, {"since", format_rfc3339(one.of->starts_at)},
                                    {"summary", alert::label_value(one.of->annotations, "summary")}});
  return out;
}

/// Objectives whose budget is gone or nearly so, the worst first.
json::array endangered_json(const services& with, const request& asked) {
  const auto watch = with.objectives && access::allows(asked.who->role, access::permission::metrics_read) ? with.objectives() : nullptr;
  if (!watch) return {};
  std::vector<std::pair<double, std::string>> rows;
  for (const auto& one : watch->objectives())
    if (const auto left = one.budget.left(); left && *left < budget_in_danger) rows.emplace_back(*left, one.what.name);
  std::ranges::sort(rows);
  json::array out;
  for (const auto& [left, name] : rows)
    if (out.size() < most_shown) out.emplace_back(json::object{{"objective", name}, {"budget_left", left}});
  return out;
}

}  // namespace

result<reply> incident_by_id(const services& with, const request& asked) {
  const auto found = gather(with, asked);
  if (!found) return std::unexpected(found.error());
  auto out = incident_json(found->about);
  out["timeline"] = lines_json(found->lines);
  out["calls"] = calls_json(found->calls);
  return reply{.body = json_text(out)};
}

result<reply> post_mortem(const services& with, const request& asked) {
  const auto found = gather(with, asked);
  if (!found) return std::unexpected(found.error());
  return reply{.body = draft(*found), .content_type = "text/markdown; charset=utf-8"};
}

result<reply> overnight(const services& with, const request& asked) {
  const auto board = board_of(with);
  if (!board) return std::unexpected(board.error());
  const auto since = since_of(asked, "since", asked.now - 24h);
  if (!since) return std::unexpected(since.error());
  const auto wanted = asked.query.flag("brief");
  if (!wanted) return std::unexpected(wanted.error());
  const bool brief = *wanted;
  json::object out{{"since", format_rfc3339(*since)}, {"until", format_rfc3339(asked.now)}};
  if (!brief) out["calls"] = calls_json(calls(with, asked, *since, asked.now));
  result<void> done;
  (*board)->read([&](const alert::board_view& from) {
    const auto history = brief ? result<std::vector<alert::history_row>>{} : from.store.history(*since, asked.now);
    const auto incidents = from.store.incidents(*since, most_shown);
    const auto messages = from.store.count_messages(*since);
    if (!history || !incidents || !messages) return void(done = std::unexpected(!history ? history.error() : !incidents ? incidents.error() : messages.error()));
    json::array shown, on_call;
    for (const auto& one : *incidents) shown.emplace_back(incident_json(one));
    for (const auto& [name, plan] : from.settings.schedules) on_call.emplace_back(json::object{{"schedule", name}, {"person", alert::on_call(plan, name, alert::overrides_in_force(from.overrides, from.settings.people), asked.now)}});
    const auto& count = *messages;
    out["alerts"] = json::object{{"firing_count", alert::api::count_firing(from)}, {"quiet", alert::api::count_quiet(from)}, {"firing", firing_json(from, asked.now)}, {"fired", fired_json(*history)}};
    out["incidents"] = std::move(shown);
    out["messages"] = json::object{{"waiting", count[0]}, {"delivered", count[1]}, {"dead", count[2]}};
    out["on_call"] = std::move(on_call);
  });
  if (!done) return std::unexpected(done.error());
  if (brief) return reply{.body = json_text(out)};
  out["objectives"] = endangered_json(with, asked);
  out["decisions"] = lines_json(decisions(with, asked, *since, asked.now));
  out["changes"] = lines_json(acts(with, asked, *since, asked.now, acts_shown::all));
  return reply{.body = json_text(out)};
}

}  // namespace andon::admin::handlers
