#include "andon/base/time_text.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <optional>

namespace andon {
namespace {

struct unit { std::string_view suffix; std::int64_t nanos; };
// Longest suffix first where one begins another.
constexpr std::array units{unit{"ms", 1'000'000},          unit{"us", 1'000},
                           unit{"ns", 1},                  unit{"s", 1'000'000'000},
                           unit{"m", 60'000'000'000},      unit{"h", 3'600'000'000'000},
                           unit{"d", 86'400'000'000'000},  unit{"w", 604'800'000'000'000}};
constexpr std::array printed{unit{"d", 86'400'000'000'000}, unit{"h", 3'600'000'000'000}, unit{"m", 60'000'000'000},
                             unit{"s", 1'000'000'000},      unit{"ms", 1'000'000},        unit{"us", 1'000},
                             unit{"ns", 1}};

std::unexpected<error> bad_time(std::string_view text) {
  return fail(errc::invalid_argument, fmt::format("'{}' is not a time; write e.g. 2026-01-31T12:00:00Z", text));
}

/// Takes `size` digits from the front; -1 if they are not there.
int take_digits(std::string_view& text, std::size_t size) {
  int value = 0;
  if (text.size() < size) return -1;
  for (std::size_t i = 0; i < size; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(size);
  return value;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

/// Reads `.123456789`; 0 when there is none, -1 when malformed.
std::int64_t take_fraction(std::string_view& text) {
  if (!take(text, '.')) return 0;
  std::int64_t nanos = 0;
  std::size_t digits = 0;
  while (digits < text.size() && digits < 9 && text[digits] >= '0' && text[digits] <= '9') nanos = nanos * 10 + (text[digits++] - '0');
  if (digits == 0) return -1;
  text.remove_prefix(digits);
  for (; digits < 9; ++digits) nanos *= 10;
  return nanos;
}

/// Offset from UTC in minutes; nothing else may follow.
std::optional<int> take_zone(std::string_view text) {
  if (text == "Z" || text == "z") return 0;
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-')) return std::nullopt;
  const int sign = text[0] == '-' ? -1 : 1;
  text.remove_prefix(1);
  const int hours = take_digits(text, 2);
  if (!take(text, ':')) return std::nullopt;
  const int minutes = take_digits(text, 2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return std::nullopt;
  return sign * (hours * 60 + minutes);
}

}  // namespace

std::string format_rfc3339(wall_time at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss time{std::chrono::floor<std::chrono::microseconds>(at - day)};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), time.hours().count(),
                     time.minutes().count(), time.seconds().count(), time.subseconds().count());
}

result<wall_time> parse_rfc3339(std::string_view text) {
  auto rest = text;
  const int year = take_digits(rest, 4);
  if (year < 0 || !take(rest, '-')) return bad_time(text);
  const int month = take_digits(rest, 2);
  if (month < 0 || !take(rest, '-')) return bad_time(text);
  const int day = take_digits(rest, 2);
  const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(std::max(month, 0))},
                                         std::chrono::day{static_cast<unsigned>(std::max(day, 0))}};
  if (!date.ok() || year < 1970 || year > 2261) return bad_time(text);  // 64 bits of nanoseconds end in 2262
  const wall_time midnight{std::chrono::sys_days{date}};
  if (rest.empty()) return midnight;
  if (!take(rest, 'T') && !take(rest, 't') && !take(rest, ' ')) return bad_time(text);
  const int hour = take_digits(rest, 2);
  if (!take(rest, ':')) return bad_time(text);
  const int minute = take_digits(rest, 2);
  if (!take(rest, ':')) return bad_time(text);
  const int second = take_digits(rest, 2);
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return bad_time(text);
  const auto fraction = take_fraction(rest);
  const auto zone = take_zone(rest);
  if (fraction < 0 || !zone) return bad_time(text);
  return midnight + std::chrono::hours{hour} + std::chrono::minutes{minute - *zone} + std::chrono::seconds{second} +
         nanoseconds{fraction};
}

result<std::chrono::local_seconds> parse_local_time(std::string_view text) {
  constexpr std::size_t date_length = 10, length = 16;
  const auto wrong = [&] { return fail(errc::invalid_argument, fmt::format("'{}' is no local time such as 2026-01-05 09:00", text)); };
  if (text.size() != length || (text[date_length] != ' ' && text[date_length] != 'T')) return wrong();
  const auto read = parse_rfc3339(fmt::format("{}:00Z", text));
  if (!read) return wrong();
  return std::chrono::local_seconds{std::chrono::floor<std::chrono::seconds>(*read).time_since_epoch()};
}

result<nanoseconds> parse_duration(std::string_view text) {
  const auto wrong = [&] {
    return fail(errc::invalid_argument, fmt::format("'{}' is not a duration; write a number and a unit, e.g. 250ms, 2s, 15m, 36h, 7d", text));
  };
  std::int64_t total = 0;
  auto rest = text;
  if (rest.empty()) return wrong();
  while (!rest.empty()) {
    std::int64_t count = 0;
    const auto [end, code] = std::from_chars(rest.data(), rest.data() + rest.size(), count);
    if (code != std::errc{} || count < 0) return wrong();
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    const auto* found = std::ranges::find_if(units, [&](const unit& u) { return rest.starts_with(u.suffix); });
    if (found == units.end()) return wrong();
    rest.remove_prefix(found->suffix.size());
    std::int64_t part = 0;
    if (__builtin_mul_overflow(count, found->nanos, &part) || __builtin_add_overflow(total, part, &total)) return wrong();
  }
  return nanoseconds{total};
}

std::string format_duration(nanoseconds span) {
  if (span == nanoseconds::zero()) return "0s";
  auto rest = span.count();
  std::string out = rest < 0 ? "-" : "";
  if (rest < 0) rest = -rest;
  for (const auto& [suffix, nanos] : printed) {
    if (rest < nanos) continue;
    out += std::to_string(rest / nanos);
    out += suffix;
    rest %= nanos;
  }
  return out;
}

}  // namespace andon
