#pragma once
#include "andon/gateway/exchange.hpp"
#include "andon/gateway/gateway.hpp"

namespace andon::gateway {

/// Counts a closed exchange and offers its spans for export.
void tell(gateway& on, const exchange& x);

/// `gen_ai.operation.name`.
std::string_view operation_name(ledger::operation op);
/// What metrics and spans are told of an exchange; its id and attempts are added by tell(). Views into it.
telemetry::exchange_facts told_facts(const exchange& x);
/// What telemetry says of a model, whatever the attempt.
telemetry::attempt_facts target_facts(const served_model& model);

}  // namespace andon::gateway
