#include "andon/slo/feedback_summary.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "andon/base/random.hpp"

namespace andon::slo {
namespace {

using pairs = std::vector<std::pair<std::string, std::string>>;

TEST(feedback_summary, a_call_that_was_rated_twice_is_one_rated_call_and_two_answers) {
  random_source random{1};
  const auto first = request_id::make(wall_time{}, random), second = request_id::make(wall_time{}, random);
  feedback_summary sums;
  sums.add_calls({"shop", "chat"}, 10);
  sums.add_feedback({"shop", "chat"}, first, pairs{{"feedback.csat", "5"}, {"feedback.thumbs", "up"}});
  sums.add_feedback({"shop", "chat"}, first, pairs{{"feedback.csat", "2"}, {"feedback.thumbs", "down"}});
  sums.add_feedback({"shop", "chat"}, second, pairs{{"feedback.resolved", "true"}, {"feedback.comment", "true"}});
  const auto& row = sums.rows().at({"shop", "chat"});
  EXPECT_EQ(row.answers, 3u);
  EXPECT_EQ(row.response().good, 2u);
  EXPECT_DOUBLE_EQ(*row.response().share(), 0.2);
  EXPECT_EQ(row.csat_satisfied.total, 2u);
  EXPECT_DOUBLE_EQ(*row.csat_satisfied.share(), 0.5);
  EXPECT_DOUBLE_EQ(*row.csat.mean(), 3.5);
  EXPECT_DOUBLE_EQ(*row.thumbs.share(), 0.5);
  EXPECT_DOUBLE_EQ(*row.resolved.share(), 1);
}

TEST(feedback_summary, rows_are_kept_apart_and_what_has_no_answers_says_nothing) {
  feedback_summary sums;
  sums.add_calls({"shop", "chat"}, 3);
  sums.add_feedback({"shop", ""}, std::nullopt, pairs{{"feedback.csat", "4"}});
  sums.add_feedback({"bank", "chat"}, std::nullopt, pairs{{"feedback.score", "0.5"}});
  ASSERT_EQ(sums.rows().size(), 3u);
  const auto& silent = sums.rows().at({"shop", "chat"});
  EXPECT_EQ(silent.response().share(), 0);
  EXPECT_FALSE(silent.nps());
  EXPECT_FALSE(silent.csat.mean());
  EXPECT_FALSE(silent.thumbs.share());
  EXPECT_FALSE(sums.rows().at({"shop", ""}).response().share()) << "nobody knows how many could have answered";
}

TEST(feedback_summary, promoters_and_detractors) {
  feedback_summary sums;
  for (int value = 0; value <= 10; ++value) sums.add_feedback({"shop", "chat"}, std::nullopt, pairs{{"feedback.nps", std::to_string(value)}});
  for (const auto* odd : {"11", "-1", "", "9x", "nan"}) sums.add_feedback({"shop", "chat"}, std::nullopt, pairs{{"feedback.nps", odd}});
  const auto& row = sums.rows().at({"shop", "chat"});
  EXPECT_EQ(row.nps_answers, 11u);
  EXPECT_EQ(row.promoters, 2u);
  EXPECT_EQ(row.detractors, 7u);
  EXPECT_DOUBLE_EQ(*row.nps(), -500.0 / 11);
}

}  // namespace
}  // namespace andon::slo
