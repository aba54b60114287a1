#include "andon/access/calendar.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

#include "andon/base/random.hpp"
#include "andon/base/time_text.hpp"

namespace andon::access {
namespace {

using std::chrono::seconds;

wall_time at(std::string_view text) { return parse_rfc3339(text).value(); }
calendar in_zone(const std::string& name) { return calendar{name, time_zone::load(name).value()}; }

void expect_period(const calendar& c, window length, std::string_view now, std::string_view begin, std::string_view end) {
  const auto p = c.at(length, at(now));
  EXPECT_EQ(format_rfc3339(p.begin), format_rfc3339(at(begin))) << c.zone_name() << ' ' << now;
  EXPECT_EQ(format_rfc3339(p.end), format_rfc3339(at(end))) << c.zone_name() << ' ' << now;
}

TEST(calendar, periods_of_utc) {
  const calendar c{"UTC", time_zone::utc()};
  expect_period(c, window::day, "2026-11-22T23:59:59.999Z", "2026-11-22", "2026-11-23");
  expect_period(c, window::day, "2026-11-23T00:00:00Z", "2026-11-23", "2026-11-24");
  expect_period(c, window::week, "2026-11-22T12:00:00Z", "2026-11-16", "2026-11-23");  // a Sunday
  expect_period(c, window::week, "2026-11-23T12:00:00Z", "2026-11-23", "2026-11-30");
  expect_period(c, window::month, "2024-02-29T12:00:00Z", "2024-02-01", "2024-03-01");
  expect_period(c, window::month, "2026-12-31T23:59:59Z", "2026-12-01", "2027-01-01");
  const auto before_1970 = c.at(window::month, wall_time{-seconds{1}});
  EXPECT_EQ(before_1970.end, wall_seconds{});
  EXPECT_EQ(before_1970.begin, wall_seconds{-std::chrono::days{31}});
}

TEST(calendar, days_of_23_and_25_hours) {
  const auto berlin = in_zone("Europe/Berlin");
  expect_period(berlin, window::day, "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z");
  expect_period(berlin, window::day, "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z");
  expect_period(berlin, window::month, "2026-10-31T23:30:00Z", "2026-10-31T23:00:00Z", "2026-11-30T23:00:00Z");
  expect_period(berlin, window::day, "2077-07-01T12:00:00Z", "2077-06-30T22:00:00Z", "2077-07-01T22:00:00Z");  // by the footer's rule
}

TEST(calendar, a_midnight_that_does_not_exist) {
  // Clocks in Santiago went from 24:00 on 2023-09-02 to 01:00 on 2023-09-03.
  const auto chile = in_zone("America/Santiago");
  expect_period(chile, window::day, "2023-09-03T12:00:00Z", "2023-09-03T04:00:00Z", "2023-09-04T03:00:00Z");
  // and from 24:00 on 2023-04-01 back to 23:00 on the same day.
  expect_period(chile, window::day, "2023-04-02T03:30:00Z", "2023-04-01T03:00:00Z", "2023-04-02T04:00:00Z");
  // Samoa had no 30 December 2011.
  const auto samoa = in_zone("Pacific/Apia");
  expect_period(samoa, window::day, "2011-12-30T09:59:59Z", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z");
  expect_period(samoa, window::day, "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z");
}

TEST(calendar, offsets_equal_the_c_library) {
  random_source random{11};
  for (const char* name : {"Europe/Berlin", "America/New_York", "America/Santiago", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia", "Europe/Dublin", "Africa/Casablanca", "Asia/Tehran", "Antarctica/Troll"}) {
    const auto zone = time_zone::load(name).value();
    ::setenv("TZ", name, 1);
    ::tzset();
    for (int i = 0; i < 20'000; ++i) {
      const auto t = static_cast<std::time_t>(random.below(3'500'000'000));  // 1970 … 2080
      std::tm local{};
      ::localtime_r(&t, &local);
      ASSERT_EQ(zone.offset(wall_seconds{seconds{t}}).count(), local.tm_gmtoff) << name << ' ' << t;
    }
  }
  ::setenv("TZ", "UTC", 1);
  ::tzset();
}

TEST(calendar, periods_tile_the_time) {
  random_source random{12};
  for (const char* name : {"UTC", "Europe/Berlin", "America/Santiago", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Beirut", "America/Havana"}) {
    const auto c = in_zone(name);
    for (const auto length : {window::day, window::week, window::month})
      for (int i = 0; i < 2000; ++i) {
        const wall_time now{seconds{static_cast<std::int64_t>(random.below(2'500'000'000))}};
        const auto p = c.at(length, now);
        ASSERT_LE(p.begin, now);
        ASSERT_GT(p.end, now);
        ASSERT_EQ(c.at(length, p.begin), p) << name;
        ASSERT_EQ(c.at(length, wall_time{p.end} - nanoseconds{1}), p) << name;
        ASSERT_EQ(c.at(length, p.end).begin, p.end) << name;
      }
  }
}

}  // namespace
}  // namespace andon::access
