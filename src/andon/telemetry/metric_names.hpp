#pragma once
// Every metric family of the path in one table: names, descriptions, units, boundaries. The GenAI ones are those of the
// OpenTelemetry semantic conventions 1.41.1.
#include <array>
#include <span>
#include <string_view>

namespace andon::telemetry {

struct family {
  std::string_view name;
  std::string_view help;
  std::string_view unit;
  std::span<const double> boundaries = {};  ///< of histograms
};

namespace boundaries {
inline constexpr std::array duration{0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92};
inline constexpr std::array token_usage{1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16384.0, 65536.0, 262144.0, 1048576.0, 4194304.0, 16777216.0, 67108864.0};
inline constexpr std::array first_token{0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0};
inline constexpr std::array per_output_token{0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5};
inline constexpr std::array overhead{25e-6, 50e-6, 100e-6, 200e-6, 400e-6, 800e-6, 1.6e-3, 3.2e-3, 6.4e-3, 12.8e-3, 25.6e-3, 102.4e-3};
}  // namespace boundaries

namespace families {
inline constexpr family client_tokens{"gen_ai.client.token.usage", "Tokens a provider billed per call, by gen_ai.token.type", "{token}", boundaries::token_usage};
inline constexpr family client_duration{"gen_ai.client.operation.duration", "Duration of one call to a provider", "s", boundaries::duration};
inline constexpr family client_first_chunk{"gen_ai.client.operation.time_to_first_chunk", "Time from a streamed call to a provider to its first chunk", "s", boundaries::duration};
inline constexpr family client_chunks{"gen_ai.client.operation.time_per_output_chunk", "Time between two chunks of a streamed reply, after the first", "s", boundaries::duration};
inline constexpr family server_duration{"gen_ai.server.request.duration", "Duration of a call as the gateway's caller sees it, to the last byte", "s", boundaries::duration};
inline constexpr family server_first_token{"gen_ai.server.time_to_first_token", "Time to the first token sent to the caller of a streamed call", "s", boundaries::first_token};
inline constexpr family server_per_token{"gen_ai.server.time_per_output_token", "Mean time per output token after the first, of a streamed call", "s", boundaries::per_output_token};

inline constexpr family requests{"andon.requests", "Finished exchanges by project, route, model, HTTP status and origin of the error (none: served)", "{request}"};
inline constexpr family errors{"andon.errors", "Exchanges that failed, by project, route, model, origin and error", "{request}"};
inline constexpr family tokens{"andon.tokens", "Tokens by class; cached_read and cache_write are parts of input, reasoning of output", "{token}"};
inline constexpr family cost{"andon.cost", "Cost of exchanges whose price is known, in billionths of a US dollar", "nUSD"};
inline constexpr family unknown_price{"andon.unknown_price", "Exchanges that could not be priced: add the model to the price table", "{request}"};
inline constexpr family estimated{"andon.estimated_usage", "Exchanges whose tokens the gateway counted itself because the provider did not say", "{request}"};
inline constexpr family cut{"andon.cut_replies", "Replies of which the caller got a part only", "{request}"};
inline constexpr family retries{"andon.retries", "Further attempts on the same target", "{attempt}"};
inline constexpr family failovers{"andon.failovers", "Further attempts on another target", "{attempt}"};
inline constexpr family attempts{"andon.attempts", "Attempts by model, provider and outcome", "{attempt}"};
inline constexpr family request_bytes{"andon.request.size", "Bytes of request bodies", "By"};
inline constexpr family reply_bytes{"andon.reply.size", "Bytes of reply bodies", "By"};
inline constexpr family stream_events{"andon.stream_events", "Events of streamed replies", "{event}"};
inline constexpr family overhead{"andon.overhead", "The gateway's own share of an exchange's duration", "s", boundaries::overhead};
inline constexpr family continuations{"andon.stream_continuations", "Streams that broke in the middle and were brought to their end by another target, by route", "{stream}"};
inline constexpr family hedges_started{"andon.hedges.started", "Second targets asked because the first was silent, by route", "{attempt}"};
inline constexpr family hedges_ended{"andon.hedges.ended", "What became of them: won (served the client), lost (the first answered after all), failed, dropped (the client left, or the call failed for good)", "{attempt}"};
inline constexpr family hedges_denied{"andon.hedges.denied", "Second targets that were not asked although the first was silent, by route and reason", "{attempt}"};
inline constexpr family batches{"andon.batches", "Calls to providers that were made for several embeddings calls together, by route", "{call}"};
inline constexpr family batched_calls{"andon.batched_calls", "Embeddings calls that went together with others, by route", "{call}"};
inline constexpr family batches_split{"andon.batches.split", "Joined calls that were refused for what they said, so that each of theirs was sent alone, by route", "{call}"};
inline constexpr family in_flight{"andon.in_flight", "Exchanges being served now", "{request}"};
inline constexpr family open_streams{"andon.open_streams", "Streamed replies being sent now", "{stream}"};
inline constexpr family cooldowns{"andon.cooldowns", "Times a target was taken out after failures", "{event}"};
inline constexpr family credential_refusals{"andon.credential_refusals", "Calls a provider refused because of the gateway's credential or model name: check the configuration", "{event}"};
inline constexpr family refusals{"andon.refusals", "Exchanges refused by a limit or budget, by scope and reason", "{request}"};
inline constexpr family rejections{"andon.rejected_requests", "Requests refused without a known caller, by reason: they have no Record", "{request}"};
inline constexpr family unrecorded{"andon.unrecorded", "Calls of known callers whose Record found no space and is lost: must be 0", "{request}"};
}  // namespace families

/// All of the above, for the generated reference.
inline constexpr std::array path_families{
    &families::client_tokens, &families::client_duration, &families::client_first_chunk, &families::client_chunks, &families::server_duration,
    &families::server_first_token, &families::server_per_token, &families::requests, &families::errors, &families::tokens,
    &families::cost, &families::unknown_price, &families::estimated, &families::cut, &families::retries,
    &families::failovers, &families::attempts, &families::request_bytes, &families::reply_bytes, &families::stream_events,
    &families::overhead, &families::continuations, &families::hedges_started, &families::hedges_ended, &families::hedges_denied, &families::batches, &families::batched_calls, &families::batches_split, &families::in_flight, &families::open_streams, &families::cooldowns, &families::credential_refusals,
    &families::refusals, &families::rejections, &families::unrecorded};

}  // namespace andon::telemetry
