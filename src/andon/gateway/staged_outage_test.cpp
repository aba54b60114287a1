// A target that a drill takes as down.
#include <gmock/gmock.h>

#include "andon/gateway/gateway_fixture.hpp"

namespace andon::gateway::testing {
namespace {

constexpr const char* chat = R"({"model":"r","messages":[{"role":"user","content":"Hello"}]})";

void know_health(plan& made, route::health_table& health) {
  for (auto& model : made.models) model->health = health.of(model->name);
}
mono_time now() { return system_clock{}.mono(); }

TEST(gateway_staged_outage, another_target_serves_and_the_record_says_why) {
  running_gateway g({.targets = {{}, {}}, .amend = know_health});
  g.health(0).staged().begin(now() + 1h, 1);
  const auto got = g.send({.body = chat});
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.served_by, "m1");
  const auto r = g.record_of(got.request_id);
  ASSERT_EQ(r.attempts.size(), 2u);
  EXPECT_EQ(r.attempts[0].outcome, errc::connect_failed);
  EXPECT_EQ(r.attempts[0].error_message, route::outage::message);
}

TEST(gateway_staged_outage, opens_the_breaker_and_ends_when_it_is_lifted) {
  running_gateway g({.targets = {{}, {}}, .adjust = [](route::route_settings& r) { r.breaker.consecutive_failures = 2, r.breaker.open = r.breaker.max_open = 1ms, r.breaker.slow_start = 0s; }, .amend = know_health});
  g.health(0).staged().begin(now() + 1h, 1);
  for (int n = 0; n < 3; ++n) EXPECT_EQ(g.send({.body = chat}).served_by, "m1");
  EXPECT_NE(g.health(0).state(now()), route::breaker_state::closed);
  g.health(0).staged().end();
  std::string by;
  for (int n = 0; n < 2'000 && by != "m0"; ++n) by = g.send({.body = chat}).served_by;
  EXPECT_EQ(by, "m0");
}

TEST(gateway_staged_outage, of_the_only_target_fails_as_a_refused_connection) {
  running_gateway g({.targets = {{}}, .amend = know_health});
  g.health(0).staged().begin(now() + 1h, 1);
  const auto got = g.send({.body = chat});
  EXPECT_EQ(got.status, 502);
  EXPECT_EQ(g.record_of(got.request_id).outcome, errc::connect_failed);
}

TEST(gateway_staged_outage, is_seen_by_health_checks) {
  running_gateway g({.targets = {{}, {}}, .check_every = 5ms, .amend = know_health});
  g.health(0).staged().begin(now() + 1h, 1);
  const auto until = now() + 5s;
  while (g.health(0).checks(false) == 0 && now() < until) std::this_thread::yield();
  EXPECT_GT(g.health(0).checks(false), 0u);
}

}  // namespace
}  // namespace andon::gateway::testing
