#include "andon/net/http2_link.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "andon/net/http2_fields.hpp"
#include "andon/net/http2_links.hpp"
#include "andon/net/http2_reply.hpp"
#include "andon/net/pool.hpp"

namespace andon::net {
namespace {

constexpr std::size_t calls_before_settings = 1;   // how many more the peer takes is known a round trip later
constexpr std::size_t most_unsent = 64 * 1024;
constexpr int blocks_a_turn = 16;

}  // namespace

http2_link::http2_link(http2_links& home, endpoint_pool& pool, std::unique_ptr<byte_stream> stream, nanoseconds connect_time)
    : home_(&home), pool_(pool), at_(pool.context().at), stream_(std::move(stream)),
      timer_(at_.timers(), deadline_timer::member<&http2_link::on_time>(), this), last_read_(at_.now()), connect_time_(connect_time),
      most_calls_(std::min(pool.context().settings.max_streams, calls_before_settings)) {
  make_session();
  submit_settings();
}

http2_link::~http2_link() { nghttp2_session_del(session_); }

void http2_link::start() {
  stream_->events().watch([](void* self) { static_cast<http2_link*>(self)->on_event(); }, this);
  rearm();
  flush();
  receive();   // TLS may hold bytes that raise no event
}

// ---- calls ----

std::size_t http2_link::room() const {
  if (over_ || draining_ || write_failed_ || nghttp2_session_check_request_allowed(session_) == 0) return 0;
  return most_calls_ - std::min(most_calls_, replies_.size());
}

void http2_link::settings_came() {
  settings_seen_ = true;
  const std::size_t allowed = nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  most_calls_ = std::min(pool_.context().settings.max_streams, allowed);
  if (home_ == nullptr) return;
  home_->expect_room(std::max<std::size_t>(most_calls_, 1));
  home_->serve_waiting_soon();
}

// It takes fewer than it says. One that takes none is of no use any more.
void http2_link::refused() {
  most_calls_ = std::min(most_calls_, replies_.size() - 1);
  if (most_calls_ == 0) draining_ = true;
}

http2_reply* http2_link::find(std::int32_t id) const {
  const auto found = replies_.find(id);
  return found == replies_.end() ? nullptr : found->second;
}

void http2_link::forget(std::int32_t id, bool open) {
  replies_.erase(id);
  if (over_) return;
  if (open) nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
  if (replies_.empty()) rearm();
  if (home_ != nullptr) home_->serve_waiting_soon();
  flush();
  if (draining_ && replies_.empty()) go_on_soon();
}

void http2_link::consumed(std::int32_t id, std::size_t bytes) {
  if (over_) return;
  nghttp2_session_consume_stream(session_, id, bytes);
  flush();
}

void http2_link::touch(http2_reply& reply) {
  if (reply.note_touched()) touched_.push_back(reply.id());
}

// ---- bytes ----

// There are bytes to read, or the kernel takes more, or nothing of it.
void http2_link::on_event() {
  if (std::exchange(blocked_, false)) flush();
  receive();
}

void http2_link::receive() {
  const auto self = shared_from_this();
  for (int blocks = 0; !over_; ++blocks) {
    if (blocks == blocks_a_turn) {
      more_to_read_ = true;
      return go_on_soon();
    }
    auto block = at_.blocks().borrow();
    const io_step step = stream_->read(block.get(), block_pool::block_size);
    const bool going = step.now != io_state::done || feed({block.get(), step.bytes});
    at_.blocks().give_back(std::move(block));
    if (step.now == io_state::want_read) return;
    if (!going) return end(settings_seen_ ? errc::upstream_reset : errc::upstream_bad_reply, ending());
    if (step.now != io_state::done) return end(errc::upstream_reset, ending());
  }
}

bool http2_link::feed(std::string_view bytes) {
  last_read_ = at_.now();
  asked_ = false;
  ++reads_;
  busy_ = true;
  const auto used = nghttp2_session_mem_recv(session_, bytes_of(bytes), bytes.size());
  busy_ = false;
  if (used < 0 && why_.empty()) why_ = nghttp2_strerror(static_cast<int>(used));
  do {
    deliver();
    flush();
  } while (!touched_.empty() && !over_);
  if (over_ || used < 0) return used >= 0;
  return nghttp2_session_want_read(session_) != 0 || nghttp2_session_want_write(session_) != 0;
}

// What a call does when it is woken may end this connection, or let the client go.
void http2_link::deliver() {
  const bool had_calls = !replies_.empty();
  busy_ = true;
  for (std::size_t i = 0; i < touched_.size(); ++i) {
    auto* reply = find(touched_[i]);
    if (reply == nullptr) continue;
    if (!reply->open()) replies_.erase(touched_[i]);
    reply->wake();
  }
  touched_.clear();
  busy_ = false;
  if (over_) return;
  if (had_calls && replies_.empty()) rearm();
  if (had_calls && replies_.empty() && draining_) go_on_soon();
  home_->serve_waiting_soon();
}

void http2_link::flush() {
  if (busy_ || blocked_ || over_ || write_failed_) return;
  busy_ = true;
  while (send_pending()) {}
  busy_ = false;
  if (replies_.empty() && !blocked_ && out_.capacity() > 4096) std::string{}.swap(out_);
  if (write_failed_ || !touched_.empty()) go_on_soon();
}

void http2_link::gather() {
  const std::uint8_t* bytes = nullptr;
  ssize_t size = 0;
  while (out_.size() < most_unsent && (size = nghttp2_session_mem_send(session_, &bytes)) > 0) out_.append(text_of(bytes, static_cast<std::size_t>(size)));
  if (size < 0) write_failed_ = true;
  unsent_ = out_;
}

bool http2_link::send_pending() {
  if (unsent_.empty()) gather();
  if (unsent_.empty() || write_failed_) return false;
  const io_state now = stream_->write(std::span(&unsent_, 1));
  if (now == io_state::done) {
    out_.clear();
    unsent_ = {};
    return true;
  }
  if (now != io_state::want_write) {
    write_failed_ = true;
    return false;
  }
  blocked_ = true;
  stream_->events().watch_writable();
  return false;
}

void http2_link::go_on_soon() {
  if (going_on_soon_) return;
  going_on_soon_ = true;
  at_.post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->go_on();
  });
}

