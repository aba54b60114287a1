#pragma once
// A provider's end of HTTP/2 on a blocking socket: reads frames, and answers by hand. For tests only.
#include <optional>
#include <string>
#include <string_view>

#include "andon/net/client_test_peer.hpp"
#include "andon/net/http2_frames_testing.hpp"

namespace andon::net::testing {

inline const std::string ok = "\x88";   // :status 200, from the static table

class h2_peer {
public:
  explicit h2_peer(test::peer_socket& socket, std::string_view settings = {}) : socket_(socket), reader_(socket.descriptor()) {
    reader_.skip(h2_preface.size());
    send(frame(NGHTTP2_SETTINGS, 0, 0, settings) + frame(NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, {}));
  }
  bool send(const std::string& bytes) { return socket_.send(bytes); }
  std::optional<raw_frame> next() { return reader_.next(); }
  /// The next frame of this type; nothing when the client has closed.
  std::optional<raw_frame> wait_for(std::uint8_t type) {
    while (auto one = reader_.next())
      if (one->type == type) return one;
    return std::nullopt;
  }
  /// The stream of the next request, when it is complete; 0 when the client has closed.
  std::uint32_t request() {
    while (auto one = reader_.next())
      if ((one->type == NGHTTP2_HEADERS || one->type == NGHTTP2_DATA) && (one->flags & NGHTTP2_FLAG_END_STREAM) != 0) return one->stream;
    return 0;
  }
  bool head(std::uint32_t stream, const std::string& block = ok, bool ends = false) { return send(frame(NGHTTP2_HEADERS, ends ? 5 : 4, stream, block)); }
  bool data(std::uint32_t stream, std::string_view bytes, bool ends = true) { return send(frame(NGHTTP2_DATA, ends ? 1 : 0, stream, bytes)); }
  void answer(std::uint32_t stream, std::string_view body = "x") { send(frame(NGHTTP2_HEADERS, 4, stream, ok) + frame(NGHTTP2_DATA, 1, stream, body)); }
  void until_closed() {
    while (reader_.next()) {}
  }

private:
  test::peer_socket& socket_;
  frame_reader reader_;
};

}  // namespace andon::net::testing
