#include "andon/route/outlier.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "andon/route/attempt_plan.hpp"
#include "andon/route/one_route_testing.hpp"

namespace andon::route {
namespace {

using namespace std::chrono_literals;

TEST(outlier, the_formula_by_cases) {
  constexpr std::uint64_t n = 100;
  struct row { const char* name; std::vector<peer_reading> peers; outlier_settings with; std::optional<std::uint32_t> found; oddity by = oddity::errors; };
  const std::vector<row> rows{
      {"two peers say nothing", {{n, 1.0}, {n, 0.0}}, {}, {}},
      {"a third without volume is no peer", {{n, 1.0}, {n, 0.0}, {0, 0.0}}, {}, {}},
      {"one fails, two do not", {{n, 0.0}, {n, 0.21}, {n, 0.0}}, {}, 1},
      {"below the margin", {{n, 0.0}, {n, 0.19}, {n, 0.0}}, {}, {}},
      {"all fail alike", {{n, 0.5}, {n, 0.55}, {n, 0.45}}, {}, {}},
      {"few calls among failing peers: noise", {{n, 0.5}, {20, 0.75}, {n, 0.5}}, {}, {}},
      {"the same with many", {{n, 0.5}, {n, 0.75}, {n, 0.5}}, {}, 1},
      {"the worst of two", {{n, 0.4}, {n, 0.0}, {n, 0.9}, {n, 0.0}, {n, 0.0}}, {}, 2},
      {"slow, but latency is not looked at", {{n, 0, 1e9}, {n, 0, 9e9}, {n, 0, 1e9}}, {}, {}},
      {"slow", {{n, 0, 1e9}, {n, 0, 9e9}, {n, 0, 1e9}}, {.latency_factor = 3}, 1, oddity::latency},
      {"slow by microseconds only", {{n, 0, 1e5}, {n, 0, 9e5}, {n, 0, 1e5}}, {.latency_factor = 3}, {}},
      {"errors before latency", {{n, 0.9, 1e9}, {n, 0, 9e9}, {n, 0, 1e9}}, {.latency_factor = 3}, 0},
  };
  for (const auto& [name, peers, with, found, by] : rows) {
    const auto got = find_outlier(peers, with);
    ASSERT_EQ(got.has_value(), found.has_value()) << name;
    if (got) EXPECT_EQ(got->index, *found) << name;
    if (got) EXPECT_EQ(got->by, by) << name;
  }
}

struct world : testing_support::one_route {
  explicit world(std::initializer_list<const char*> models) : one_route(models) {
    settings.choose = strategy::weighted;
    settings.breaker.error_rate = 1.0;  // so that only the comparison takes a target out
    settings.breaker.consecutive_failures = 1'000'000;
    compile();
  }
  // `failing` in ten of this target's calls fail.
  void run(std::uint32_t index, int calls, int failing) {
    auto& one = *at->at(index).health;
    for (int i = 0; i < calls; ++i) i % 10 < failing ? void(one.failed(fault_kind::server_error, 0ns, settings.breaker, now)) : void(one.succeeded(10ms, 0ns, tokens{}, now));
  }
};

TEST(outlier, is_ejected_for_a_time_once_a_second_at_most) {
  world w({"a", "b", "c"});
  w.run(0, 40, 0);
  w.run(1, 40, 4);
  w.run(2, 40, 0);
  const auto first = w.at->review(w.now, 0);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->index, 1u);
  EXPECT_EQ(first->by, oddity::errors);
  EXPECT_EQ(first->span, 2s);
  EXPECT_EQ(w.at->at(1).health->state(w.now), breaker_state::open);
  EXPECT_EQ(w.at->at(1).health->ejections(), 1u);
  w.run(0, 400, 9);
  EXPECT_FALSE(w.at->review(w.now + 999ms, 0));
}

TEST(outlier, never_more_than_the_share_and_never_the_last) {
  world w({"a", "b", "c"});
  w.settings.outlier.max_ejected = 1.0;
  w.compile();
  w.at->at(0).health->cool(w.now + 1h);
  w.at->at(1).health->hold(w.now + 1h);
  w.run(0, 40, 0);
  w.run(1, 40, 0);
  w.run(2, 40, 10);
  EXPECT_FALSE(w.at->review(w.now, 0)) << "it is the last one left";
  world half({"a", "b", "c", "d"});
  for (std::uint32_t i = 0; i < 4; ++i) half.run(i, 40, i == 3 ? 10 : 0);
  half.at->at(0).health->cool(half.now + 1h);
  half.settings.outlier.max_ejected = 0.5;
  half.compile();
  EXPECT_TRUE(half.at->review(half.now, 0)) << "two of four";
  half.at->at(3).health->recover();
  half.run(3, 40, 10);
  half.settings.outlier.max_ejected = 0.4;
  half.compile();
  EXPECT_FALSE(half.at->review(half.now + 2s, 0)) << "one of four is out already";
}

TEST(outlier, small_routes_and_those_that_switch_it_off_are_not_looked_at) {
  world two({"a", "b"});
  two.run(0, 100, 10);
  two.run(1, 100, 0);
  EXPECT_FALSE(two.at->review(two.now, 0));
  world off({"a", "b", "c"});
  off.settings.outlier.max_ejected = 0;
  off.compile();
  for (std::uint32_t i = 0; i < 3; ++i) off.run(i, 100, i == 0 ? 10 : 0);
  EXPECT_FALSE(off.at->review(off.now, 0));
}

}  // namespace
}  // namespace andon::route
