#include "andon/business/figures.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

namespace andon::business {
namespace {

__extension__ using wide = __int128;

constexpr std::size_t attained_decimals = 4;

/// Billionths as percent with all nine minus two decimals.
std::string full_percent(std::int64_t billionths) { return fmt::format("{}.{:07}", billionths / 10'000'000, billionths % 10'000'000); }

}  // namespace

share share_of_percent(double percent) { return {std::llround(percent * 1e7)}; }

bool reaches(const slo::counts& events, share promised) {
  return events.total > 0 && static_cast<wide>(events.good) * share::whole >= static_cast<wide>(promised.billionths) * events.total;
}

std::string percent_text(share of) {
  auto out = full_percent(of.billionths);
  while (out.ends_with('0')) out.pop_back();
  if (out.ends_with('.')) out.pop_back();
  return out;
}

std::string attained_text(const slo::counts& events) {
  if (events.empty()) return {};
  const auto cut = static_cast<std::int64_t>(static_cast<wide>(events.good) * share::whole / events.total);
  auto out = full_percent(cut);
  const auto shortest = out.find('.') + 1 + attained_decimals;
  while (out.size() > shortest && out.ends_with('0')) out.pop_back();
  return out;
}

result<std::int64_t> parse_cents(std::string_view text) {
  const auto wrong = fail(errc::invalid_argument, fmt::format("'{}' is no sum with at most two decimals, such as 1200 or 99.50", text));
  const auto dot = std::min(text.find('.'), text.size());
  auto decimals = std::string(text.substr(std::min(dot + 1, text.size())));
  if (decimals.size() > 2 || dot == 0 || dot > 13 || (dot < text.size() && decimals.empty())) return wrong;
  decimals.resize(2, '0');
  const auto digits = std::string(text.substr(0, dot)) + decimals;
  if (digits.find_first_not_of("0123456789") != std::string::npos) return wrong;
  std::int64_t out = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), out);
  return out;
}

std::string money_text(const money& of) { return fmt::format("{}.{:02} {}", of.cents / 100, of.cents % 100, of.currency); }

money part_of(const money& of, share part) {
  const auto product = static_cast<wide>(of.cents) * part.billionths;
  return {static_cast<std::int64_t>((product + share::whole / 2) / share::whole), of.currency};
}

}  // namespace andon::business
