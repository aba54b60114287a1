#include "andon/gateway/told_error.hpp"

namespace andon::gateway {
namespace {

/// What follows `The provider NAME `; empty: the message is the client's already.
std::string_view deed_of(errc code) {
  switch (code) {
    case errc::upstream_rate_limited:
    case errc::upstream_rejected:
    case errc::upstream_error:
    case errc::client_gone:
    case errc::ledger_unavailable: return {};
    case errc::dns_failed:
    case errc::connect_failed:
    case errc::tls_failed: return "cannot be reached.";
    case errc::connect_timeout: return "could not be reached in time.";
    case errc::first_token_timeout: return "did not begin its reply in time.";
    case errc::idle_timeout: return "stopped in the middle of its reply.";
    case errc::total_timeout: return "did not complete its reply in time.";
    case errc::upstream_reset: return "closed the connection before its reply was complete.";
    case errc::upstream_bad_reply: return "sent a reply that is not valid.";
    case errc::stream_truncated: return "ended its stream before the reply was complete.";
    case errc::overloaded: return "has as many calls under way as the gateway allows.";
    default: return "could not be called.";
  }
}

}  // namespace

error told_error(const served_model& model, error why) {
  const auto deed = deed_of(why.code);
  if (!deed.empty()) why.message = "The provider " + model.provider.str() + " " + std::string(deed);
  return why;
}

}  // namespace andon::gateway
