#include "andon/slo/objective.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace andon::slo {
namespace {

using namespace std::chrono_literals;

constexpr seconds week = 7 * 24h;
constexpr seconds least_window = 5s, least_period = 1h;

constexpr std::array table{burn_row{"page", 1h, 0.02, 0.08}, burn_row{"page", 6h, 0.05, 0.125}, burn_row{"ticket", 24h, 0.10, 0.20},
                           burn_row{"ticket", 72h, 0.10, 0.42}};

double ratio(seconds a, seconds b) { return static_cast<double>(a.count()) / static_cast<double>(b.count()); }

seconds scaled(seconds length, double by, seconds step, seconds least) {
  const auto exact = static_cast<double>(length.count()) * by;
  return std::max(least, seconds{static_cast<std::int64_t>(std::llround(exact / static_cast<double>(step.count())))} * step.count());
}

std::string percent(double share) { return fmt::format("{:g} %", share * 100); }

bool in_slices(const objective_spec& of) { return of.method != budgeting::occurrences; }

/// The largest burn rate there can be: everything is bad.
double most_burn(const objective_spec& of) {
  if (!of.is_composite() || in_slices(of)) return 1 / of.budget();
  double out = 0;
  for (const auto& one : of.members) out += one.weight / (1 - one.target);
  return out;
}

void complain_of_burn(const objective_spec& of, const burn_rule& rule, std::vector<std::string>& out) {
  if (rule.long_window < rule.short_window || rule.short_window < least_window)
    out.push_back(fmt::format("the {} alert's windows {} and {} are no pair: the short one is at least 5s and not longer than the long one", rule.severity,
                              length_text(rule.long_window), length_text(rule.short_window)));
  if (in_slices(of) && rule.short_window < of.slice)
    out.push_back(fmt::format("the {} alert over {} looks at {}, which is shorter than a slice of {}", rule.severity, length_text(rule.long_window),
                              length_text(rule.short_window), length_text(of.slice)));
  const auto most = most_burn(of);
  if (rule.factor < most || (rule.or_equal && rule.factor == most)) return;
  out.push_back(fmt::format(
      "the {} alert over {} can never fire: {:g} x (1 - {:g}) = {:g} of all events would have to be bad; with this factor the target has to be above {:.4g} %, "
      "or switch the alert off or give it a smaller factor",
      rule.severity, length_text(rule.long_window), rule.factor, of.target, rule.factor / most, 100 * (1 - 1 / rule.factor)));
}

/// Slices or seconds of outage until the burn rate over `length` is above the factor.
seconds until_above(const objective_spec& of, const burn_rule& rule, seconds length) {
  const double share = rule.factor / most_burn(of);
  if (!in_slices(of)) return seconds{static_cast<std::int64_t>(std::floor(share * static_cast<double>(length.count()))) + 1};
  const auto all = length / of.slice;
  return (static_cast<std::int64_t>(std::floor(share * static_cast<double>(all))) + 1) * of.slice;
}

}  // namespace

std::string_view to_string(budgeting method) {
  switch (method) {
    case budgeting::occurrences: return "Occurrences";
    case budgeting::timeslices: return "Timeslices";
    case budgeting::ratio_timeslices: return "RatioTimeslices";
  }
  return "";
}

std::string objective_spec::slices_identity() const {
  std::string out = fmt::format("slices:{}:{}", to_string(method), slice.count());
  for (const auto& one : members) out += fmt::format("|{}*{}>={}", one.what.identity(), one.weight, one.slice_target);
  for (const auto& one : maintenance) out += fmt::format("|without {}..{}", one.from.time_since_epoch().count(), one.to.time_since_epoch().count());
  return out;
}

std::span<const burn_row> burn_table() { return table; }

std::vector<burn_rule> derive_burns(seconds period, bool page, bool ticket) {
  std::vector<burn_rule> out;
  const bool by_week = period < 2 * week;
  const double shorter = std::min(1.0, ratio(period, week));
  for (const auto& row : table) {
    if (!(row.severity == "page" ? page : ticket)) continue;
    const double share = by_week ? row.week_share : row.share;
    const auto length = shorter < 1 ? scaled(row.long_window, shorter, 1min, 1min) : row.long_window;
    const auto brief = std::max(least_window, length >= 1h ? scaled(length, 1.0 / 12, 1min, 1min) : length / 12);
    out.push_back(
        {.severity = std::string(row.severity), .long_window = length, .short_window = brief, .factor = share * ratio(period, length), .share = share});
  }
  return out;
}

std::vector<std::string> complaints_of(const objective_spec& of) {
  std::vector<std::string> out;
  if (!(of.target >= 0 && of.target < 1))
    out.push_back(fmt::format("a target of {:g} leaves no error budget: it has to be at least 0 and below 1 (100 %)", of.target));
  if (of.over.length < least_period)
    out.push_back(fmt::format("a window of {} is too short for a budget: at least 1h (did you mean M for months? m is minutes)", length_text(of.over.length)));
  if (of.over.length > about(tier::hour).keep) out.push_back("a window longer than three years cannot be measured: sums are kept that long");
  if (in_slices(of)) {
    if (of.slice < 60s || of.slice % 60s != 0s) out.push_back(fmt::format("a slice of {} cannot be measured: whole minutes", length_text(of.slice)));
    else if (of.slice >= of.over.length)
      out.push_back(fmt::format("a slice of {} is not shorter than the window of {}", length_text(of.slice), of.over.text()));
  }
  for (const auto& one : of.members) {
    const auto& what = slo::about(one.what.what);
    if (what.kind == measure_kind::number && one.what.how == comparison::none && !one.what.fraction && !one.what.good)
      out.push_back(fmt::format("{} is a number: say up to where it is good (at_most or at_least; in OpenSLO op and value)", what.name));
    if (!(one.weight > 0)) out.push_back(fmt::format("a weight of {:g} is not above 0", one.weight));
  }
  if (of.members.empty()) out.emplace_back("there is no indicator");
  if (!out.empty()) return out;
  for (const auto& rule : of.burns) complain_of_burn(of, rule, out);
  return out;
}

std::optional<seconds> time_to_alert(const objective_spec& of, std::string_view severity) {
  std::optional<seconds> out;
  for (const auto& rule : of.burns) {
    if (rule.severity != severity) continue;
    const auto one = std::max(until_above(of, rule, rule.long_window), until_above(of, rule, rule.short_window)) + rule.wait;
    if (!out || one < *out) out = one;
  }
  return out;
}

std::string derivation(const burn_rule& rule, seconds period) {
  if (rule.share == 0) return fmt::format("{:g} as declared", rule.factor);
  return fmt::format("{:g} = {} of the budget in {} of {}", rule.factor, percent(rule.share), length_text(rule.long_window), length_text(period));
}

double unit_of(const objective_spec& of) {
  const bool in_parts = of.method != budgeting::occurrences || std::ranges::any_of(of.members, [](const auto& one) { return one.what.fraction; });
  return in_parts ? static_cast<double>(counts::whole) : 1.0;
}

}  // namespace andon::slo
