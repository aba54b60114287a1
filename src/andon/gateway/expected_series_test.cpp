#include "andon/gateway/expected_series.hpp"

#include <gmock/gmock.h>

#include "andon/gateway/gateway_fixture.hpp"

namespace andon::gateway::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(expected_series, what_a_plan_can_do_is_counted_from_0_on) {
  running_gateway g({.adjust = [](route::route_settings& rules) { rules.hedge.after = 1h; }, .amend = [](plan& p, route::health_table&) { p.routes[0]->batch.window = 1ms; }});
  ASSERT_EQ(g.chat().status, 200);
  const auto text = g.metrics_text();
  for (const char* line : {"andon_cooldowns_total{model=\"m0\"} 0\n", "andon_credential_refusals_total{model=\"m0\"} 0\n", "andon_stream_continuations_total{route=\"r\"} 0\n",
                           "andon_hedges_started_total{route=\"r\"} 0\n", "andon_hedges_ended_total{route=\"r\",outcome=\"dropped\"} 0\n",
                           "andon_hedges_denied_total{route=\"r\",reason=\"budget\"} 0\n", "andon_hedges_denied_total{route=\"r\",reason=\"spend\"} 0\n",
                           "andon_batches_total{route=\"r\"} 0\n", "andon_batches_split_total{route=\"r\"} 0\n"})
    EXPECT_THAT(text, HasSubstr(line));
}

TEST(expected_series, what_a_route_never_does_has_no_series) {
  running_gateway g({.amend = [](plan& p, route::health_table&) { for (auto& one : p.routes) one->continue_streams = false; }});
  ASSERT_EQ(g.chat().status, 200);
  for (const char* family : {"andon_hedges_started_total{", "andon_batches_total{", "andon_stream_continuations_total{"}) EXPECT_THAT(g.metrics_text(), Not(HasSubstr(family)));
}

TEST(expected_series, are_bounded) {
  metrics::registry registry;
  telemetry::exchange_meter meter(registry);
  plan large{llm::price_table::make().value()};
  for (std::size_t i = 0; i < most_expected + 10; ++i) {
    large.models.push_back(std::make_unique<served_model>());
    large.models.back()->name = model_name{"m" + std::to_string(i)};
  }
  expect_series(meter, large);
  EXPECT_THAT(registry.render_prometheus(), HasSubstr("andon_cooldowns_total{model=\"m" + std::to_string(most_expected - 1) + "\"} 0\n"));
  EXPECT_THAT(registry.render_prometheus(), Not(HasSubstr("model=\"m" + std::to_string(most_expected) + "\"")));
}

}  // namespace
}  // namespace andon::gateway::testing
