#include "andon/slo/window.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>
#include <charconv>

namespace andon::slo {
namespace {

using namespace std::chrono_literals;
namespace chr = std::chrono;

constexpr std::string_view unit_letters = "mhdwMQY";
constexpr std::array<seconds, 7> unit_lengths{60s, 3'600s, 86'400s, 7 * 86'400s, 30 * 86'400s, 90 * 86'400s, 365 * 86'400s};
constexpr std::int64_t most_count = 1'000'000;

std::int64_t months_of(const span& each) {
  switch (each.unit) {
    case span_unit::month: return each.count;
    case span_unit::quarter: return 3 * each.count;
    case span_unit::year: return 12 * each.count;
    default: return 0;
  }
}

bool is_of_clock(const span& each) { return each.unit == span_unit::minute || each.unit == span_unit::hour; }

/// The word for a period that is one of the calendar's own: the month from its first to its last.
std::string calendar_word(const calendar& of) {
  const auto begin = chr::floor<chr::days>(of.start);
  const chr::year_month_day date{begin};
  const auto number = static_cast<unsigned>(date.month());
  const bool first = date.day() == chr::day{1};
  if (of.each.count != 1 || of.start != begin) return {};
  switch (of.each.unit) {
    case span_unit::day: return "day";
    case span_unit::week: return chr::weekday{begin} == chr::Monday ? "week" : "";
    case span_unit::month: return first ? "month" : "";
    case span_unit::quarter: return first && number % 3 == 1 ? "quarter" : "";
    case span_unit::year: return first && number == 1 ? "year" : "";
    default: return {};
  }
}

bool take_number(std::string_view& text, std::size_t digits, int& out) {
  if (text.size() < digits) return false;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + digits, out);
  if (failed != std::errc{} || end != text.data() + digits || text[0] == '-') return false;
  text.remove_prefix(digits);
  return true;
}

bool take(std::string_view& text, char wanted) {
  if (text.empty() || text[0] != wanted) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

seconds span::length() const { return count * unit_lengths[static_cast<std::size_t>(unit)]; }

result<span> parse_span(std::string_view text) {
  span out;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), out.count);
  const auto rest = text.substr(static_cast<std::size_t>(end - text.data()));
  const auto letter = rest.size() == 1 ? unit_letters.find(rest[0]) : std::string_view::npos;
  if (failed != std::errc{} || letter == std::string_view::npos || out.count < 0 || out.count > most_count)
    return fail(errc::invalid_argument, fmt::format("'{}' is not a duration: digits and one of m h d w M Q Y, such as 28d or 1M", text));
  out.unit = static_cast<span_unit>(letter);
  return out;
}

std::string to_string(const span& from) { return fmt::format("{}{}", from.count, unit_letters[static_cast<std::size_t>(from.unit)]); }

std::string length_text(seconds length) {
  if (length >= 86'400s && length % 86'400s == 0s) return fmt::format("{}d", length / 86'400s);
  if (length >= 3'600s && length % 3'600s == 0s) return fmt::format("{}h", length / 3'600s);
  if (length >= 60s && length % 60s == 0s) return fmt::format("{}m", length / 60s);
  return fmt::format("{}s", length.count());
}

result<local_time> parse_local_time(std::string_view text) {
  auto rest = text;
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  const bool formed = take_number(rest, 4, year) && take(rest, '-') && take_number(rest, 2, month) && take(rest, '-') && take_number(rest, 2, day) && take(rest, ' ') &&
                      take_number(rest, 2, hour) && take(rest, ':') && take_number(rest, 2, minute) && take(rest, ':') && take_number(rest, 2, second) && rest.empty();
  const chr::year_month_day date{chr::year{year}, chr::month{static_cast<unsigned>(month)}, chr::day{static_cast<unsigned>(day)}};
  if (!formed || !date.ok() || hour > 23 || minute > 59 || second > 59)
    return fail(errc::invalid_argument, fmt::format("'{}' is not a local time of the form 2022-01-31 12:00:00", text));
  return chr::local_days{date} + chr::hours{hour} + chr::minutes{minute} + seconds{second};
}

instant instant_of(local_time local, const time_zone& zone) {
  const instant as_utc{local.time_since_epoch()};
  // Either side of a change of the clock: the earlier instant that shows this time or a later one.
  const auto early = as_utc - std::max(zone.offset(as_utc - 26h), zone.offset(as_utc + 26h));
  if (early + zone.offset(early) >= as_utc) return early;
  const auto late = as_utc - std::min(zone.offset(as_utc - 26h), zone.offset(as_utc + 26h));
  if (early + zone.offset(late) == as_utc) return early;
  auto low = early, high = late;  // in a gap: the change itself
  while (high - low > 1s) {
    const auto middle = low + (high - low) / 2;
    (middle + zone.offset(middle) >= as_utc ? high : low) = middle;
  }
  return high;
}

local_time calendar::nth(std::int64_t n) const {
  const auto months = months_of(each);
  if (months == 0) return start + n * each.length();
  const auto day = chr::floor<chr::days>(start);
  const chr::year_month_day date{day};
  const auto wanted = chr::year_month{date.year(), date.month()} + chr::months{n * months};
  chr::year_month_day there{wanted.year(), wanted.month(), date.day()};
  if (!there.ok()) there = chr::year_month_day{chr::local_days{chr::year_month_day_last{wanted.year(), chr::month_day_last{wanted.month()}}}};
  return chr::local_days{there} + (start - day);
}

instant calendar::begin_of(std::int64_t n) const {
  if (is_of_clock(each)) return instant_of(start, *zone) + n * each.length();
  return instant_of(nth(n), *zone);
}

calendar::period calendar::at(instant now) const {
  auto n = chr::floor<seconds>(now - instant_of(start, *zone)).count() / each.length().count();
  while (begin_of(n) > now) --n;
  while (begin_of(n + 1) <= now) ++n;
  return {begin_of(n), begin_of(n + 1)};
}

instant window::begin(instant now) const {
  const auto exact = follows ? follows->at(now).begin : now - length;
  if (!follows && length <= 1h) return exact;
  return floor_to(exact, unit());
}

seconds window::unit() const { return (follows ? follows->each.length() : length) <= 31 * 24h ? 60s : 3'600s; }

instant window::end(instant now) const { return follows ? follows->at(now).end : now; }

seconds window::period(instant now) const {
  if (!follows) return length;
  const auto here = follows->at(now);
  return here.end - here.begin;
}

std::string window::text() const {
  if (!follows) return length_text(length);
  if (const auto word = calendar_word(*follows); !word.empty()) return fmt::format("calendar {} ({})", word, follows->zone_name);
  return fmt::format("{} from {:%Y-%m-%d %H:%M:%S} in {}", to_string(follows->each), instant{follows->start.time_since_epoch()}, follows->zone_name);
}

}  // namespace andon::slo
