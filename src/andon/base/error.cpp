#include "andon/base/error.hpp"

#include <array>

namespace andon {
namespace {

constexpr std::string_view invalid_request = "invalid_request_error";

using enum errc;
using o = origin;

constexpr std::array table{
    error_kind{none, "none", o::none, 200, "", "", true, "No error."},
    error_kind{bad_json, "bad_json", o::client, 400, invalid_request, "", false,
               "The body is not valid JSON. Send a JSON object encoded as UTF-8."},
    error_kind{bad_request, "bad_request", o::client, 400, invalid_request, "", false,
               "A field is missing, has the wrong type or an impossible value; `param` names it."},
    error_kind{bad_http, "bad_http", o::client, 400, invalid_request, "", false,
               "The bytes are not a valid HTTP/1.1 request; the connection is closed."},
    error_kind{body_too_large, "body_too_large", o::client, 413, invalid_request, "request_too_large", false,
               "The body, or what it unpacks to, is larger than `listen.max_body`."},
    error_kind{headers_too_large, "headers_too_large", o::client, 431, invalid_request, "headers_too_large", false,
               "The request's header lines are larger than `listen.max_headers`."},
    error_kind{unknown_path, "unknown_path", o::client, 404, invalid_request, "unknown_url", false,
               "No such path on this port."},
    error_kind{method_not_allowed, "method_not_allowed", o::client, 405, invalid_request, "method_not_allowed", false,
               "The path exists but not for this method; `Allow` lists those that do."},
    error_kind{unsupported_encoding, "unsupported_encoding", o::client, 415, invalid_request, "unsupported_encoding",
               false, "The Content-Encoding is not one of gzip, deflate, br, zstd or identity."},
    error_kind{missing_key, "missing_key", o::client, 401, invalid_request, "missing_api_key", false,
               "No key was sent. Use `Authorization: Bearer sk-andon-…`."},
    error_kind{invalid_key, "invalid_key", o::client, 401, invalid_request, "invalid_api_key", false,
               "The key is unknown. Create one with `andon key create`."},
    error_kind{expired_key, "expired_key", o::client, 401, invalid_request, "expired_api_key", false,
               "The key's end date has passed. Rotate it or create another."},
    error_kind{blocked_key, "blocked_key", o::client, 401, invalid_request, "blocked_api_key", false,
               "An operator blocked the key."},
    error_kind{forbidden, "forbidden", o::client, 403, "permission_error", "forbidden", false,
               "The key's role may not do this."},
    error_kind{model_not_found, "model_not_found", o::client, 404, invalid_request, "model_not_found", false,
               "No route has this name. `GET /v1/models` lists those the key may use."},
    error_kind{model_not_allowed, "model_not_allowed", o::client, 403, "permission_error", "model_not_allowed", false,
               "The route exists but the key may not use it."},
    error_kind{client_gone, "client_gone", o::client, 499, invalid_request, "client_closed_request", false,
               "The client closed the connection before the reply was complete; the upstream call was cancelled."},
    error_kind{client_timeout, "client_timeout", o::client, 408, "timeout_error", "request_timeout", true,
               "The request did not arrive completely within `listen.request_timeout`, or the call was not answered within the time that it asked for itself (`x-andon-timeout`)."},
    error_kind{requests_limited, "requests_limited", o::limit, 429, "requests", "rate_limit_exceeded", true,
               "More requests per minute than the named scope allows. Wait for `retry-after`."},
    error_kind{tokens_limited, "tokens_limited", o::limit, 429, "tokens", "rate_limit_exceeded", true,
               "More tokens per minute than the named scope allows. Wait for `retry-after`."},
    error_kind{parallel_limited, "parallel_limited", o::limit, 429, "requests", "rate_limit_exceeded", true,
               "More calls at once than the named scope allows. Retry when one has ended."},
    error_kind{budget_exceeded, "budget_exceeded", o::limit, 429, "insufficient_quota", "insufficient_quota", false,
               "The named scope's budget cannot cover the call; the message gives the time of reset."},
    error_kind{guard_blocked, "guard_blocked", o::guard, 400, invalid_request, "content_policy_violation", false,
               "A policy refused the content."},
    error_kind{internal, "internal", o::gateway, 500, "server_error", "", true,
               "A fault in the gateway. The log has the details under the request id."},
    error_kind{draining, "draining", o::gateway, 503, "server_error", "shutting_down", true,
               "The gateway is shutting down and takes no new work."},
    error_kind{overloaded, "overloaded", o::gateway, 503, "server_error", "slow_down", true,
               "The gateway is at a bound that protects it. Retry after `retry-after`."},
    error_kind{ledger_unavailable, "ledger_unavailable", o::gateway, 503, "server_error", "ledger_unavailable", true,
               "The journal cannot take the call's record and the policy is `refuse`: free disk space."},
    error_kind{no_target, "no_target", o::gateway, 503, "server_error", "no_healthy_target", true,
               "No target of the route can serve the call at present."},
    error_kind{dns_failed, "dns_failed", o::provider, 502, "api_error", "upstream_dns", true,
               "The provider's host name does not resolve."},
    error_kind{connect_failed, "connect_failed", o::provider, 502, "api_error", "upstream_connect", true,
               "The provider refused the connection or is unreachable."},
    error_kind{tls_failed, "tls_failed", o::provider, 502, "api_error", "upstream_tls", true,
               "TLS with the provider failed; the attempt in the Record says whether the certificate is to blame."},
    error_kind{connect_timeout, "connect_timeout", o::provider, 504, "timeout_error", "upstream_connect_timeout", true,
               "No connection to the provider within `deadline.connect`."},
    error_kind{first_token_timeout, "first_token_timeout", o::provider, 504, "timeout_error",
               "upstream_first_token_timeout", true, "No first byte from the provider within `deadline.first_token`."},
    error_kind{idle_timeout, "idle_timeout", o::provider, 504, "timeout_error", "upstream_idle_timeout", true,
               "The provider fell silent in mid-reply for longer than `deadline.idle`."},
    error_kind{total_timeout, "total_timeout", o::provider, 504, "timeout_error", "upstream_total_timeout", true,
               "The call took longer than `deadline.total`."},
    error_kind{upstream_reset, "upstream_reset", o::provider, 502, "api_error", "upstream_reset", true,
               "The provider closed the connection before its reply was complete."},
    error_kind{upstream_bad_reply, "upstream_bad_reply", o::provider, 502, "api_error", "upstream_bad_reply", true,
               "The provider's reply is not valid HTTP, JSON or event stream."},
    error_kind{upstream_rate_limited, "upstream_rate_limited", o::provider, 429, "requests", "rate_limit_exceeded",
               true, "The provider's own rate limit refused the call on every target."},
    error_kind{upstream_rejected, "upstream_rejected", o::client, 400, invalid_request, "", false,
               "The provider refused the request as the client sent it; its status and body are passed on."},
    error_kind{upstream_error, "upstream_error", o::provider, 502, "api_error", "", true,
               "The provider answered with a server error; its status and body are passed on."},
    error_kind{stream_truncated, "stream_truncated", o::provider, 502, "api_error", "upstream_stream_truncated", true,
               "The provider's stream ended without its end marker; the client got an error event."},
    error_kind{invalid_argument, "invalid_argument", o::client, 400, invalid_request, "invalid_argument", false,
               "An argument of an admin call or command is not acceptable; the message says which and why."},
    error_kind{not_found, "not_found", o::client, 404, invalid_request, "not_found", false,
               "The named thing does not exist."},
    error_kind{already_exists, "already_exists", o::client, 409, invalid_request, "already_exists", false,
               "Something with this name exists."},
    error_kind{conflict, "conflict", o::client, 409, invalid_request, "conflict", false,
               "The thing changed in between, or its state forbids this."},
    error_kind{io_error, "io_error", o::gateway, 500, "server_error", "io_error", true,
               "Reading or writing a file failed; the message names it."},
    error_kind{disk_full, "disk_full", o::gateway, 503, "server_error", "disk_full", true,
               "The file system has no room, or the quota of the data directory is used up."},
    error_kind{corrupt, "corrupt", o::gateway, 500, "server_error", "corrupt", false,
               "Stored data fails its checksum; the message names file and offset."},
    error_kind{locked, "locked", o::gateway, 503, "server_error", "locked", true,
               "Another process holds the data directory or the store."},
    error_kind{unavailable, "unavailable", o::gateway, 503, "server_error", "unavailable", true,
               "A part that the call needs is stopped or not ready."},
    error_kind{cancelled, "cancelled", o::gateway, 503, "server_error", "cancelled", true,
               "The operation was cancelled before it ended."},
    error_kind{target_too_long, "target_too_long", o::client, 414, invalid_request, "uri_too_long", false,
               "The request line is larger than `listen.max_headers`: shorten the path or its query."},
    error_kind{unsupported_transfer, "unsupported_transfer", o::client, 501, invalid_request, "unsupported_transfer_encoding", false,
               "The Transfer-Encoding is not `chunked`; pack a body with Content-Encoding instead."},
    error_kind{plan_frozen, "plan_frozen", o::client, 409, invalid_request, "plan_frozen", false,
               "An error-budget policy freezes the plan; the message names it, the objective and the Decision. To change it all the same, give a reason."},
};

consteval bool in_order() {
  for (std::size_t i = 0; i < table.size(); ++i)
    if (table[i].code != static_cast<errc>(i)) return false;
  return table.size() == static_cast<std::size_t>(count_);
}
static_assert(in_order(), "the error table follows the order of errc");

}  // namespace

std::string_view to_string(origin from) {
  constexpr std::array<std::string_view, 6> names{"none", "client", "limit", "guard", "gateway", "provider"};
  return names[static_cast<std::size_t>(from)];
}

const error_kind& kind_of(errc code) {
  auto index = static_cast<std::size_t>(code);
  return index < table.size() ? table[index] : table[static_cast<std::size_t>(internal)];
}

std::span<const error_kind> error_table() { return table; }

}  // namespace andon
