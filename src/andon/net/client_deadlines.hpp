#pragma once
// Where a call is, which of its deadlines holds there, and how running out of it is told. Private to the client.
#include <cstdint>
#include <string_view>

#include "andon/net/http_client.hpp"

namespace andon::net {

enum class call_phase : std::uint8_t { connecting, tunnelling, securing, sending, head, body, idle };

inline deadline read_deadline(call_phase at, const call_deadlines& until, mono_time now) {
  if (at != call_phase::body) return until.first_byte.earlier(until.total);
  if (until.idle == nanoseconds::zero()) return until.total;
  return deadline::after(now, until.idle).earlier(until.total);
}

/// The error of a wait that ended by its deadline; `name` is the provider's host:port.
error timed_out(std::string_view name, call_phase at, const call_deadlines& until, mono_time now);

}  // namespace andon::net
