// Issuing statements, once; KPIs from the watch and from outside.
#include "andon/business/desk.hpp"

#include <boost/json.hpp>
#include <fstream>

#include "andon/base/hashing.hpp"
#include "andon/business/desk_fixture_test.hpp"

namespace andon::business {
namespace {

using testing_support::desk_test;
using testing_support::utc;
using namespace std::chrono_literals;

constexpr month october{2026, 10};

class issue_test : public desk_test {
protected:
  std::string json(std::int64_t revision = 0) { return at->get("acme", october, revision, form::json).value().bytes; }
};

std::string made_now(const std::vector<desk::due_issue>& from) {
  std::string out;
  for (const auto& one : from) out += one.when.text() + (one.done ? " " : "! ");
  return out;
}

TEST_F(issue_test, is_done_by_itself_when_the_month_has_been_over_for_long_enough) {
  agreed.issue_after = 48h;
  open("2026-10-20T00:00:00");
  calls(utc("2026-10-20T00:00:00"), 9, 1);
  go_to("2026-11-02T23:59:59");
  EXPECT_EQ(made_now(at->issue_due()), "");
  go_to("2026-11-03T00:00:00");
  EXPECT_EQ(made_now(at->issue_due()), "2026-10 ");
  const auto text = json();
  EXPECT_NE(text.find(R"("attained_percent":"90.0000")"), std::string::npos);
  EXPECT_EQ(made_now(at->issue_due()), "") << "once";
  clock.jump_wall(-24h);
  EXPECT_EQ(made_now(at->issue_due()), "") << "and not again after the clock was set back";
  EXPECT_EQ(json(), text);
}

TEST_F(issue_test, by_itself_follows_the_zone_and_can_be_left_to_people) {
  agreed.issue_after = 1s;
  agreed.zone_name = "America/New_York";
  agreed.zone = testing_support::zone("America/New_York");
  open("2026-10-20T00:00:00");
  calls(utc("2026-10-20T00:00:00"), 10, 0);
  go_to("2026-11-01T04:00:00");  // midnight there, less the second
  EXPECT_EQ(made_now(at->issue_due()), "");
  agreed.issue_after = {};
  adopt();
  go_to("2026-11-05T00:00:00");
  EXPECT_EQ(made_now(at->issue_due()), "");
  agreed.issue_after = 1s;
  adopt();
  EXPECT_EQ(made_now(at->issue_due()), "2026-10 ");
}

TEST_F(issue_test, by_itself_makes_up_for_what_was_missed) {
  agreed.issue_after = 48h;
  open("2026-09-20T00:00:00");
  calls(utc("2026-09-20T00:00:00"), 10, 0);
  go_to("2026-10-20T00:00:00");
  calls(utc("2026-10-20T00:00:00"), 10, 0);
  go_to("2026-12-15T00:00:00");  // nothing ran in November
  files.fail_at = files.count;
  const auto failed = at->issue_due();
  files.fail_at = -1;
  ASSERT_EQ(failed.size(), 2U);
  EXPECT_EQ(made_now(failed), "2026-09! 2026-10 ");
  EXPECT_EQ(made_now(at->issue_due()), "2026-09 ") << "tried again";
  EXPECT_EQ(at->issued("acme").size(), 2U);
}

TEST_F(issue_test, a_statement_is_issued_once_and_stays) {
  open("2026-10-20T00:00:00");
  calls(utc("2026-10-10T10:00:00"), 99, 1);
  tick();
  EXPECT_EQ(at->issue("acme", october, {}).error().code, errc::conflict) << "the month is not over";
  go_to("2026-10-31T23:59:59");
  EXPECT_EQ(at->issue("acme", october, {}).error().code, errc::conflict);
  go_to("2026-11-01T00:00:00");
  EXPECT_FALSE(at->get("acme", october, 0, form::json)->issued);
  EXPECT_FALSE(std::filesystem::exists(home.path() / "statements")) << "asking keeps nothing";
  EXPECT_EQ(at->issue("acme", october, "why").error().code, errc::conflict) << "nothing to issue again";
  const auto first = at->issue("acme", october, {});
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_TRUE(first->made);
  const auto text = json();
  EXPECT_NE(text.find(R"("attained_percent":"99.0000")"), std::string::npos);
  EXPECT_NE(text.find(R"("preliminary":false)"), std::string::npos);
  for (const auto as : {form::html, form::pdf})
    EXPECT_NE(at->get("acme", october, 0, as)->bytes.find(to_hex(sha256(text))), std::string::npos) << to_string(as);

  calls(utc("2026-10-10T10:00:00"), 900, 0);  // told late
  tick();
  const auto second = at->issue("acme", october, {});
  ASSERT_TRUE(second);
  EXPECT_FALSE(second->made);
  EXPECT_EQ(json(), text);

  const auto again = at->issue("acme", october, "Records came late");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->revision, 2);
  EXPECT_EQ(json(1), text) << "the first one stays";
  EXPECT_NE(json().find(R"("attained_percent":"99.9000")"), std::string::npos);
  EXPECT_NE(json().find("Records came late"), std::string::npos);
  EXPECT_NE(at->get("acme", october, 2, form::html)->bytes.find("Revision 2: Records came late"), std::string::npos);
  EXPECT_EQ(at->get("acme", october, 3, form::json).error().code, errc::not_found);
  const auto listed = at->issued("acme");
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0].revisions, 2);
}

