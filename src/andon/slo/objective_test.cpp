#include "andon/slo/objective.hpp"

#include "andon/slo/slo_testing.hpp"

namespace andon::slo {
namespace {

using namespace std::chrono_literals;
constexpr seconds day = 24h;

TEST(objective, burn_rules_are_those_of_the_workbook) {
  struct row { seconds period; std::array<double, 4> factors; };
  for (const auto& [period, factors] :
       {row{30 * day, {14.4, 6, 3, 1}}, row{28 * day, {13.44, 5.6, 2.8, 0.9333333}}, row{90 * day, {43.2, 18, 9, 3}}, row{7 * day, {13.44, 3.5, 1.4, 0.98}}}) {
    const auto rules = derive_burns(period, true, true);
    ASSERT_EQ(rules.size(), 4U);
    constexpr std::array<std::pair<seconds, seconds>, 4> windows{{{1h, 5min}, {6h, 30min}, {24h, 2h}, {72h, 6h}}};
    for (std::size_t i = 0; i < 4; ++i) {
      EXPECT_NEAR(rules[i].factor, factors[i], 1e-6) << length_text(period) << ' ' << i;
      EXPECT_EQ(rules[i].long_window, windows[i].first);
      EXPECT_EQ(rules[i].short_window, windows[i].second);
      EXPECT_EQ(rules[i].severity, i < 2 ? "page" : "ticket");
    }
  }
  EXPECT_EQ(derivation(derive_burns(30 * day, true, false)[0], 30 * day), "14.4 = 2 % of the budget in 1h of 30d");
  for (const auto& rule : derive_burns(day, true, true)) EXPECT_LT(rule.long_window, 12h) << "a day's windows are shorter in proportion";
}

TEST(objective, what_cannot_be_kept_an_eye_on_says_why) {
  const auto complaints = [](double target, auto change) {
    auto what = testing::availability("a", target, rolling(30 * day));
    change(what);
    std::string out;
    for (const auto& one : complaints_of(what)) out += one + "\n";
    return out;
  };
  const auto nothing = [](objective_spec&) {};
  EXPECT_EQ(complaints(0.999, nothing), "");
  EXPECT_EQ(complaints(0.931, nothing), "") << "14.4 needs more than 93.06 %";
  EXPECT_NE(complaints(0.93, nothing).find("the page alert over 1h can never fire: 14.4 x (1 - 0.93) = 1.008"), std::string::npos) << complaints(0.93, nothing);
  EXPECT_NE(complaints(0.9, nothing).find("above 93.06 %"), std::string::npos) << complaints(0.9, nothing);
  EXPECT_NE(complaints(0.5, nothing).find("ticket alert over 1d"), std::string::npos);
  EXPECT_EQ(complaints(0.5, [](auto& what) { what.burns.clear(); }), "");
  EXPECT_NE(complaints(1, nothing), "");
  EXPECT_NE(complaints(0.99, [](auto& what) { what.over = rolling(1min); }).find("did you mean M"), std::string::npos);
  EXPECT_NE(complaints(0.99, [](auto& what) { what.members.clear(); }), "");
  EXPECT_NE(complaints(0.99, [](auto& what) { what.members[0].what.what = measure::latency; }).find("is a number"), std::string::npos);
  EXPECT_EQ(complaints(0.99, [](auto& what) { what.members[0].what = {.what = measure::latency, .how = comparison::lte, .bound = 2}; }), "");
  EXPECT_NE(complaints(0.99, [](auto& what) { what.method = budgeting::timeslices, what.slice = 90s; }).find("whole minutes"), std::string::npos);
  EXPECT_NE(complaints(0.99, [](auto& what) { what.method = budgeting::timeslices, what.slice = 10min; }).find("shorter than a slice"), std::string::npos);
}

TEST(objective, time_to_page_in_a_full_outage) {
  for (const auto& [target, takes] : {std::pair{0.99, 518.4}, {0.995, 259.2}, {0.999, 51.84}, {0.9995, 25.92}, {0.9999, 5.184}}) {
    const auto what = testing::availability("a", target, rolling(30 * day));
    const auto page = time_to_alert(what, "page");
    ASSERT_TRUE(page);
    EXPECT_NEAR(static_cast<double>(page->count()), takes, 1) << target;
  }
  auto quiet = testing::availability("a", 0.999, rolling(30 * day));
  quiet.burns = derive_burns(30 * day, false, true);
  EXPECT_FALSE(time_to_alert(quiet, "page"));
}

TEST(window, spans_and_local_times) {
  EXPECT_EQ(parse_span("28d")->length(), 28 * day);
  EXPECT_EQ(parse_span("1M")->length(), 30 * day);
  EXPECT_EQ(parse_span("1Q")->length(), 90 * day);
  EXPECT_EQ(parse_span("2Y")->length(), 730 * day);
  EXPECT_EQ(parse_span("0w")->length(), 0s);
  for (const auto* wrong : {"", "m", "1", "1mm", "-1m", "1 m", "1s", "1.5h", "99999999999999999999d"}) EXPECT_FALSE(parse_span(wrong)) << wrong;
  EXPECT_TRUE(parse_local_time("2022-01-31 23:59:59"));
  for (const auto* wrong : {"", "2022-02-30 00:00:00", "2022-01-01T00:00:00", "2022-01-01 24:00:00", "2022-1-01 00:00:00", "2022-01-01 00:00"})
    EXPECT_FALSE(parse_local_time(wrong)) << wrong;
}

TEST(window, periods_of_a_calendar) {
  struct row { const char *start, *each, *zone; std::int64_t now, begin, end; };
  for (const auto& r : {
           row{"2022-01-01 12:00:00", "1w", "America/New_York", 1'773'000'000, 1'772'902'800,
               1'773'504'000},                                                                    // the week in which the clock changes is an hour short
           row{"2026-01-31 00:00:00", "1M", "UTC", 1'772'323'200, 1'772'236'800, 1'774'915'200},  // 28 February to 31 March
           row{"2024-01-01 00:00:00", "1Q", "UTC", 1'772'323'200, 1'767'225'600, 1'775'001'600},
           row{"2024-01-01 00:00:00", "1d", "Europe/Berlin", 1'774'760'400, 1'774'738'800, 1'774'821'600},  // 29 March has 23 hours
           row{"2030-01-01 00:00:00", "1d", "UTC", 1'772'323'200, 1'772'323'200, 1'772'409'600},            // also before its start
       }) {
    calendar of{parse_local_time(r.start).value(), parse_span(r.each).value(), r.zone, std::make_shared<const time_zone>(time_zone::load(r.zone).value())};
    const auto period = of.at(testing::at_second(r.now));
    EXPECT_EQ(period.begin.time_since_epoch().count(), r.begin) << r.zone << ' ' << r.each;
    EXPECT_EQ(period.end.time_since_epoch().count(), r.end) << r.zone << ' ' << r.each;
  }
}

TEST(counts, survive_their_bytes) {
  distribution d;
  for (int i = 1; i <= 1'000; ++i) d.add(i * 0.01, i % 7 != 0);
  std::string bytes;
  d.encode(bytes);
  std::string_view rest = bytes;
  distribution back;
  ASSERT_TRUE(distribution::decode(rest, back));
  EXPECT_TRUE(rest.empty());
  EXPECT_EQ(back.events, d.events);
  EXPECT_EQ(back.sum, d.sum);
  EXPECT_EQ(back.values, d.values);
  EXPECT_NEAR(*back.values.quantile(0.95), 9.5, 0.1);
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    std::string_view part(bytes.data(), cut);
    distribution broken;
    EXPECT_FALSE(distribution::decode(part, broken)) << cut;
  }
}

}  // namespace
}  // namespace andon::slo
