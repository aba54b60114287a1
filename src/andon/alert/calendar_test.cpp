// Time intervals, silences, schedules and escalations.
#include <gtest/gtest.h>

#include "andon/alert/alert_testing.hpp"
#include "andon/alert/api_v2.hpp"
#include "andon/alert/oncall.hpp"
#include "andon/alert/silence_book.hpp"
#include "andon/base/time_text.hpp"

namespace andon::alert {
namespace {

using namespace testing_support;

wall_time at(const std::string& text) { return parse_rfc3339(text).value(); }

TEST(time_interval, table) {
  struct row { interval_text spans; std::string when; bool inside; };
  const interval_text office{.times = {"09:00-17:00"}, .weekdays = {"monday:friday"}, .days_of_month = {}, .months = {}, .years = {}};
  const interval_text night{.times = {"22:00-06:00"}, .weekdays = {}, .days_of_month = {}, .months = {}, .years = {}, .zone = "Europe/Vienna"};
  const interval_text last_days{.times = {}, .weekdays = {}, .days_of_month = {"-3:-1"}, .months = {}, .years = {}};
  const interval_text first_week{.times = {}, .weekdays = {}, .days_of_month = {"1:7"}, .months = {"march:may", "12"}, .years = {"2026:2028"}};
  const interval_text weekend{.times = {}, .weekdays = {"saturday:sunday"}, .days_of_month = {}, .months = {}, .years = {}};
  const interval_text to_the_end{.times = {}, .weekdays = {}, .days_of_month = {"15:-1"}, .months = {}, .years = {}};
  const interval_text evening{.times = {"20:00-24:00"}, .weekdays = {}, .days_of_month = {}, .months = {}, .years = {}};
  const std::vector<row> rows{
      {office, "2026-11-26T09:00:00Z", true},      {office, "2026-11-26T16:59:59Z", true},  {office, "2026-11-26T17:00:00Z", false}, {office, "2026-11-28T12:00:00Z", false},
      {night, "2026-11-26T21:00:00Z", true},       {night, "2026-11-26T20:59:00Z", false},  {night, "2026-11-27T04:59:00Z", true},   {night, "2026-11-27T05:00:00Z", false},
      {night, "2026-07-01T20:00:00Z", true},       {night, "2026-07-01T04:00:00Z", false},  {last_days, "2026-02-26T00:00:00Z", true}, {last_days, "2026-02-25T23:59:00Z", false},
      {last_days, "2028-02-26T12:00:00Z", false},  {last_days, "2028-02-29T12:00:00Z", true}, {first_week, "2026-04-07T00:00:00Z", true}, {first_week, "2026-04-08T00:00:00Z", false},
      {first_week, "2026-12-01T00:00:00Z", true},  {first_week, "2029-04-01T00:00:00Z", false}, {weekend, "2026-11-28T00:00:00Z", true}, {weekend, "2026-11-29T23:00:00Z", true},
      {weekend, "2026-11-30T00:00:00Z", false},    {to_the_end, "2026-02-28T00:00:00Z", true}, {to_the_end, "2026-02-14T00:00:00Z", false}, {evening, "2026-11-26T23:59:59Z", true},
      {interval_text{}, "2026-01-01T00:00:00Z", true},
  };
  for (const auto& r : rows) {
    const auto made = time_interval::parse(r.spans);
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_EQ(made->contains(at(r.when)), r.inside) << r.when << ' ' << &r - rows.data();
  }
}

TEST(time_interval, says_which_field_is_wrong) {
  const auto problem = [](interval_text from) { const auto made = time_interval::parse(from); return made ? std::string("good") : made.error().param; };
  for (const auto* bad : {"9:00-17:00", "09:00", "09:00-25:00", "09:00-09:00", "a-b", "24:30-25:00"}) EXPECT_EQ(problem({.times = {bad}}), "times") << bad;
  for (const auto* bad : {"mon", "monday:", "8"}) EXPECT_EQ(problem({.weekdays = {bad}}), "weekdays") << bad;
  for (const auto* bad : {"0", "32", "7:1", "-1:-3", "-3:5", "x"}) EXPECT_EQ(problem({.days_of_month = {bad}}), "days_of_month") << bad;
  for (const auto* bad : {"0", "13", "5:3", "foo"}) EXPECT_EQ(problem({.months = {bad}}), "months") << bad;
  for (const auto* bad : {"2028:2026", "1950", "x"}) EXPECT_EQ(problem({.years = {bad}}), "years") << bad;
  EXPECT_EQ(problem({.zone = "Nowhere/Land"}), "time_zone");
}

class silence_test : public ::testing::Test {
protected:
  static silence wanted(const std::string& match_text, wall_time from, wall_time until) {
    return {.id = {}, .match = match(match_text), .starts_at = from, .ends_at = until, .created_by = "me", .comment = "c"};
  }
  silence_book book{random_source(1)};
};

TEST_F(silence_test, states_and_what_they_silence) {
  const auto made = book.set(wanted("a=\"1\",b=~\"x.*\"", t0 + 1min, t0 + 1h), t0);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->id.size(), 36U);
  struct row { nanoseconds when; std::string_view state; bool silences; };
  for (const auto& r : {row{0s, "pending", false}, row{1min, "active", true}, row{1h - 1ns, "active", true}, row{1h, "expired", false}}) {
    EXPECT_EQ(to_string(book.find(made->id)->state(t0 + r.when)), r.state);
    EXPECT_EQ(book.silences({{"a", "1"}, {"b", "xy"}}, t0 + r.when), r.silences);
  }
  EXPECT_EQ(book.silencing({{"a", "1"}, {"b", "x"}}, t0 + 2min), std::vector<std::string>{made->id});
  EXPECT_FALSE(book.silences({{"a", "1"}, {"b", "y"}}, t0 + 2min)) << "every matcher has to match";
}

TEST_F(silence_test, refuses_what_alertmanager_refuses) {
  struct row { std::string what; silence from; errc code; };
  auto unknown = wanted("a=\"1\"", t0, t0 + 1h);
  unknown.id = "00000000-0000-4000-8000-000000000000";
  auto odd = wanted("a=\"1\"", t0, t0 + 1h);
  odd.recurrence.times = {"nonsense"};
  auto never = wanted("a=\"1\"", t0, t0 + 1h);
  never.recurrence.times = {"00:00-00:30"};
  ASSERT_FALSE(time_interval::parse(never.recurrence)->contains(t0));
  const std::vector<row> rows{{"times outside it", never, errc::invalid_argument}, {"no matcher", wanted("{}", t0, t0 + 1h), errc::invalid_argument}, {"matches everything", wanted("a=~\".*\"", t0, t0 + 1h), errc::invalid_argument},
                              {"ends before it begins", wanted("a=\"1\"", t0 + 1h, t0), errc::invalid_argument}, {"in the past", wanted("a=\"1\"", t0 - 2h, t0 - 1h), errc::invalid_argument},
                              {"unknown id", unknown, errc::not_found}, {"recurrence", odd, errc::invalid_argument}};
  for (const auto& r : rows) {
    const auto got = book.set(r.from, t0);
    ASSERT_FALSE(got) << r.what;
    EXPECT_EQ(got.error().code, r.code) << r.what;
  }
  EXPECT_TRUE(book.all().empty());
}

TEST_F(silence_test, a_change_that_rewrites_the_past_makes_a_new_one) {
  const auto first = book.set(wanted("a=\"1\"", t0, t0 + 1h), t0);
  auto longer = *book.find(first->id);
  longer.ends_at = t0 + 2h;
  EXPECT_EQ(book.set(longer, t0 + 1min)->id, first->id) << "a longer end is the same silence";
  auto other = *book.find(first->id);
  other.match = match("a=\"2\"");
  const auto second = book.set(other, t0 + 2min);
  ASSERT_TRUE(second);
  EXPECT_NE(second->id, first->id);
  EXPECT_EQ(second->now.size(), 2U) << "the old one ended, the new one began";
  EXPECT_EQ(book.find(first->id)->state(t0 + 2min), silence_state::expired);
  EXPECT_EQ(book.find(second->id)->starts_at, t0 + 2min) << "not before now";
  EXPECT_TRUE(book.expire(second->id, t0 + 3min));
  EXPECT_EQ(book.expire(second->id, t0 + 3min).error().code, errc::conflict);
  EXPECT_EQ(book.expire("x", t0).error().code, errc::not_found);
  EXPECT_EQ(book.prune(t0 + 200h).size(), 2U);
}

TEST_F(silence_test, comes_again) {
  auto nights = wanted("a=\"1\"", t0, t0 + std::chrono::days{30});
  nights.recurrence = {.times = {"22:00-06:00"}, .weekdays = {}, .days_of_month = {}, .months = {}, .years = {}, .zone = "Europe/Vienna"};
  ASSERT_TRUE(book.set(nights, t0));
  const label_set labels{{"a", "1"}};
  EXPECT_FALSE(book.silences(labels, at("2025-10-09T18:00:00Z")));
  EXPECT_TRUE(book.silences(labels, at("2025-10-09T20:00:00Z"))) << "22:00 in Vienna's summer";
  EXPECT_FALSE(book.silences(labels, at("2025-10-10T10:00:00Z")));
  EXPECT_TRUE(book.silences(labels, at("2025-11-01T21:30:00Z"))) << "22:30 in Vienna's winter";
  EXPECT_FALSE(book.silences(labels, at("2025-12-01T22:00:00Z"))) << "it has ended as a whole";
  const auto told = [&](const std::string& when) { return std::string(api::silence_json(book.all().begin()->second, at(when)).at("status").at("state").as_string()); };
  EXPECT_EQ(told("2025-10-09T18:00:00Z"), "pending");
  EXPECT_EQ(told("2025-10-09T20:00:00Z"), "active");
  EXPECT_EQ(told("2025-12-01T22:00:00Z"), "expired");
}

schedule weekly() {
  schedule out{.zone = "Europe/Vienna", .offsets = std::make_shared<const time_zone>(time_zone::load("Europe/Vienna").value()), .rotations = {}};
  out.rotations.push_back({.people = {"alice", "bob", "carol"}, .start = std::chrono::local_days{std::chrono::year{2026} / 3 / 23} + 9h, .every = std::chrono::days{7}});
  return out;
}

TEST(schedule, rotates_at_the_same_local_time_across_summer_time) {
  const auto plan = weekly();
  struct row { std::string when; std::string who; };
  for (const auto& [when, who] : {row{"2026-03-23T07:59:59Z", ""}, row{"2026-03-23T08:00:00Z", "alice"}, row{"2026-03-30T06:59:59Z", "alice"}, row{"2026-03-30T07:00:00Z", "bob"},
                                  row{"2026-04-06T07:00:00Z", "carol"}, row{"2026-04-13T07:00:00Z", "alice"}, row{"2026-10-26T07:59:00Z", "alice"}, row{"2026-10-26T08:00:00Z", "bob"}})
    EXPECT_EQ(on_call(plan, "primary", {}, at(when)), who) << when;
}

TEST(schedule, layers_and_overrides) {
  auto plan = weekly();
  auto only = time_interval::parse({.times = {}, .weekdays = {"saturday:sunday"}, .days_of_month = {}, .months = {}, .years = {}, .zone = "Europe/Vienna"});
  plan.rotations.push_back({.people = {"dora"}, .start = std::chrono::local_days{std::chrono::year{2026} / 1 / 1}, .every = std::chrono::days{1}, .only = *only});
  EXPECT_EQ(on_call(plan, "primary", {}, at("2026-03-27T12:00:00Z")), "alice");
  EXPECT_EQ(on_call(plan, "primary", {}, at("2026-03-28T12:00:00Z")), "dora") << "the later layer goes first";
  const std::vector<schedule_override> some{{1, "primary", "erin", at("2026-03-27T10:00:00Z"), at("2026-03-27T14:00:00Z"), "me"}, {2, "primary", "fred", at("2026-03-27T13:00:00Z"), at("2026-03-27T15:00:00Z"), "me"},
                                            {3, "other", "gina", at("2026-03-27T10:00:00Z"), at("2026-03-27T14:00:00Z"), "me"}};
  struct row { std::string when; std::string who; };
  for (const auto& [when, who] : {row{"2026-03-27T09:59:00Z", "alice"}, row{"2026-03-27T10:00:00Z", "erin"}, row{"2026-03-27T13:30:00Z", "fred"}, row{"2026-03-27T15:00:00Z", "alice"}})
    EXPECT_EQ(on_call(plan, "primary", some, at(when)), who) << when;
  const auto day = shifts(plan, "primary", some, at("2026-03-27T09:00:00Z"), at("2026-03-27T16:00:00Z"));
  ASSERT_EQ(day.size(), 4U);
  EXPECT_EQ(day[1].person, "erin");
  EXPECT_EQ(day[1].until, at("2026-03-27T13:00:00Z"));
  const auto asked_at_an_odd_moment = shifts(plan, "primary", some, at("2026-03-27T09:01:42Z") + 250'085us, at("2026-03-27T16:00:00Z"));
  ASSERT_EQ(asked_at_an_odd_moment.size(), 4U);
  for (std::size_t i = 1; i < 4; ++i) EXPECT_EQ(asked_at_an_odd_moment[i].from, day[i].from) << "a hand-over is when it is, whoever asks";
}

TEST(escalation, goes_through_its_steps_and_repeats) {
  escalation chain;
  chain.steps.push_back({.notify = {escalation_target::parse("alice")}, .wait = 5min});
  chain.steps.push_back({.notify = {escalation_target::parse("schedule:primary")}, .wait = 10min});
  chain.repeat = 1;
  escalation_place place{0, 0, t0};
  std::vector<std::pair<nanoseconds, std::string>> steps;
  for (nanoseconds after = 0s; after < 2h; after += 1min)
    if (const auto* step = take_step(chain, place, t0 + after)) steps.emplace_back(after, step->notify[0].text());
  const std::vector<std::pair<nanoseconds, std::string>> expected{{0s, "alice"}, {5min, "schedule:primary"}, {15min, "alice"}, {20min, "schedule:primary"}};
  EXPECT_EQ(steps, expected);
  EXPECT_FALSE(place.next) << "it is over";
}

TEST(escalation, passes_over_steps_outside_their_spans_and_takes_turns) {
  escalation chain;
  chain.steps.push_back({.notify = {escalation_target::parse("day")}, .only = *time_interval::parse({.times = {"00:00-08:00"}})});
  chain.steps.push_back({.notify = {escalation_target::parse("a"), escalation_target::parse("receiver:b")}, .round_robin = true});
  escalation_place place{0, 0, t0};
  const auto* step = take_step(chain, place, t0);
  ASSERT_NE(step, nullptr);
  EXPECT_EQ(step, &chain.steps[1]) << "08:53 is outside";
  EXPECT_EQ(targets_of(*step, 1, 0)[0].text(), "receiver:b");
  EXPECT_EQ(targets_of(*step, 2, 0)[0].text(), "a");
  EXPECT_EQ(targets_of(*step, 2, 1)[0].text(), "receiver:b");
}

}  // namespace
}  // namespace andon::alert
