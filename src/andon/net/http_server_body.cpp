#include <algorithm>

#include "andon/net/encoding.hpp"
#include "andon/net/http_server_connection.hpp"

namespace andon::net {
namespace {

constexpr std::string_view continue_line = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

task<result<std::string_view>> server_connection::read_body() {
  auto& work = *work_;
  if (body_ == body_at::unread && work.head.has_length && work.head.content_length > server_->limits.max_body) {
    body_ = body_at::failed;
    co_return too_large();
  }
  if (body_ == body_at::failed) co_return fail(errc::bad_http, "the body could not be read");
  if (body_ != body_at::whole) {
    auto received = co_await receive_body();
    if (!received) {
      body_ = body_at::failed;
      if (received.error().code == errc::body_too_large) co_return too_large();
      co_return std::unexpected(std::move(received.error()));
    }
  }
  if (is_plain_encoding(work.head.content_encoding)) co_return raw_body();
  co_return unpack_body();
}

std::unexpected<error> server_connection::too_large() const {
  return fail(errc::body_too_large, "the body is larger than " + std::to_string(server_->limits.max_body) + " bytes", "max_body");
}

task<result<void>> server_connection::receive_body() {
  if (body_ == body_at::unread && work_->head.expects_continue && work_->begin == work_->end && answer_ == answer::none) {
    work_->pending = {continue_line, {}, {}};
    (void)flush_now();
  }
  body_ = body_at::partial;
  for (;;) {
    const flow now = take_body();
    if (now == flow::done) break;
    if (now == flow::gone) {
      if (work_->head.chunked && work_->chunks.code() != errc::none) co_return fail(work_->chunks.code(), std::string(work_->chunks.why()));
      gone_ = true;
      co_return fail(errc::client_gone, "the client left before its request was complete");
    }
    const mono_time now_is = server_->at.now();
    phase_ = phase::body;
    timer_.arm(deadline::after(now_is, server_->limits.body_timeout).earlier(deadline::after(arrived_, server_->limits.receive_timeout)));
    co_await events().wait_readable();
    timer_.disarm();
    phase_ = phase::working;
    if (gone_) co_return fail(errc::client_gone, "the connection was closed");
    if (events().cancelled()) co_return fail(errc::client_timeout, "the body of the request did not arrive in time", "body_timeout");
  }
  body_ = body_at::whole;
  co_return result<void>{};
}

server_connection::flow server_connection::take_body() { return work_->head.chunked ? take_chunked_body() : take_length_body(); }

server_connection::flow server_connection::take_length_body() {
  auto& work = *work_;
  const auto length = static_cast<std::size_t>(work.head.content_length);
  if (in_place_) {
    while (work.end - work.begin < length) {
      if (!events().readable()) return flow::blocked;
      if (!receive()) return flow::gone;
    }
    return flow::done;
  }
  if (work.body_filled == 0 && work.begin != work.end) {
    work.body.assign(work.received());
    work.body_filled = work.body.size();
    work.begin = work.end;
  }
  while (work.body_filled < length) {
    if (!events().readable()) return flow::blocked;
    if (work.body.size() == work.body_filled) grow_body();
    const std::size_t room = work.body.size() - work.body_filled;
    const io_step got = stream_.read(work.body.data() + work.body_filled, room);
    if (got.now == io_state::closed || got.now == io_state::failed) return flow::gone;
    work.body_filled += got.bytes;
  }
  return flow::done;
}

void server_connection::grow_body() {
  constexpr std::size_t first = 64 * 1024;
  auto& work = *work_;
  work.body.resize(std::min<std::size_t>(static_cast<std::size_t>(work.head.content_length), std::max(first, work.body_filled * 2)));
}

server_connection::flow server_connection::take_chunked_body() {
  auto& work = *work_;
  for (;;) {
    if (work.begin != work.end) {
      std::size_t used = 0;
      const auto state = work.chunks.take(work.received(), work.body, used);
      work.begin += used;
      work.body_filled = work.body.size();
      if (state == chunk_reader::state::bad) return flow::gone;
      if (state == chunk_reader::state::done) return flow::done;
      work.begin = work.end = work.body_start;
    }
    if (!events().readable()) return flow::blocked;
    if (!receive()) return flow::gone;
  }
}

std::string_view server_connection::raw_body() const {
  if (in_place_ && !unpacked_) return {work_->buffer.get() + work_->begin, static_cast<std::size_t>(work_->head.content_length)};
  return {work_->body.data(), work_->body_filled};
}

result<std::string_view> server_connection::unpack_body() {
  auto unpacked = unpack(work_->head.content_encoding, raw_body(), server_->limits.max_body);
  if (!unpacked) {
    if (unpacked.error().code == errc::body_too_large) unpacked.error().param = "max_body";
    return std::unexpected(std::move(unpacked.error()));
  }
  work_->body = std::move(*unpacked);
  work_->body_filled = work_->body.size();
  work_->head.content_encoding = {};
  unpacked_ = true;
  return std::string_view(work_->body);
}

}  // namespace andon::net
