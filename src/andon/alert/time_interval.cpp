#include "andon/alert/time_interval.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace andon::alert {
namespace {

constexpr std::array<std::string_view, 7> day_names{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"};
constexpr std::array<std::string_view, 12> month_names{"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"};
constexpr int minutes_a_day = 24 * 60;

using bounds = std::pair<int, int>;

std::unexpected<error> bad(std::string_view field, std::string_view text, std::string_view expected) {
  return fail(errc::invalid_argument, fmt::format("'{}' is not {}", text, expected), std::string(field));
}

std::optional<int> number(std::string_view text) {
  int out = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return out;
}

template <std::size_t N>
std::optional<int> named(std::string_view text, const std::array<std::string_view, N>& names, int first) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  for (std::size_t i = 0; i < N; ++i)
    if (lower == names[i]) return static_cast<int>(i) + first;
  return std::nullopt;
}

/// `a` or `a:b`.
template <class Read>
std::optional<bounds> span_of(std::string_view text, Read read) {
  const auto colon = text.find(':');
  const auto low = read(text.substr(0, colon));
  const auto high = colon == std::string_view::npos ? low : read(text.substr(colon + 1));
  if (!low || !high) return std::nullopt;
  return bounds{*low, *high};
}

std::optional<int> time_of_day(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const auto hours = number(text.substr(0, 2)), minutes = number(text.substr(3));
  if (!hours || !minutes || *hours < 0 || *hours > 24 || *minutes < 0 || *minutes > 59 || (*hours == 24 && *minutes != 0)) return std::nullopt;
  return *hours * 60 + *minutes;
}

}  // namespace

local_moment local_at(const time_zone& zone, wall_time at) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at);
  const auto local = seconds + zone.offset(seconds);
  const auto midnight = std::chrono::floor<std::chrono::days>(local);
  const std::chrono::year_month_day date{midnight};
  local_moment out;
  out.year = static_cast<int>(date.year());
  out.month = static_cast<int>(static_cast<unsigned>(date.month()));
  out.day = static_cast<int>(static_cast<unsigned>(date.day()));
  out.weekday = static_cast<int>(std::chrono::weekday{midnight}.c_encoding());
  out.minute = static_cast<int>(std::chrono::duration_cast<std::chrono::minutes>(local - midnight).count());
  out.days_in_month = static_cast<int>(static_cast<unsigned>(std::chrono::year_month_day_last{date.year() / date.month() / std::chrono::last}.day()));
  return out;
}

result<time_interval> time_interval::parse(const interval_text& from) {
  time_interval out;
  for (const auto& text : from.times) {
    const auto dash = text.find('-');
    const auto begin = time_of_day(std::string_view(text).substr(0, dash));
    const auto end = dash == std::string::npos ? std::nullopt : time_of_day(std::string_view(text).substr(dash + 1));
    if (!begin || !end || *begin == *end) return bad("times", text, "a span of the day such as 09:00-17:00");
    if (*begin < *end) out.minutes_.push_back({*begin, *end - 1});
    else out.minutes_.insert(out.minutes_.end(), {{*begin, minutes_a_day - 1}, {0, *end - 1}});
  }
  std::erase_if(out.minutes_, [](const range& r) { return r.low > r.high; });
  for (const auto& text : from.weekdays) {
    const auto got = span_of(text, [](std::string_view t) { return named(t, day_names, 0); });
    if (!got) return bad("weekdays", text, "a day or span of days such as monday:friday");
    if (got->first <= got->second) out.weekdays_.push_back({got->first, got->second});
    else out.weekdays_.insert(out.weekdays_.end(), {{got->first, 6}, {0, got->second}});
  }
  for (const auto& text : from.days_of_month) {
    const auto got = span_of(text, number);
    const auto fits = [](int d) { return d != 0 && d >= -31 && d <= 31; };
    if (!got || !fits(got->first) || !fits(got->second) || (got->first > 0 && got->second > 0 && got->first > got->second) || (got->first < 0 && got->second > 0) ||
        (got->first < 0 && got->second < 0 && got->first > got->second))
      return bad("days_of_month", text, "a day or span of days such as 1:7 or -3:-1");
    out.days_.push_back({got->first, got->second});
  }
  for (const auto& text : from.months) {
    const auto got = span_of(text, [](std::string_view t) { const auto n = number(t); return n ? n : named(t, month_names, 1); });
    if (!got || got->first < 1 || got->second > 12 || got->first > got->second) return bad("months", text, "a month or span of months such as 3:5 or march:may");
    out.months_.push_back({got->first, got->second});
  }
  for (const auto& text : from.years) {
    const auto got = span_of(text, number);
    if (!got || got->first < 1970 || got->first > got->second) return bad("years", text, "a year or span of years such as 2026:2028");
    out.years_.push_back({got->first, got->second});
  }
  auto zone = time_zone::load(from.zone);
  if (!zone) return fail(errc::invalid_argument, fmt::format("'{}' is no time zone; IANA names are such as Europe/Vienna", from.zone), "time_zone");
  out.zone_ = std::make_shared<const time_zone>(std::move(*zone));
  return out;
}

bool time_interval::contains(wall_time at) const {
  const auto local = local_at(*zone_, at);
  const auto within = [](const std::vector<range>& all, int value) {
    return all.empty() || std::ranges::any_of(all, [&](const range& r) { return value >= r.low && value <= r.high; });
  };
  const auto from_end = [&](int day) { return day > 0 ? day : local.days_in_month + 1 + day; };
  const bool day_fits = days_.empty() || std::ranges::any_of(days_, [&](const range& r) {
    // A span that lies beyond this month's end holds never; one that begins before its first day holds from that on.
    return local.day >= std::max(1, from_end(r.low)) && local.day <= std::min(local.days_in_month, from_end(r.high));
  });
  return within(minutes_, local.minute) && within(weekdays_, local.weekday) && day_fits && within(months_, local.month) && within(years_, local.year);
}

}  // namespace andon::alert
