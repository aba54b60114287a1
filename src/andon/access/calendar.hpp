#pragma once
// Calendar periods of budgets in UTC or an IANA time zone.
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "andon/access/settings.hpp"
#include "andon/base/clock.hpp"
#include "andon/base/error.hpp"

namespace andon::access {

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
  [[nodiscard]] wall_seconds day_begin(std::chrono::local_days day) const;

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

struct period {
  wall_seconds begin;  ///< identifies the period
  wall_seconds end;    ///< exclusive: when it resets
  bool operator==(const period&) const = default;
};

/// Periods of one zone. Thread-safe; the current period of each window is cached in one atomic word, so asking costs a
/// load and two compares. A wall clock that jumps simply gets the period of the time it shows.
class calendar {
public:
  explicit calendar(std::string name, time_zone zone) : name_(std::move(name)), zone_(std::move(zone)) {}
  [[nodiscard]] period at(window length, wall_time now) const noexcept;
  [[nodiscard]] const std::string& zone_name() const { return name_; }

private:
  [[nodiscard]] period compute(window length, wall_seconds now) const noexcept;
  std::string name_;
  time_zone zone_;
  mutable std::array<std::atomic<std::uint64_t>, 3> cached_{};  // begin in minutes << 24 | length in minutes
};

}  // namespace andon::access
