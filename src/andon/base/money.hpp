#pragma once
// Text forms of money. All sums are integers of nano-dollars (quantity.hpp); floating point appears nowhere.
#include <string>
#include <string_view>

#include "andon/base/error.hpp"
#include "andon/base/quantity.hpp"

namespace andon {

/// Reads `500`, `0.15`, `500 USD`, `$12.5`: at most nine decimals, no exponent, not negative.
result<nano_usd> parse_usd(std::string_view text);

/// Shortest exact decimal form in dollars, without a currency sign: `0.00015`, `12.5`.
std::string format_usd(nano_usd amount);

}  // namespace andon
