// Statements against months that were counted by hand.
#include "andon/business/statement.hpp"

#include "andon/business/desk_fixture_test.hpp"
#include "andon/business/statement_text.hpp"

namespace andon::business {
namespace {

using testing_support::desk_test;
using testing_support::utc;
using testing_support::zone;
using namespace std::chrono_literals;

class statement_test : public desk_test {};

TEST_F(statement_test, a_month_counted_by_hand) {
  agreed.fee = money{120'000, "EUR"};
  open("2026-11-02T00:00:00");
  for (auto hour = utc("2026-10-01T00:00:00"); hour < utc("2026-11-01T00:00:00"); hour += 1h)
    if (hour < utc("2026-10-05T00:00:00") || hour >= utc("2026-10-06T00:00:00")) calls(hour + 1'800s, 2, 0);  // nobody called on the 5th
  calls(utc("2026-10-10T12:00:00"), 0, 3);
  calls(utc("2026-09-30T23:59:59"), 0, 50);  // the month before
  calls(utc("2026-11-01T00:00:00"), 0, 50);  // and the one after
  tick();
  const auto made = told("2026-10");
  ASSERT_EQ(made.lines.size(), 1U);
  const auto& line = made.lines[0];
  EXPECT_EQ(line.events, (slo::counts{1'440, 1'443}));
  EXPECT_EQ(line.hours, 744);
  EXPECT_EQ(line.silent_hours, 24);
  ASSERT_EQ(line.days.size(), 31U);
  EXPECT_EQ(line.days[9].events, (slo::counts{48, 51}));
  EXPECT_EQ(line.days[4].events, slo::counts{}) << "no data";
  EXPECT_EQ(line.days[4].silent_hours, 24);
  EXPECT_EQ(attained_text(line.events), "99.7920997");
  EXPECT_EQ(line.kept, false);
  EXPECT_EQ(percent_text(line.credit), "10");
  EXPECT_EQ(made.owed, (money{12'000, "EUR"}));
  ASSERT_EQ(line.causes.size(), 1U);
  EXPECT_EQ(line.causes[0].second, 3);
  EXPECT_EQ(line.causes[0].first.error, "upstream_error");
  EXPECT_EQ(line.recount, (std::vector<std::string>{"andon objective recount 'calls' --since 2026-10-01T00:00:00Z --until 2026-11-01T00:00:00Z"}));
  EXPECT_TRUE(made.preliminary);
}

TEST_F(statement_test, it_says_up_to_where_a_number_is_good) {
  open("2026-11-02T00:00:00");
  measured quick{.what = {.name = "calls", .members = {{.name = {}, .what = {.what = slo::measure::latency, .how = slo::comparison::lte, .bound = 2}}}}, .pieces = {}, .causes = {}};
  statement_input from{.when = {2026, 10}, .until = utc("2026-11-01T00:00:00"), .made = utc("2026-11-02T00:00:00"), .counted = {quick}};
  const auto made = make_statement(agreed, from);
  EXPECT_EQ(made.lines.at(0).bound, "at most 2 s");
  const auto rows = statement_words::numbers(made.lines[0]);
  EXPECT_TRUE(std::ranges::any_of(rows, [](const auto& row) { return row.first == "measured" && row.second == "latency at most 2 s, of all calls"; }));
}

TEST_F(statement_test, months_follow_the_clock_of_their_zone) {
  agreed.zone_name = "Europe/Berlin";
  agreed.zone = zone("Europe/Berlin");
  open("2026-11-05T00:00:00");
  for (auto hour = utc("2026-09-30T00:00:00"); hour < utc("2026-11-02T00:00:00"); hour += 1h) call(hour + 60s);
  for (auto hour = utc("2026-02-27T00:00:00"); hour < utc("2026-04-02T00:00:00"); hour += 1h) call(hour + 60s);
  tick();
  const auto autumn = told("2026-10");
  EXPECT_EQ(autumn.begin, utc("2026-09-30T22:00:00"));
  EXPECT_EQ(autumn.end, utc("2026-10-31T23:00:00"));
  EXPECT_EQ(autumn.lines[0].events, (slo::counts{745, 745})) << "an hour more than others have";
  EXPECT_EQ(autumn.lines[0].days[24].events.total, 25);
  EXPECT_EQ(autumn.lines[0].days[23].events.total, 24);
  const auto spring = told("2026-03");
  EXPECT_EQ(spring.lines[0].events, (slo::counts{743, 743}));
  EXPECT_EQ(spring.lines[0].days[28].events.total, 23);
}

TEST_F(statement_test, months_may_begin_within_an_hour_of_utc) {
  agreed.zone_name = "Asia/Kolkata";
  agreed.zone = zone("Asia/Kolkata");
  open("2026-11-01T00:00:00");
  calls(utc("2026-09-30T18:29:59"), 0, 5);
  calls(utc("2026-09-30T18:30:00"), 7, 0);
  calls(utc("2026-10-31T18:29:59"), 11, 0);
  calls(utc("2026-10-31T18:30:00"), 0, 5);
  tick();
  EXPECT_EQ(told("2026-10").lines[0].events, (slo::counts{18, 18}));
  go_to("2026-12-20T00:00:00");
  const auto late = told("2026-10");
  EXPECT_EQ(late.lines[0].events, (slo::counts{7, 12})) << "from 18:00 to 18:00: minutes are not kept for so long, and months lie side by side";
  EXPECT_NE(late.remarks.at(0).find("whole hours"), std::string::npos);
}

TEST_F(statement_test, excluded_times_do_not_count_and_are_told) {
  agreed.exclusions.push_back({{utc("2026-10-10T10:15:00"), utc("2026-10-10T11:40:00")}, "their own firewall"});
  plan.objectives[0].maintenance = {{utc("2026-10-10T11:00:00"), utc("2026-10-10T12:00:00")}};
  open("2026-11-02T00:00:00");
  calls(utc("2026-10-10T10:14:59"), 1, 0);
  calls(utc("2026-10-10T10:15:00"), 0, 10);
  calls(utc("2026-10-10T11:30:00"), 0, 20);  // of both
  calls(utc("2026-10-10T11:59:59"), 0, 40);
  calls(utc("2026-10-10T12:00:00"), 1, 0);
  tick();
  const auto made = told("2026-10");
  const auto& line = made.lines[0];
  EXPECT_EQ(line.events, (slo::counts{2, 2}));
  EXPECT_EQ(line.excluded, (slo::counts{0, 70})) << "each once";
  EXPECT_EQ(line.hours, 743) << "11:00 does not count at all";
  EXPECT_EQ(line.kept, true);
  ASSERT_EQ(made.excluded.size(), 2U);
  EXPECT_EQ(made.excluded[0].reason, "their own firewall");
  EXPECT_EQ(made.excluded[1].objective, "calls");
  ASSERT_EQ(line.recount.size(), 2U);
  EXPECT_TRUE(line.recount[0].ends_with("--until 2026-10-10T10:15:00Z")) << line.recount[0];
  EXPECT_NE(line.recount[1].find("--since 2026-10-10T12:00:00Z"), std::string::npos) << line.recount[1];
}

TEST_F(statement_test, no_data_is_neither_kept_nor_missed) {
  agreed.fee = money{100'000, "EUR"};
  open("2026-11-02T00:00:00");
  const auto made = told("2026-10");
  EXPECT_EQ(made.lines[0].kept, std::nullopt);
  EXPECT_EQ(made.lines[0].silent_hours, 744);
  EXPECT_EQ(made.owed, (money{0, "EUR"}));
  const auto text = statement_json(made);
  EXPECT_NE(text.find(R"("attained_percent":null)"), std::string::npos);
  EXPECT_NE(text.find(R"("verdict":"no data")"), std::string::npos);
  EXPECT_NE(statement_html(made, "d").find("no data"), std::string::npos);
}

TEST_F(statement_test, slices_of_time_count_as_such) {
  plan.objectives[0].method = slo::budgeting::timeslices;
  plan.objectives[0].slice = 60s;
  plan.objectives[0].members[0].slice_target = 0.9;
  open("2026-10-10T00:00:00");
  calls(utc("2026-10-10T00:00:30"), 10, 0);
  calls(utc("2026-10-10T00:01:30"), 1, 9);
  go_to("2026-10-10T00:05:00");
  go_to("2026-11-02T00:00:00");
  const auto made = told("2026-10");
  EXPECT_EQ(made.lines[0].unit, slo::counts::whole);
  EXPECT_EQ(made.lines[0].events, (slo::counts{slo::counts::whole, 2 * slo::counts::whole}));
  EXPECT_EQ(statement_words::count(made.lines[0].events.total, made.lines[0].unit), "2");
  EXPECT_TRUE(made.lines[0].recount.at(0).starts_with("andon objective series"));
  EXPECT_NE(statement_html(made, "d").find("1 of 2 slices of time"), std::string::npos);
}

TEST_F(statement_test, months_that_cannot_be_told_of) {
  open("2026-11-15T00:00:00");
  for (const auto* when : {"2026-12", "2019-01"}) EXPECT_EQ(at->preliminary("acme", month::parse(when).value()).error().code, errc::invalid_argument) << when;
  EXPECT_EQ(at->preliminary("nobody", month{2026, 10}).error().code, errc::not_found);
  const auto running = told("2026-11");
  EXPECT_EQ(running.until, utc("2026-11-15T00:00:00"));
  EXPECT_EQ(running.lines[0].days.size(), 14U) << "days to come are not told of";
  calls(utc("2026-11-15T00:00:59"), 3, 0);
  calls(utc("2026-11-15T00:01:00"), 5, 0);
  go_to("2026-11-15T00:01:40");
  const auto later = told("2026-11");
  EXPECT_EQ(later.until, utc("2026-11-15T00:01:00"));
  EXPECT_EQ(later.lines[0].events.total, 3) << "counted as far as it says";
  go_to("2026-12-01T00:00:20");
  EXPECT_EQ(told("2026-12").lines[0].events, slo::counts{}) << "its first minute is not over";
  watching.reset();
  EXPECT_EQ(at->preliminary("acme", month{2026, 10}).error().code, errc::unavailable);
}

TEST_F(statement_test, html_runs_nothing_that_others_wrote) {
  const std::string evil = R"(<script>alert("1")</script>&'<img src=x onerror=alert(1)>)";
  agreed.title = agreed.description = agreed.counterparty = agreed.notes = evil;
  agreed.exclusions.push_back({{utc("2026-10-10T10:00:00"), utc("2026-10-10T11:00:00")}, evil});
  plan.objectives[0].title = plan.objectives[0].description = evil;
  incidents.push_back({"inc_1", evil, evil, "resolved", utc("2026-10-10T10:00:00"), utc("2026-10-10T11:00:00"), {"calls"}});
  incidents.push_back({"inc_2", "of somebody else", "page", "resolved", utc("2026-10-10T10:00:00"), utc("2026-10-10T11:00:00"), {"others"}});
  open("2026-11-02T00:00:00");
  auto made = told("2026-10");
  made.remarks.push_back(evil);
  made.reason = evil;
  made.revision = 2;
  made.preliminary = false;
  const auto page = statement_html(made, "0123abcd");
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_EQ(page.find("<img"), std::string::npos);
  EXPECT_NE(page.find("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;"), std::string::npos);
  EXPECT_NE(page.find("0123abcd"), std::string::npos);
  EXPECT_EQ(page.find("http"), std::string::npos) << "needs nothing else";
  EXPECT_EQ(page.find("of somebody else"), std::string::npos) << "no business of this counterparty's";
}

TEST_F(statement_test, paper_holds_the_numbers) {
  agreed.counterparty = "Müller & Söhne – Zürich (漢)";
  agreed.fee = money{120'000, "EUR"};
  open("2026-11-02T00:00:00");
  calls(utc("2026-10-10T10:00:00"), 1'997, 3);
  tick();
  const auto made = told("2026-10");
  const std::string digest(64, 'a');
  const auto pdf = statement_pdf(made, digest);
  ASSERT_TRUE(pdf) << pdf.error().message;
  EXPECT_TRUE(pdf->starts_with("%PDF-"));
  EXPECT_NE(pdf->find("%%EOF"), std::string::npos);
  for (const auto* text : {"99.8500 \\045", "99.9 \\045", "missed", "120.00 EUR of 1200.00 EUR", "2026-10-10", "1997", digest.c_str(), "M\\374ller", "Z\\374rich \\050?\\051"})
    EXPECT_NE(pdf->find(text), std::string::npos) << text;
  EXPECT_NE(pdf->find("/Count 2"), std::string::npos) << "what does not fit goes on on the next page";
}

}  // namespace
}  // namespace andon::business
