#pragma once
// Spans of the calendar that come again: nights, week-ends, the last days of a month, in a zone of their own. Fields that
// are left out hold always; within one field any entry is enough, all fields together must hold. As Alertmanager's
// time intervals, but that a day's span may run over midnight (22:00-06:00: it belongs to the day on which it is).
//
// Immutable; thread-safe.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "andon/base/clock.hpp"
#include "andon/base/error.hpp"
#include "andon/base/time_zone.hpp"

namespace andon::alert {

/// As text, the way a person writes it.
struct interval_text {
  std::vector<std::string> times;          ///< `09:00-17:00`; the end is outside, 24:00 is allowed
  std::vector<std::string> weekdays;       ///< `monday`, `monday:friday`
  std::vector<std::string> days_of_month;  ///< `1`, `1:7`, `-3:-1` from the month's end
  std::vector<std::string> months;         ///< `1`, `3:5`, `march`, `december`
  std::vector<std::string> years;          ///< `2026`, `2026:2028`
  std::string zone = "UTC";                ///< IANA name
  [[nodiscard]] bool empty() const { return times.empty() && weekdays.empty() && days_of_month.empty() && months.empty() && years.empty(); }
  bool operator==(const interval_text&) const = default;
};

class time_interval {
public:
  /// errc::invalid_argument with the offending field as param.
  static result<time_interval> parse(const interval_text& from);
  [[nodiscard]] bool contains(wall_time at) const;

private:
  struct range { int low = 0, high = 0; };  // both inside
  std::vector<range> minutes_, weekdays_, days_, months_, years_;
  std::shared_ptr<const time_zone> zone_;
};

/// A date and time of day in a zone.
struct local_moment {
  int year = 0;
  int month = 0, day = 0;         ///< 1-based
  int weekday = 0;                ///< 0 is Sunday
  int minute = 0;                 ///< of the day
  int days_in_month = 0;
};
local_moment local_at(const time_zone& zone, wall_time at);

}  // namespace andon::alert
