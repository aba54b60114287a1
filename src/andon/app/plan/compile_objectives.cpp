#include "andon/app/plan/compile_objectives.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>

#include "andon/base/time_text.hpp"
#include "andon/slo/openslo.hpp"

namespace andon::app {
namespace {

/// 99.9 % as 0.999 and not as 0.9990000000000001: the nearest to what was written.
double share(double percent) { return std::round(percent * 1e10) / 1e12; }

slo::seconds whole(nanoseconds span) { return std::chrono::floor<slo::seconds>(span); }

/// What is measured without being asked for.
struct usual_indicator {
  slo::measure what;
  std::vector<slo::dimension> by;
};
std::vector<usual_indicator> usual_indicators() {
  using enum slo::measure;
  using enum slo::dimension;
  std::vector<usual_indicator> out{{availability, {route}}, {latency, {route}}, {first_token, {route}}, {cost, {project}}, {tokens, {project}}, {csat, {}}, {nps, {}}, {score, {}}, {thumbs, {}}, {resolved, {}}};
  for (const auto& one : slo::measure_table())
    if (one.source == slo::measure_source::samples) out.push_back({one.which, {}});
  return out;
}

class objective_compiler {
public:
  objective_compiler(const settings& from, wall_time now, diagnostics& found) : from_(from), now_(now), found_(found) {}

  slo::watch_plan run() {
    for (const auto& [name, one] : from_.objectives.entries)
      if (one.parts.empty()) simple(name, one);
    for (const auto& [name, one] : from_.objectives.entries)
      if (!one.parts.empty()) composite(name, one);
    openslo_files();
    indicators();
    for (const auto& [name, one] : from_.alert_rules.entries) rule(name, one);
    maintenance();
    if (!from_.ledger.enabled && !(out_.objectives.empty() && out_.rules.empty()))
      complain("ledger.enabled", "objectives and alert rules are counted from the ledger, which is switched off");
    return std::move(out_);
  }

private:
  void complain(const std::string& path, std::string message, std::string hint = {}) {
    found_.add(from_.places.at(path), path, std::move(message), std::move(hint));
  }

  /// A misspelt route counts nothing, and never alerts.
  void unknown_names(const std::string& path, const ledger::filter_node& at) {
    for (const auto& child : at.children) unknown_names(path, child);
    if (at.kind != ledger::node_kind::compare || at.how != ledger::comparison::equal) return;
    const auto look = [&](std::string_view kind, const auto& entries) {
      std::vector<std::string> names;
      for (const auto& [name, one] : entries) names.push_back(name);
      const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };  // as the filter has it
      if (std::ranges::any_of(names, [&](const std::string& name) { return std::ranges::equal(name, at.text, {}, lower); })) return;
      const auto close = nearest(at.text, names);
      found_.warn(from_.places.at(path), path, fmt::format("there is no {} '{}' in the configuration: no call has it", kind, at.text), close.empty() ? "" : "did you mean '" + close + "'?");
    };
    if (at.which == ledger::field::route) look("route", from_.routes.entries);
    if (at.which == ledger::field::model) look("model", from_.models.entries);
    if (at.which == ledger::field::provider) look("provider", from_.providers.entries);
  }

  ledger::record_filter filter(const std::string& path, const std::string& text) {
    auto parsed = ledger::parse_filter(text, now_);
    if (!parsed) return complain(path, ledger::to_error(parsed.error(), text).message), ledger::record_filter{};
    unknown_names(path, parsed->root);
    auto made = ledger::record_filter::make(std::move(*parsed));
    if (!made) return complain(path, made.error().message), ledger::record_filter{};
    return std::move(*made);
  }

  slo::origin_set faults(const std::string& path, const std::vector<std::string>& names) {
    if (names.empty()) return slo::service_faults;
    slo::origin_set out = 0;
    for (std::size_t i = 0; i < names.size(); ++i) {
      bool known = false;
      for (const auto one : {origin::client, origin::limit, origin::guard, origin::gateway, origin::provider})
        if (to_string(one) == names[i]) out = static_cast<slo::origin_set>(out | slo::bit(one)), known = true;
      if (!known) complain(fmt::format("{}[{}]", path, i), fmt::format("'{}' is not one of client, limit, guard, gateway, provider", names[i]));
    }
    return out;
  }

