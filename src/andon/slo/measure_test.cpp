#include "andon/slo/measure.hpp"

#include "andon/slo/slo_testing.hpp"

namespace andon::slo {
namespace {

using namespace testing;

ledger::record feedback_at(std::vector<std::pair<std::string, std::string>> says) {
  auto r = record_at(at_second(1'000));
  r.op = ledger::operation::feedback;
  r.http_status = 201;
  r.metadata = std::move(says);
  return r;
}

std::optional<contribution> of(measure what, const ledger::record& r) {
  const viewed one(r);
  return contribution_of({.what = what}, one.view());
}

TEST(measure, feedback_counts_for_what_people_say_and_for_nothing_else) {
  const auto said = feedback_at({{"feedback.csat", "4"}, {"feedback.nps", "9"}, {"feedback.score", "0.25"}, {"feedback.thumbs", "down"}, {"feedback.resolved", "true"}});
  EXPECT_EQ(of(measure::csat, said)->value, 4);
  EXPECT_EQ(of(measure::nps, said)->value, 100);
  EXPECT_EQ(of(measure::score, said)->value, 0.25);
  EXPECT_EQ(of(measure::thumbs, said)->events, (counts{0, 1}));
  EXPECT_EQ(of(measure::resolved, said)->events, (counts{1, 1}));
  for (const auto& about : measure_table()) {
    const auto what = about.which;
    const bool of_feedback = what == measure::csat || what == measure::nps || what == measure::score || what == measure::thumbs || what == measure::resolved;
    if (about.source == measure_source::records) EXPECT_EQ(of(what, said).has_value(), of_feedback) << about.name;
    if (of_feedback) EXPECT_FALSE(of(what, record_at(at_second(1)))) << about.name << " of a call";
  }
}

TEST(measure, promoters_count_against_detractors) {
  for (const auto& [told, value] : {std::pair{"10", 100.0}, {"9", 100.0}, {"8", 0.0}, {"7", 0.0}, {"6", -100.0}, {"0", -100.0}})
    EXPECT_EQ(of(measure::nps, feedback_at({{"feedback.nps", told}}))->value, value) << told;
}

TEST(measure, what_feedback_does_not_say_is_no_event) {
  EXPECT_FALSE(of(measure::csat, feedback_at({{"feedback.nps", "9"}})));
  EXPECT_FALSE(of(measure::csat, feedback_at({{"feedback.csat", "many"}})));
  auto refused = feedback_at({{"feedback.csat", "4"}});
  refused.outcome = errc::bad_request;
  EXPECT_FALSE(of(measure::csat, refused));
}

TEST(measure, how_an_interrupted_call_was_carried_is_not_known) {
  auto one = record_at(at_second(1));
  one.transport = 0;
  for (const auto what : {measure::transit_encrypted, measure::rest_encrypted}) EXPECT_EQ(of(what, one)->events, (counts{0, 1})) << about(what).name;
  one.interrupted = true;
  for (const auto what : {measure::transit_encrypted, measure::rest_encrypted}) EXPECT_FALSE(of(what, one)) << about(what).name;
}

}  // namespace
}  // namespace andon::slo
