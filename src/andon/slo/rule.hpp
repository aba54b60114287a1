#pragma once
// Alerts on any indicator: a bound that is crossed, no events, a bound that will be crossed, a value out of the ordinary,
// a value that is not what it was.
// Each group of the indicator is judged for itself.
#include <map>

#include "andon/slo/indicator.hpp"
#include "andon/slo/window.hpp"

namespace andon::slo {

enum class rule_kind : std::uint8_t { threshold, absence, forecast, anomaly, change };
std::string_view to_string(rule_kind);

struct rule_spec {
  std::string name, indicator, severity = "ticket";
  rule_kind kind = rule_kind::threshold;
  statistic what = statistic::mean;
  comparison how = comparison::gt;     ///< anomaly: gt above, lt below what is usual; none: either
  double bound = 0;                    ///< change: of the share that it grew by since then, below 0 when it fell
  seconds over{300};                   ///< the time that one value is of; of forecasts the time whose trend is taken
  seconds wait{};                      ///< the condition has to hold for so long
  seconds ahead{};                     ///< forecast: how far
  seconds history{};                   ///< anomaly: how long a time tells what is usual; change: how long ago is compared with
  std::int64_t min_events = 1;         ///< that `over` must have: with fewer nothing begins, and with one or more nothing ends. Not of absence
  double sensitivity = 4;              ///< anomaly: how many deviations (1.4826 x the median absolute one) are out of the ordinary
  label_pairs labels, annotations;
};

/// Straight line through points by least squares, at `x`; nothing with fewer than three points or without a spread in x.
std::optional<double> extrapolate(std::span<const std::pair<double, double>> points, double x);
/// Median and median absolute deviation; nothing with fewer than ten values.
struct ordinary { double median, deviation; };
std::optional<ordinary> ordinary_of(std::vector<double> values);

class rule {
public:
  rule(rule_spec what, indicator& of) : what_(std::move(what)), of_(&of) {}

  /// Judges every group when its turn has come: thresholds and absence every five seconds, the others every minute, at the
  /// first second that is asked for.
  void evaluate(instant now, const signal_sink& sink);
  [[nodiscard]] std::vector<signal> firing() const;
  [[nodiscard]] const rule_spec& what() const { return what_; }
  [[nodiscard]] bool changed() const { return changed_; }  ///< since the last save()
  [[nodiscard]] std::string save();
  void restore(std::string_view saved);

private:
  struct measured { std::optional<double> value; bool too_few = false; };
  struct judged { bool fires = false, unclear = false; std::optional<double> value{}, bound{}; };
  struct state { std::optional<instant> since, firing; std::optional<double> value, bound; };
  [[nodiscard]] judged judge(const indicator::group& of, instant now) const;
  [[nodiscard]] measured measure(const indicator::group& of, instant from, instant to) const;
  [[nodiscard]] judged forecast(const indicator::group& of, instant now) const;
  [[nodiscard]] judged anomaly(const indicator::group& of, instant now) const;
  [[nodiscard]] judged change(const indicator::group& of, instant now) const;
  [[nodiscard]] std::string verb() const;
  [[nodiscard]] signal told(const indicator::group& of, const state& as) const;

  rule_spec what_;
  indicator* of_;
  std::map<indicator::group, state> states_;
  std::optional<instant> first_, turned_;
  bool changed_ = false;
};

}  // namespace andon::slo
