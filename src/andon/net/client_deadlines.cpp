#include "andon/net/client_deadlines.hpp"

#include <fmt/core.h>

namespace andon::net {

error timed_out(std::string_view name, call_phase at, const call_deadlines& until, mono_time now) {
  const bool total = until.total.passed(now);
  auto make = [name](errc code, std::string_view what) { return error{code, fmt::format("{}: {}", name, what)}; };
  switch (at) {
    case call_phase::tunnelling: return make(errc::connect_timeout, "the proxy did not answer within deadline.connect");
    case call_phase::connecting:
      return make(errc::connect_timeout, "no connection within deadline.connect: check address and firewall, or raise the deadline");
    case call_phase::securing:
      return make(errc::connect_timeout, "TLS was not established within deadline.connect: check that the port speaks TLS");
    case call_phase::sending:
    case call_phase::head:
      if (total) return make(errc::total_timeout, "no reply within deadline.total");
      return make(errc::first_token_timeout, at == call_phase::sending
                                                 ? "the provider did not take the request within deadline.first_token"
                                                 : "no reply within deadline.first_token: the provider is slow, or raise the deadline");
    default: break;
  }
  if (total) return make(errc::total_timeout, "the reply was not complete within deadline.total: raise it for long replies");
  return make(errc::idle_timeout, "the reply stalled for longer than deadline.idle");
}

}  // namespace andon::net
