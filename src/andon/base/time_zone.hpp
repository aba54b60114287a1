#pragma once
// Offsets from UTC of the IANA time zones, for everything that follows a calendar: budgets, objectives, schedules.
#include <chrono>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "andon/base/error.hpp"

namespace andon {

using wall_seconds = std::chrono::sys_seconds;

/// Offsets from UTC of one zone, read from the system's compiled zone files (TZif, RFC 8536, with the POSIX rule of the
/// footer for times after the last listed change). Immutable.
class time_zone {
public:
  static result<time_zone> load(std::string_view iana_name);    ///< not_found, corrupt
  static result<time_zone> parse(std::string_view tzif_bytes);  ///< corrupt
  static time_zone utc() { return {}; }

  [[nodiscard]] std::chrono::seconds offset(wall_seconds at) const;
  /// The instant at which this local date begins: the first whose local time is at or after its midnight.
  [[nodiscard]] wall_seconds day_begin(std::chrono::local_days day) const { return first_at(day); }
  /// The first instant whose local time is this one or, where clocks skip it, later.
  [[nodiscard]] wall_seconds first_at(std::chrono::local_seconds time) const;

private:
  struct change { std::int64_t at; std::int32_t offset; };
  enum class day_form : std::uint8_t { julian, zero_based, month_week_day };
  struct rule_day { day_form form{}; int month = 0, week = 0, day = 0; std::int32_t seconds = 7200; };
  struct rule { std::int32_t standard = 0, summer = 0; bool has_summer = false; rule_day begin, end; };
  static bool parse_rule(std::string_view text, rule& out);
  static bool parse_rule_day(std::string_view& text, rule_day& out);
  static std::int64_t local_second(int year, const rule_day& day);
  [[nodiscard]] std::pair<std::int64_t, std::int64_t> summer_of(int year) const;
  [[nodiscard]] std::int32_t rule_offset(std::int64_t at) const;
  [[nodiscard]] std::vector<std::int64_t> changes_between(std::int64_t low, std::int64_t high) const;

  std::vector<change> changes_;
  std::int32_t first_offset_ = 0;
  bool has_rule_ = false;
  rule rule_{};
};

}  // namespace andon
