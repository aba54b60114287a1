#pragma once
// One HTTP/2 connection to a provider, by nghttp2, that many calls share. Private to the client.
//
// Life cycle: made on an established stream, start(), carries calls while room() is not 0, over when the peer, a fault or
// close() ends it. http2_links holds it, and whoever runs in it does too: a call that it wakes may let everything go.
// Nothing waits in here. The reactor tells of bytes that came and of room to send; calls wait in their http2_reply, and
// are woken when nghttp2 is done with what was read.
// Memory: a body is received into its reply, up to the stream's window, until the caller reads it; the connection's
// window is given back at once, so that a slow caller holds up nobody else. What goes out passes through one buffer.
// Silence: while calls wait, and when a call comes after a long pause, a PING asks whether the peer lives.
#include <nghttp2/nghttp2.h>

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "andon/net/byte_stream.hpp"
#include "andon/net/http_client.hpp"

namespace andon::net {

class endpoint_pool;
class http2_links;
class http2_reply;

class http2_link : public std::enable_shared_from_this<http2_link> {
public:
  http2_link(http2_links& home, endpoint_pool& pool, std::unique_ptr<byte_stream> stream, nanoseconds connect_time);
  http2_link(const http2_link&) = delete;  // nghttp2, the reactor and replies refer to it
  http2_link& operator=(const http2_link&) = delete;
  ~http2_link();

  void start();
  /// Why it has ended; nothing while it lives.
  [[nodiscard]] const std::optional<error>& lost() const { return lost_; }
  [[nodiscard]] std::size_t room() const;                     ///< calls that may begin now
  [[nodiscard]] std::size_t calls() const { return replies_.size(); }
  [[nodiscard]] nanoseconds connect_time() const { return connect_time_; }
  [[nodiscard]] bool settled() const { return settings_seen_; }   ///< the peer has said how many calls it takes
  /// The peer said nothing since it carried no call, and it is the peer who ended it.
  [[nodiscard]] bool was_stale() const { return reads_ == reads_at_rest_ && !given_up_; }

  /// Sends the request, as far as its stream and the kernel take it. A failure is told to the reply.
  void begin(http2_reply& reply, const outgoing_request& request);
  /// The reply goes: its stream is reset if it is still open.
  void forget(std::int32_t id, bool open);
  /// The caller took so much of a body: the peer may send as much again.
  void consumed(std::int32_t id, std::size_t bytes);
  void retire();                     ///< ends when its calls have
  void close();        ///< says goodbye; for a connection without calls
  void shut_down();    ///< ends the calls with `cancelled`

private:
  struct callbacks;

  void submit_settings();
  void make_session();
  void touch(http2_reply& reply);
  [[nodiscard]] http2_reply* find(std::int32_t id) const;
  void settings_came();
  void refused();
  void on_event();
  void receive();
  bool feed(std::string_view bytes);     ///< false: the connection is over
  void flush();
  void gather();
  bool send_pending();                   ///< false: nothing more can be sent now
  void deliver();
  void go_on_soon();
  void go_on();
  void rearm();
  void on_time();
  void ask_whether_alive();
  void end(errc code, std::string what);
  void lose_calls(errc code, std::string_view what);
  [[nodiscard]] std::string ending() const;   ///< why, for people

  http2_links* home_;
  endpoint_pool& pool_;
  core& at_;
  std::unique_ptr<byte_stream> stream_;
  nghttp2_session* session_ = nullptr;
  std::unordered_map<std::int32_t, http2_reply*> replies_;
  std::vector<std::int32_t> touched_;    ///< streams whose calls are to be woken
  deadline_timer timer_;
  mono_time last_read_;
  mono_time asked_at_{};                 ///< of the PING that is not answered; nothing read since
  nanoseconds connect_time_;
  std::uint64_t reads_ = 0;
  std::uint64_t reads_at_rest_ = 0;
  std::size_t most_calls_;
  std::string out_;
  std::string_view unsent_;
  std::string why_;                      ///< what nghttp2 or the peer said last
  bool settings_seen_ = false;
  bool draining_ = false;
  bool asked_ = false;
  bool given_up_ = false;                ///< no answer to a PING
  bool busy_ = false;                    ///< inside nghttp2, or waking calls: sending comes after
  bool blocked_ = false;
  bool write_failed_ = false;
  bool more_to_read_ = false;
  bool going_on_soon_ = false;
  bool over_ = false;
  std::optional<error> lost_;
};

}  // namespace andon::net
