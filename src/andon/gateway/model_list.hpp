#pragma once
#include "andon/gateway/exchange.hpp"
#include "andon/gateway/gateway.hpp"

namespace andon::gateway {

/// GET /v1/models and /v1/models/{id}: the routes this key may use.
net::task<result<void>> answer_models(gateway& on, exchange& x);

}  // namespace andon::gateway
