#pragma once
#include "andon/gateway/exchange.hpp"
#include "andon/gateway/gateway.hpp"

namespace andon::gateway {

/// Takes an exchange through all stages. When it returns, the client has its answer (or is gone) and the Record stands.
net::task<void> run_path(gateway& on, exchange& x);

}  // namespace andon::gateway
