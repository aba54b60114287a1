#include "andon/base/money.hpp"

#include <algorithm>
#include <charconv>

namespace andon {
namespace {

constexpr std::int64_t nanos_per_dollar = 1'000'000'000;

std::string_view trim(std::string_view text) {
  auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

bool all_digits(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::unexpected<error> not_money(std::string_view text) {
  return fail(errc::invalid_argument, "'" + std::string(text) + "' is not an amount of US dollars; write e.g. 12.50 USD");
}

}  // namespace

result<nano_usd> parse_usd(std::string_view text) {
  auto rest = trim(text);
  if (rest.starts_with('$')) rest = trim(rest.substr(1));
  if (rest.ends_with("USD") || rest.ends_with("usd")) rest = trim(rest.substr(0, rest.size() - 3));
  const auto dot = rest.find('.');
  const auto whole = rest.substr(0, dot);
  const auto fraction = dot == std::string_view::npos ? std::string_view{} : rest.substr(dot + 1);
  if ((whole.empty() && fraction.empty()) || fraction.size() > 9 || !all_digits(whole) || !all_digits(fraction))
    return not_money(text);
  std::int64_t dollars = 0;
  if (!whole.empty() && std::from_chars(whole.data(), whole.data() + whole.size(), dollars).ec != std::errc{})
    return not_money(text);
  std::int64_t nanos = 0;
  for (std::size_t i = 0; i < 9; ++i) nanos = nanos * 10 + (i < fraction.size() ? fraction[i] - '0' : 0);
  std::int64_t total = 0;
  if (__builtin_mul_overflow(dollars, nanos_per_dollar, &total) || __builtin_add_overflow(total, nanos, &total))
    return fail(errc::invalid_argument, "'" + std::string(text) + "' is more than 9.2 billion dollars");
  return nano_usd{total};
}

std::string format_usd(nano_usd amount) {
  const bool negative = amount.value() < 0;
  const auto magnitude = negative ? 0 - static_cast<std::uint64_t>(amount.value()) : static_cast<std::uint64_t>(amount.value());
  std::string out = (negative ? "-" : "") + std::to_string(magnitude / nanos_per_dollar);
  const auto nanos = magnitude % nanos_per_dollar;
  if (nanos == 0) return out;
  auto digits = std::to_string(nanos);
  digits.insert(0, 9 - digits.size(), '0');
  digits.erase(digits.find_last_not_of('0') + 1);
  return out + "." + digits;
}

}  // namespace andon
