// How often the semantic cache is right, on labelled pairs of questions, by threshold. The embedding is the simulated
// provider's (words hashed into directions), so the rates are of that embedding: a real one knows synonyms and has
// other cosines. What holds for every embedding is the last column but one: numbers and negations never match.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "andon/cache/canonical.hpp"
#include "andon/cache/question_pairs_testing.hpp"
#include "andon/cache/shared_replies.hpp"
#include "andon/sim/speech.hpp"

namespace andon::gateway {
namespace {

constexpr std::size_t dimensions = 256;

cache::question asked(std::string_view text) {
  std::string scratch;
  const auto body = fmt::format(R"({{"messages":[{{"role":"user","content":"{}"}}]}})", text);
  return cache::question_of({.project = "p", .route = "r", .served = {}, .variant = {}}, body, scratch).value();
}

struct rates {
  int same = 0, near = 0, hits = 0, false_hits = 0;
};

/// Each pair in a cache of its own: would the second question get the first one's reply?
rates measure(float threshold, bool telling) {
  rates out;
  for (const auto& pair : cache::testing::question_pairs) {
    cache::store kept;
    cache::similar_questions questions(kept);
    const auto one = asked(pair.one), other = asked(pair.other);
    const digest common{};
    questions.put(telling ? one.partition : common, sim::embed(1, one.text, dimensions), digest{1});
    const bool hit = questions.find(telling ? other.partition : common, sim::embed(1, other.text, dimensions), threshold).has_value();
    (pair.same ? out.same : out.near) += 1;
    if (hit) (pair.same ? out.hits : out.false_hits) += 1;
  }
  return out;
}

double share(int part, int all) { return 100.0 * part / all; }

TEST(recall_rates, by_threshold) {
  fmt::print("{:>9}  {:>17}  {:>17}  {:>17}  {:>17}\n", "threshold", "hits, cosine", "false, cosine", "hits, as built", "false, as built");
  rates at_most, usual;
  for (const float threshold : {0.70f, 0.75f, 0.80f, 0.85f, 0.90f, 0.95f, 0.98f}) {
    const auto plain = measure(threshold, false), built = measure(threshold, true);
    fmt::print("{:>9.2f}  {:>15.1f} %  {:>15.1f} %  {:>15.1f} %  {:>15.1f} %\n", threshold, share(plain.hits, plain.same), share(plain.false_hits, plain.near),
               share(built.hits, built.same), share(built.false_hits, built.near));
    EXPECT_LE(built.false_hits, plain.false_hits);
    EXPECT_LE(built.hits, plain.hits);
    if (threshold == 0.95f) usual = built;
    if (threshold == 0.70f) at_most = built;
  }
  EXPECT_GE(usual.same + usual.near, 200);
  EXPECT_GE(share(usual.hits, usual.same), 20);          // at least the same words in another case
  EXPECT_LE(share(usual.false_hits, usual.near), 5);
  EXPECT_GE(at_most.hits, usual.hits);
}

TEST(recall_rates, numbers_and_negations_never_match) {
  for (const auto& [one, other] : {std::pair{"Can I return it after 30 days?", "Can I return it after 90 days?"}, {"Cancel my plan.", "Do not cancel my plan."},
                                   {"Is db-3 down?", "Is db-4 down?"}, {"from 1 to 2", "from 2 to 1"}, {"May I smoke?", "Mayn't I smoke?"}})
    EXPECT_NE(asked(one).partition, asked(other).partition) << one;
  EXPECT_EQ(asked("May I smoke?").partition, asked("am i allowed to smoke").partition);
}

}  // namespace
}  // namespace andon::gateway
