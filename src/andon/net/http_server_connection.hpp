#pragma once
// One client connection: its coroutine, and the call that it shows to the handler. Private to the server.
#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "andon/net/http_server_state.hpp"

namespace andon::net {

class http2_session;

class server_connection final : public incoming_call, public list_link {
public:
  server_connection(std::shared_ptr<server_state> server, int descriptor, std::string_view peer);
  ~server_connection() override;
  /// Lives as long as the connection, and deletes it at its end.
  task<void> serve();
  /// The same for HTTP/2, which the bytes received so far began or ALPN chose.
  task<void> serve_http2();
  /// The same behind a TLS handshake, which costs the coroutine of an idle connection nothing.
  task<void> serve_securely();

  void wake_for_drain();
  void abandon();

  [[nodiscard]] std::string_view method() const override { return work_->head.method; }
  [[nodiscard]] std::string_view path() const override { return work_->head.path; }
  [[nodiscard]] std::string_view query() const override { return work_->head.query; }
  [[nodiscard]] std::span<const header> headers() const override { return work_->head.headers; }
  [[nodiscard]] std::string_view peer_address() const override { return {peer_.data(), peer_size_}; }
  [[nodiscard]] bool encrypted() const override { return stream_.tls() != nullptr; }
  [[nodiscard]] spoken_http spoken() const override { return work_->head.http_1_0 ? spoken_http::http_1_0 : spoken_http::http_1_1; }
  [[nodiscard]] mono_time arrived() const override { return arrived_; }
  task<result<std::string_view>> read_body() override;
  task<result<void>> respond(int status, std::span<const header> headers, std::string_view body) override;
  void start(int status, std::span<const header> headers) override;
  task<result<void>> write(std::string_view bytes) override;
  task<result<void>> finish(std::string_view last_bytes) override;
  void abort() override;
  void on_client_gone(std::function<void()> gone) override;

private:
  enum class phase : std::uint8_t { securing, idle_probe, idle, head, working, body, writing, lingering };
  enum class intake : std::uint8_t { request, http2, wait, refused, closed };
  enum class answer : std::uint8_t { none, started, finished, aborted };
  enum class body_at : std::uint8_t { none, unread, partial, whole, failed };
  enum class flow : std::uint8_t { done, blocked, gone };
  enum class body_length : std::uint8_t { given, chunked, until_close };

  [[nodiscard]] socket_events& events() { return stream_.events(); }

  // http_server_secure.cpp: TLS before the first request
  task<bool> shake_hands();
  void say_plain_http();

  // http_server_connection.cpp: from bytes to requests
  task<void> linger();
  intake take_request();
  intake on_head(head_state state);
  // None is inlined: what they build would be kept in the frame of every idle connection.
  [[gnu::noinline]] intake on_bad_head();
  [[gnu::noinline]] intake refuse(errc code, std::string_view why, std::string_view bound = {});
  bool receive();                 // false: closed
  void make_room();
  bool body_needs_room() const;
  void begin_request();
  bool end_request();             // true: the next one may come
  void settle();
  void await_bytes();
  [[gnu::noinline]] void send_refusal(const error& why);
  void on_timer();
  void arm(phase next, nanoseconds limit);
  void check_gone();
  static void noticed(void* self) { static_cast<server_connection*>(self)->check_gone(); }

  // http_server_body.cpp
  task<result<void>> receive_body();
  flow take_body();
  flow take_length_body();
  flow take_chunked_body();
  void grow_body();
  result<std::string_view> unpack_body();
  [[nodiscard]] std::unexpected<error> too_large() const;
  [[nodiscard]] std::string_view raw_body() const;

  // http_server_answer.cpp
  bool compose(int status, std::span<const header> headers, body_length length, std::size_t size);
  void decide_keep_alive();
  void add_chunk(std::string_view bytes, std::string_view& tail);
  flow flush_now();
  task<result<void>> flush_waiting();
  task<result<void>> send_chunk(std::string_view bytes, bool last);

  std::shared_ptr<server_state> server_;
  byte_stream stream_;
  deadline_timer timer_;
  std::unique_ptr<workspace> work_;
  http2_session* http2_ = nullptr;
  mono_time arrived_{};
  std::uint16_t turns_ = 0;          // requests served since the last wait
  phase phase_ = phase::idle;
  answer answer_ = answer::none;
  body_at body_ = body_at::none;
  bool arrived_set_ = false;
  bool keep_ = true;
  bool in_place_ = false;            // the body stands in the buffer
  bool unpacked_ = false;            // the body was packed and stands in workspace::body
  bool gone_ = false;
  bool linger_ = false;
  bool reset_ = false;               // close with RST
  bool head_only_ = false;
  std::uint8_t peer_size_ = 0;
  std::array<char, 46> peer_{};
};

}  // namespace andon::net
