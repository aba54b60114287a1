#include "andon/slo/rule.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "andon/base/varint.hpp"

namespace andon::slo {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t least_points = 3, least_history = 10, trend_points = 60;
constexpr double normal_deviation = 1.4826;  // of a normal distribution, from its median absolute deviation
constexpr double least_deviation = 0.01;     // of the median: a value that never changed is not out of the ordinary by a hair

seconds turn_of(rule_kind kind) { return kind == rule_kind::threshold || kind == rule_kind::absence ? 5s : 60s; }

double median_of(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  if (values.size() % 2 == 1) return *middle;
  return (*std::ranges::max_element(values.begin(), middle) + *middle) / 2;
}

std::string number_text(const std::optional<double>& value) { return value ? fmt::format("{:.6g}", *value) : "none"; }

}  // namespace

std::string_view to_string(rule_kind kind) {
  switch (kind) {
    case rule_kind::threshold: return "threshold";
    case rule_kind::absence: return "absence";
    case rule_kind::forecast: return "forecast";
    case rule_kind::anomaly: return "anomaly";
    case rule_kind::change: return "change";
  }
  return "";
}

std::optional<double> extrapolate(std::span<const std::pair<double, double>> points, double x) {
  if (points.size() < least_points) return std::nullopt;
  const auto n = static_cast<double>(points.size());
  double mean_x = 0, mean_y = 0;
  for (const auto& [px, py] : points) mean_x += px / n, mean_y += py / n;
  double spread = 0, common = 0;
  for (const auto& [px, py] : points) spread += (px - mean_x) * (px - mean_x), common += (px - mean_x) * (py - mean_y);
  if (spread <= 0) return std::nullopt;
  return mean_y + common / spread * (x - mean_x);
}

std::optional<ordinary> ordinary_of(std::vector<double> values) {
  if (values.size() < least_history) return std::nullopt;
  const auto median = median_of(values);
  for (auto& one : values) one = std::abs(one - median);
  return ordinary{median, std::max(normal_deviation * median_of(values), least_deviation * std::abs(median))};
}

rule::measured rule::measure(const indicator::group& of, instant from, instant to) const {
  const auto events = of_->over(of, from, to);
  const auto count = value_of(statistic::count, events, to - from).value_or(0);
  if (what_.min_events > 1 && count < static_cast<double>(what_.min_events)) return {.value = {}, .too_few = count > 0};
  return {.value = value_of(what_.what, events, to - from), .too_few = false};
}

rule::judged rule::forecast(const indicator::group& of, instant now) const {
  if (measure(of, now - what_.over, now).too_few) return {.unclear = true};
  const auto step = std::max<seconds>(60s, floor_to(instant{what_.over / static_cast<std::int64_t>(trend_points)}, 60s).time_since_epoch());
  std::vector<std::pair<double, double>> points;
  for (auto end = floor_to(now, 60s); end - step >= now - what_.over; end -= step)
    if (const auto one = value_of(what_.what, of_->over(of, end - step, end), step))
      points.emplace_back(static_cast<double>((end - now).count()) - static_cast<double>(step.count()) / 2, *one);
  const auto there = extrapolate(points, static_cast<double>(what_.ahead.count()));
  return {.fires = there && holds(*there, what_.how, what_.bound), .value = there, .bound = what_.bound};
}

rule::judged rule::anomaly(const indicator::group& of, instant now) const {
  const auto end = floor_to(now, 60s);
  const auto present = measure(of, end - what_.over, end);
  if (!present.value) return {.unclear = present.too_few};
  std::vector<double> before;
  for (auto at = end - what_.over; at - what_.over >= end - what_.over - what_.history; at -= what_.over)
    if (const auto one = measure(of, at - what_.over, at).value) before.push_back(*one);
  const auto usual = ordinary_of(std::move(before));
  if (!usual) return {.value = present.value};
  const auto away = *present.value - usual->median;
  const auto most = what_.sensitivity * usual->deviation;
  const bool out = what_.how == comparison::none                                 ? std::abs(away) > most
                   : what_.how == comparison::gt || what_.how == comparison::gte ? away > most
                                                                                 : -away > most;
  return {.fires = out, .value = present.value, .bound = usual->median + (away < 0 ? -most : most)};
}

rule::judged rule::change(const indicator::group& of, instant now) const {
  const auto end = floor_to(now, what_.over < 1h ? 60s : seconds{1h});  // old sums are there by the hour
  const auto present = measure(of, end - what_.over, end);
  const auto before = measure(of, end - what_.history - what_.over, end - what_.history).value;
  if (!present.value || !before || *before == 0) return {.unclear = present.too_few};
  const auto grown = (*present.value - *before) / std::abs(*before);
  return {.fires = holds(grown, what_.how, what_.bound), .value = grown, .bound = what_.bound};
}

