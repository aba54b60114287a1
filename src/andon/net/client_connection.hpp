#pragma once
// One connection to a provider, and the reply it is serving. Private to the client.
//
// States: opening → busy ⇄ idle → destroyed. The pool owns it; while busy, a reply_ptr or the send() under way does.
#include <boost/asio/ip/address.hpp>
#include <memory>
#include <optional>
#include <string>

#include "andon/net/byte_stream.hpp"
#include "andon/net/client_body.hpp"
#include "andon/net/client_deadlines.hpp"
#include "andon/net/client_head.hpp"
#include "andon/net/client_unpack.hpp"
#include "andon/net/http_client.hpp"
#include "andon/net/socket_events.hpp"
#include "andon/net/tls.hpp"

namespace andon::net {

class endpoint_pool;

class client_connection final : public client_reply {
public:
  /// Takes over a descriptor whose connect() is under way.
  client_connection(endpoint_pool& home, int descriptor);
  client_connection(const client_connection&) = delete;  // events and timers refer to it
  client_connection& operator=(const client_connection&) = delete;
  ~client_connection();

  /// Until the kernel says how connect() ended, and TLS is established. Errors: connect_failed, connect_timeout,
  /// tls_failed, cancelled.
  task<result<void>> establish(deadline until, call_switch* stop, std::string_view offered);
  /// Sends and waits for the head. After a failure, stale() says whether the request may be sent again elsewhere.
  task<result<void>> exchange(const outgoing_request& request, const call_deadlines& until, mono_time began, call_switch* stop);
  [[nodiscard]] bool stale() const { return stale_; }

  /// After establish(): whether HTTP/2 was agreed on. Then the established stream is taken, and this is to be destroyed.
  [[nodiscard]] bool speaks_http2() const;
  [[nodiscard]] std::unique_ptr<byte_stream> take_stream();

  [[nodiscard]] bool is_current() const;   ///< it was made with the trust that is in force
  void become_idle();      ///< watches for the peer's end; expires
  void become_busy();
  std::size_t slot = 0;    ///< the pool's: place in its list
  bool counted = false;    ///< the pool's: gives its room back when it goes
  call_timings measured;

  [[nodiscard]] int status() const override { return head_.status; }
  [[nodiscard]] std::span<const header> headers() const override { return head_.headers; }
  [[nodiscard]] const call_timings& timings() const override { return measured; }
  [[nodiscard]] spoken_http spoken() const override { return head_.http_1_0 ? spoken_http::http_1_0 : spoken_http::http_1_1; }
  task<result<std::string_view>> read_some() override;
  task<result<std::string_view>> read_all(std::size_t limit) override;
  void abort() override;
  void release() noexcept override;

private:
  using phase = call_phase;
  enum class stop_cause : std::uint8_t { none, expired, aborted };

  // waiting
  bool arm(deadline at);             ///< false: already stopped
  void on_deadline();
  static void on_switch(void* self) { static_cast<client_connection*>(self)->abort(); }
  void on_idle_time();
  static void on_idle_event(void* self);
  static void on_early_reply(void* self);
  bool replied_early();
  void hold(call_switch* stop);
  task<bool> wait_for(io_state what, deadline at);   ///< false: stopped, see stopped()
  [[nodiscard]] std::unexpected<error> stopped() const;
  [[nodiscard]] deadline read_deadline() const { return net::read_deadline(phase_, until_, events_->at().now()); }
  [[nodiscard]] std::unexpected<error> failed(errc code, std::string_view what) const;

  // bytes
  io_step receive(char* into, std::size_t size);
  io_step receive_plain(char* into, std::size_t size);
  io_step transmit();                ///< the next part of head and body
  io_step transmit_plain();
  io_step transmit_tls();
  [[nodiscard]] bool all_sent() const { return head_sent_ == head_size_ && body_.empty(); }
  task<result<void>> shake_hands(deadline until, std::string_view offered);
  [[nodiscard]] result<void> agreed() const;
  task<result<void>> tunnel(deadline until);
  result<bool> take_tunnel_reply(std::string_view seen);   ///< true: complete

  // head
  result<void> compose(const outgoing_request& request);
  task<result<void>> send_request();
  task<result<void>> receive_head(mono_time began);
  result<bool> take_head();          ///< true: complete
  result<void> begin_body();
  void grow_buffer();
  void ensure_buffer(std::size_t size);
  std::unexpected<error> closed_early(std::string_view when);

  // body
  result<std::string_view> next_decoded();           ///< from bytes received; empty: more needed, or done
  result<std::string_view> next_unpacked();
  std::optional<result<std::string_view>> next_part();   ///< nothing: more bytes needed
  bool is_late();                    ///< the call's total time is over; stopped() says so
  task<result<void>> receive_more();
  task<result<void>> receive_into(std::string& whole);
  std::unexpected<error> too_large(std::size_t limit);
  void choose_area();
  void free_buffers();

  endpoint_pool& home_;
  std::optional<socket_events> events_;
  deadline_timer timer_;
  std::unique_ptr<tls_session> tls_;
  phase phase_ = phase::connecting;
  stop_cause stop_ = stop_cause::none;
  bool waiting_ = false;
  bool probed_ = false;              ///< idle and looked at once
  bool last_read_full_ = false;      ///< the kernel may hold more
  bool stale_ = false;
  bool reusable_ = false;
  bool to_head_request_ = false;
  bool broken_ = false;              ///< the body failed: no more reads
  call_switch::listener switch_{on_switch, this};
  call_deadlines until_;

  std::unique_ptr<char[]> buffer_;   ///< request head out, then reply head and body in
  std::size_t capacity_ = 0;
  std::size_t filled_ = 0;
  std::size_t searched_ = 0;
  std::size_t head_size_ = 0;        ///< of the request while sending, of the reply after
  std::size_t head_sent_ = 0;
  std::string_view body_;            ///< of the request, unsent
  int interim_ = 0;                  ///< 1xx replies so far
  reply_head head_;

  body_decoder decoder_;
  char* raw_ = nullptr;              ///< bytes received and not decoded
  std::size_t raw_size_ = 0;
  char* area_ = nullptr;             ///< where the body is received
  std::size_t area_size_ = 0;
  std::unique_ptr<char[]> extra_;    ///< area, when the head left too little room
  std::unique_ptr<unpacker> unpack_;
  std::unique_ptr<char[]> unpacked_;
  std::string_view packed_;          ///< decoded and not unpacked
  std::string whole_;                ///< read_all's
};

}  // namespace andon::net