  template <class S>
  slo::series_spec series(const std::string& path, const S& one) {
    slo::series_spec out;
    const auto* what = slo::find_measure(one.measure);
    if (what == nullptr) {
      std::vector<std::string> names;
      for (const auto& known : slo::measure_table()) names.emplace_back(known.name);
      const auto close = nearest(one.measure, names);
      complain(path + ".measure", fmt::format("there is no measure '{}'", one.measure),
               close.empty() ? "`andon indicator measures` lists all" : "did you mean '" + close + "'?");
    } else {
      out.what = what->which;
    }
    out.filter_text = one.filter;
    out.filter = filter(path + ".filter", one.filter);
    if (!one.good.empty()) {
      out.good = filter(path + ".good", one.good);
      out.good_text = one.good;
    }
    out.faults = faults(path + ".errors", one.errors);
    if (one.at_most && one.at_least) complain(path + ".at_least", "either at_most or at_least");
    if (one.at_most) out.how = slo::comparison::lte, out.bound = *one.at_most;
    if (one.at_least) out.how = slo::comparison::gte, out.bound = *one.at_least;
    if (what != nullptr && one.good.empty()) complain_of_fit(path, *what, out);
    return out;
  }

  static bool asks_for(const ledger::filter_node& node, std::initializer_list<ledger::field> fields) {
    if (node.kind == ledger::node_kind::compare && std::ranges::find(fields, node.which) != fields.end()) return true;
    return std::ranges::any_of(node.children, [&](const auto& child) { return asks_for(child, fields); });
  }

  /// What would be counted never, or otherwise than it reads.
  void complain_of_fit(const std::string& path, const slo::measure_about& what, const slo::series_spec& of) {
    if (what.source == slo::measure_source::samples && !of.filter_text.empty())
      complain(path + ".filter", fmt::format("{} comes from samples, which are of the whole gateway: a filter cannot tell them apart", what.name));
    if (slo::is_of_feedback(what.which) && asks_for(of.filter.what().root, {ledger::field::route, ledger::field::model, ledger::field::provider}))
      complain(path + ".filter", fmt::format("{} is counted from feedback, which has no route, model or provider of its own: nothing would ever match", what.name),
               "filter by project, key or metadata; `andon feedback summary` tells it by route");
    const bool in_time = what.which == slo::measure::complete || what.which == slo::measure::goodput;
    if (what.kind == slo::measure_kind::ratio && of.how != slo::comparison::none && !in_time)
      complain(path + (of.how == slo::comparison::lte ? ".at_most" : ".at_least"), fmt::format("{} is good or bad by itself, a bound would change nothing", what.name),
               "for a time say `measure: latency`, or `goodput` for calls that are right and in time");
  }

  slo::label_pairs labels(const std::string& path, const std::vector<std::string>& texts) {
    slo::label_pairs out;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const auto equals = texts[i].find('=');
      if (equals == std::string::npos || equals == 0) complain(fmt::format("{}[{}]", path, i), "write name=value");
      else out.emplace_back(texts[i].substr(0, equals), texts[i].substr(equals + 1));
    }
    return out;
  }

  slo::window window(const std::string& path, const objective_settings& one) {
    if (one.calendar == calendar_choice::none) return slo::rolling(whole(one.window));
    const auto zone_name = one.time_zone.empty() ? from_.time_zone : one.time_zone;
    if (auto made = calendar_window(one.calendar, zone_name)) return std::move(*made);
    complain(path + ".time_zone", fmt::format("'{}' is no IANA time zone that this machine knows", zone_name));
    return slo::rolling(whole(one.window));
  }

  slo::objective_spec begun(const std::string& path, const std::string& name, const objective_settings& one) {
    slo::objective_spec out{.name = name, .title = one.title, .description = one.description, .service = one.service};
    out.labels = labels(path + ".labels", one.labels);
    out.method = static_cast<slo::budgeting>(one.method);
    out.slice = whole(one.slice);
    out.over = window(path, one);
    out.target = share(one.target);
    if (one.target > 0 && one.target < 1)
      complain(path + ".target", fmt::format("{:g} is less than one percent: a target is in percent", one.target), fmt::format("did you mean {:g}?", 100 * one.target));
    if (one.slice_target && out.method == slo::budgeting::occurrences)
      complain(path + ".slice_target", "single events are counted, so there is no slice", "say `method: timeslices`, or take it out");
    if (one.target >= 1) out.burns = slo::derive_burns(out.over.length, one.alerts.page, one.alerts.ticket);  // of others the target is what is wrong
    out.min_events = out.method == slo::budgeting::occurrences ? one.alerts.min_events : 1;
    if (one.alerts.absent > nanoseconds{}) out.absent_for = whole(one.alerts.absent);
    out.source = "objectives." + name;
    return out;
  }

  void take(const std::string& path, slo::objective_spec made) {
    if (std::ranges::find(out_.objectives, made.name, &slo::objective_spec::name) != out_.objectives.end())
      return complain(path, "there is another objective of this name");
    for (auto& why : slo::complaints_of(made)) complain(path, std::move(why));
    out_.objectives.push_back(std::move(made));
  }

