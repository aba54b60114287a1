#include "andon/business/month.hpp"

#include <gtest/gtest.h>

namespace andon::business {
namespace {

TEST(month, is_read_strictly) {
  EXPECT_EQ(month::parse("2026-10").value(), (month{2026, 10}));
  for (const auto* wrong : {"", "2026", "2026-1", "2026-13", "2026-00", "26-10", "2026-10-01", "2026/10", "-026-10", "2026--1", "1969-12"}) EXPECT_FALSE(month::parse(wrong)) << wrong;
}

TEST(month, has_the_length_that_its_zone_gives_it) {
  struct row { const char *zone, *month; int hours, days; };
  for (const auto& [name, text, hours, days] : {row{"UTC", "2026-10", 744, 31}, row{"Europe/Berlin", "2026-10", 745, 31}, row{"Europe/Berlin", "2026-03", 743, 31},
                                                row{"UTC", "2028-02", 696, 29}, row{"Asia/Kolkata", "2026-11", 720, 30}, row{"UTC", "2026-12", 744, 31}}) {
    const auto zone = time_zone::load(name).value();
    const auto when = month::parse(text).value();
    EXPECT_EQ((when.end(zone) - when.begin(zone)).count(), hours * 3'600) << name << ' ' << text;
    const auto all = days_of(when, zone);
    ASSERT_EQ(std::ssize(all), days);
    EXPECT_EQ(all.front().begin, when.begin(zone));
    EXPECT_EQ(all.back().end, when.end(zone));
    for (std::size_t i = 1; i < all.size(); ++i) EXPECT_EQ(all[i - 1].end, all[i].begin);
    EXPECT_EQ(month::of(when.begin(zone), zone), when);
    EXPECT_EQ(month::of(when.begin(zone) - seconds{1}, zone), when.previous());
  }
  EXPECT_EQ((month{2026, 12}).next(), (month{2027, 1}));
  EXPECT_EQ(local_text(instant{seconds{1'793'000'000}}, time_zone::load("America/St_Johns").value()), "2026-10-26 05:03 -02:30");
}

}  // namespace
}  // namespace andon::business