void http2_link::go_on() {
  going_on_soon_ = false;
  if (over_) return;
  if (write_failed_) {  // what the peer had said before may be whole replies, and why it left
    receive();
    if (!over_ && !more_to_read_) end(errc::upstream_reset, ending());
    return;
  }
  deliver();
  flush();
  if (!over_ && draining_ && replies_.empty()) return close();
  if (std::exchange(more_to_read_, false)) receive();
}

// ---- time ----

void http2_link::rearm() {
  const auto& settings = pool_.context().settings;
  if (replies_.empty()) return timer_.arm(deadline::after(at_.now(), settings.idle_expiry));
  timer_.arm(asked_ ? deadline::after(asked_at_, settings.ping_patience) : deadline::after(last_read_, settings.ping_after));
}

void http2_link::on_time() {
  const auto self = shared_from_this();
  const auto& settings = pool_.context().settings;
  const mono_time now = at_.now();
  if (replies_.empty()) return close();
  given_up_ = asked_ && now - asked_at_ >= settings.ping_patience;
  if (given_up_)
    return end(errc::upstream_reset, fmt::format("the connection is dead: no answer to a PING, and nothing else, for {} ms",
                                                 std::chrono::duration_cast<std::chrono::milliseconds>(now - last_read_).count()));
  if (!asked_ && now - last_read_ >= settings.ping_after) ask_whether_alive();
  rearm();
}

void http2_link::ask_whether_alive() {
  asked_ = true;
  asked_at_ = at_.now();
  nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
  flush();
}

// ---- the end ----

std::string http2_link::ending() const {
  if (!settings_seen_ && why_.empty() && !pool_.to().tls) return "the provider closed the connection without a word of HTTP/2: if it speaks HTTP/1.1 only, set its `http` to 1.1";
  if (!settings_seen_ && !why_.empty()) return fmt::format("the provider does not speak HTTP/2 ({}): set the provider's `http` to 1.1", why_);
  return why_.empty() ? "the provider closed the connection" : fmt::format("the provider's connection ended: {}", why_);
}

void http2_link::retire() {
  draining_ = true;
  if (replies_.empty()) close();
}

void http2_link::close() {
  if (over_) return;
  nghttp2_session_terminate_session(session_, NGHTTP2_NO_ERROR);
  flush();
  end(errc::cancelled, "the connection was closed");
}

void http2_link::shut_down() {
  home_ = nullptr;
  end(errc::cancelled, "the call was cancelled");
}

void http2_link::end(errc code, std::string what) {
  if (over_) return;
  const auto self = shared_from_this();
  over_ = true;
  lost_ = error{code, what};
  timer_.disarm();
  stream_.reset();
  lose_calls(code, what);
  if (home_ != nullptr) std::exchange(home_, nullptr)->gone(*this);
}

// Each that is woken may take others with it.
void http2_link::lose_calls(errc code, std::string_view what) {
  while (!replies_.empty()) {
    http2_reply* const reply = replies_.begin()->second;
    replies_.erase(replies_.begin());
    reply->lost(code, what, false);
    reply->wake();
  }
}

}  // namespace andon::net
