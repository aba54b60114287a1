#include "andon/sim/script.hpp"

#include <gtest/gtest.h>

namespace andon::sim {
namespace {

using namespace std::chrono_literals;

TEST(Script, ReadsEverything) {
  auto s = parse_script(R"(
seed: 7
keys: [sk-a]
models: [m, n]
defaults: { words: 5, first_token: 10ms, between: { exponential: 2ms } }
canned: { events: 8, bytes: 400, between: 1ms }
rules:
  - match: { model: m, path: /v1/chat/completions, header: { x-test: a }, nth: 3, every: 2, first: 5, probability: 0.5, from: 1s, until: 2s, period: 3s, stream: true }
    status: 503
    body: oops
    headers: { retry-after: "1" }
    delay: { uniform: [1ms, 2ms] }
    first_token: { lognormal: { median: 5ms, sigma: 0.4 } }
    between: { percentiles: { 50: 1ms, 99: 9ms } }
    words: 3
    text: hello
    echo: true
    finish_reason: length
    usage: { prompt_tokens: 1, completion_tokens: 2, cached_tokens: 1 }
    error: rate_limit
    fault: cut
    after: 4
    bytes: 2
    interval: 5ms
)");
  ASSERT_TRUE(s) << s.error().message;
  EXPECT_EQ(s->seed, 7u);
  EXPECT_EQ(s->defaults.words, 5u);
  ASSERT_EQ(s->rules.size(), 1u);
  const auto& r = s->rules[0];
  EXPECT_EQ(r.when.nth, 3u);
  EXPECT_EQ(r.when.period, 3s);
  EXPECT_EQ(r.then.what, fault::cut);
  EXPECT_EQ(r.then.error, canned_error::rate_limit);
  EXPECT_EQ(r.then.usage->completion, 2);
  EXPECT_EQ(s->canned->between, 1ms);
  EXPECT_TRUE(parse_script(""));
}

TEST(Script, EveryFaultHasAName) {
  for (std::size_t i = 0; i < static_cast<std::size_t>(fault::count_); ++i) {
    auto s = parse_script("defaults: { fault: " + std::string{to_string(static_cast<fault>(i))} + " }");
    ASSERT_TRUE(s) << s.error().message;
    EXPECT_EQ(s->defaults.what, static_cast<fault>(i));
  }
}

TEST(Script, RefusesWithPlaces) {
  struct { std::string_view yaml, message; } cases[] = {
      {"sed: 1", "f:1:1: A script has no field `sed`."},
      {"rules: 5", "f:1:8: rules has to be a list."},
      {"rules:\n  - fault: explode", "f:2:12: One of these is expected:"},
      {"defaults:\n  delay: fast", "f:2:10: `fast` is not a duration such as 10ms."},
      {"defaults: { words: -1 }", "f:1:20: A whole number from 0 to"},
      {"defaults: { words: 1.5 }", "f:1:20: A whole number from 0 to"},
      {"seed: 1\nseed: 2", "f:2:1: `seed` is given twice."},
      {"rules:\n  - match: { modle: x }", "f:2:14: match has no field `modle`."},
      {"rules:\n  - match: { model: x }\n    fault: refuse", "f:2:5: `refuse` and `reset_in_request` are decided before"},
      {"defaults: { write: 0 }", "f:1:20: A whole number from 1 to"},
      {"rules:\n  - match: { from: 2s, until: 1s }", "f:2:5: `until` has to be later"},
      {"defaults: { delay: { percentiles: { 50: 5ms, 40: 6ms } } }", "Percentiles have to rise."},
      {"defaults: { headers: { a: \"b\\r\\nc: d\" } }", "A header may hold no line ends."},
      {"a: [", "f:"},
  };
  for (const auto& c : cases) {
    auto s = parse_script(c.yaml, "f");
    ASSERT_FALSE(s) << c.yaml;
    EXPECT_NE(s.error().message.find(c.message), std::string::npos) << s.error().message;
  }
  auto both = parse_script("a: 1\nb: 2");
  ASSERT_FALSE(both);
  EXPECT_NE(both.error().message.find('\n'), std::string::npos);
}

TEST(Latency, DrawsFromItsDistribution) {
  random_source random{5};
  auto mean = [&](const latency& l) {
    double sum = 0;
    for (int i = 0; i < 20'000; ++i) sum += static_cast<double>(l.draw(random).count());
    return sum / 20'000 / 1e6;
  };
  EXPECT_EQ(latency::constant(5ms).draw(random), 5ms);
  EXPECT_NEAR(mean(latency::uniform(10ms, 20ms)), 15, 0.3);
  EXPECT_NEAR(mean(latency::exponential(10ms)), 10, 0.4);
  EXPECT_NEAR(mean(latency::lognormal(10ms, 0.5)), 10 * 1.1331, 0.4);
  EXPECT_NEAR(mean(latency::percentiles({{0, 0ms}, {100, 10ms}})), 5, 0.2);
  EXPECT_EQ(latency::percentiles({{50, 1ms}}).draw(random), 1ms);
}

}  // namespace
}  // namespace andon::sim
