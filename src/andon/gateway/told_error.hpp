#pragma once
// What a client may know of a provider that failed: which one and what it did, in a fixed sentence. Addresses, the text
// of TLS and of name servers, and hints for operators stay in the attempt's error_message and in the log. Pure.
#include "andon/base/error.hpp"
#include "andon/gateway/exchange.hpp"

namespace andon::gateway {

/// The same code with the sentence for it. What the gateway words itself from a provider's reply (upstream_rate_limited,
/// upstream_rejected, upstream_error) and what is not about a provider (client_gone, ledger_unavailable) stays as it is.
error told_error(const served_model& model, error why);

}  // namespace andon::gateway