  void simple(const std::string& name, const objective_settings& one) {
    const auto path = "objectives." + name;
    auto made = begun(path, name, one);
    made.members.push_back(
        {.name = name, .what = series(path, one), .weight = 1, .target = made.target, .slice_target = share(one.slice_target.value_or(one.target))});
    take(path, std::move(made));
  }

  void composite(const std::string& name, const objective_settings& one) {
    const auto path = "objectives." + name;
    auto made = begun(path, name, one);
    for (std::size_t i = 0; i < one.parts.size(); ++i) {
      const auto at = fmt::format("{}.parts[{}].objective", path, i);
      const auto part = from_.objectives.entries.find(one.parts[i].objective);
      if (part == from_.objectives.entries.end() || !part->second.parts.empty()) {
        complain(at, fmt::format("'{}' is no objective with a measure of its own", one.parts[i].objective));
        continue;
      }
      const auto& of = part->second;
      made.members.push_back({.name = part->first, .what = series("objectives." + part->first, of), .weight = one.parts[i].weight, .target = share(of.target),
                              .slice_target = share(one.slice_target.value_or(of.target))});
    }
    if (made.members.size() == 1) complain(path + ".parts", "a composite has at least two parts");
    take(path, std::move(made));
  }

  void openslo_files() {
    std::vector<slo::openslo_file> files;
    for (std::size_t i = 0; i < from_.openslo.size(); ++i) {
      std::ifstream in(from_.openslo[i], std::ios::binary);
      std::ostringstream content;
      if (!in || !(content << in.rdbuf())) complain(fmt::format("openslo[{}]", i), fmt::format("{} cannot be read", from_.openslo[i]));
      else files.push_back({from_.openslo[i], std::move(content).str()});
    }
    auto read = slo::read_openslo(files, now_);
    for (const auto& one : read.faults) complain("openslo", to_string(one));
    for (const auto& one : read.unmeasurable) complain("openslo", to_string(one));
    for (const auto& one : read.advice) found_.warn(from_.places.at("openslo"), "openslo", to_string(one));
    for (auto& one : read.objectives) take("openslo", std::move(one));
  }

  void indicators() {
    for (const auto& [name, one] : from_.indicators.entries) {
      const auto path = "indicators." + name;
      slo::indicator_spec made{name, one.description, series(path, one), {}};
      for (std::size_t i = 0; i < one.by.size(); ++i) {
        const auto dimension = slo::parse_dimension(one.by[i]);
        if (dimension) made.by.push_back(*dimension);
        else complain(fmt::format("{}.by[{}]", path, i), fmt::format("'{}' is not one of project, route, model, provider, region, key", one.by[i]));
      }
      out_.indicators.push_back(std::move(made));
    }
    for (const auto& [what, by] : usual_indicators()) {
      const std::string name(slo::about(what).name);
      if (from_.indicators.entries.contains(name)) continue;
      slo::series_spec series;
      series.what = what;
      out_.indicators.push_back({name, std::string(slo::about(what).meaning), std::move(series), by});
    }
  }

