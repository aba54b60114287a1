#pragma once
// Waiting for a target's place in the route's waiting room.
#include "andon/gateway/stages.hpp"
#include "andon/route/attempt_plan.hpp"

namespace andon::gateway {

/// Waits until a place is given, within the call's deadline and the route's `queue.max_wait`. The place is the plan's
/// when this returns a step. Errors: overloaded, with x.retry_after set, when the queue is full, when the wait would not
/// fit or did not, or when a call of higher priority took the place in the queue; no_target; client_gone.
net::task<result<route::attempt_step>> wait_for_place(gateway& on, exchange& x, const served_route& at, route::attempt_plan& attempts);

}  // namespace andon::gateway
