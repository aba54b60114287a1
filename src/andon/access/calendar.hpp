#pragma once
// Calendar periods of budgets in UTC or an IANA time zone.
#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "andon/access/settings.hpp"
#include "andon/base/clock.hpp"
#include "andon/base/time_zone.hpp"

namespace andon::access {

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
