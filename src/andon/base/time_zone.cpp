// Compiled zone files: RFC 8536. Rules of the footer: POSIX.1-2017 section 8.3, with hours to ±167.
#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>

#include "andon/base/time_zone.hpp"

namespace andon {
namespace {

constexpr std::size_t header_size = 44;
constexpr std::int64_t day_seconds = 86'400;
constexpr std::int32_t largest_offset = 26 * 3600;  // RFC 8536, section 3.2

struct counts { std::uint32_t ut, standard, leap, time, type, chars; };

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (char c : bytes) value = (value << 8U) | static_cast<unsigned char>(c);
  return value;
}

bool read_header(std::string_view bytes, counts& out) {
  if (bytes.size() < header_size || !bytes.starts_with("TZif")) return false;
  auto field = [&](std::size_t i) { return static_cast<std::uint32_t>(big_endian(bytes.substr(20 + 4 * i, 4))); };
  out = {field(0), field(1), field(2), field(3), field(4), field(5)};
  return std::max({out.ut, out.standard, out.leap, out.time, out.type, out.chars}) < 100'000;
}

std::size_t body_size(const counts& c, std::size_t time_size) {
  return c.time * (time_size + 1) + c.type * std::size_t{6} + c.chars + c.leap * (time_size + 4) + c.standard + c.ut;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

bool take_number(std::string_view& text, int& out) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (code != std::errc{} || out < 0) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool take_name(std::string_view& text) {
  if (take(text, '<')) {
    const auto end = text.find('>');
    if (end == std::string_view::npos) return false;
    text.remove_prefix(end + 1);
    return true;
  }
  const auto size = std::ranges::find_if_not(text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }) - text.begin();
  text.remove_prefix(static_cast<std::size_t>(size));
  return size >= 3;
}

bool take_seconds(std::string_view& text, std::int32_t& out) {
  const bool negative = take(text, '-');
  if (!negative) take(text, '+');
  int hours = 0;
  int minutes = 0;
  int seconds = 0;
  if (!take_number(text, hours) || hours > 167) return false;
  if (take(text, ':') && (!take_number(text, minutes) || minutes > 59)) return false;
  if (take(text, ':') && (!take_number(text, seconds) || seconds > 59)) return false;
  out = (negative ? -1 : 1) * (hours * 3600 + minutes * 60 + seconds);
  return true;
}

bool good_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '_' || c == '-' || c == '+';
  };
  return !name.empty() && name.size() <= 64 && name.front() != '/' && std::ranges::all_of(name, allowed);
}

}  // namespace

bool time_zone::parse_rule_day(std::string_view& text, rule_day& out) {
  if (take(text, 'M')) {
    out.form = day_form::month_week_day;
    if (!take_number(text, out.month) || !take(text, '.') || !take_number(text, out.week) || !take(text, '.') || !take_number(text, out.day)) return false;
    if (out.month < 1 || out.month > 12 || out.week < 1 || out.week > 5 || out.day > 6) return false;
  } else {
    out.form = take(text, 'J') ? day_form::julian : day_form::zero_based;
    if (!take_number(text, out.day) || out.day > 365) return false;
  }
  return !take(text, '/') || take_seconds(text, out.seconds);
}

bool time_zone::parse_rule(std::string_view text, rule& out) {
  if (!take_name(text) || !take_seconds(text, out.standard)) return false;
  out.standard = -out.standard;
  if (text.empty()) return true;
  out.has_summer = true;
  out.summer = out.standard + 3600;
  if (!take_name(text)) return false;
  if (!text.starts_with(',')) {
    if (!take_seconds(text, out.summer)) return false;
    out.summer = -out.summer;
  }
  return take(text, ',') && parse_rule_day(text, out.begin) && take(text, ',') && parse_rule_day(text, out.end) && text.empty();
}

std::int64_t time_zone::local_second(int year, const rule_day& at) {
  using namespace std::chrono;
  const sys_days first{std::chrono::year{year} / January / 1};
  sys_days date = first;
  switch (at.form) {
    case day_form::zero_based: date = first + days{at.day}; break;
    case day_form::julian: date = first + days{at.day - 1 + (std::chrono::year{year}.is_leap() && at.day >= 60 ? 1 : 0)}; break;
    case day_form::month_week_day: {
      const auto month_begin = std::chrono::year{year} / at.month;
      const weekday wanted{static_cast<unsigned>(at.day)};
      date = at.week == 5 ? sys_days{month_begin / wanted[last]} : sys_days{month_begin / wanted[static_cast<unsigned>(at.week)]};
      break;
    }
  }
  return date.time_since_epoch().count() * day_seconds + at.seconds;
}

std::pair<std::int64_t, std::int64_t> time_zone::summer_of(int year) const {
  return {local_second(year, rule_.begin) - rule_.standard, local_second(year, rule_.end) - rule_.summer};
}

