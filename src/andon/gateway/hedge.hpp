#pragma once
// Two targets at the same time: while the first attempt is silent, another target is asked beside it. The first good
// answer (a reply's head, of a stream its first token) serves the client, the other call is cancelled at once.
//
// The exchange's own coroutine waits for the first attempt, one that is spawned for the second; whichever opens its
// reply cancels the other. Nothing of the race is left when it ends, so that the stages after it know one attempt only.
#include "andon/gateway/attempt.hpp"

namespace andon::gateway {

/// Opens the reply of the attempt that x.first has begun, with a hedge after so much silence. Afterwards x.running is the
/// attempt that answered, or the one that failed last, and the plan speaks of it; the other one is in the Record, its
/// cost is booked.
net::task<relayed> open_hedged(gateway& on, exchange& x, const served_route& at, route::attempt_plan& attempts, nanoseconds after);

}  // namespace andon::gateway
