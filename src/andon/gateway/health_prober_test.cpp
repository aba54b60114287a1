#include "andon/gateway/health_prober.hpp"

#include <gmock/gmock.h>

#include "andon/gateway/gateway_fixture.hpp"

namespace andon::gateway::testing {
namespace {

using route::breaker_state;

TEST(health_prober, a_death_is_noticed_without_traffic_and_a_recovery_too) {
  running_gateway g({.targets = {{}, {}}, .check_every = 5ms});
  EXPECT_TRUE(g.becomes([&] { return g.health(0).checks(true) >= 2; }));
  EXPECT_EQ(g.health(0).state(g.now()), breaker_state::closed);
  g.listening(0, false);
  const auto died = g.now();
  EXPECT_TRUE(g.becomes([&] { return g.health(0).state(g.now()) == breaker_state::open; }));
  EXPECT_LT(g.now() - died, 1s);
  EXPECT_EQ(g.health(1).state(g.now()), breaker_state::closed);
  EXPECT_EQ(g.chat().served_by, "m1") << "no call has to find out";
  EXPECT_EQ(g.provider(0).clients_left, 0U);
  g.listening(0, true);
  EXPECT_TRUE(g.becomes([&] { return g.health(0).state(g.now()) == breaker_state::closed; }));
  EXPECT_TRUE(g.becomes([&] { return g.health(0).share(g.now()) == 1.0; }));
  EXPECT_EQ(g.chat().served_by, "m0");
}

TEST(health_prober, a_breaker_that_calls_opened_becomes_half_open_only) {
  running_gateway g({.targets = {{}}, .check_every = 5ms});
  g.health(0).cool(g.now() + 1h);
  EXPECT_TRUE(g.becomes([&] { return g.health(0).state(g.now()) == breaker_state::half_open; }));
  EXPECT_EQ(g.chat().status, 200);
  EXPECT_TRUE(g.becomes([&] { return g.health(0).state(g.now()) == breaker_state::closed; }));
}

TEST(health_prober, an_answer_that_is_not_2xx_counts_as_a_failure) {
  running_gateway g({.targets = {{.script = "rules: [ { match: { path: /v1/models }, status: 503, body: '{}' } ]"}}, .check_every = 5ms});
  EXPECT_TRUE(g.becomes([&] { return g.health(0).checks(false) >= 2 && g.health(0).state(g.now()) == breaker_state::open; }));
}

TEST(health_prober, ends_while_a_check_hangs) {
  running_gateway g({.targets = {{.script = "rules: [ { match: { path: /v1/models }, fault: blackhole } ]"}}, .check_every = 1ms});
  EXPECT_TRUE(g.becomes([&] { return g.provider(0).connections >= 1; }));
}

}  // namespace
}  // namespace andon::gateway::testing
