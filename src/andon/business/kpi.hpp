#pragma once
// Business measures: what the business goes by, out of indicators or from outside, beside a target. Values and pure functions;
// any thread.
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "andon/business/month.hpp"
#include "andon/slo/indicator.hpp"
#include "andon/slo/interval.hpp"
#include "andon/slo/window.hpp"

namespace andon::business {

/// What one window's value is made of several that came from outside.
enum class folding : std::uint8_t { last, mean, sum };

struct kpi_part {
  std::string indicator;
  slo::statistic of = slo::statistic::mean;
};

struct kpi_spec {
  std::string name, title, description, owner, unit;
  std::optional<kpi_part> part, per;        ///< part, or part / per; none: values come from outside
  folding fold = folding::last;
  slo::comparison how = slo::comparison::gte;  ///< gte or lte
  double target = 0;
  slo::window over;                         ///< rolling ones are whole hours long
  std::vector<std::string> objectives;      ///< that it depends on
  [[nodiscard]] bool from_outside() const { return !part; }
};

struct kpi_value {
  instant at;
  double value = 0;
  std::string note;
  instant given{};                          ///< when it was told
};

struct time_span {
  instant begin, end;
  bool operator==(const time_span&) const = default;
};
/// The present window and those before it, newest first. Rolling ones end with the present hour. The present one of a
/// calendar is not over; its end is that of its period.
std::vector<time_span> windows_of(const slo::window& over, instant now, std::size_t how_many);

/// Of the values within a window, ascending; nothing when there is none.
std::optional<double> folded(std::span<const kpi_value> all, const time_span& in, folding how);
/// part / per, or part alone. Nothing where there is no part, or nothing to divide by.
std::optional<double> quotient(std::optional<double> part, bool has_per, std::optional<double> per);

enum class standing : std::uint8_t { no_data, met, missed };
std::string_view to_string(standing);
standing judge(const kpi_spec& what, std::optional<double> value);

struct kpi_window {
  time_span when;
  std::optional<double> value;
  standing stands = standing::no_data;
};

struct kpi_report {
  kpi_spec what;
  kpi_window present;
  std::vector<kpi_window> before;           ///< newest first
  std::optional<double> change;             ///< present less the one before
  /// By window, over the last ones: the present one too where it is rolling, those that are over where a calendar is followed.
  std::optional<slo::slope> trend;
  std::vector<std::pair<std::string, std::string>> objectives;  ///< with their states
};

inline constexpr std::size_t trend_windows = 6;
/// `values` as windows_of: newest first.
kpi_report make_report(kpi_spec what, std::vector<kpi_window> values);

}  // namespace andon::business