TEST_F(issue_test, what_is_issued_outlives_the_agreement_and_the_watch) {
  open("2026-11-02T00:00:00");
  ASSERT_TRUE(at->issue("acme", october, {}));
  at->adopt({});
  watching.reset();
  EXPECT_TRUE(at->get("acme", october, 0, form::pdf));
  std::filesystem::copy(home.path() / "statements" / "acme-2026-10.json", home.path() / "acme-2026-10.json");
  for (const std::int64_t revision : {0, 1}) EXPECT_EQ(at->get("../acme", october, revision, form::json).error().code, errc::not_found);
}

TEST_F(issue_test, what_a_crash_has_left_is_no_statement) {
  open("2026-11-02T00:00:00");
  calls(utc("2026-10-10T10:00:00"), 5, 0);
  tick();
  std::filesystem::create_directories(home.path() / "statements");
  for (const auto* name : {"acme-2026-10.json.new", "acme-2026-10.html", "acme-2026-10.pdf", "acme-2026-10.pdf.new"})
    std::ofstream(home.path() / "statements" / name) << "half of it";
  EXPECT_TRUE(at->issued("acme").empty());
  EXPECT_FALSE(at->get("acme", october, 0, form::json)->issued);
  ASSERT_TRUE(at->issue("acme", october, {}));
  EXPECT_NE(json().find(R"("good":5)"), std::string::npos);
  EXPECT_TRUE(at->get("acme", october, 0, form::pdf)->bytes.starts_with("%PDF"));
  EXPECT_NE(at->get("acme", october, 0, form::html)->bytes.find("<!doctype html>"), std::string::npos);
}

TEST_F(issue_test, a_full_disk_is_told_and_leaves_nothing_half_issued) {
  open("2026-11-02T00:00:00");
  int failures = 0;
  for (std::int64_t n = 0;; ++n) {
    files.fail_at = files.count + n;
    const auto done = at->issue("acme", october, {});
    files.fail_at = -1;
    if (done && done->made) break;
    ASSERT_LT(n, 40);
    ++failures;
    if (!done) {
      EXPECT_EQ(done.error().code, errc::disk_full);
    }
    if (at->issued("acme").empty()) continue;
    EXPECT_TRUE(at->get("acme", october, 0, form::html)) << "the JSON comes last";
    EXPECT_TRUE(at->get("acme", october, 0, form::pdf));
    std::filesystem::remove(home.path() / "statements" / "acme-2026-10.json");
  }
  EXPECT_GT(failures, 9);
  files.fail_at = files.count;
  const auto told = at->issue("acme", october, "another");
  files.fail_at = -1;
  EXPECT_NE(told.error().message.find("was not issued"), std::string::npos) << told.error().message;
  EXPECT_EQ(at->issued("acme")[0].revisions, 1);
}

TEST(archive, names_that_files_can_bear) {
  for (const auto* good : {"acme", "Acme_2", "a-2026-01"}) EXPECT_TRUE(archive::is_good_name(good)) << good;
  for (const auto* bad : {"", "a/b", "..", ".a", "a.b", "-a", "a b", "ä"}) EXPECT_FALSE(archive::is_good_name(bad)) << bad;
}

class kpi_test : public desk_test {
protected:
  kpi_spec churn() {
    kpi_spec out{.name = "churn", .unit = "%"};
    out.how = slo::comparison::lte;
    out.target = 3;
    out.over = slo::rolling(24h);
    out.objectives = {"calls", "gone"};
    return out;
  }
};

