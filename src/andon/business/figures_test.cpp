#include "andon/business/figures.hpp"

#include <gtest/gtest.h>

#include "andon/business/agreement.hpp"

namespace andon::business {
namespace {

TEST(figures, what_missed_is_never_shown_as_reached) {
  struct row { std::int64_t good, total; const char* text; };
  for (const auto& [good, total, text] : {row{99'895, 100'000, "99.8950"}, row{999, 1'000, "99.9000"}, row{1, 3, "33.3333333"}, row{999'999'999, 1'000'000'000, "99.9999999"},
                                          row{9'999'999'999, 10'000'000'000, "99.9999999"}, row{5, 5, "100.0000"}, row{0, 7, "0.0000"}, row{0, 0, ""}})
    EXPECT_EQ(attained_text({good, total}), text);
  // A promise may have nine decimals of a share, and counts may be as many as there are.
  const slo::counts close{998'999'999'999'999'999, 1'000'000'000'000'000'000};
  EXPECT_FALSE(reaches(close, share_of_percent(99.9)));
  EXPECT_EQ(attained_text(close), "99.8999999");
  EXPECT_TRUE(reaches({999, 1'000}, share_of_percent(99.9)));
  EXPECT_FALSE(reaches({0, 0}, share_of_percent(0.1))) << "no events reach nothing";
}

TEST(figures, promises_are_told_with_the_digits_they_have) {
  for (const auto& [percent, text] : {std::pair{99.9, "99.9"}, {99.0, "99"}, {99.999, "99.999"}, {100.0, "100"}, {0.5, "0.5"}}) EXPECT_EQ(percent_text(share_of_percent(percent)), text);
}

TEST(figures, money) {
  EXPECT_EQ(parse_cents("1200").value(), 120'000);
  EXPECT_EQ(parse_cents("99.5").value(), 9'950);
  EXPECT_EQ(parse_cents("0.07").value(), 7);
  for (const auto* wrong : {"", ".5", "1.", "1.234", "-1", "1e3", "12 EUR", "1,5", "99999999999999", "1.2.3"}) EXPECT_FALSE(parse_cents(wrong)) << wrong;
  EXPECT_EQ(money_text(part_of({120'000, "EUR"}, share_of_percent(10))), "120.00 EUR");
  EXPECT_EQ(part_of({5, "EUR"}, share_of_percent(10)).cents, 1) << "half a cent is one";
  EXPECT_EQ(part_of({4, "EUR"}, share_of_percent(10)).cents, 0);
}

TEST(agreement, exactly_at_a_bound_is_not_below_it) {
  const std::vector<credit_tier> tiers{{share_of_percent(99.9), share_of_percent(10)}, {share_of_percent(99), share_of_percent(25)}};
  struct row { std::int64_t good, total; double credit; };
  for (const auto& [good, total, credit] : {row{1'000, 1'000, 0}, row{999, 1'000, 0}, row{99'899, 100'000, 10}, row{990, 1'000, 10}, row{98'999, 100'000, 25}, row{0, 1, 25}, row{0, 0, 0}})
    EXPECT_EQ(credit_for({good, total}, tiers), share_of_percent(credit)) << good << " of " << total;
}

TEST(agreement, tiers_that_contradict_are_told) {
  const auto s = share_of_percent;
  EXPECT_TRUE(complaints_of({{s(99.9), s(10)}, {s(99), s(25)}}, s(99.9)).empty());
  struct row { std::vector<credit_tier> tiers; std::size_t at; const char* what; };
  for (const auto& [tiers, at, what] : {row{{{s(99.95), s(10)}}, 0, "a promise that is kept would cost"}, row{{{s(99), s(10)}, {s(99), s(20)}}, 1, "tiers descend"},
                                        row{{{s(99), s(10)}, {s(98), s(10)}}, 1, "is not more than"}, row{{{s(99), s(0)}}, 0, "above 0 and at most 100"}}) {
    const auto got = complaints_of(tiers, s(99.9));
    ASSERT_EQ(got.size(), 1U) << what;
    EXPECT_EQ(got[0].at, at);
    EXPECT_NE(got[0].what.find(what), std::string::npos) << got[0].what;
  }
}

}  // namespace
}  // namespace andon::business
