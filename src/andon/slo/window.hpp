#pragma once
// The time that an objective looks at: the last so many days, or a period of the calendar. Values; immutable.
#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "andon/base/error.hpp"
#include "andon/slo/counts.hpp"

namespace andon::slo {

/// OpenSLO's units; a month is 30 days, a quarter 90, a year 365 unless a calendar counts them.
enum class span_unit : std::uint8_t { minute, hour, day, week, month, quarter, year };
struct span {
  std::int64_t count = 0;
  span_unit unit = span_unit::day;
  [[nodiscard]] seconds length() const;
  bool operator==(const span&) const = default;
};
/// `30d`, `1M`: digits and one of m h d w M Q Y. errc::invalid_argument.
result<span> parse_span(std::string_view text);
std::string to_string(const span&);
/// `36h`, `30d`: the largest unit that fits.
std::string length_text(seconds length);

using local_time = std::chrono::local_seconds;
/// `2022-01-01 12:00:00`, without a zone. errc::invalid_argument.
result<local_time> parse_local_time(std::string_view text);

/// Periods of equal length in local time, one after the other from `start` on (and before it as well).
struct calendar {
  local_time start;
  span each;
  std::string zone_name = "UTC";
  std::shared_ptr<const time_zone> zone;

  struct period { instant begin, end; };
  [[nodiscard]] period at(instant now) const;
  [[nodiscard]] bool operator==(const calendar& other) const { return start == other.start && each == other.each && zone_name == other.zone_name; }

private:
  [[nodiscard]] local_time nth(std::int64_t n) const;
  [[nodiscard]] instant begin_of(std::int64_t n) const;
};
/// The instant of a local time: the first whose local time is at or after it.
instant instant_of(local_time local, const time_zone& zone);

/// A window as of some time. How exactly it begins depends on what is kept for its length: windows of up to an hour at the
/// second, of up to 31 days (calendar windows too) at a whole minute, beyond at a whole hour, always rounded down.
struct window {
  seconds length{};                                  ///< of calendar windows: about
  std::shared_ptr<const calendar> follows;           ///< null: rolling

  [[nodiscard]] bool is_rolling() const { return follows == nullptr; }
  [[nodiscard]] instant begin(instant now) const;
  /// What it is kept by where it is longer than an hour: minutes, or hours for more than 31 days.
  [[nodiscard]] seconds unit() const;
  /// When the period is over; of rolling windows `now`.
  [[nodiscard]] instant end(instant now) const;
  [[nodiscard]] seconds period(instant now) const;   ///< the whole length of the present period
  [[nodiscard]] std::string text() const;            ///< `30d`, `1M from 2026-01-01 in Europe/Berlin`
  [[nodiscard]] bool operator==(const window& other) const {
    return length == other.length && (follows == other.follows || (follows && other.follows && *follows == *other.follows));
  }
};
inline window rolling(seconds length) { return {length, nullptr}; }

}  // namespace andon::slo