TEST_F(kpi_test, values_from_outside_are_kept_and_judged) {
  kpis.push_back(churn());
  open("2026-10-10T12:30:00");
  EXPECT_EQ(at->report("churn")->present.stands, standing::no_data);
  EXPECT_EQ(at->report("churn")->trend, std::nullopt);
  for (int day = 0; day < 6; ++day) ASSERT_TRUE(at->put_value("churn", {.at = utc("2026-10-10T12:00:00") - day * 24h, .value = 2.0 + day, .note = "survey"}));
  const auto got = at->report("churn");
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->present.value, 2.0);
  EXPECT_EQ(got->present.stands, standing::met);
  EXPECT_EQ(got->before.at(1).stands, standing::missed);
  EXPECT_EQ(got->change, -1.0);
  ASSERT_TRUE(got->trend);
  EXPECT_NEAR(got->trend->by_x, -1, 1e-12);
  EXPECT_EQ(got->trend->points, 6U);
  EXPECT_EQ(got->objectives, (std::vector<std::pair<std::string, std::string>>{{"calls", "no data"}, {"gone", "not watched"}}));

  const auto before = at->put_value("churn", {.at = utc("2026-10-10T12:00:00"), .value = 9, .note = "corrected"});
  ASSERT_TRUE(before && *before);
  EXPECT_EQ((*before)->value, 2.0);
  open("2026-10-10T12:45:00");  // another program on the same data
  EXPECT_EQ(at->report("churn")->present.value, 9.0);
  EXPECT_EQ(at->put_value("nothing", {}).error().code, errc::not_found);
  EXPECT_EQ(at->put_value("churn", {.at = utc("2026-10-12T12:00:00"), .value = 1}).error().code, errc::invalid_argument);
}

TEST_F(kpi_test, of_several_values_in_a_window) {
  const std::vector<kpi_value> all{{.at = instant{1s}, .value = 1}, {.at = instant{2s}, .value = 5}, {.at = instant{3s}, .value = 3}, {.at = instant{4s}, .value = 100}};
  const time_span in{instant{1s}, instant{4s}};
  EXPECT_EQ(folded(all, in, folding::last), 3);
  EXPECT_EQ(folded(all, in, folding::mean), 3);
  EXPECT_EQ(folded(all, in, folding::sum), 9);
  EXPECT_EQ(folded(all, {instant{5s}, instant{9s}}, folding::sum), std::nullopt);
}

TEST_F(kpi_test, what_is_measured_is_a_quotient_of_indicators) {
  for (const auto& [name, what] : {std::pair{"cost", slo::measure::cost}, std::pair{"availability", slo::measure::availability}}) {
    plan.indicators.push_back({.name = name, .description = {}, .what = {}, .by = {}});
    plan.indicators.back().what.what = what;
  }
  kpi_spec cost{.name = "cost_per_good"};
  cost.part = {"cost", slo::statistic::sum};
  cost.per = {"availability", slo::statistic::good_count};
  cost.how = slo::comparison::lte;
  cost.target = 0.5;
  cost.over = slo::rolling(24h);
  kpis.push_back(cost);
  open("2026-10-10T12:00:00");
  for (int i = 0; i < 4; ++i) call(utc("2026-10-10T12:00:01"), i == 0 ? errc::upstream_error : errc::none, nano_usd{300'000'000});
  go_to("2026-10-10T12:00:30");
  const auto got = at->report("cost_per_good");
  ASSERT_TRUE(got) << got.error().message;
  ASSERT_TRUE(got->present.value);
  EXPECT_NEAR(*got->present.value, 0.4, 1e-9);
  EXPECT_EQ(got->present.stands, standing::met);
  EXPECT_EQ(got->before.at(0).stands, standing::no_data);
  EXPECT_EQ(got->change, std::nullopt);
  EXPECT_EQ(at->put_value("cost_per_good", {}).error().code, errc::conflict);
}

TEST_F(kpi_test, windows_of_the_clock_and_of_the_calendar) {
  const auto rolling = windows_of(slo::rolling(48h), utc("2026-10-10T12:30:00"), 2);
  EXPECT_EQ(rolling[0], (time_span{utc("2026-10-08T13:00:00"), utc("2026-10-10T13:00:00")}));
  EXPECT_EQ(rolling[1].end, rolling[0].begin);
  slo::calendar monthly;
  monthly.start = slo::parse_local_time("2024-01-01 00:00:00").value();
  monthly.each = {1, slo::span_unit::month};
  monthly.zone = testing_support::zone("Europe/Berlin");
  const auto months = windows_of({monthly.each.length(), std::make_shared<const slo::calendar>(monthly)}, utc("2026-11-10T00:00:00"), 2);
  EXPECT_EQ(months[0].begin, utc("2026-10-31T23:00:00"));
  EXPECT_EQ(months[1].begin, utc("2026-09-30T22:00:00"));
}

}  // namespace
}  // namespace andon::business