std::int32_t time_zone::rule_offset(std::int64_t at) const {
  if (!rule_.has_summer) return rule_.standard;
  using namespace std::chrono;
  const auto date = year_month_day{floor<days>(sys_seconds{seconds{at + rule_.standard}})};
  const auto [begin, end] = summer_of(static_cast<int>(date.year()));
  const bool summer = begin < end ? at >= begin && at < end : at >= begin || at < end;
  return summer ? rule_.summer : rule_.standard;
}

std::chrono::seconds time_zone::offset(wall_seconds when) const {
  const auto at = when.time_since_epoch().count();
  if (has_rule_ && (changes_.empty() || at >= changes_.back().at)) return std::chrono::seconds{rule_offset(at)};
  const auto after = std::ranges::upper_bound(changes_, at, {}, &change::at);
  return std::chrono::seconds{after == changes_.begin() ? first_offset_ : std::prev(after)->offset};
}

std::vector<std::int64_t> time_zone::changes_between(std::int64_t low, std::int64_t high) const {
  std::vector<std::int64_t> out;
  for (auto i = std::ranges::upper_bound(changes_, low, {}, &change::at); i != changes_.end() && i->at < high; ++i) out.push_back(i->at);
  if (has_rule_ && rule_.has_summer) {
    const auto last_listed = changes_.empty() ? std::numeric_limits<std::int64_t>::min() : changes_.back().at;
    const auto date = std::chrono::year_month_day{std::chrono::floor<std::chrono::days>(wall_seconds{std::chrono::seconds{low}})};
    for (int year = static_cast<int>(date.year()) - 1; year <= static_cast<int>(date.year()) + 1; ++year) {
      const auto [begin, end] = summer_of(year);
      for (auto at : {begin, end})
        if (at > low && at < high && at > last_listed) out.push_back(at);
    }
  }
  std::ranges::sort(out);
  return out;
}

wall_seconds time_zone::first_at(std::chrono::local_seconds time) const {
  const std::int64_t local = time.time_since_epoch().count();
  const auto low = local - 2 * day_seconds;
  const auto high = local + 2 * day_seconds;
  auto limits = changes_between(low, high);
  limits.push_back(high);
  auto from = low;
  for (const auto to : limits) {
    const auto at = std::max(from, local - offset(wall_seconds{std::chrono::seconds{from}}).count());
    if (at < to) return wall_seconds{std::chrono::seconds{at}};
    from = to;
  }
  return wall_seconds{std::chrono::seconds{high}};
}

result<time_zone> time_zone::parse(std::string_view bytes) {
  const auto bad = [] { return fail(errc::corrupt, "not a compiled time zone of version 2 or later"); };
  counts c{};
  if (!read_header(bytes, c) || bytes[4] < '2') return bad();
  const auto skipped = header_size + body_size(c, 4);
  if (bytes.size() < skipped || !read_header(bytes.substr(skipped), c)) return bad();
  bytes.remove_prefix(skipped + header_size);
  if (c.type == 0 || bytes.size() < body_size(c, 8)) return bad();
  const auto types = bytes.substr(c.time * std::size_t{9}, c.type * std::size_t{6});
  const auto offset_of = [&](std::size_t type) { return static_cast<std::int32_t>(big_endian(types.substr(type * 6, 4))); };
  for (std::size_t i = 0; i < c.type; ++i)
    if (std::abs(static_cast<std::int64_t>(offset_of(i))) > largest_offset) return bad();
  time_zone zone;
  zone.first_offset_ = offset_of(0);
  for (std::size_t i = 0; i < c.time; ++i) {
    const auto type = static_cast<unsigned char>(bytes[c.time * std::size_t{8} + i]);
    if (type >= c.type) return bad();
    zone.changes_.push_back({static_cast<std::int64_t>(big_endian(bytes.substr(i * 8, 8))), offset_of(type)});
  }
  if (!std::ranges::is_sorted(zone.changes_, {}, &change::at)) return bad();
  auto footer = bytes.substr(body_size(c, 8));
  if (footer.size() >= 2 && footer.front() == '\n') footer = footer.substr(1, footer.find('\n', 1) - 1);
  if (!footer.empty()) {
    const auto in_range = [](std::int32_t offset) { return offset >= -largest_offset && offset <= largest_offset; };
    if (!parse_rule(footer, zone.rule_) || !in_range(zone.rule_.standard) || !in_range(zone.rule_.summer)) return bad();
    zone.has_rule_ = true;
  }
  return zone;
}

result<time_zone> time_zone::load(std::string_view iana_name) {
  if (iana_name.empty() || iana_name == "UTC") return utc();
  if (!good_name(iana_name)) return fail(errc::not_found, "'" + std::string(iana_name) + "' is not the name of a time zone");
  const auto path = std::filesystem::path{"/usr/share/zoneinfo"} / iana_name;
  std::error_code failed;
  std::string bytes;
  if (std::filesystem::is_regular_file(path, failed)) {
    std::ifstream file(path, std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(file), {});
  }
  if (bytes.empty()) return fail(errc::not_found, "no time zone '" + std::string(iana_name) + "' in /usr/share/zoneinfo (package tzdata)");
  return parse(bytes);
}

}  // namespace andon
