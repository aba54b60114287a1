#pragma once
// What the attempts of an exchange have in common, whether they begin a reply (stage_dispatch.cpp) or go on with one
// that another target has begun (stage_continue.cpp). Each works on the exchange's last attempt.
#include "andon/gateway/stages.hpp"
#include "andon/route/attempt_plan.hpp"

namespace andon::gateway {

/// What the route's conditions and strategies ask of a call. Views into the exchange.
route::facts facts_of(const exchange& x);
/// The body for this target: the client's own bytes wherever nothing has to change. Lives as long as the exchange's body and scratch.
std::string_view body_for(exchange& x, const served_model& model);
/// What a provider gets for a client's idempotency key: projects share the gateway's credential and with it the
/// provider's memory of such keys, so each project has its own. The same for the same project and key, always.
std::string own_idempotency_key(const access::directory& in, std::string_view project, std::string_view given);
/// Fills x.upstream_headers and begins the attempt's span.
void headers_for(gateway& on, exchange& x, const served_model& model);
/// Running out of the call's own time while connecting is no fault of the target.
[[nodiscard]] error in_time(error why, deadline total, mono_time now);
ledger::attempt& begin_attempt(gateway& on, exchange& x, const served_model& model);
void note_head(exchange& x, ledger::attempt& attempt, const net::client_reply& reply);
void finish_attempt(gateway& on, exchange& x, const relayed& how);
[[nodiscard]] bool is_event_stream(const net::client_reply& reply);
[[nodiscard]] route::attempt_failure failure_of(const exchange& x, const relayed& how);
/// Counts and logs what a failure did to its target.
void note_failure(gateway& on, const served_model& model, const relayed& how, const route::failure_effect& effect);
/// Charges a failed attempt with what is known of it, at least its input: providers bill what they worked on.
void book_failed(exchange& x, const served_model& model, const relayed& how);

}  // namespace andon::gateway
