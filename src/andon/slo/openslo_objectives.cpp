// SLOs into objectives: what their metric sources of type Andon ask for, and why others cannot be measured here.
#include <fmt/format.h>

#include <algorithm>

#include "andon/slo/openslo_objects.hpp"

namespace andon::slo::openslo {
namespace {

class maker {
public:
  maker(const library& from, const slo& of, wall_time now, openslo_reading& out) : from_(from), of_(of), now_(now), out_(out) {}

  void run() {
    const bool composite = std::ranges::any_of(of_.objectives, [](const objective& one) { return one.own || !one.own_ref.empty(); });
    if (of_.objectives.empty()) return refuse(of_.at, "spec.objectives", "there is no objective to keep");
    std::vector<objective_spec> made;
    if (composite) made.push_back(make(of_.objectives, of_.about.name));
    else
      for (std::size_t i = 0; i < of_.objectives.size(); ++i)
        made.push_back(make({of_.objectives[i]}, of_.objectives.size() == 1 ? of_.about.name : fmt::format("{}.{}", of_.about.name, i + 1)));
    if (refused_) return;
    for (auto& one : made) {
      for (auto& why : complaints_of(one)) refuse(of_.at, "spec", std::move(why));
      if (!refused_) out_.objectives.push_back(std::move(one));
    }
  }

private:
  void refuse(const YAML::Node& at, std::string path, std::string why) {
    fault_list{out_.unmeasurable, of_.found.file, of_.found.object}.add(at, std::move(path), std::move(why));
    refused_ = true;
  }

  static double target_of(const objective& one) { return one.target ? *one.target : *one.target_percent / 100; }

  objective_spec make(const std::vector<objective>& from, std::string name) {
    objective_spec out;
    out.name = std::move(name);
    out.title = from.size() == 1 && !from[0].display_name.empty() && of_.objectives.size() > 1 ? from[0].display_name : of_.about.display_name;
    out.description = of_.description;
    out.service = of_.service;
    out.labels = of_.about.labels;
    out.source = of_.found.file;
    out.method = of_.method == "Timeslices" ? budgeting::timeslices : of_.method == "RatioTimeslices" ? budgeting::ratio_timeslices : budgeting::occurrences;
    out.over =
        of_.is_rolling ? rolling(of_.duration->length()) : window{of_.duration->length(), std::make_shared<const calendar>(of_.follows.value_or(calendar{}))};
    for (const auto& one : from) {
      out.target = std::max(out.target, target_of(one));
      if (one.slice) out.slice = one.slice->length();
      const auto* measured = indicator_of(one);
      if (measured == nullptr) continue;
      out.members.push_back({.name = one.display_name,
                             .what = series_of(*measured, one),
                             .weight = one.weight.value_or(1),
                             .target = target_of(one),
                             .slice_target = one.slice_target.value_or(1)});
    }
    add_alerts(out);
    return out;
  }

  const indicator* indicator_of(const objective& one) {
    const auto& own = one.own ? one.own : of_.own;
    if (own) return &*own;
    const auto& ref = one.own_ref.empty() ? of_.own_ref : one.own_ref;
    const auto found = from_.indicators.find(ref);
    if (found != from_.indicators.end()) return &found->second;
    refuse(one.at, one.own_ref.empty() ? "spec.indicatorRef" : one.path + ".indicatorRef", fmt::format("there is no SLI '{}' in what was read", ref));
    return nullptr;
  }

  bool is_measured_here(const metric_source& from) {
    if (from.type == "Andon" || from.type == "andon") return true;
    refuse(from.at, from.path + ".type", fmt::format("'{}' is measured elsewhere; Andon measures sources of type Andon", from.type));
    return false;
  }

  /// The Records that a source is about, and the measure it names.
  void read_source(const metric_source& from, series_spec& into, std::string_view usual) {
    const auto value = [&](const char* name) { const auto found = from.spec.find(name); return found == from.spec.end() ? std::string{} : found->second; };
    const auto* what = find_measure(value("measure").empty() ? usual : value("measure"));
    if (what == nullptr) return refuse(from.at, from.path + ".spec.measure", fmt::format("there is no measure '{}'", value("measure")));
    into.what = what->which;
    into.filter_text = value("filter");
    into.filter = filter_of(from, into.filter_text);
    for (const auto& [name, text] : from.spec)
      if (name != "measure" && name != "filter") refuse(from.at, fmt::format("{}.spec.{}", from.path, name), "is not known here: measure and filter are");
  }

