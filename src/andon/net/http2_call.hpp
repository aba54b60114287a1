#pragma once
// One stream of an HTTP/2 connection as the handler sees it. Private to the server.
#include <memory>
#include <string>
#include <vector>

#include "andon/net/http2_session.hpp"

namespace andon::net {

class http2_call final : public incoming_call {
public:
  http2_call(http2_session& in, std::int32_t id);

  [[nodiscard]] std::string_view method() const override { return method_; }
  [[nodiscard]] std::string_view path() const override { return path_; }
  [[nodiscard]] std::string_view query() const override { return query_; }
  [[nodiscard]] std::span<const header> headers() const override { return headers_; }
  [[nodiscard]] std::string_view peer_address() const override { return session_.peer_; }
  [[nodiscard]] bool encrypted() const override { return session_.stream_.tls() != nullptr; }
  [[nodiscard]] spoken_http spoken() const override { return spoken_http::http_2; }
  [[nodiscard]] mono_time arrived() const override { return arrived_; }
  task<result<std::string_view>> read_body() override;
  task<result<void>> respond(int status, std::span<const header> headers, std::string_view body) override;
  void start(int status, std::span<const header> headers) override;
  task<result<void>> write(std::string_view bytes) override;
  task<result<void>> finish(std::string_view last_bytes) override;
  void abort() override;
  void on_client_gone(std::function<void()> gone) override;

private:
  friend class http2_session;
  friend struct http2_session::callbacks;
  enum class answer : std::uint8_t { none, started, finished, aborted };
  struct field { std::size_t name, value, end; };   // places in text_

  // what arrives
  bool add_field(std::string_view name, std::string_view value);   ///< false: the head is too large
  void take_head();
  void add_body(std::string_view bytes);
  void body_ended();
  void closed();             ///< the stream is gone
  void invite_body();
  // what goes out
  bool submit(int status, std::span<const header> headers, bool with_body, std::size_t length, bool length_known);
  ssize_t give(std::uint8_t* into, std::size_t room, std::uint32_t* flags);
  task<result<void>> send(std::string_view bytes, bool last);
  bool refuse_large_head();
  void answer_by_itself(const error& why);
  void settle();
  void on_body_limit();
  void on_send_limit();
  void expect_progress();    ///< from the client, by which the answer gets on

  http2_session& session_;
  std::int32_t id_;
  mono_time arrived_;
  std::string text_;
  std::vector<field> fields_;
  std::string_view method_, path_, query_;
  std::vector<header> headers_;
  std::string body_;
  std::string own_words_;
  std::string_view pending_;
  wait_point body_point_;
  wait_point sent_point_;
  deadline_timer body_limit_;
  deadline_timer send_limit_;
  std::shared_ptr<std::function<void()>> gone_call_;   // a posted call holds it weakly; emptied when called
  answer answer_ = answer::none;
  bool last_ = false;
  bool head_too_large_ = false;
  bool body_complete_ = false;
  bool body_too_large_ = false;
  bool body_late_ = false;
  bool wants_body_ = false;
  bool unpacked_ = false;
  bool handling_ = false;
  bool answer_sent_ = false;
  bool cut_ = false;            ///< the stream ended before all of the answer was sent
  std::size_t discarded_ = 0;   ///< of a body that nobody wants any more
  bool open_ = true;
  bool head_only_ = false;
};

}  // namespace andon::net
