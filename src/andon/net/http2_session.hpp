#pragma once
// HTTP/2 with one client, by nghttp2, on the connection of a server_connection. Every stream is a call for the same
// handler as with HTTP/1.1. Private to the server.
//
// Memory is bounded: streams at once, a head as in HTTP/1.1, 64 KiB of a body until the handler asks for it, one write's
// worth of frames. Flow control is honoured both ways: a write returns when the client's window and the kernel took it.
// Against floods: nghttp2 bounds CONTINUATION frames and queued answers to PING and SETTINGS; a client that resets
// streams faster than it lets them be answered is sent away (ENHANCE_YOUR_CALM).
#include <nghttp2/nghttp2.h>

#include <memory>
#include <string>
#include <unordered_map>

#include "andon/net/gate.hpp"
#include "andon/net/http_server_state.hpp"

namespace andon::net {

class http2_call;

class http2_session {
public:
  http2_session(server_state& server, byte_stream& stream, std::string_view peer);
  http2_session(const http2_session&) = delete;  // nghttp2 and the calls refer to it
  http2_session& operator=(const http2_session&) = delete;
  ~http2_session();

  /// Until the connection is over and every handler has returned. `received` are bytes that were read before.
  task<void> run(std::string_view received);
  void wake_for_drain();
  void abandon();

private:
  friend class http2_call;
  struct callbacks;

  bool feed(std::string_view bytes);   ///< false: the connection is over
  bool receive();
  void flush();                        ///< sends what can be sent now
  task<void> send_blocked(gate::pass inside);
  task<void> serve(http2_call& call, gate::pass inside);
  void begin_call(http2_call& call);
  void count_reset();
  void end();
  void on_idle();
  void watch_idleness();

  server_state& server_;
  byte_stream& stream_;
  std::string_view peer_;
  nghttp2_session* session_ = nullptr;
  std::unordered_map<std::int32_t, std::unique_ptr<http2_call>> calls_;
  gate inside_;
  deadline_timer idle_;
  deadline_timer write_limit_;
  std::string out_;
  std::string_view unsent_;
  double reset_credit_;
  mono_time credited_;
  std::int32_t last_begun_ = 0;
  std::size_t handling_ = 0;
  bool in_nghttp2_ = false;
  bool blocked_ = false;
  bool over_ = false;
  bool saying_goodbye_ = false;
};

}  // namespace andon::net
