#pragma once
// The counters of a plan's routes and models, there at 0 before their first event. Called on the core's thread when it
// takes a plan up.
#include "andon/gateway/plan.hpp"
#include "andon/telemetry/exchange_meter.hpp"

namespace andon::gateway {

/// Routes, and models, that are expected; the counters of further ones begin with their first event.
inline constexpr std::size_t most_expected = 500;

void expect_series(telemetry::exchange_meter& meter, const plan& of);

}  // namespace andon::gateway
