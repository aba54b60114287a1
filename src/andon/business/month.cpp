#include "andon/business/month.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <charconv>
#include <cstdlib>

namespace andon::business {
namespace {

namespace chr = std::chrono;

chr::local_days first_day(const month& of) { return chr::local_days{chr::year{of.year} / chr::month{of.number} / 1}; }

std::optional<int> digits(std::string_view text) {
  int out = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out);
  return code == std::errc{} && end == text.data() + text.size() && text[0] != '-' ? std::optional(out) : std::nullopt;
}

}  // namespace

result<month> month::parse(std::string_view text) {
  const auto wrong = fail(errc::invalid_argument, fmt::format("'{}' is no month of the form 2026-10", text), "month");
  if (text.size() != 7 || text[4] != '-') return wrong;
  const auto year = digits(text.substr(0, 4)), number = digits(text.substr(5));
  if (!year || !number || *year < 1970 || *number < 1 || *number > 12) return wrong;
  return month{*year, static_cast<unsigned>(*number)};
}

month month::of(instant at, const time_zone& zone) {
  const chr::year_month_day date{chr::floor<chr::days>(at + zone.offset(at))};
  return {static_cast<int>(date.year()), static_cast<unsigned>(date.month())};
}

std::string month::text() const { return fmt::format("{:04}-{:02}", year, number); }
month month::next() const { return number == 12 ? month{year + 1, 1} : month{year, number + 1}; }
month month::previous() const { return number == 1 ? month{year - 1, 12} : month{year, number - 1}; }
instant month::begin(const time_zone& zone) const { return zone.day_begin(first_day(*this)); }

std::vector<local_day> days_of(const month& which, const time_zone& zone) {
  std::vector<local_day> out;
  for (auto day = first_day(which), end = first_day(which.next()); day < end; day += chr::days{1})
    out.push_back({fmt::format("{}-{:02}", which.text(), out.size() + 1), zone.day_begin(day), zone.day_begin(day + chr::days{1})});
  return out;
}

std::string local_text(instant at, const time_zone& zone) {
  const auto offset = zone.offset(at);
  const auto minutes = std::abs(chr::duration_cast<chr::minutes>(offset).count());
  return fmt::format("{:%Y-%m-%d %H:%M} {}{:02}:{:02}", at + offset, offset < seconds{0} ? '-' : '+', minutes / 60, minutes % 60);
}

}  // namespace andon::business
