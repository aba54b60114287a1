#include "andon/slo/grafana_dashboard.hpp"

#include <fmt/format.h>

#include <array>
#include <boost/json.hpp>

namespace andon::slo {
namespace {

namespace json = boost::json;

constexpr int columns = 24;

dashboard_about objectives() {
  using enum panel_kind;
  return {.name = "objectives",
          .title = "Andon: objectives",
          .by_objective = true,
          .panels = {
              {.kind = table,
               .title = "Where the promises stand",
               .about = "Over each objective's own window.",
               .unit = "percentunit",
               .queries = {{"andon_objective_target_ratio{objective=~\"$objective\"}", "Target"},
                           {"andon_objective_ratio{objective=~\"$objective\"}", "Attained"},
                           {"andon_objective_budget_left_ratio{objective=~\"$objective\"}", "Budget left"},
                           {"andon_objective_burn_rate_ratio{objective=~\"$objective\"}", "Burn rate"}},
               .width = 24},
              {.kind = number,
               .title = "Least budget left",
               .about = "Of the objective that has least. Below nothing a promise is broken.",
               .unit = "percentunit",
               .queries = {{"min(andon_objective_budget_left_ratio{objective=~\"$objective\"} >= -Inf)", ""}},
               .width = 6,
               .height = 5,
               .warn = 0.25,
               .bad = 0},
              {.kind = number,
               .title = "Fastest burn",
               .about = "Over the last hour. At 1 a budget lasts exactly for its window.",
               .unit = "none",
               .queries = {{"max(andon_objective_burn_rate_ratio{objective=~\"$objective\"} >= -Inf)", ""}},
               .width = 6,
               .height = 5,
               .warn = 1,
               .bad = 14.4},
              {.kind = number,
               .title = "Alerts firing",
               .about = "Of objectives.",
               .unit = "none",
               .queries = {{"sum(andon_objective_alerts_firing{objective=~\"$objective\"})", ""}},
               .width = 6,
               .height = 5,
               .warn = 1,
               .bad = 2},
              {.kind = number,
               .title = "Messages not delivered",
               .about = "Alerts whose receivers could not be reached, after all retries.",
               .unit = "none",
               .queries = {{"andon_alert_outbox_dead", ""}},
               .width = 6,
               .height = 5,
               .warn = 1,
               .bad = 2},
              {.kind = lines,
               .title = "Budget left",
               .about = "",
               .unit = "percentunit",
               .queries = {{"andon_objective_budget_left_ratio{objective=~\"$objective\"}", "{{objective}}"}}},
              {.kind = lines,
               .title = "Burn rate",
               .about = "A page at 99.9 % comes at 14.4 over an hour and five minutes.",
               .unit = "none",
               .queries = {{"andon_objective_burn_rate_ratio{objective=~\"$objective\"}", "{{objective}}"}}},
              {.kind = lines,
               .title = "Share of bad events",
               .about = "",
               .unit = "percentunit",
               .queries = {{"rate(andon_objective_bad_events_total{objective=~\"$objective\"}[$__rate_interval]) / "
                            "rate(andon_objective_events_total{objective=~\"$objective\"}[$__rate_interval])",
                            "{{objective}}"}}},
              {.kind = lines,
               .title = "Attained and promised",
               .about = "",
               .unit = "percentunit",
               .queries = {{"andon_objective_ratio{objective=~\"$objective\"}", "{{objective}}"},
                           {"andon_objective_target_ratio{objective=~\"$objective\"}", "{{objective}}: promised"}}},
          }};
}

dashboard_about calls() {
  using enum panel_kind;
  return {.name = "calls",
          .title = "Andon: calls",
          .by_objective = false,
          .panels = {
              {.kind = lines,
               .title = "Calls",
               .about = "By route.",
               .unit = "reqps",
               .queries = {{"sum by (route) (rate(andon_requests_total[$__rate_interval]))", "{{route}}"}}},
              {.kind = lines,
               .title = "Errors",
               .about = "By who is answerable.",
               .unit = "reqps",
               .queries = {{"sum by (origin) (rate(andon_requests_total{origin!=\"none\"}[$__rate_interval]))", "{{origin}}"}}},
              {.kind = lines,
               .title = "Duration of calls",
               .about = "With the model's own time.",
               .unit = "s",
               .queries = {{"histogram_quantile(0.5, sum by (le) (rate(gen_ai_server_request_duration_seconds_bucket[$__rate_interval])))", "p50"},
                           {"histogram_quantile(0.95, sum by (le) (rate(gen_ai_server_request_duration_seconds_bucket[$__rate_interval])))", "p95"},
                           {"histogram_quantile(0.99, sum by (le) (rate(gen_ai_server_request_duration_seconds_bucket[$__rate_interval])))", "p99"}}},
              {.kind = lines,
               .title = "Time to first token",
               .about = "p95 by model.",
               .unit = "s",
               .queries = {{"histogram_quantile(0.95, sum by (le, gen_ai_request_model) (rate(gen_ai_server_time_to_first_token_seconds_bucket[$__rate_interval])))",
                            "{{gen_ai_request_model}}"}}},
              {.kind = lines,
               .title = "The gateway's own time",
               .about = "p99 by route.",
               .unit = "s",
               .queries = {{"histogram_quantile(0.99, sum by (le, route) (rate(andon_overhead_seconds_bucket[$__rate_interval])))", "{{route}}"}}},
              {.kind = lines,
               .title = "Cost",
               .about = "By project.",
               .unit = "currencyUSD",
               .queries = {{"sum by (project) (rate(andon_cost_nano_usd_total[$__rate_interval])) * 3600 / 1e9", "{{project}}, an hour"}}},
              {.kind = lines,
               .title = "Tokens",
               .about = "By class.",
               .unit = "none",
               .queries = {{"sum by (class) (rate(andon_tokens_total[$__rate_interval]))", "{{class}}, a second"}}},
              {.kind = lines,
               .title = "Answers from the cache",
               .about = "Of all that may come from it.",
               .unit = "percentunit",
               .queries = {{"sum(rate(andon_cache_hits_total[$__rate_interval])) / "
                            "(sum(rate(andon_cache_hits_total[$__rate_interval])) + sum(rate(andon_cache_misses_total[$__rate_interval])))",
                            "hits"}}},
              {.kind = lines,
               .title = "Refused",
               .about = "By limits, budgets and overload.",
               .unit = "reqps",
               .queries = {{"sum by (reason) (rate(andon_admission_refused_total[$__rate_interval]))", "{{reason}}"}}},
              {.kind = lines,
               .title = "Targets",
               .about = "Calls under way.",
               .unit = "none",
               .queries = {{"andon_target_in_flight", "{{model}}"}}},
              {.kind = lines,
               .title = "Ledger",
               .about = "Records that search does not know yet, and the journal's size.",
               .unit = "none",
               .queries = {{"andon_ledger_waiting", "waiting"}, {"andon_journal_disk_bytes / 1048576", "journal, MiB"}}},
              {.kind = number,
               .title = "Records lost",
               .about = "Dropped or never recorded. Anything but 0 is an incident.",
               .unit = "none",
               .queries = {{"sum(andon_ledger_dropped_total) + sum(andon_unrecorded_total)", ""}},
               .warn = 1,
               .bad = 2},
          }};
}

json::object source() { return {{"type", "prometheus"}, {"uid", "${DS_PROMETHEUS}"}}; }

std::string_view type_of(panel_kind kind) {
  switch (kind) {
    case panel_kind::number: return "stat";
    case panel_kind::lines: return "timeseries";
    case panel_kind::table: return "table";
  }
  return "timeseries";
}

json::object thresholds(const dashboard_panel& of) {
  json::array steps;
  if (of.warn == of.bad) steps = {json::object{{"color", "blue"}, {"value", nullptr}}};
  else if (of.warn < of.bad)
    steps = {json::object{{"color", "green"}, {"value", nullptr}}, json::object{{"color", "orange"}, {"value", of.warn}}, json::object{{"color", "red"}, {"value", of.bad}}};
  else
    steps = {json::object{{"color", "red"}, {"value", nullptr}}, json::object{{"color", "orange"}, {"value", of.bad}}, json::object{{"color", "green"}, {"value", of.warn}}};
  return {{"mode", "absolute"}, {"steps", std::move(steps)}};
}

/// One row of a table for each objective: the queries' values side by side.
json::array joined(const dashboard_panel& of) {
  json::object names, hidden{{"Time", true}, {"__name__", true}, {"instance", true}, {"job", true}};
  for (std::size_t i = 0; i < of.queries.size(); ++i) names[fmt::format("Value #{:c}", 'A' + static_cast<int>(i))] = of.queries[i].legend;
  return {json::object{{"id", "merge"}, {"options", json::object{}}},
          json::object{{"id", "organize"}, {"options", {{"excludeByName", std::move(hidden)}, {"renameByName", std::move(names)}}}}};
}

json::object panel(const dashboard_panel& of, int id, int x, int y) {
  json::array targets;
  for (std::size_t i = 0; i < of.queries.size(); ++i) {
    json::object one{{"refId", std::string(1, static_cast<char>('A' + i))}, {"datasource", source()}, {"expr", of.queries[i].expression}, {"legendFormat", of.queries[i].legend}};
    if (of.kind == panel_kind::table) one["instant"] = true, one["format"] = "table";
    targets.push_back(std::move(one));
  }
  json::object out{{"id", id},
                   {"type", type_of(of.kind)},
                   {"title", of.title},
                   {"description", of.about},
                   {"datasource", source()},
                   {"gridPos", {{"x", x}, {"y", y}, {"w", of.width}, {"h", of.height}}},
                   {"fieldConfig", {{"defaults", {{"unit", of.unit}, {"thresholds", thresholds(of)}}}, {"overrides", json::array{}}}},
                   {"targets", std::move(targets)}};
  if (of.kind == panel_kind::table) {
    out["transformations"] = joined(of);
    out["fieldConfig"].as_object()["overrides"] =
        json::array{json::object{{"matcher", {{"id", "byName"}, {"options", "Burn rate"}}}, {"properties", json::array{json::object{{"id", "unit"}, {"value", "none"}}}}}};
  }
  return out;
}

json::array panels(const dashboard_about& of) {
  json::array out;
  int x = 0, y = 0, row = 0, id = 0;
  for (const auto& one : of.panels) {
    if (x + one.width > columns) x = 0, y += row, row = 0;
    out.push_back(panel(one, ++id, x, y));
    x += one.width;
    row = std::max(row, one.height);
  }
  return out;
}

json::object objective_variable() {
  return {{"name", "objective"},
          {"label", "Objective"},
          {"type", "query"},
          {"datasource", source()},
          {"query", {{"query", "label_values(andon_objective_target_ratio, objective)"}, {"refId", "objectives"}}},
          {"refresh", 2},
          {"includeAll", true},
          {"multi", true},
          {"allValue", ".*"},
          {"current", {{"text", "All"}, {"value", "$__all"}}}};
}

}  // namespace

std::span<const dashboard_about> dashboard_table() {
  static const std::array all{objectives(), calls()};
  return all;
}

std::string grafana_dashboard(const dashboard_about& of) {
  json::array variables;
  if (of.by_objective) variables.push_back(objective_variable());
  const json::object out{
      {"__inputs", {json::object{{"name", "DS_PROMETHEUS"}, {"label", "Prometheus"}, {"type", "datasource"}, {"pluginId", "prometheus"}, {"pluginName", "Prometheus"}}}},
      {"uid", fmt::format("andon-{}", of.name)},
      {"title", of.title},
      {"tags", {"andon"}},
      {"schemaVersion", 39},
      {"editable", true},
      {"refresh", "30s"},
      {"time", {{"from", "now-6h"}, {"to", "now"}}},
      {"templating", {{"list", std::move(variables)}}},
      {"panels", panels(of)}};
  return json::serialize(out) + "\n";
}

}  // namespace andon::slo
