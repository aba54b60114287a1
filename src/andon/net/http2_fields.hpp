#pragma once
// Header fields between HTTP's views and nghttp2's. Private to this room.
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "andon/net/http_types.hpp"

namespace andon::net {

inline std::string_view text_of(const std::uint8_t* bytes, std::size_t size) { return {reinterpret_cast<const char*>(bytes), size}; }
inline const std::uint8_t* bytes_of(std::string_view text) { return reinterpret_cast<const std::uint8_t*>(text.data()); }

/// Views: nghttp2 copies them when the frame is submitted.
inline nghttp2_nv to_nv(std::string_view name, std::string_view value) {
  return {const_cast<std::uint8_t*>(bytes_of(name)), const_cast<std::uint8_t*>(bytes_of(value)), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

/// Appends the name as HTTP/2 wants it, and gives its place. `into` must have the room already: views of it stay.
inline std::string_view append_lower(std::string& into, std::string_view name) {
  const std::size_t at = into.size();
  for (const char c : name) into += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return std::string_view(into).substr(at);
}

/// Blanks around a value mean nothing, as in HTTP/1.1 (RFC 9110, 5.5): a client that sends `Bearer ` without a key is to be
/// told so by the one who looks for the key.
inline std::string_view without_blanks(std::string_view value) {
  const auto first = value.find_first_not_of(" \t");
  return first == value.npos ? std::string_view{} : value.substr(first, value.find_last_not_of(" \t") - first + 1);
}

/// Fields that speak of an HTTP/1.1 connection and must not be sent (RFC 9113, 8.2.2).
inline bool is_of_the_connection(std::string_view name) {
  constexpr std::array<std::string_view, 5> names{"connection", "transfer-encoding", "keep-alive", "upgrade", "proxy-connection"};
  return std::ranges::any_of(names, [name](std::string_view one) { return header_equals(name, one); });
}

/// What both sides of HTTP/2 are told by nghttp2; `To` has a static function for each.
template <class To>
void tell_of_streams(nghttp2_session_callbacks* calls) {
  nghttp2_session_callbacks_set_on_begin_headers_callback(calls, To::begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(calls, To::field);
  nghttp2_session_callbacks_set_on_invalid_header_callback(calls, To::bad_field);
  nghttp2_session_callbacks_set_on_frame_recv_callback(calls, To::frame_received);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, To::data);
  nghttp2_session_callbacks_set_on_frame_send_callback(calls, To::frame_sent);
  nghttp2_session_callbacks_set_on_stream_close_callback(calls, To::closed);
}

}  // namespace andon::net
