#include "andon/ledger/filter_value.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "andon/base/money.hpp"
#include "andon/base/time_text.hpp"

namespace andon::ledger {
namespace {

static_assert(static_cast<std::size_t>(errc::count_) <= 64, "outcome filters are sets of 64 bits");

struct scale { std::string_view suffix; double factor; };
constexpr std::array scales{scale{"KiB", 1024.0}, scale{"MiB", 1048576.0}, scale{"GiB", 1073741824.0}, scale{"KB", 1e3}, scale{"MB", 1e6},
                            scale{"GB", 1e9}, scale{"k", 1e3}, scale{"K", 1e3}, scale{"M", 1e6}, scale{"G", 1e9}, scale{"B", 1.0}};

std::optional<std::int64_t> count(std::string_view text) {
  double factor = 1;
  for (const scale& s : scales) {
    if (text.size() > s.suffix.size() && text.ends_with(s.suffix)) { factor = s.factor; text.remove_suffix(s.suffix.size()); break; }
  }
  std::int64_t whole = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), whole);
  if (failed == std::errc{} && end == text.data() + text.size() && factor == 1) return whole;
  double value = 0;
  const auto [real_end, real_failed] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  value *= factor;
  if (real_failed != std::errc{} || real_end != text.data() + text.size() || !(std::abs(value) < 9e18)) return std::nullopt;
  return std::llround(value);
}

/// As parse_duration, and one decimal number with a unit: `1.5s`.
std::optional<std::int64_t> span_of(std::string_view text) {
  if (text == "0") return 0;
  if (const auto span = parse_duration(text)) return span->count();
  const std::size_t unit = text.find_first_not_of("0123456789.");
  if (unit == std::string_view::npos || unit == 0) return std::nullopt;
  const auto one = parse_duration("1" + std::string{text.substr(unit)});
  double value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + unit, value, std::chars_format::fixed);
  if (!one || failed != std::errc{} || end != text.data() + unit) return std::nullopt;
  value *= static_cast<double>(one->count());
  if (!(value < 9e18)) return std::nullopt;
  return std::llround(value);
}

std::optional<std::int64_t> moment(std::string_view text, wall_time now) {
  if (text == "now") return now.time_since_epoch().count();
  if (const auto age = parse_duration(text)) {
    std::int64_t at = 0;
    if (__builtin_sub_overflow(now.time_since_epoch().count(), age->count(), &at)) return std::nullopt;
    return at;
  }
  const auto at = parse_rfc3339(text);
  return at ? std::optional(at->time_since_epoch().count()) : std::nullopt;
}

/// `text` is the name, one of its words (between underscores), or begins one of them when open.
bool names_word(std::string_view name, std::string_view text, bool open) {
  const auto fits = [&](std::string_view part) { return open ? part.starts_with(text) : part == text; };
  if (fits(name)) return true;
  for (std::size_t at = 0; at != std::string_view::npos && at < name.size();) {
    const std::size_t end = name.find('_', at);
    if (fits(name.substr(at, end == std::string_view::npos ? end : end - at))) return true;
    at = end == std::string_view::npos ? end : end + 1;
  }
  return false;
}

template <class F>
void each_word(field which, F&& f) {
  if (which == field::outcome) {
    for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(errc::count_); ++i) f(i, i == 0 ? std::string_view{"none"} : kind_of(static_cast<errc>(i)).name);
  } else if (which == field::origin) {
    for (std::uint64_t i = 0; i <= static_cast<std::uint64_t>(origin::provider); ++i) f(i, i == 0 ? std::string_view{"none"} : to_string(static_cast<origin>(i)));
  } else {
    for (std::uint64_t i = 0; !word_name(which, static_cast<std::int64_t>(i)).empty(); ++i) f(i, word_name(which, static_cast<std::int64_t>(i)));
  }
}

}  // namespace

std::optional<std::int64_t> parse_number(field_type type, std::string_view text, wall_time now) {
  switch (type) {
    case field_type::money: {
      const auto sum = parse_usd(text);
      return sum ? std::optional(sum->value()) : std::nullopt;
    }
    case field_type::duration: return span_of(text);
    case field_type::time: return moment(text, now);
    default: return count(text);
  }
}

std::string_view example_value(field_type type) {
  switch (type) {
    case field_type::money: return "dollars such as 0.01 or $5";
    case field_type::duration: return "a duration such as 250ms, 2s or 1h30m";
    case field_type::time: return "an age such as 1h, or a date or time such as 2026-01-31T12:00:00Z";
    case field_type::bytes: return "a size such as 64k or 1MiB";
    case field_type::identity: return "a request id: req_ and 26 characters";
    default: return "a number such as 500 or 2k";
  }
}

std::uint64_t parse_members(field which, std::string_view text, bool open) {
  std::uint64_t members = 0;
  if (about(which).type == field_type::flag) {
    if (text == "true" || text == "yes" || text == "1") members = 2;
    if (text == "false" || text == "no" || text == "0") members = 1;
    return members;
  }
  each_word(which, [&](std::uint64_t i, std::string_view name) {
    const bool any = open && text.empty();
    if (any ? i != 0 : names_word(name, text, open)) members |= std::uint64_t{1} << i;
  });
  // an exact name wins over a word of other names
  if (!open) each_word(which, [&](std::uint64_t i, std::string_view name) { if (name == text) members = std::uint64_t{1} << i; });
  return members;
}

std::string words_of(field which) {
  if (about(which).type == field_type::flag) return "true or false";
  std::string out;
  each_word(which, [&](std::uint64_t, std::string_view name) { out.append(out.empty() ? "" : ", ").append(name); });
  return out;
}

std::string to_lower(std::string_view text) {
  std::string out{text};
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return out;
}

}  // namespace andon::ledger