  ledger::record_filter filter_of(const metric_source& from, const std::string& text) {
    auto parsed = ledger::parse_filter(text, now_);
    if (!parsed) return refuse(from.at, from.path + ".spec.filter", ledger::to_error(parsed.error(), text).message), ledger::record_filter{};
    auto made = ledger::record_filter::make(std::move(*parsed));
    if (!made) return refuse(from.at, from.path + ".spec.filter", made.error().message), ledger::record_filter{};
    return std::move(*made);
  }

  series_spec series_of(const indicator& from, const objective& by) {
    series_spec out;
    if (from.threshold) {
      if (!is_measured_here(*from.threshold)) return out;
      read_source(*from.threshold, out, "latency");
      out.how = parse_comparison(by.op).value_or(comparison::none);
      out.bound = by.value.value_or(0);
      if (about(out.what).kind != measure_kind::number)
        refuse(from.threshold->at, from.threshold->path, fmt::format("{} is no number; use a ratioMetric", about(out.what).name));
      return out;
    }
    const auto& ratio = *from.ratio;
    if (ratio.raw) {
      if (!is_measured_here(*ratio.raw)) return out;
      read_source(*ratio.raw, out, "quality");
      out.fraction = true;
      out.inverted = ratio.raw_type == "failure";
      return out;
    }
    return ratio_series(ratio);
  }

  series_spec ratio_series(const ratio_metric& from) {
    series_spec out;
    const auto& part = from.good ? *from.good : *from.bad;
    if (!is_measured_here(*from.total) || !is_measured_here(part)) return out;
    read_source(*from.total, out, "availability");
    if (const auto named = part.spec.find("measure"); named != part.spec.end()) {
      const auto filter = out.filter;
      const auto text = out.filter_text;
      read_source(part, out, "availability");
      if (!out.filter_text.empty()) refuse(part.at, part.path + ".spec", "either a measure or a filter: the Records are those of total");
      if (from.bad) refuse(part.at, part.path + ".spec.measure", "a measure says what is good: put it under good");
      out.filter = filter;
      out.filter_text = text;
      return out;
    }
    const auto text = part.spec.contains("filter") ? part.spec.at("filter") : std::string{};
    if (text.empty()) refuse(part.at, part.path + ".spec", "names neither a measure nor a filter");
    out.good = filter_of(part, text);
    out.good_text = text;
    out.good_means_bad = from.bad.has_value();
    return out;
  }

  void add_alerts(objective_spec& to) {
    if (of_.policies.empty() && of_.policy_refs.empty()) {
      to.burns = derive_burns(to.over.length, true, true);
      return;
    }
    for (const auto& one : of_.policies) add_policy(to, one);
    for (const auto& ref : of_.policy_refs) {
      const auto found = from_.policies.find(ref);
      if (found == from_.policies.end()) refuse(of_.at, "spec.alertPolicies", fmt::format("there is no AlertPolicy '{}' in what was read", ref));
      else add_policy(to, found->second);
    }
  }

  void add_policy(objective_spec& to, const policy& from) {
    const condition* what = from.inline_condition ? &*from.inline_condition : nullptr;
    if (what == nullptr)
      if (const auto found = from_.conditions.find(from.condition_ref); found != from_.conditions.end()) what = &found->second;
    if (what == nullptr) return refuse(of_.at, "spec.alertPolicies", fmt::format("there is no AlertCondition '{}' in what was read", from.condition_ref));
    if (what->op == "lt" || what->op == "lte")
      return refuse(what->at, what->path + ".condition.op", fmt::format("'{}' would alert while the budget does not burn; gt or gte is meant", what->op));
    const auto lookback = what->lookback.length();
    if (from.when_breaching)
      to.burns.push_back({.severity = what->severity,
                          .long_window = lookback,
                          .short_window = lookback,
                          .factor = what->threshold,
                          .share = 0,
                          .wait = what->after.length(),
                          .or_equal = what->op == "gte"});
    if (!from.when_no_data) return;
    to.absent_for = std::max(to.absent_for.value_or(lookback), lookback);
    to.absent_severity = what->severity;
  }

  const library& from_;
  const slo& of_;
  wall_time now_;
  openslo_reading& out_;
  bool refused_ = false;
};

}  // namespace

void make_objectives(const library& from, wall_time now, openslo_reading& out) {
  for (const auto& one : from.slos) maker(from, one, now, out).run();
}

}  // namespace andon::slo::openslo
