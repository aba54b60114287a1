#pragma once
// The head of a reply: parsed strictly, into views of the receive buffer. Private to the client.
//
// Refused: bare CR or LF, NUL and control bytes, obsolete folding, white space around names, both Content-Length and
// Transfer-Encoding, differing or odd lengths, codings other than `chunked`, versions other than HTTP/1.x.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "andon/net/http_client.hpp"

namespace andon::net {

enum class body_framing : std::uint8_t { none, length, chunked, until_close };

struct reply_head {
  int status = 0;
  bool http_1_0 = false;
  bool keep_alive = false;
  body_framing framing = body_framing::none;
  std::uint64_t content_length = 0;   ///< where framing is `length`
  std::string_view encoding;          ///< Content-Encoding as sent
  std::vector<header> headers;
};

enum class head_state : std::uint8_t { incomplete, complete, bad };

struct head_parsed {
  head_state state = head_state::incomplete;
  std::size_t size = 0;           ///< bytes of the head, when complete
  const char* why = nullptr;      ///< when bad
};

/// `bytes` start with the head; `searched` is where the search for its end may begin and is moved on. `to_head` says
/// that the request was a HEAD, whose reply has no body.
head_parsed parse_head(std::string_view bytes, std::size_t& searched, bool to_head, reply_head& out);

/// Appends the request's head. False if a part holds CR, LF, NUL or (method, target, names) white space.
bool write_head(std::string& out, const outgoing_request& request, std::string_view host);

/// What write_head() checks, for requests that are written otherwise.
bool is_well_formed(const outgoing_request& request);
/// Requests of these methods say the size of their body even when it is empty.
inline bool states_length(const outgoing_request& request) {
  return !request.body.empty() || request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
}

}  // namespace andon::net
