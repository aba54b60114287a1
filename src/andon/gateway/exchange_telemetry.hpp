#pragma once
#include "andon/gateway/exchange.hpp"
#include "andon/gateway/gateway.hpp"

namespace andon::gateway {

/// Counts a closed exchange and offers its spans for export.
void tell(gateway& on, const exchange& x);

}  // namespace andon::gateway
