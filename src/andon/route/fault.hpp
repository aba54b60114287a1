#pragma once
// What a failed attempt means: who is to blame, and what may be done about it. The table is in fault.cpp.
#include "andon/base/error.hpp"
#include "andon/route/settings.hpp"

namespace andon::route {

/// The kind of a failure. `none`: not the provider's fault (the client's own 400, a client that left, the gateway's own
/// error, the exchange's total deadline), so it is final and says nothing of the target's health.
/// `credential`: 401, 402, 403 or 404 from a provider, although the gateway chose credential and model name: somebody
/// must look at the configuration. 403 and 404 may be about this call alone (an operation that the model has not), so they
/// open no breaker; a caller could otherwise close a target for all.
[[nodiscard]] fault_kind fault_of(errc code, int http_status);

/// The error code for a provider's HTTP status ≥ 400: upstream_rate_limited for 429, upstream_rejected for the caller's
/// own mistakes, upstream_error for the rest (credential faults included: they are no fault of the caller).
[[nodiscard]] errc error_of_status(int http_status);

/// The wait a reply's headers ask for: `retry-after-ms`, else `retry-after` in seconds (fractions allowed) or as an
/// HTTP date. Zero when absent, unreadable, in the past. Empty views mean absent.
[[nodiscard]] nanoseconds parse_retry_after(std::string_view retry_after, std::string_view retry_after_ms, wall_time now);

}  // namespace andon::route
