#include "andon/app/plan/tighten.hpp"

#include <gtest/gtest.h>

#include "andon/app/plan/compile_testing.hpp"

namespace andon::app {
namespace {

constexpr const char* text = R"(
providers: { p: { url: "http://127.0.0.1:1/v1" } }
models: { a: { provider: p, price: { free: true } }, b: { provider: p, price: { free: true } }, c: { provider: p, price: { free: true } } }
routes:
  listed: { targets: [ a, b, c ], retry: { attempts: 3 }, queue: { size: 50 }, hedge: { after: 1s } }
  tiers: { strategy: weighted, targets: [ { model: a, priority: 1 }, { model: b, priority: 2 }, { model: c } ] }
  alone: { targets: [ a ] }
)";

settings read(const std::string& from = text) {
  const testing_support::compilation c(from);
  EXPECT_TRUE(c.made) << c.found.text();
  return c.read;
}

std::vector<std::string> order(const settings& of, const std::string& route) {
  std::vector<std::string> out;
  for (const auto& one : of.routes.entries.at(route).targets) out.push_back(one.model + (one.priority > 0 ? "/" + std::to_string(one.priority) : ""));
  return out;
}

using names = std::vector<std::string>;

TEST(tighten, what_is_avoided_goes_last_and_no_route_becomes_empty) {
  auto of = read();
  tighten(of, std::vector{slo::tightening{.routes = {}, .avoid = {"a", "not there any more"}, .avoid_worst = false, .attempts = {}, .queue = {}, .no_hedging = false}});
  EXPECT_EQ(order(of, "listed"), (names{"b", "c", "a"}));
  EXPECT_EQ(order(of, "tiers"), (names{"a/3", "b/2", "c"}));
  EXPECT_EQ(order(of, "alone"), names{"a"});
  tighten(of, std::vector{slo::tightening{.routes = {"listed"}, .avoid = {"a", "b", "c"}, .avoid_worst = false, .attempts = {}, .queue = {}, .no_hedging = false}});
  EXPECT_EQ(order(of, "listed"), (names{"b", "c", "a"})) << "when all are avoided, none is";
}

TEST(tighten, several_add_up_and_numbers_only_become_smaller) {
  auto of = read();
  tighten(of, std::vector{slo::tightening{{"listed", "gone"}, {"a"}, false, 5, 10, false}, slo::tightening{{}, {"b"}, false, 1, 100, true}});
  const auto& listed = of.routes.entries.at("listed");
  EXPECT_EQ(order(of, "listed"), (names{"c", "a", "b"}));
  EXPECT_EQ(listed.retry.attempts, 1);
  EXPECT_EQ(listed.queue.size, 10);
  EXPECT_EQ(listed.hedge.after, nanoseconds{});
  EXPECT_EQ(order(of, "tiers"), (names{"a/1", "b/3", "c"})) << "the first is of the other route alone";
  const auto untouched = read();
  auto same = untouched;
  tighten(same, {});
  EXPECT_EQ(order(same, "listed"), order(untouched, "listed"));
  EXPECT_EQ(same.routes.entries.at("listed").queue.size, 50);
}

}  // namespace
}  // namespace andon::app
