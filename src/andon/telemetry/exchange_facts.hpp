#pragma once
// One finished exchange as metrics and traces see it: filled by the gateway from its Record, without any content.
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "andon/base/clock.hpp"
#include "andon/base/error.hpp"
#include "andon/base/quantity.hpp"

namespace andon::telemetry {

using trace_id = std::array<unsigned char, 16>;
using span_id = std::array<unsigned char, 8>;

/// Tokens by class; neither `known` nor `failed` means that nothing was consumed.
struct token_facts {
  std::int64_t input = 0;            ///< cached ones included
  std::int64_t cached_read = 0;
  std::int64_t cache_write = 0;
  std::int64_t output = 0;           ///< reasoning included
  std::int64_t reasoning = 0;
  bool known = false;                ///< of the attempt that served
  bool estimated = false;
  bool failed = false;               ///< of attempts that served nothing
};

enum class price_fact : std::uint8_t { unknown, known, free, unknown_tier };

/// One try of one target.
struct attempt_facts {
  span_id id{};                      ///< what was sent upstream in traceparent
  std::string_view model;            ///< the deployable's name in the configuration
  std::string_view provider;         ///< its name in the configuration: what Andon's own metrics carry
  std::string_view kind;             ///< `gen_ai.provider.name`: the conventions' well-known name of its kind
  std::string_view upstream_model;   ///< the name sent to the provider
  std::string_view address;          ///< host
  std::uint16_t port = 0;
  errc outcome = errc::none;
  int http_status = 0;
  nanoseconds started{};             ///< after exchange_facts::started
  nanoseconds duration{};
  nanoseconds first_token{};         ///< from the attempt's start; zero: not a stream, or none came
};

/// The views must live until the call returns; what is queued for export is copied.
struct exchange_facts {
  std::string_view project, route, model;   ///< model: the deployable that served, empty if none
  std::string_view request_id;              ///< `req_…`
  std::string_view operation;               ///< `chat`, `text_completion`, `embeddings`
  std::string_view method, path;
  std::string_view response_model, response_id, finish_reason;
  errc outcome = errc::none;
  int http_status = 200;                    ///< what the client received
  std::string_view error_message;
  bool stream = false;
  bool cut = false;                         ///< the client got a part only
  wall_time started{};
  nanoseconds duration{};                   ///< first byte in to last byte out
  nanoseconds first_token{};                ///< to the client; zero: not a stream, or none came
  nanoseconds overhead{};                   ///< the gateway's own share of duration
  std::uint32_t stream_events = 0;
  token_facts used;
  nano_usd cost;
  price_fact price = price_fact::unknown;
  std::uint64_t request_bytes = 0, reply_bytes = 0;
  std::uint32_t retries = 0, failovers = 0;
  std::span<const attempt_facts> attempts;  ///< the last one served, when outcome is none

  std::optional<std::int64_t> max_tokens, seed, choices;
  std::optional<double> temperature, top_p, frequency_penalty, presence_penalty;
  bool json_output = false;                 ///< `gen_ai.output.type` json was asked for

  trace_id trace{};                         ///< all zero: not traced
  span_id span{};                           ///< of this exchange
  span_id parent{};                         ///< all zero: a root
  std::string_view trace_state;
  bool sampled = false;
};

}  // namespace andon::telemetry
