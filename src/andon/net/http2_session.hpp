#pragma once
// HTTP/2 with one client, by nghttp2, on the connection of a server_connection. Every stream is a call for the same
// handler as with HTTP/1.1. Private to the server.
//
// Memory is bounded: streams at once, a head as in HTTP/1.1, 64 KiB of a body until the handler asks for it, one write's
// worth of frames. Flow control is honoured both ways: a write returns when the client's window and the kernel took it.
// Nothing is read while the client takes nothing, so what waits to be sent is what one read and the open streams caused.
// Against floods: nghttp2 bounds CONTINUATION frames and queued answers to PING and SETTINGS; a client that resets
// streams faster than it lets them be answered is sent away (ENHANCE_YOUR_CALM).
//
// Time is bounded as in HTTP/1.1: a head from its first byte to its last, a connection without streams, a client that
// takes nothing, be it by a full kernel or by a stream's window.
//
// The end of a connection that goes well (idle, drained, sent away): a GOAWAY that names no last stream yet, a tenth of a
// second later one that does, the open streams' answers to their last byte, then FIN, and reading on for a while, since
// bytes that meet a closed socket would take what the client has not read yet from it.
#include <nghttp2/nghttp2.h>

#include <memory>
#include <string>
#include <unordered_map>

#include "andon/net/gate.hpp"
#include "andon/net/http_server_state.hpp"
#include "andon/net/wait_point.hpp"

namespace andon::net {

class http2_call;

class http2_session {
public:
  static constexpr std::uint32_t streams_at_once = 128;
  static constexpr unsigned reset_burst = 100;

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

  // http2_session.cpp
  bool feed(std::string_view bytes);   ///< false: the connection is over
  bool receive();
  void flush();                        ///< sends what can be sent now; its caller may be gone when it returns
  void send_now();
  void wake_writers();
  [[nodiscard]] bool is_done() const;  ///< everything that had to be said was sent, and nothing more will be read
  task<void> send_blocked(gate::pass inside);
  task<void> linger();
  io_state discard();
  void end();

  // limits in time
  void watch_idleness();
  void on_probe();
  void on_slow_head();
  void on_goodbye();

  // calls
  void begin_call(http2_call& call);
  task<void> serve(http2_call& call, gate::pass inside);
  void count_reset();
  bool may_head(std::int32_t id);      ///< false: the stream was passed over when a later one began

  server_state& server_;
  byte_stream& stream_;
  std::string_view peer_;
  nghttp2_session* session_ = nullptr;
  std::unordered_map<std::int32_t, std::unique_ptr<http2_call>> calls_;
  gate inside_;
  wait_point unblocked_;
  deadline_timer idle_;
  deadline_timer probe_;
  deadline_timer head_limit_;
  deadline_timer goodbye_;
  deadline_timer write_limit_;
  std::string out_;
  std::string_view unsent_;
  double reset_credit_;
  mono_time credited_;
  std::int32_t last_begun_ = 0;
  std::int32_t last_seen_ = 0;         ///< the last stream that a client tried to begin
  std::vector<std::pair<std::int32_t, std::int32_t>> passed_over_;   ///< between the two no stream was begun
  std::size_t handling_ = 0;
  bool in_nghttp2_ = false;
  bool blocked_ = false;
  bool over_ = false;
  bool leaving_ = false;
};

}  // namespace andon::net
