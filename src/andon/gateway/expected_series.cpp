#include "andon/gateway/expected_series.hpp"

#include <array>
#include <ranges>

#include "andon/route/attempt_plan.hpp"

namespace andon::gateway {
namespace {

using route::no_hedge;

constexpr std::array hedge_ends{"won", "lost", "failed", "dropped"};
constexpr std::array hedge_denials{no_hedge::attempts, no_hedge::target, no_hedge::busy, no_hedge::budget};
constexpr std::array gateway_denials{"load", "spend"};

void expect_hedges(telemetry::exchange_meter& meter, std::string_view name) {
  meter.hedge_started(name, 0);
  for (const auto* how : hedge_ends) meter.hedge_ended(name, how, 0);
  for (const auto why : hedge_denials) meter.hedge_denied(name, route::to_string(why), 0);
  for (const auto* why : gateway_denials) meter.hedge_denied(name, why, 0);
}

void expect_route(telemetry::exchange_meter& meter, const served_route& one) {
  const auto name = one.name.view();
  if (one.continue_streams) meter.continued(name, 0);
  if (one.choice && one.choice->settings().hedge.on()) expect_hedges(meter, name);
  if (one.batch.window == nanoseconds{}) return;
  meter.batched(name, 0, 0);
  meter.batch_split(name, 0);
}

}  // namespace

void expect_series(telemetry::exchange_meter& meter, const plan& of) {
  for (const auto& model : of.models | std::views::take(most_expected)) {
    meter.cooled(model->name.view(), 0);
    meter.credential_refused(model->name.view(), 0);
  }
  for (const auto& one : of.routes | std::views::take(most_expected)) expect_route(meter, *one);
}

}  // namespace andon::gateway
