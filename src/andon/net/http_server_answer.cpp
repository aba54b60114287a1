#include <charconv>
#include <cstring>

#include "andon/net/http_server_connection.hpp"
#include "andon/net/http_status.hpp"
#include "andon/net/http_syntax.hpp"

namespace andon::net {
namespace {

constexpr std::size_t copied_up_to = 4096;   // smaller payloads are copied behind the head: one plain send
constexpr std::size_t discarded_up_to = 64 * 1024;

bool set_by_the_server(std::string_view name) {
  switch (name.size()) {
    case 4: return header_equals(name, "date");
    case 10: return header_equals(name, "connection");
    case 14: return header_equals(name, "content-length");
    case 17: return header_equals(name, "transfer-encoding");
    default: return false;
  }
}

// Writes into a string that was made large enough before.
struct text_writer {
  char* at;
  void put(std::string_view text) {
    std::memcpy(at, text.data(), text.size());
    at += text.size();
  }
  void put_number(std::size_t number) { at = std::to_chars(at, at + 20, number).ptr; }
  /// False: a byte of the name or the value is not allowed.
  bool put_line(const header& line) {
    if (!is_sendable(line.name, line.value)) return false;
    put(line.name);
    put(": ");
    put(line.value);
    put("\r\n");
    return true;
  }
};

std::unexpected<error> left() { return fail(errc::client_gone, "the client closed the connection before the answer was sent"); }

}  // namespace

void server_connection::decide_keep_alive() {
  if (server_->draining) keep_ = false;
  if (body_ == body_at::whole) return;
  const auto& head = work_->head;
  const bool small = head.has_length && head.content_length <= discarded_up_to && !head.expects_continue;
  if (!small || body_ == body_at::failed) keep_ = false;
}

bool server_connection::compose(int status, std::span<const header> headers, body_length length, std::size_t size) {
  std::size_t bound = 256;
  for (const auto& line : headers) bound += line.name.size() + line.value.size() + 4;
  char line_text[24];
  auto& out = work_->out;
  out.resize(bound);
  text_writer to{out.data()};
  to.put(status_line(status, line_text));
  to.put("Date: ");
  to.put(server_->date());
  to.put("\r\n");
  for (const auto& line : headers)
    if (!set_by_the_server(line.name) && !to.put_line(line)) return out.clear(), false;
  decide_keep_alive();
  if (length == body_length::until_close) keep_ = false;
  if (length == body_length::chunked) {
    to.put("Transfer-Encoding: chunked\r\n");
  } else if (length == body_length::given && status != 204 && status != 304) {
    to.put("Content-Length: ");
    to.put_number(size);
    to.put("\r\n");
  }
  if (!keep_) to.put("Connection: close\r\n");
  else if (work_->head.http_1_0) to.put("Connection: keep-alive\r\n");
  to.put("\r\n");
  out.resize(static_cast<std::size_t>(to.at - out.data()));
  return true;
}

task<result<void>> server_connection::respond(int status, std::span<const header> headers, std::string_view body) {
  if (answer_ != answer::none) co_return fail(errc::internal, "the call is already being answered");
  if (!compose(status, headers, body_length::given, body.size()))
    co_return fail(errc::invalid_argument, "a header to send has a name or value with bytes that are not allowed");
  answer_ = answer::finished;
  const bool no_body = head_only_ || status == 204 || status == 304;
  auto& work = *work_;
  if (!no_body && body.size() <= copied_up_to) {
    work.out += body;
    work.pending = {work.out, {}, {}};
  } else {
    work.pending = {work.out, no_body ? std::string_view{} : body, {}};
  }
  const flow now = flush_now();
  if (now == flow::done) co_return result<void>{};
  if (now == flow::gone) co_return left();
  co_return co_await flush_waiting();
}

void server_connection::start(int status, std::span<const header> headers) {
  if (answer_ != answer::none) return;
  const bool no_body = status == 204 || status == 304;
  const auto length = work_->head.http_1_0 && !no_body ? body_length::until_close : no_body ? body_length::given : body_length::chunked;
  if (!compose(status, headers, length, 0)) return abort();
  head_only_ = head_only_ || no_body;
  answer_ = answer::started;
}

// `out` may still hold the head. Afterwards it holds everything up to the payload, or all of it if that is small.
void server_connection::add_chunk(std::string_view bytes, std::string_view& tail) {
  auto& out = work_->out;
  const bool framed = !work_->head.http_1_0;
  if (framed) {
    char size[20];
    const auto end = std::to_chars(size, size + sizeof size, bytes.size(), 16).ptr;
    out.append(size, static_cast<std::size_t>(end - size)).append("\r\n");
  }
  tail = framed ? std::string_view("\r\n") : std::string_view{};
}

task<result<void>> server_connection::write(std::string_view bytes) { return send_chunk(bytes, false); }

task<result<void>> server_connection::finish(std::string_view last_bytes) { return send_chunk(last_bytes, true); }

task<result<void>> server_connection::send_chunk(std::string_view bytes, bool last) {
  if (answer_ != answer::started) co_return fail(errc::internal, "the answer was not started, or is over");
  auto& work = *work_;
  std::string_view payload;
  std::string_view tail;
  if (!bytes.empty() && !head_only_) {
    add_chunk(bytes, tail);
    payload = bytes;
  }
  if (last) {
    answer_ = answer::finished;
    if (!head_only_ && !work.head.http_1_0) tail = tail.empty() ? "0\r\n\r\n" : "\r\n0\r\n\r\n";
  }
  if (payload.size() <= copied_up_to) {
    work.out.append(payload).append(tail);
    work.pending = {work.out, {}, {}};
  } else {
    work.pending = {work.out, payload, tail};
  }
  flow now = flush_now();
  if (now == flow::blocked) {
    auto flushed = co_await flush_waiting();
    work.out.clear();
    co_return flushed;
  }
  work.out.clear();
  if (now == flow::gone) co_return left();
  co_return result<void>{};
}

void server_connection::abort() {
  answer_ = answer::aborted;
  keep_ = false;
}

server_connection::flow server_connection::flush_now() {
  if (gone_) return flow::gone;
  const io_state now = stream_.write(work_->pending);
  if (now == io_state::done) return flow::done;
  if (now == io_state::want_write) return flow::blocked;
  gone_ = true;
  return flow::gone;
}

task<result<void>> server_connection::flush_waiting() {
  flow now = flow::blocked;
  while (now == flow::blocked) {
    arm(phase::writing, server_->limits.write_timeout);
    co_await events().wait_writable();
    timer_.disarm();
    phase_ = phase::working;
    if (events().cancelled()) gone_ = true;
    now = flush_now();
  }
  if (now == flow::gone) co_return left();
  co_return result<void>{};
}

}  // namespace andon::net