rule::judged rule::judge(const indicator::group& of, instant now) const {
  switch (what_.kind) {
    case rule_kind::threshold: {
      const auto present = measure(of, now - what_.over, now);
      return {.fires = present.value && holds(*present.value, what_.how, what_.bound), .unclear = present.too_few, .value = present.value, .bound = what_.bound};
    }
    case rule_kind::absence: return {.fires = now - *first_ >= what_.over && of_->over(of, now - what_.over, now).empty()};
    case rule_kind::forecast: return forecast(of, now);
    case rule_kind::anomaly: return anomaly(of, now);
    case rule_kind::change: return change(of, now);
  }
  return {};
}

void rule::evaluate(instant now, const signal_sink& sink) {
  if (!first_) first_ = now;
  const auto turn = floor_to(now, turn_of(what_.kind));
  if (turn == turned_) return;
  turned_ = turn;
  if (of_->groups().empty() && of_->what().by.empty()) states_.try_emplace({});  // absence of what has never been there
  for (const auto& [of, series] : of_->groups()) states_.try_emplace(of);
  for (auto& [of, as] : states_) {
    if (as.since && *as.since > now) as.since = now;  // the clock was set back
    const auto found = judge(of, now);
    if (found.unclear && as.firing) continue;  // too few events are no ground for an alert, and none for its end
    const auto before = std::pair(as.since, as.firing);
    as.value = found.value;
    as.bound = found.bound;
    if (found.fires) as.since = as.since.value_or(now);
    else as.since.reset();
    if (as.since && !as.firing && now - *as.since >= what_.wait) {
      as.firing = now;
      sink(told(of, as));
    } else if (!as.since && as.firing) {
      auto over = told(of, as);
      over.resolved = now;
      as.firing.reset();
      sink(over);
    }
    changed_ = changed_ || before != std::pair(as.since, as.firing);
  }
}

std::string rule::verb() const {
  if (what_.kind == rule_kind::forecast) return fmt::format("will be within {}", length_text(what_.ahead));
  if (what_.kind == rule_kind::change) return fmt::format("against {} ago changed by the share", length_text(what_.history));
  return "is";
}

signal rule::told(const indicator::group& of, const state& as) const {
  signal out{.name = what_.name, .severity = what_.severity, .labels = what_.labels, .annotations = what_.annotations, .since = *as.firing, .resolved = {}};
  out.labels.emplace_back("indicator", what_.indicator);
  for (auto& one : of_->labels_of(of)) out.labels.push_back(std::move(one));
  if (what_.kind == rule_kind::absence) out.annotations.emplace_back("summary", fmt::format("{}: nothing for {}", what_.indicator, length_text(what_.over)));
  else
    out.annotations.emplace_back("summary", fmt::format("{} {} of {}: {} {}, bound {}", what_.indicator, to_string(what_.what), length_text(what_.over),
                                                        verb(),
                                                        number_text(as.value), number_text(as.bound)));
  return out;
}

std::vector<signal> rule::firing() const {
  std::vector<signal> out;
  for (const auto& [of, as] : states_)
    if (as.firing) out.push_back(told(of, as));
  return out;
}

std::string rule::save() {
  changed_ = false;
  std::string out;
  const auto put_time = [&](const std::optional<instant>& at) { put_signed(out, at ? at->time_since_epoch().count() : -1); };
  for (const auto& [of, as] : states_) {
    if (!as.since && !as.firing) continue;
    put_varint(out, of.size());
    for (const auto& value : of) {
      put_varint(out, value.size());
      out += value;
    }
    put_time(as.since);
    put_time(as.firing);
  }
  return out;
}

void rule::restore(std::string_view saved) {
  while (!saved.empty()) {
    std::uint64_t parts = 0, size = 0;
    indicator::group of;
    if (!take_varint(saved, parts)) return;
    for (std::uint64_t i = 0; i < parts; ++i) {
      if (!take_varint(saved, size) || size > saved.size()) return;
      of.emplace_back(saved.substr(0, size));
      saved.remove_prefix(size);
    }
    std::int64_t since = 0, firing = 0;
    if (!take_signed(saved, since) || !take_signed(saved, firing)) return;
    if (of.size() != of_->what().by.size()) continue;
    auto& as = states_[of];
    if (since >= 0) as.since = instant{seconds{since}};
    if (firing >= 0) as.firing = instant{seconds{firing}};
  }
}

}  // namespace andon::slo
