#pragma once
// What an indicator adds up: good and total events, and for numbers their distribution. Both merge exactly by adding
// (the distribution's quantiles are within quantile_sketch::relative_error), so that a ratio is divided only when
// somebody asks, and no traffic is no data instead of a wrong number. Values, no locks.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "andon/base/quantile_sketch.hpp"
#include "andon/base/time_zone.hpp"

namespace andon::slo {

using instant = wall_seconds;  ///< everything here counts in whole seconds of wall time
using std::chrono::seconds;

/// Events. Where an event can be good in part (a ratio, a slice of time) it counts as `whole` of them.
struct counts {
  static constexpr std::int64_t whole = 1'000'000;
  static constexpr seconds minutes_together{3'600};

  std::int64_t good = 0;
  std::int64_t total = 0;

  [[nodiscard]] std::int64_t bad() const { return total - good; }
  [[nodiscard]] bool empty() const { return total == 0; }
  /// Nothing when there was no event.
  [[nodiscard]] std::optional<double> good_ratio() const;
  [[nodiscard]] std::optional<double> bad_ratio() const;
  counts& operator+=(const counts& other) { good += other.good; total += other.total; return *this; }
  counts& operator-=(const counts& other) { good -= other.good; total -= other.total; return *this; }
  friend counts operator+(counts a, const counts& b) { return a += b; }
  friend counts operator-(counts a, const counts& b) { return a -= b; }
  bool operator==(const counts&) const = default;

  void merge(const counts& other) { *this += other; }
  void encode(std::string& out) const;
  static bool decode(std::string_view& bytes, counts& out);
};

/// Numbers: how many, their sum, how they are distributed; `events` says how many of them were good where a bound is set.
struct distribution {
  static constexpr seconds minutes_together{300};

  counts events;
  double sum = 0;
  quantile_sketch values;

  void add(double value, bool good);
  [[nodiscard]] bool empty() const { return events.empty(); }
  [[nodiscard]] std::optional<double> mean() const;
  void merge(const distribution& other);
  void encode(std::string& out) const;
  static bool decode(std::string_view& bytes, distribution& out);
};

/// How long what is kept: a second's sums for an hour, a minute's for a month, an hour's for three years.
enum class tier : std::uint8_t { second, minute, hour };
inline constexpr std::size_t tier_count = 3;
struct tier_about {
  seconds slot;   ///< what one sum covers
  seconds block;  ///< what lies together in the store, at most
  seconds keep;
};
constexpr tier_about about(tier which) {
  using namespace std::chrono_literals;
  constexpr seconds day = 24h;
  switch (which) {
    case tier::second: return {1s, 60s, 1h + 2min};
    case tier::minute: return {60s, 3'600s, 32 * day};
    case tier::hour: break;
  }
  return {3'600s, day, 3 * 366 * day};
}

/// What lies together of one kind of sums. The present block is in memory, and a minute of a distribution takes kilobytes.
template <class Cell>
constexpr seconds block_length(tier which) {
  return which == tier::minute ? std::min(about(which).block, Cell::minutes_together) : about(which).block;
}

/// The last multiple of `step` since 1970 that is not after `at`.
constexpr instant floor_to(instant at, seconds step) {
  const auto rest = at.time_since_epoch() % step;
  return at - (rest < seconds{0} ? rest + step : rest);
}

}  // namespace andon::slo
