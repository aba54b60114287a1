#include "andon/cache/similar.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <thread>

#include "andon/base/random.hpp"
#include "andon/cache/embedding.hpp"
#include "andon/cache/store.hpp"
#include "andon/cache/telling.hpp"

namespace andon::cache {
namespace {

digest key_of(std::uint64_t n) { return sha256(std::to_string(n)); }

std::vector<float> vector_of(random_source& random, std::size_t size = 16) {
  std::vector<float> out(size);
  do
    for (auto& x : out) x = static_cast<float>(random.unit() - 0.5);
  while (!normalise(out));
  return out;
}

TEST(similar, finds_the_nearest_above_the_threshold) {
  store s;
  similar_questions q(s);
  const digest here = key_of(1), elsewhere = key_of(2);
  q.put(here, std::vector<float>{1, 0}, key_of(10));
  q.put(here, std::vector<float>{0, 1}, key_of(11));
  const auto found = q.find(here, std::vector<float>{0.8f, 0.6f}, 0.75f);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->key, key_of(10));
  EXPECT_FLOAT_EQ(found->similarity, 0.8f);
  EXPECT_FALSE(q.find(here, std::vector<float>{0.8f, 0.6f}, 0.81f));
  EXPECT_FALSE(q.find(elsewhere, std::vector<float>{1, 0}, 0.5f));
  EXPECT_FALSE(q.find(here, std::vector<float>{1, 0, 0}, 0.5f));
  q.forget(here, key_of(10));
  EXPECT_FALSE(q.find(here, std::vector<float>{0.8f, 0.6f}, 0.75f));
  EXPECT_EQ(q.entries(), 1u);
  q.put(here, std::vector<float>{1, 0, 0}, key_of(12));  // another model's vectors: begun anew
  EXPECT_EQ(q.entries(), 1u);
  EXPECT_TRUE(q.find(here, std::vector<float>{1, 0, 0}, 0.9f));
}

/// Against looking at all of them, through growth, replacement and eviction.
TEST(similar, agrees_with_looking_at_all) {
  store s({.memory = 64u << 20});
  similar_questions q(s);
  q.set_max_entries(800);
  random_source random{5};
  std::vector<std::pair<digest, std::vector<float>>> model;  // oldest first
  const digest here = key_of(1);
  int asked = 0, agreed = 0;
  for (std::uint64_t i = 0; i < 2'500; ++i) {
    auto vector = vector_of(random);
    if (i % 7 == 3 && !model.empty()) {
      const auto at = random.below(model.size());
      q.forget(here, model[at].first);
      model.erase(model.begin() + static_cast<std::ptrdiff_t>(at));
    }
    q.put(here, vector, key_of(i));
    model.emplace_back(key_of(i), std::move(vector));
    if (model.size() > 800) model.erase(model.begin());
    ASSERT_EQ(q.entries(), model.size());
    if (i % 5 != 0) continue;
    const auto question = vector_of(random);
    float best = -2;
    for (const auto& [key, other] : model) {
      float sum = 0;
      for (std::size_t d = 0; d < other.size(); ++d) sum += other[d] * question[d];
      best = std::max(best, sum);
    }
    const auto found = q.find(here, question, -1);
    ASSERT_TRUE(found);
    ++asked;
    agreed += found->similarity > best - 1e-4f ? 1 : 0;
  }
  EXPECT_GE(agreed, asked * 97 / 100) << agreed << " of " << asked;
  EXPECT_GT(q.evicted(), 0u);
}

TEST(similar, memory_is_counted_and_bounded) {
  store s({.memory = 1u << 20});
  {
    similar_questions q(s);
    random_source random{9};
    for (std::uint64_t i = 0; i < 3'000; ++i) q.put(key_of(i % 50), vector_of(random, 64), key_of(1'000 + i));
    EXPECT_GT(q.entries(), 100u);
    EXPECT_LT(q.entries(), 3'000u);
    EXPECT_LE(s.counts().bytes, (1u << 19));
    q.set_max_entries(0);
    EXPECT_EQ(q.entries(), 0u);
    EXPECT_EQ(s.counts().bytes, 0u);
    q.put(key_of(1), vector_of(random), key_of(2));
    EXPECT_EQ(q.entries(), 0u);
  }
  EXPECT_EQ(s.counts().bytes, 0u);
}

TEST(similar, many_threads) {
  store s;
  similar_questions q(s);
  q.set_max_entries(500);
  std::vector<std::thread> all;
  for (std::uint64_t t = 0; t < 4; ++t)
    all.emplace_back([&q, t] {
      random_source random{t};
      for (int i = 0; i < 1'500; ++i) {
        const auto here = key_of(random.below(3));
        const auto vector = vector_of(random);
        if (random.below(3) == 0) (void)q.find(here, vector, 0.5f);
        else if (random.below(8) == 0) q.forget(here, key_of(random.below(900)));
        else q.put(here, vector, key_of(random.below(900)));
      }
    });
  for (auto& one : all) one.join();
  EXPECT_LE(q.entries(), 500u);
  q.set_max_entries(0);
  EXPECT_EQ(s.counts().bytes, 0u);
}

TEST(normalise, refuses_what_has_no_direction) {
  for (std::vector<float> bad : {std::vector<float>{}, {0, 0}, {std::nanf(""), 1}, {INFINITY, 1}}) EXPECT_FALSE(normalise(bad));
  std::vector<float> good{3, 4};
  EXPECT_TRUE(normalise(good));
  EXPECT_FLOAT_EQ(good[0], 0.6f);
}

TEST(embedding, is_read_from_a_reply) {
  const auto got = read_embedding(R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":[3, 4e0,1e-60]},{"embedding":[1]}],"model":"e"})");
  ASSERT_TRUE(got);
  EXPECT_EQ(got->size(), 3u);
  EXPECT_FLOAT_EQ((*got)[1], 0.8f);
  for (const auto* bad : {"", "{}", R"({"data":[]})", R"({"data":[{}]})", R"({"data":[{"embedding":"AAA="}]})", R"({"data":[{"embedding":[]}]})",
                          R"({"data":[{"embedding":[0,0]}]})", R"({"data":[{"embedding":[1,"2"]}]})", R"({"data":[{"embedding":[1)", R"({"data":{"embedding":[1]}})"})
    EXPECT_FALSE(read_embedding(bad)) << bad;
}

TEST(telling_words, are_numbers_and_negations) {
  EXPECT_EQ(telling_words("How do I reset my password?"), "!0");
  EXPECT_EQ(telling_words("Is db-3 down since 10:30, at 3.5% load?"), "db-3 10:30 3.5% !0");
  EXPECT_EQ(telling_words("Do NOT go. I can't, and won\xe2\x80\x99t; nobody will."), "!4");
  EXPECT_EQ(telling_words("Knot, note, nothing."), "!1");
  EXPECT_NE(telling_words("from 10 to 20"), telling_words("from 20 to 10"));
}

}  // namespace
}  // namespace andon::cache
