#pragma once
// Expected failures. Every function that can fail for reasons outside the program returns andon::result<T>.
// The table in error.cpp is the single source of an error's origin, HTTP status and wire type; the reference page
// of errors is generated from it.
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace andon {

/// Who is answerable for an error. Objectives count errors by this, so it is part of every Record.
enum class origin : std::uint8_t { none, client, limit, guard, gateway, provider };

std::string_view to_string(origin);

/// Every expected failure, by name. Append only: the number is stored in Records.
enum class errc : std::uint16_t {
  none = 0,
  // the caller's request
  bad_json, bad_request, bad_http, body_too_large, headers_too_large, unknown_path, method_not_allowed,
  unsupported_encoding, missing_key, invalid_key, expired_key, blocked_key, forbidden, model_not_found,
  model_not_allowed, client_gone, client_timeout,
  // limits and budgets
  requests_limited, tokens_limited, parallel_limited, budget_exceeded,
  // guards
  guard_blocked,
  // the gateway itself
  internal, draining, overloaded, ledger_unavailable, no_target,
  // providers
  dns_failed, connect_failed, tls_failed, connect_timeout, first_token_timeout, idle_timeout, total_timeout,
  upstream_reset, upstream_bad_reply, upstream_rate_limited, upstream_rejected, upstream_error, stream_truncated,
  // programs, files and admin calls
  invalid_argument, not_found, already_exists, conflict, io_error, disk_full, corrupt, locked, unavailable,
  cancelled,
  // the caller's request, continued
  target_too_long, unsupported_transfer,
  // the gateway's policies
  plan_frozen,
  count_,
};

/// What the table says of one errc.
struct error_kind {
  errc code;
  std::string_view name;       ///< stable, snake_case: Records, metrics labels and logs use it
  origin from;
  int http_status;             ///< what a client of the gateway receives
  std::string_view wire_type;  ///< OpenAI `error.type`
  std::string_view wire_code;  ///< OpenAI `error.code`; empty means null
  bool client_may_retry;       ///< false sends `x-should-retry: false`
  std::string_view meaning;    ///< for the error reference: what happened and what to do
};

const error_kind& kind_of(errc);
std::span<const error_kind> error_table();

struct error {
  errc code = errc::internal;
  std::string message;  ///< says what is wrong, where, and what to do; never holds a secret or a prompt
  std::string param{};  ///< the offending field, if any
};

template <class T>
using result = std::expected<T, error>;

/// Shorthand: `return fail(errc::bad_json, "…")`.
[[nodiscard]] inline std::unexpected<error> fail(errc code, std::string message, std::string param = {}) {
  return std::unexpected(error{code, std::move(message), std::move(param)});
}

}  // namespace andon
