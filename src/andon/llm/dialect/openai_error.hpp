#pragma once
// Errors of the OpenAI dialect, in both directions: what clients of the gateway receive, and what providers say.
// Pure, thread-safe.
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "andon/base/clock.hpp"
#include "andon/base/error.hpp"
#include "andon/llm/reply.hpp"

namespace andon::llm::openai {

/// What goes out: `{"error":{"message","type","param","code"}}`. All four are always there; empty param and code are null.
std::string error_body(const error& why);
std::string error_body(std::string_view message, std::string_view type, std::string_view param, std::string_view code);
/// An event for a stream that has begun: `data: {"error":…}` and the blank line. Never follow it with `[DONE]`.
std::string error_event(const error& why);

/// Headers that go with an error: content-type; `x-should-retry: false` where a retry is pointless; `retry-after`
/// (whole seconds, rounded up) and `retry-after-ms` when a time is given.
using header_list = std::vector<std::pair<std::string, std::string>>;
header_list error_headers(const error& why, std::optional<nanoseconds> retry_after = {});

/// Reads what a provider sent with a status of 400 and above, or inside a 200: OpenAI, Azure (`innererror`), vLLM
/// (`{"object":"error"}`, `{"detail": …}`), Ollama (`{"error":"text"}`), plain text, HTML. Never fails: an unreadable
/// body gives its status and a printable excerpt.
provider_error parse_error(int status, std::string_view body);
/// The classification alone.
failure_class classify(int status, std::string_view type, std::string_view code, std::string_view message);
/// The gateway's error for it: upstream_rate_limited, upstream_rejected (4xx that the client caused) or upstream_error.
errc to_errc(failure_class what);
/// Whether another target, or the same one later, may succeed where this one failed.
bool worth_another_target(failure_class what);

/// `retry-after-ms`, else `retry-after` as seconds (fractions too) or HTTP date; absent when neither is usable.
/// Bounded to [0, 1 day].
std::optional<nanoseconds> parse_retry_after(std::string_view retry_after, std::string_view retry_after_ms, wall_time now);
/// A reset time as OpenAI writes it: `120ms`, `1s`, `6m0s`, `1h2m3.5s`, or bare seconds.
std::optional<nanoseconds> parse_reset(std::string_view text);

/// A provider's own limits, from `x-ratelimit-…`. -1 and absent: not said.
struct provider_limits {
  std::int64_t limit_requests = -1, remaining_requests = -1;
  std::int64_t limit_tokens = -1, remaining_tokens = -1;
  std::optional<nanoseconds> reset_requests, reset_tokens;
};
/// Sets the field that a header names (compared without case); false when it is none of these.
bool read_limit(provider_limits& limits, std::string_view header_name, std::string_view value);

}  // namespace andon::llm::openai
