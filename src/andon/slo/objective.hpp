#pragma once
// An objective as it was declared, whatever the form of the declaration, and the check whether it can be kept an eye on.
// Values; immutable once given to the watch.
#include <string>
#include <vector>

#include "andon/slo/measure.hpp"
#include "andon/slo/series.hpp"
#include "andon/slo/signal.hpp"
#include "andon/slo/window.hpp"

namespace andon::slo {

enum class budgeting : std::uint8_t { occurrences, timeslices, ratio_timeslices };
std::string_view to_string(budgeting);

/// One alert condition: the budget burns faster than `factor` over the long and over the short window.
struct burn_rule {
  std::string severity;
  seconds long_window{}, short_window{};
  double factor = 0;
  double share = 0;          ///< of the budget that is gone when it fires: factor * long / period; 0: not derived from one
  seconds wait{};            ///< has to hold for so long
  bool or_equal = false;     ///< fires at the factor, too
};

struct objective_member {
  std::string name;          ///< of composites, for people
  series_spec what;
  double weight = 1;
  double target = 0;
  double slice_target = 1;
};

struct objective_spec {
  std::string name, title, description, service;
  label_pairs labels, annotations;
  budgeting method = budgeting::occurrences;
  seconds slice{60};                        ///< of the two that count slices
  window over;
  double target = 0;                        ///< good share that is promised, [0, 1)
  std::vector<objective_member> members;    ///< one, or several of a composite
  std::vector<burn_rule> burns;
  std::optional<seconds> absent_for;        ///< tells when there was no event for so long
  std::string absent_severity = "ticket";
  std::int64_t min_events = 1;              ///< in the long window, for a burn alert to fire
  std::vector<excluded> maintenance;
  std::string source;                       ///< where it was declared, for people

  [[nodiscard]] bool is_composite() const { return members.size() > 1; }
  [[nodiscard]] double budget() const { return 1 - target; }
  /// What the store knows its slices by.
  [[nodiscard]] std::string slices_identity() const;
};

/// Rows of the workbook's table of burn-rate alerts (sre.google/workbook/alerting-on-slos, table 5-8, with sloth's row of
/// one day): which share of the budget within which long window, and how urgent.
struct burn_row {
  std::string_view severity;
  seconds long_window;
  double share;       ///< of a period of 28 days or more
  double week_share;  ///< of a week: with the same shares the factors would be below 1, and tell of services inside their objective
};
std::span<const burn_row> burn_table();
/// The table for a period: factor = share * period / long; short = long / 12. Periods shorter than a week get windows shorter
/// in proportion. Severities that are not `wanted` are left out.
std::vector<burn_rule> derive_burns(seconds period, bool page, bool ticket);

/// Why the objective cannot be measured or an alert of it cannot fire; empty: all is well.
std::vector<std::string> complaints_of(const objective_spec& of);
/// In a full outage that begins after good times, when the first alert of this severity fires; nothing if none does.
std::optional<seconds> time_to_alert(const objective_spec& of, std::string_view severity);
/// How the factor comes about, for people: `14.4 = 2 % of the budget in 1h of 30d`.
std::string derivation(const burn_rule& rule, seconds period);

/// What one event counts as: slices and parts of events are kept by the millionth.
double unit_of(const objective_spec& of);

}  // namespace andon::slo
