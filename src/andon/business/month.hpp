#pragma once
// A calendar month of a time zone. Values; any thread.
#include <compare>
#include <string>
#include <string_view>
#include <vector>

#include "andon/base/time_zone.hpp"
#include "andon/slo/counts.hpp"

namespace andon::business {

using slo::instant;
using slo::seconds;

struct month {
  int year = 1970;
  unsigned number = 1;  ///< 1 to 12
  auto operator<=>(const month&) const = default;

  /// `2026-10`. errc::invalid_argument.
  static result<month> parse(std::string_view text);
  static month of(instant at, const time_zone& zone);
  [[nodiscard]] std::string text() const;
  [[nodiscard]] month next() const;
  [[nodiscard]] month previous() const;
  [[nodiscard]] instant begin(const time_zone& zone) const;
  [[nodiscard]] instant end(const time_zone& zone) const { return next().begin(zone); }
};

struct local_day {
  std::string date;  ///< `2026-10-25`
  instant begin, end;
};
/// Its days, which are of 23 or 25 hours where the clock is changed.
std::vector<local_day> days_of(const month& which, const time_zone& zone);
/// `2026-10-25 02:00 +02:00`: for people.
std::string local_text(instant at, const time_zone& zone);

}  // namespace andon::business
