#include "andon/cache/store.hpp"

#include <gtest/gtest.h>

#include <list>
#include <map>
#include <thread>

#include "andon/base/random.hpp"

namespace andon::cache {
namespace {

using namespace std::chrono_literals;

digest key_of(std::uint64_t n) { return sha256(std::to_string(n)); }

reply_ptr reply_of(std::uint64_t n, std::size_t size, mono_time made = {}, nanoseconds keep = 1h) {
  auto out = std::make_shared<reply>();
  out->key = key_of(n);
  out->body.assign(size, static_cast<char>('a' + n % 26));
  out->made = made;
  out->keep = keep;
  return out;
}

TEST(store, gives_back_what_was_put) {
  store s;
  EXPECT_FALSE(s.find(key_of(1), 1h, {}));
  EXPECT_TRUE(s.put(reply_of(1, 10)));
  EXPECT_TRUE(s.put(reply_of(2, 20)));
  ASSERT_TRUE(s.find(key_of(1), 1h, {}));
  EXPECT_EQ(s.find(key_of(2), 1h, {})->body.size(), 20u);
  EXPECT_TRUE(s.put(reply_of(1, 30)));
  EXPECT_EQ(s.find(key_of(1), 1h, {})->body.size(), 30u);
  EXPECT_EQ(s.counts().entries, 2u);
  EXPECT_EQ(s.counts().stored, 3u);
  EXPECT_EQ(s.counts().bytes, reply_of(1, 30)->bytes() + reply_of(2, 20)->bytes());
  s.clear();
  EXPECT_EQ(s.counts().entries, 0u);
  EXPECT_EQ(s.counts().bytes, 0u);
}

TEST(store, time_ends) {
  store s;
  simulated_clock time;
  s.put(reply_of(1, 10, time.mono(), 10s));
  time.advance(4s);
  EXPECT_TRUE(s.find(key_of(1), 4s, time.mono()));
  EXPECT_FALSE(s.find(key_of(1), 3s, time.mono()));  // too old for this caller
  time.advance(6s - 1ns);
  EXPECT_TRUE(s.find(key_of(1), 1h, time.mono()));
  time.advance(1ns);
  EXPECT_FALSE(s.find(key_of(1), 1h, time.mono()));
  EXPECT_EQ(s.counts().expired, 1u);
  EXPECT_EQ(s.counts().bytes, 0u);
}

TEST(store, holds_its_budget_whatever_comes) {
  store s({.memory = 100'000, .max_entry = 20'000});
  EXPECT_FALSE(s.put(reply_of(1, 20'000)));
  EXPECT_EQ(s.counts().too_large, 1u);
  EXPECT_EQ(s.counts().entries, 0u);
  random_source random{3};
  for (std::uint64_t i = 0; i < 2'000; ++i) {
    s.put(reply_of(i, random.below(19'000)));
    ASSERT_LE(s.counts().bytes, 100'000u);
  }
  EXPECT_GT(s.counts().evicted, 1'900u);
  EXPECT_GT(s.counts().entries, 3u);
  s.charge(60'000);
  EXPECT_LE(s.counts().bytes, 100'000u);
  s.charge(-60'000);
  EXPECT_LE(s.counts().bytes, 40'000u);
  s.set_limits({.memory = 10'000, .max_entry = 20'000});
  EXPECT_LE(s.counts().bytes, 10'000u);
  EXPECT_EQ(s.limits().max_entry, 10'000u);
}

TEST(store, small_entries_are_counted_with_their_bookkeeping) {
  store s({.memory = 1u << 20, .max_entry = 1u << 16});
  for (std::uint64_t i = 0; i < 100'000; ++i) s.put(reply_of(i, 1));
  EXPECT_LE(s.counts().entries * sizeof(reply), 1u << 20);
  EXPECT_LE(s.counts().bytes, 1u << 20);
}

/// Random operations against a slow list: what the store still has, it has right, and what was used last it has.
TEST(store, behaves_as_its_model) {
  store s({.memory = 1u << 18, .max_entry = 1u << 14});
  simulated_clock time;
  random_source random{11};
  std::map<std::uint64_t, std::pair<std::size_t, mono_time>> model;
  for (int i = 0; i < 20'000; ++i) {
    const auto n = random.below(400);
    if (random.below(3) == 0) {
      const auto size = static_cast<std::size_t>(random.below(4'000));
      s.put(reply_of(n, size, time.mono(), 60s));
      model[n] = {size, time.mono()};
      const auto got = s.find(key_of(n), 1h, time.mono());
      ASSERT_TRUE(got);
      ASSERT_EQ(got->body.size(), size);
    } else if (const auto got = s.find(key_of(n), 30s, time.mono())) {
      ASSERT_EQ(got->body.size(), model.at(n).first);
      ASSERT_LE(time.mono() - model.at(n).second, 30s);
    }
    if (random.below(10) == 0) time.advance(1s);
    ASSERT_LE(s.counts().bytes, 1u << 18);
  }
}

TEST(store, least_recent_goes_first) {
  store s({.memory = 64 * 1'500, .max_entry = 4'000});
  for (std::uint64_t i = 0; i < 2'000; ++i) {
    s.put(reply_of(i, 500));
    EXPECT_TRUE(s.find(key_of(0), 1h, {})) << i;  // asked for all the time: it stays
    if (i >= 1) EXPECT_TRUE(s.find(key_of(i), 1h, {})) << i;
    if (i >= 200) EXPECT_FALSE(s.find(key_of(i - 150), 1h, {})) << i;
  }
}

TEST(store, many_threads) {
  store s({.memory = 1u << 18, .max_entry = 1u << 14});
  std::vector<std::thread> all;
  for (std::uint64_t t = 0; t < 4; ++t)
    all.emplace_back([&s, t] {
      random_source random{t};
      for (int i = 0; i < 5'000; ++i) {
        const auto n = random.below(200);
        if (random.below(2) == 0) s.put(reply_of(n, n * 20));
        else if (const auto got = s.find(key_of(n), 1h, {})) EXPECT_EQ(got->body.size(), n * 20);
      }
    });
  for (auto& one : all) one.join();
  EXPECT_LE(s.counts().bytes, 1u << 18);
  s.clear();
  EXPECT_EQ(s.counts().bytes, 0u);
}

}  // namespace
}  // namespace andon::cache
