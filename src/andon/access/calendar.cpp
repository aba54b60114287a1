#include "andon/access/calendar.hpp"

namespace andon::access {
namespace {

using std::chrono::days;
using std::chrono::local_days;

local_days first_day(window length, local_days day) {
  switch (length) {
    case window::day: return day;
    case window::week: return day - (std::chrono::weekday{day} - std::chrono::Monday);
    case window::month: break;
  }
  const std::chrono::year_month_day date{day};
  return local_days{date.year() / date.month() / 1};
}

local_days next_first_day(window length, local_days first) {
  switch (length) {
    case window::day: return first + days{1};
    case window::week: return first + days{7};
    case window::month: break;
  }
  const std::chrono::year_month_day date{first};
  return local_days{(date.year() / date.month() + std::chrono::months{1}) / 1};
}

constexpr std::uint64_t length_mask = (1U << 24U) - 1;

}  // namespace

period calendar::compute(window length, wall_seconds now) const noexcept {
  const auto local = std::chrono::local_seconds{now.time_since_epoch() + zone_.offset(now)};
  auto first = first_day(length, std::chrono::floor<days>(local));
  auto begin = zone_.day_begin(first);
  while (now < begin) {
    first = first_day(length, first - days{1});
    begin = zone_.day_begin(first);
  }
  for (;;) {
    const auto next = next_first_day(length, first);
    const auto end = zone_.day_begin(next);
    if (now < end) return {begin, end};
    first = next;
    begin = end;
  }
}

period calendar::at(window length, wall_time now) const noexcept {
  using std::chrono::minutes;
  auto& cache = cached_[static_cast<std::size_t>(length)];
  const auto second = std::chrono::floor<std::chrono::seconds>(now);
  const auto packed = cache.load(std::memory_order_relaxed);
  const wall_seconds begin{minutes{packed >> 24U}};
  const wall_seconds end = begin + minutes{packed & length_mask};
  if (second >= begin && second < end) return {begin, end};
  const auto fresh = compute(length, second);
  const auto since = fresh.begin.time_since_epoch().count();
  const auto span = (fresh.end - fresh.begin).count();
  if (since >= 0 && since % 60 == 0 && span % 60 == 0)
    cache.store(static_cast<std::uint64_t>(since / 60) << 24U | static_cast<std::uint64_t>(span / 60), std::memory_order_relaxed);
  return fresh;
}

}  // namespace andon::access
