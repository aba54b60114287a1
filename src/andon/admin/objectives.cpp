#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>

#include "andon/admin/audit.hpp"
#include "andon/admin/body_reader.hpp"
#include "andon/admin/drills.hpp"
#include "andon/admin/handlers.hpp"
#include "andon/admin/json_out.hpp"
#include "andon/base/time_text.hpp"
#include "andon/slo/prometheus_rules.hpp"
#include "andon/slo/recount.hpp"
#include "andon/slo/watch.hpp"

namespace andon::admin::handlers {
namespace {

namespace json = boost::json;
using slo::instant;
using slo::seconds;

result<std::shared_ptr<slo::watch>> watching(const services& with) {
  if (with.objectives)
    if (auto watch = with.objectives()) return watch;
  return fail(errc::unavailable, "objectives are not watched now: the ledger is switched off, or <data>/watch.db cannot be opened (see the log)");
}

std::string time_text(instant at) { return format_rfc3339(wall_time{at}); }

json::value number(const std::optional<double>& from) { return from ? json::value(*from) : json::value(nullptr); }

json::object pairs_json(const slo::label_pairs& from) {
  json::object out;
  for (const auto& [name, value] : from) out[name] = value;
  return out;
}

json::object signal_json(const slo::signal& from) {
  return {{"alert", from.name},
          {"severity", from.severity},
          {"labels", pairs_json(from.labels)},
          {"annotations", pairs_json(from.annotations)},
          {"since", time_text(from.since)}};
}

json::array burns_json(const slo::objective_status& of) {
  json::array out;
  for (std::size_t i = 0; i < of.what.burns.size(); ++i) {
    const auto& rule = of.what.burns[i];
    const auto rate = [&](std::size_t which) {
      return 2 * i + which < of.budget.burns.size() ? number(of.budget.burns[2 * i + which].second) : json::value(nullptr);
    };
    out.emplace_back(json::object{{"severity", rule.severity},
                                  {"long", slo::length_text(rule.long_window)},
                                  {"short", slo::length_text(rule.short_window)},
                                  {"factor", rule.factor},
                                  {"derivation", slo::derivation(rule, of.what.over.length)},
                                  {"error_ratio", rule.factor * of.what.budget()},
                                  {"rate_long", rate(1)},
                                  {"rate_short", rate(0)}});
  }
  return out;
}

json::object objective_json(const slo::objective_status& of) {
  const auto& budget = of.budget;
  json::array members, firing;
  for (const auto& one : of.what.members)
    members.emplace_back(json::object{{"name", one.name},
                                      {"measure", slo::about(one.what.what).name},
                                      {"filter", one.what.filter_text},
                                      {"good", one.what.good_text},
                                      {"weight", one.weight},
                                      {"target", one.target}});
  for (const auto& one : of.firing) firing.emplace_back(signal_json(one));
  json::object out{{"name", of.what.name},
                   {"title", of.what.title},
                   {"description", of.what.description},
                   {"service", of.what.service},
                   {"labels", pairs_json(of.what.labels)},
                   {"source", of.what.source},
                   {"method", slo::to_string(of.what.method)},
                   {"target", of.what.target},
                   {"window", of.what.over.text()},
                   {"members", std::move(members)}};
  if (of.what.method != slo::budgeting::occurrences) out["slice"] = slo::length_text(of.what.slice);
  out["state"] = state_of(of);
  out["at"] = time_text(budget.at);
  out["begins"] = time_text(budget.begin);
  out["ends"] = time_text(budget.end);
  const auto unit = slo::unit_of(of.what);
  out["events"] = static_cast<double>(budget.events.total) / unit;
  out["bad_events"] = static_cast<double>(budget.events.bad()) / unit;
  out["ratio"] = number(budget.good_ratio);
  out["budget_spent"] = number(budget.spent);
  out["budget_left"] = number(budget.left());
  out["burn_rate"] = number(budget.burn_rate);
  out["hours_left"] = number(budget.hours_left);
  out["alerts"] = burns_json(of);
  for (const auto* severity : {"page", "ticket"}) {
    const auto takes = slo::time_to_alert(of.what, severity);
    out[fmt::format("seconds_to_{}_in_an_outage", severity)] = takes ? json::value(takes->count()) : json::value(nullptr);
  }
  out["firing"] = std::move(firing);
  return out;
}

result<slo::objective_status> known(slo::watch& in, const request& asked) {
  auto found = in.objective(asked.argument);
  if (!found) return fail(errc::not_found, fmt::format("no objective is named '{}'; `andon objective list` (GET /api/v1/objectives) tells them", asked.argument));
  return std::move(*found);
}

struct stretch { instant from, to; };
result<stretch> read_stretch(const request& asked, instant now, seconds usual) {
  const auto read = [&](std::string_view name, instant missing) -> result<instant> {
    const auto text = asked.query.text(name);
    if (text.empty()) return missing;
    if (const auto age = parse_duration(text)) return now - std::chrono::floor<seconds>(*age);
    const auto at = parse_rfc3339(text);
    if (!at)
      return fail(errc::invalid_argument, fmt::format("{}: '{}' is neither a time (2026-01-31T12:00:00Z) nor an age (6h)", name, text), std::string(name));
    return std::chrono::floor<seconds>(*at);
  };
  const auto to = read("until", now);
  if (!to) return std::unexpected(to.error());
  const auto from = read("since", *to - usual);
  if (!from) return std::unexpected(from.error());
  return stretch{*from, *to};
}

/// `unit`: what one event counts as.
json::object point_json(const slo::chart_point& from, seconds step, double unit) {
  const auto events = [&](std::int64_t count) { return unit == 1 ? json::value(count) : json::value(static_cast<double>(count) / unit); };
  const auto quantile = [&](double q) { return number(from.of.values.quantile(q)); };
  json::object out{{"at", time_text(from.at)}, {"good", events(from.of.events.good)}, {"total", events(from.of.events.total)}, {"ratio", number(from.of.events.good_ratio())},
                   {"rate", static_cast<double>(from.of.events.total) / unit / static_cast<double>(step.count())}};
  if (from.of.values.count() == 0) return out;
  out["sum"] = from.of.sum;
  out["mean"] = number(from.of.mean());
  out["p50"] = quantile(0.5);
  out["p95"] = quantile(0.95);
  out["p99"] = quantile(0.99);
  return out;
}

reply chart_reply(const slo::chart& from, double unit = 1) {
  json::array data;
  for (const auto& one : from.points) data.emplace_back(point_json(one, from.step, unit));
  return {.body = json_text(json::object{{"step_s", from.step.count()}, {"data", std::move(data)}})};
}

result<seconds> read_step(const request& asked, const stretch& of) {
  const auto usual = std::max<seconds>(seconds{1}, (of.to - of.from) / 500);
  const auto step = asked.query.duration("step", usual, std::chrono::days{366});
  if (!step) return std::unexpected(step.error());
  return std::max<seconds>(seconds{1}, std::chrono::floor<seconds>(*step));
}

}  // namespace

result<reply> objectives(const services& with, const request&) {
  const auto watch = watching(with);
  if (!watch) return std::unexpected(watch.error());
  json::array data;
  for (const auto& one : (*watch)->objectives()) data.emplace_back(objective_json(one));
  return reply{.body = json_text(json::object{{"data", std::move(data)}, {"drills", latest_drills(with)}})};
}

result<reply> objective_by_name(const services& with, const request& asked) {
  const auto watch = watching(with);
  if (!watch) return std::unexpected(watch.error());
  const auto found = known(**watch, asked);
  if (!found) return std::unexpected(found.error());
  return reply{.body = json_text(objective_json(*found))};
}

result<reply> objective_chart(const services& with, const request& asked) {
  const auto watch = watching(with);
  if (!watch) return std::unexpected(watch.error());
  const auto of = read_stretch(asked, (*watch)->now(), std::chrono::days{1});
  if (!of) return std::unexpected(of.error());
  const auto step = read_step(asked, *of);
  if (!step) return std::unexpected(step.error());
  const auto drawn = (*watch)->objective_chart(asked.argument, of->from, of->to, *step);
  if (!drawn) return std::unexpected(drawn.error());
  const auto about = (*watch)->objective(asked.argument);
  return chart_reply(*drawn, about ? slo::unit_of(about->what) : 1);
}

result<reply> objective_causes(const services& with, const request& asked) {
  const auto watch = watching(with);
  if (!watch) return std::unexpected(watch.error());
  const auto found = known(**watch, asked);
  if (!found) return std::unexpected(found.error());
  auto of = stretch{found->budget.begin, found->budget.at};
  if (asked.query.has("since") || asked.query.has("until")) {
    const auto given = read_stretch(asked, found->budget.at, std::chrono::days{1});
    if (!given) return std::unexpected(given.error());
    of = *given;
  }
  const auto eaten = (*watch)->eaten(asked.argument, of.from, of.to);
  if (!eaten) return std::unexpected(eaten.error());
  std::vector<std::pair<slo::cause, std::int64_t>> rows(eaten->begin(), eaten->end());
  std::ranges::sort(rows, [](const auto& a, const auto& b) { return std::pair(-a.second, a.first) < std::pair(-b.second, b.first); });
  std::int64_t all = 0;
  for (const auto& [why, bad] : rows) all += bad;
  json::array data;
  for (const auto& [why, bad] : rows)
    data.emplace_back(json::object{{"origin", why.origin},
                                   {"error", why.error},
                                   {"model", why.model},
                                   {"key", why.key},
                                   {"bad", bad},
                                   {"share", static_cast<double>(bad) / static_cast<double>(all)}});
  return reply{.body = json_text(json::object{{"data", std::move(data)}, {"since", time_text(of.from)}, {"until", time_text(of.to)}})};
}

result<reply> objective_recount(const services& with, const request& asked) {
  const auto watch = watching(with);
  if (!watch) return std::unexpected(watch.error());
  const auto found = known(**watch, asked);
  if (!found) return std::unexpected(found.error());
  const auto of = read_stretch(asked, (*watch)->now(), std::chrono::days{1});
  if (!of) return std::unexpected(of.error());
  const auto again = slo::recount(found->what, with.records->segments(), of->from, of->to,
                                  [&] { return !asked.wait.stop.stop_requested() && !asked.wait.until.passed(with.time.mono()); });
  if (!again) return std::unexpected(again.error());
  return reply{.body = json_text(json::object{{"objective", found->what.name}, {"since", time_text(of->from)}, {"until", time_text(of->to)}, {"good", again->events.good},
                                              {"bad", again->events.bad()}, {"total", again->events.total}, {"records_read", again->records}, {"segments_unreadable", again->unreadable}})};
}

result<reply> indicators(const services& with, const request&) {
  const auto watch = watching(with);
  if (!watch) return std::unexpected(watch.error());
  json::array data;
  for (const auto& one : (*watch)->indicators()) {
    json::array by, groups;
    for (const auto dimension : one.what.by) by.emplace_back(slo::to_string(dimension));
    for (const auto& group : one.groups) groups.emplace_back(json::array(group.begin(), group.end()));
    const auto& what = slo::about(one.what.what.what);
    data.emplace_back(json::object{{"name", one.what.name},
                                   {"measure", what.name},
                                   {"unit", what.unit},
                                   {"description", one.what.description},
                                   {"filter", one.what.what.filter_text},
                                   {"statistic", slo::to_string(slo::usual_statistic(what.which))},
                                   {"by", std::move(by)},
                                   {"groups", std::move(groups)}});
  }
  return reply{.body = json_text(json::object{{"data", std::move(data)}})};
}

result<reply> indicator_chart(const services& with, const request& asked) {
  const auto watch = watching(with);
  if (!watch) return std::unexpected(watch.error());
  const auto of = read_stretch(asked, (*watch)->now(), std::chrono::hours{1});
  if (!of) return std::unexpected(of.error());
  const auto step = read_step(asked, *of);
  if (!step) return std::unexpected(step.error());
  slo::indicator::group group;
  for (auto text = asked.query.text("group"); !text.empty();) {
    const auto end = std::min(text.find(','), text.size());
    group.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  const auto drawn = (*watch)->indicator_chart(asked.argument, group, of->from, of->to, *step);
  if (!drawn) return std::unexpected(drawn.error());
  return chart_reply(*drawn);
}

result<reply> alerts_firing(const services& with, const request&) {
  const auto watch = watching(with);
  if (!watch) return std::unexpected(watch.error());
  json::array data;
  for (const auto& one : (*watch)->firing()) data.emplace_back(signal_json(one));
  return reply{.body = json_text(json::object{{"data", std::move(data)}})};
}

result<reply> take_sample(const services& with, const request& asked) {
  const auto watch = watching(with);
  if (!watch) return std::unexpected(watch.error());
  const auto* what = slo::find_measure(asked.argument);
  if (what == nullptr || what->source != slo::measure_source::samples)
    return fail(errc::not_found, fmt::format("'{}' is no measure that takes samples; `andon indicator measures` (GET /api/v1/measures) tells those that do", asked.argument));
  const auto body = parse_body(asked.body);
  if (!body) return std::unexpected(body.error());
  body_reader in(*body, {});
  const auto* value = in.value("value");
  std::optional<std::int64_t> good, total;
  in.number("good", good);
  in.number("total", total);
  const bool ratio = what->kind == slo::measure_kind::ratio;
  if (!ratio && (value == nullptr || !value->is_number())) in.complain("value", "has to be a number");
  else if (!ratio && (value->to_number<double>() < 0 || !std::isfinite(value->to_number<double>()))) in.complain("value", "has to be 0 or more");
  else if (what->which == slo::measure::quality && value->to_number<double>() > 1) in.complain("value", "a score of quality is from 0 to 1");
  if (ratio && (!good || !total || *good < 0 || *good > *total)) in.complain("good", "good and total have to be counts, good at most total");
  if (auto done = in.finish(); !done) return std::unexpected(std::move(done.error()));
  const auto taken = ratio ? (*watch)->sample(what->which, slo::counts{*good, *total}) : (*watch)->sample(what->which, value->to_number<double>());
  if (!taken) return std::unexpected(taken.error());
  note_act(asked, fmt::format("measure {}", what->name), {}, {}, *body);
  return reply{.body = json_text(json::object{{"measure", what->name}})};
}

result<reply> objective_rules(const services& with, const request&) {
  const auto watch = watching(with);
  if (!watch) return std::unexpected(watch.error());
  std::vector<slo::rule_source> sources;
  std::string left_out;
  for (const auto& one : (*watch)->objectives()) {
    auto source = slo::rule_source_of(one.what);
    if (source) sources.push_back(std::move(*source));
    else left_out += "# left out: " + source.error().message + "\n";
  }
  return reply{.body = left_out + slo::prometheus_rules(sources), .content_type = "application/yaml"};
}

result<reply> measures_page(const services&, const request&) { return reply{.body = slo::measure_reference(), .content_type = "text/markdown; charset=utf-8"}; }

}  // namespace andon::admin::handlers
