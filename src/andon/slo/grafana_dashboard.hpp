#pragma once
// Dashboards for Grafana over what /metrics says: how the promises stand, and the calls behind them.
// Their data source is asked for by Grafana when one is imported. Pure functions; any thread.
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace andon::slo {

/// What a panel draws.
enum class panel_kind : std::uint8_t { number, lines, table };

struct panel_query {
  std::string_view expression;  ///< PromQL; `$objective` and `$__rate_interval` are Grafana's
  std::string_view legend;
};

struct dashboard_panel {
  panel_kind kind;
  std::string_view title, about;
  std::string_view unit;  ///< of Grafana: percentunit, s, reqps, …
  std::vector<panel_query> queries;
  int width = 12;         ///< of 24 columns
  int height = 8;
  double warn = 0, bad = 0;  ///< equal: no colours. bad below warn: low is bad
};

struct dashboard_about {
  std::string_view name, title;
  bool by_objective;  ///< it has the variable `$objective`
  std::vector<dashboard_panel> panels;
};
std::span<const dashboard_about> dashboard_table();

/// As Grafana imports it (its dashboard model, schema version 39: Grafana 10.4 and later).
std::string grafana_dashboard(const dashboard_about& of);

}  // namespace andon::slo
