#pragma once
// What the simulated provider shall do: defaults, and rules for the requests that they match. Read strictly from YAML:
// unknown fields, wrong types and impossible values are errors with line and column, all of them at once.
//
//   seed: 7
//   keys: [ sk-good ]                 # others get 401; without it every key is good
//   models: [ gpt-4o-mini ]           # others get 404; without it every model is there
//   defaults: { words: 24, first_token: 10ms, between: { exponential: 2ms } }
//   canned: { events: 64 }            # pre-rendered replies, for benchmarks
//   rules:                            # the first that matches is taken
//     - match: { model: m, path: /v1/chat/completions, header: { x-test: a }, nth: 3, every: 2, first: 5,
//                probability: 0.1, from: 10s, until: 20s, period: 60s, stream: true }
//       error: rate_limit             # or status, body, headers
//       fault: cut
//       after: 5
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "andon/base/error.hpp"
#include "andon/sim/latency.hpp"

namespace andon::sim {

/// What goes wrong. The names are those of the script.
enum class fault : std::uint8_t {
  none,
  // the connection
  refuse,                ///< reset as soon as it is accepted (decided without a request: only nth, every, first, probability and time match)
  reset_in_request,      ///< reset at the first bytes of a request (decided as `refuse` is)
  reset_before_head, reset_in_head, reset_in_body,  ///< the last after `after` bytes of the body
  blackhole,             ///< nothing at all, connection open
  blackhole_after_head,  ///< the head, then nothing
  half_close,            ///< half of the body, then FIN
  // streams
  cut,                   ///< connection closed after `after` events, without the chunked end
  stall,                 ///< silent after `after` events
  pings,                 ///< nothing but comment lines after `after` events, one each `interval`, until 10,000 have gone
  no_done,               ///< a proper end of the body, but no [DONE]
  duplicate_finish,      ///< the final chunk and [DONE] twice
  error_in_stream,       ///< an error event after `after` events, then the end
  comments,              ///< comment lines between the events
  cr, crlf,              ///< line ends of the events
  // bytes
  drip,                  ///< `bytes` bytes every `interval`
  slice,                 ///< writes of `bytes` bytes
  short_length, long_length,  ///< Content-Length too small, too large by `after` bytes (default 10)
  bad_chunk,             ///< a chunk size that is none
  big_chunks,            ///< content of `bytes` bytes (default 1 MiB) in one event
  // content
  invalid_json, wrong_shape, empty, error_in_200, bad_utf8,
  wrong_model,           ///< the reply names another model
  count_,
};
std::string_view to_string(fault);
/// Decided when a connection is accepted, before there is a request.
constexpr bool at_connection(fault what) { return what == fault::refuse || what == fault::reset_in_request; }

/// Errors as OpenAI words them.
enum class canned_error : std::uint8_t { none, rate_limit, quota, context_length, content_filter, overloaded, server_error, auth, permission, not_found, timeout, count_ };
std::string_view to_string(canned_error);

struct usage_override {
  bool missing = false;
  std::int64_t prompt = -1, completion = -1, cached = -1, reasoning = -1;  ///< -1: as counted
};

struct condition {
  std::string model, path;                                  ///< exact; empty: any
  std::vector<std::pair<std::string, std::string>> headers; ///< all of them; an empty value: present
  std::uint64_t nth = 0, every = 0, first = 0;              ///< 1-based count of requests that match otherwise; 0: not asked
  double probability = 1;
  nanoseconds from{}, until = nanoseconds::max(), period{}; ///< since start; with a period, within each period: flapping
  std::optional<bool> stream;
};

/// How a reply is made. Absent fields of a rule are those of the defaults.
struct behaviour {
  std::optional<int> status;
  std::optional<std::string> body;
  std::optional<std::string> sse;      ///< of an event stream, as it is; with a `fault` of the connection's
  std::optional<std::string> raw;      ///< of everything, from the status line on; then the connection closes
  std::vector<std::pair<std::string, std::string>> headers;
  std::optional<latency> delay;        ///< before the head
  std::optional<latency> first_token;  ///< after the head, streams; added to `delay` otherwise
  std::optional<latency> between;      ///< between two events; a whole reply waits for all of them
  std::optional<std::uint32_t> words;
  std::optional<std::string> text;     ///< instead of made-up text
  std::optional<bool> echo;            ///< the last message's text
  std::optional<std::string> finish_reason;
  std::optional<usage_override> usage;
  canned_error error = canned_error::none;
  fault what = fault::none;
  std::optional<std::uint64_t> after, bytes;
  std::optional<nanoseconds> interval;
  std::optional<std::uint64_t> write;      ///< bytes a write, whatever the fault
  std::optional<nanoseconds> write_pause;  ///< between two such writes
};

struct rule {
  condition when;
  behaviour then;
};

/// Pre-rendered replies for every request that no rule matches: the cheapest provider there is. Nothing of a request is
/// checked but whether it asks for a stream; `defaults` do not apply.
struct canned_replies {
  std::uint32_t events = 64;           ///< of a stream, the role and the finish chunk included, [DONE] not
  std::uint32_t bytes = 300;           ///< of a whole reply's body, about
  nanoseconds between{};               ///< zero: all events at once
};

struct script {
  std::uint64_t seed = 1;
  std::vector<std::string> keys;
  std::vector<std::string> models;
  behaviour defaults;
  std::optional<canned_replies> canned;
  std::vector<rule> rules;
};

/// Errors: invalid_argument; the message has one line a fault, `name:line:column: what is wrong`.
result<script> parse_script(std::string_view yaml, std::string_view name = "script");
result<script> load_script(const std::string& file);  ///< io_error when it cannot be read

}  // namespace andon::sim
