#pragma once
// One event of a provider's stream, and the verdict on a whole stream. Made by a dialect's stream assembler.
#include <cstdint>

#include "andon/llm/request.hpp"

namespace andon::llm {

enum class event_kind : std::uint8_t {
  chunk,    ///< part of the answer
  done,     ///< the end marker
  failure,  ///< the provider reports an error in mid-stream
  other,    ///< carried through, not understood
};

/// What to do with an event on its way to the client.
enum class event_action : std::uint8_t {
  forward,   ///< as it is
  withhold,  ///< only the gateway asked for it: do not send it
  edit,      ///< send stream_event::without_usage()
};

struct stream_event {
  event_kind kind = event_kind::other;
  event_action action = event_action::forward;
  bool has_content = false;     ///< the client can show something: ends the time to first token
  bool finishes = false;        ///< gives a choice its finish_reason: to be held back until the end marker is there
  byte_span usage_member;       ///< `"usage":null` in the data, key and value without comma; set when action is edit
};

enum class completeness : std::uint8_t {
  open,       ///< no end seen: if the connection is over, the stream is truncated
  complete,   ///< end marker seen
  failed,     ///< the provider reported an error
};

}  // namespace andon::llm
