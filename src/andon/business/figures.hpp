#pragma once
// Shares and money of agreements. A share is a whole number of billionths, so that nothing is decided by a rounding.
// Values; any thread.
#include <cstdint>
#include <string>
#include <string_view>

#include "andon/slo/counts.hpp"

namespace andon::business {

/// Billionths: 99.9 % are 999'000'000.
struct share {
  static constexpr std::int64_t whole = 1'000'000'000;
  std::int64_t billionths = 0;
  auto operator<=>(const share&) const = default;
};
/// Of a setting in percent, to the nearest billionth.
share share_of_percent(double percent);
/// good / total of events is at least this; exact. Of no events it is not.
bool reaches(const slo::counts& events, share promised);

/// `99.9` for a promise or a credit: as many digits as it has.
std::string percent_text(share of);
/// `99.8999` of good and total: at least four decimals, cut off and never rounded up, so that what missed a promise by
/// however little is not shown as having reached it. Empty without events.
std::string attained_text(const slo::counts& events);

/// Hundredths of a currency's unit.
struct money {
  std::int64_t cents = 0;
  std::string currency;
  bool operator==(const money&) const = default;
};
/// A decimal number with at most two decimals. errc::invalid_argument.
result<std::int64_t> parse_cents(std::string_view text);
std::string money_text(const money& of);           ///< `12.50 EUR`
/// The part of it, to the nearest cent, halves up.
money part_of(const money& of, share part);

}  // namespace andon::business