  void rule(const std::string& name, const alert_rule_settings& one) {
    const auto path = "alert_rules." + name;
    const auto of = std::ranges::find(out_.indicators, one.indicator, &slo::indicator_spec::name);
    if (of == out_.indicators.end())
      return complain(path + ".indicator", fmt::format("there is no indicator '{}'", one.indicator), "declare it in `indicators`");
    slo::rule_spec made{.name = name, .indicator = one.indicator, .severity = one.severity};
    made.kind = static_cast<slo::rule_kind>(one.kind);
    const auto statistic = one.statistic.empty() ? slo::usual_statistic(of->what.what) : slo::parse_statistic(one.statistic);
    if (!statistic) complain(path + ".statistic", fmt::format("'{}' is not one of {}", one.statistic, fmt::join(slo::statistic_names(), ", ")));
    else made.what = *statistic;
    if (statistic && slo::is_of_numbers(made.what) && slo::about(of->what.what).kind == slo::measure_kind::ratio)
      complain(path + ".statistic", fmt::format("'{}' says of events only whether they are good: they have no {}", slo::about(of->what.what).name, one.statistic), "good, bad, rate, good_rate, count or lower_bound");
    if (made.what == slo::statistic::lower_bound && slo::about(of->what.what).kind != slo::measure_kind::ratio)
      complain(path + ".statistic", fmt::format("'{}' is a number: a lower bound is of a share of good events", slo::about(of->what.what).name));
    const bool bounded = made.kind == slo::rule_kind::threshold || made.kind == slo::rule_kind::forecast || made.kind == slo::rule_kind::change;
    if (one.above && one.below) complain(path + ".below", "either above or below");
    else if (bounded && !one.above && !one.below) complain(path, "needs a bound: above or below");
    made.how = one.below ? slo::comparison::lt : one.above ? slo::comparison::gt : slo::comparison::none;
    made.bound = one.above ? *one.above : one.below.value_or(0);
    made.over = whole(one.over);
    made.wait = whole(one.wait);
    made.ahead = whole(one.ahead);
    made.history = whole(one.history);
    made.min_events = one.min_events;
    made.sensitivity = one.sensitivity;
    if (made.kind == slo::rule_kind::absence && made.min_events > 1) complain(path + ".min_events", "absence is of all events", "leave it out");
    if (made.kind == slo::rule_kind::threshold && one.below && made.min_events > 1) {
      const auto seconds = made.what == slo::statistic::count ? 1.0 : made.what == slo::statistic::rate ? static_cast<double>(made.over.count()) : 0.0;
      if (static_cast<double>(made.min_events) >= *one.below * seconds && seconds > 0)
        complain(path + ".min_events", "so many events are never below the bound: this can never fire", "leave it out, or raise `below`");
    }
    if (made.kind == slo::rule_kind::anomaly && made.history < 10 * made.over)
      complain(path + ".history", "has to be at least ten times `over`, to tell what is usual");
    if (made.kind == slo::rule_kind::change && made.history < made.over) complain(path + ".history", "has to be at least `over`, so that the two times do not overlap");
    if (made.kind == slo::rule_kind::anomaly && made.history > slo::seconds{31 * 24h}) complain(path + ".history", "what is usual is told by at most 31 days");
    if (made.kind == slo::rule_kind::forecast && made.over < std::chrono::minutes{3}) complain(path + ".over", "a trend needs at least 3m");
    made.labels = labels(path + ".labels", one.labels);
    if (!one.summary.empty()) made.annotations.emplace_back("description", one.summary);
    out_.rules.push_back(std::move(made));
  }

  void maintenance() {
    for (std::size_t i = 0; i < from_.maintenance.size(); ++i) {
      const auto& one = from_.maintenance[i];
      const auto path = fmt::format("maintenance[{}]", i);
      const auto from = parse_rfc3339(one.from), to = parse_rfc3339(one.to);
      if (!from) complain(path + ".from", from.error().message);
      if (!to) complain(path + ".to", to.error().message);
      if (!from || !to) continue;
      if (*from >= *to) complain(path + ".to", "is not after `from`");
      const slo::excluded stretch{std::chrono::floor<std::chrono::minutes>(*from), std::chrono::ceil<std::chrono::minutes>(*to)};
      if (stretch.from != *from || stretch.to != *to)
        found_.warn(from_.places.at(path), path, fmt::format("budgets are counted by the minute: it is taken from {} to {}", format_rfc3339(stretch.from), format_rfc3339(stretch.to)));
      for (const auto& name : one.objectives)
        if (std::ranges::find(out_.objectives, name, &slo::objective_spec::name) == out_.objectives.end())
          complain(path + ".objectives", fmt::format("there is no objective '{}'", name));
      for (auto& objective : out_.objectives)
        if (one.objectives.empty() || std::ranges::find(one.objectives, objective.name) != one.objectives.end()) objective.maintenance.push_back(stretch);
    }
    for (auto& objective : out_.objectives) merge(objective.maintenance);
  }

  /// Stretches that overlap become one, so that nothing is taken away twice.
  static void merge(std::vector<slo::excluded>& all) {
    std::ranges::sort(all, {}, &slo::excluded::from);
    std::vector<slo::excluded> out;
    for (const auto& one : all)
      if (!out.empty() && one.from <= out.back().to) out.back().to = std::max(out.back().to, one.to);
      else out.push_back(one);
    all = std::move(out);
  }

  const settings& from_;
  wall_time now_;
  diagnostics& found_;
  slo::watch_plan out_;
};

}  // namespace

std::optional<slo::window> calendar_window(calendar_choice period, const std::string& zone_name) {
  auto zone = time_zone::load(zone_name);
  if (!zone) return std::nullopt;
  slo::calendar made;
  made.start = slo::parse_local_time("2024-01-01 00:00:00").value();  // a Monday
  static constexpr std::array units{slo::span_unit::day,   slo::span_unit::day,     slo::span_unit::week,
                                    slo::span_unit::month, slo::span_unit::quarter, slo::span_unit::year};
  made.each = {1, units[static_cast<std::size_t>(period)]};
  made.zone_name = zone_name;
  made.zone = std::make_shared<const time_zone>(std::move(*zone));
  return slo::window{made.each.length(), std::make_shared<const slo::calendar>(std::move(made))};
}

slo::watch_plan compile_objectives(const settings& from, wall_time now, diagnostics& found) { return objective_compiler(from, now, found).run(); }

}  // namespace andon::app
