#pragma once
// What the attempts of an exchange have in common, whether they begin a reply (stage_dispatch.cpp) or go on with one
// that another target has begun (stage_continue.cpp), alone or beside another one (hedge.cpp).
#include "andon/gateway/stages.hpp"
#include "andon/route/attempt_plan.hpp"

namespace andon::gateway {

/// What the route's conditions and strategies ask of a call. Views into the exchange.
route::facts facts_of(const exchange& x);
/// The body for the attempt's target: the client's own bytes wherever nothing has to change. Lives as long as the exchange's
/// body and the attempt's.
std::string_view body_for(const exchange& x, running_attempt& run);
/// What a provider gets for a client's idempotency key: projects share the gateway's credential and with it the
/// provider's memory of such keys, so each project has its own. The same for the same project and key, always.
std::string own_idempotency_key(const access::directory& in, std::string_view project, std::string_view given);
/// The refusal of a connection that a drill takes as impossible.
[[nodiscard]] std::optional<error> staged_refusal(gateway& on, const served_model& model);
/// A new attempt in the Record, with its span, credential and headers.
void begin_attempt(gateway& on, exchange& x, running_attempt& run, const served_model& model);
void note_head(exchange& x, running_attempt& run, const net::client_reply& reply);
/// When it was over; the Record has how.
mono_time finish_attempt(gateway& on, exchange& x, const running_attempt& run, const relayed& how);
/// Calls the target and opens its reply: a head with a good status, of a stream also its first token. `done`: it is in the
/// attempt, nothing has gone to the client.
net::task<relayed> open(gateway& on, exchange& x, running_attempt& run, route::attempt_deadlines limits);
[[nodiscard]] bool is_event_stream(const net::client_reply& reply);
[[nodiscard]] route::attempt_failure failure_of(const exchange& x, const relayed& how);
/// Counts and logs what a failure did to its target.
void note_failure(gateway& on, const served_model& model, const relayed& how, const route::failure_effect& effect);
/// Tells the plan of a failure and lets the credential rest where the fault is its own; fills in when to try again.
void blame_target(gateway& on, exchange& x, const served_route& at, route::attempt_plan& attempts, const running_attempt& run, relayed& how);
/// Charges a failed attempt with what is known of it, at least its input: providers bill what they worked on.
void book_failed(exchange& x, const served_model& model, const relayed& how);

}  // namespace andon::gateway
