#pragma once
// One call on an HTTP/2 connection: its request, and the reply as the caller reads it. Private to the client.
//
// Life cycle: exchange(), then read by its owner, who may let it go at any time: its stream is reset if it is still open.
// The connection tells it of what came, marks it, and wakes its caller when nghttp2 is done; once the stream or the
// connection is over, it refers to the connection no more.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "andon/net/client_deadlines.hpp"
#include "andon/net/client_unpack.hpp"
#include "andon/net/http_client.hpp"

namespace andon::net {

class endpoint_pool;
class http2_link;

class http2_reply final : public client_reply {
public:
  explicit http2_reply(endpoint_pool& home);
  http2_reply(const http2_reply&) = delete;  // timers and the switch refer to it
  http2_reply& operator=(const http2_reply&) = delete;
  ~http2_reply();

  /// Sends and waits for the head. After a failure, undone() says whether the request may be sent again elsewhere.
  task<result<void>> exchange(http2_link& on, const outgoing_request& request, const call_deadlines& until, mono_time began, call_switch* stop);
  [[nodiscard]] bool undone() const { return undone_; }
  [[nodiscard]] bool wants_http1() const { return wants_http1_; }
  call_timings measured;

  // ---- for the caller ----
  [[nodiscard]] int status() const override { return status_; }
  [[nodiscard]] std::span<const header> headers() const override { return headers_; }
  [[nodiscard]] const call_timings& timings() const override { return measured; }
  [[nodiscard]] spoken_http spoken() const override { return spoken_http::http_2; }
  task<result<std::string_view>> read_some() override;
  task<result<std::string_view>> read_all(std::size_t limit) override;
  void abort() override;
  void release() noexcept override;

  // ---- for the connection; none of these runs the caller but wake() ----
  [[nodiscard]] std::int32_t id() const { return id_; }
  [[nodiscard]] bool open() const { return open_; }
  [[nodiscard]] bool has_head() const { return has_head_; }
  void carried_by(http2_link& link, std::int32_t id);
  void begin_head();
  void add_field(std::string_view name, std::string_view value);
  void end_head(bool whole_reply);
  void add_body(std::string_view bytes);
  void end_body() { ended_ = true; }
  void broke_rules() { broke_rules_ = true; }   ///< nghttp2 resets the stream
  void closed(std::uint32_t code);
  void lost(errc code, std::string_view what, bool undone);   ///< the connection is over
  ssize_t give(std::uint8_t* into, std::size_t room, std::uint32_t& flags);   ///< of the request's body
  bool note_touched() { return !std::exchange(touched_, true); }              ///< false: it was
  void wake();

private:
  enum class stop_cause : std::uint8_t { none, expired, aborted };
  struct field { std::size_t name, value, end; };   // places in text_

  void on_deadline();
  static void on_switch(void* self) { static_cast<http2_reply*>(self)->abort(); }
  void let_go();
  [[nodiscard]] bool answered() const;    ///< the head is there, and the request needs its caller no more
  void arm();
  [[nodiscard]] std::unexpected<error> stopped() const;
  [[nodiscard]] std::unexpected<error> failed(errc code, std::string_view what) const;
  void spoil(errc code, std::string_view what);   ///< the reply is bad; what came before may be read
  void take_fields();
  void choose_unpacker();
  std::string_view next_received();
  result<std::string_view> next_unpacked();
  bool is_late();                    ///< the call's total time is over; stopped() says so
  std::optional<result<std::string_view>> next_part();   ///< nothing: more must come
  std::unexpected<error> too_large(std::size_t limit);

  endpoint_pool& home_;
  http2_link* link_ = nullptr;
  std::int32_t id_ = 0;
  wait_point point_;
  deadline_timer timer_;
  call_switch::listener switch_{on_switch, this};
  call_deadlines until_;
  mono_time sent_at_{};
  call_phase phase_ = call_phase::sending;
  stop_cause stop_ = stop_cause::none;
  bool open_ = false;
  bool touched_ = false;
  bool to_head_request_ = false;
  bool has_head_ = false;
  bool in_trailers_ = false;
  bool ended_ = false;
  bool broke_rules_ = false;
  bool undone_ = false;
  bool wants_http1_ = false;
  bool gave_up_body_ = false;             ///< the request's, which the caller may have let go
  int interim_ = 0;
  int status_ = 0;
  std::string_view body_;                 ///< of the request, not given to nghttp2 yet
  std::optional<error> problem_;

  std::string text_;
  std::vector<field> fields_;
  std::vector<header> headers_;
  std::optional<std::uint64_t> length_;   ///< Content-Length
  std::uint64_t received_bytes_ = 0;

  std::string received_;                  ///< came, and not handed out
  std::string handed_;                    ///< what the caller looks at
  std::string encoding_;
  std::unique_ptr<unpacker> unpack_;
  std::unique_ptr<char[]> unpacked_;
  std::string_view packed_;               ///< of handed_
  std::string whole_;                     ///< read_all's
};

}  // namespace andon::net
