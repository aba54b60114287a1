#include "andon/net/http2_session.hpp"

#include <sys/socket.h>

#include <algorithm>

#include "andon/base/log.hpp"
#include "andon/net/http2_call.hpp"
#include "andon/net/http2_fields.hpp"

namespace andon::net {
namespace {

constexpr std::size_t most_unsent = 64 * 1024;
constexpr std::size_t most_handling = 2 * http2_session::streams_at_once;
constexpr std::size_t most_gaps = 8;
constexpr double resets_per_second = 20;
constexpr unsigned reads_before_yield = 64;
constexpr nanoseconds probe_after = std::chrono::milliseconds{50};      // see socket_events.hpp: a FIN may raise no event
constexpr nanoseconds goodbye_after = std::chrono::milliseconds{100};   // for the streams that were on their way
constexpr nanoseconds linger_limit = std::chrono::seconds{1};

}  // namespace

// ---- the connection ----

task<void> http2_session::run(std::string_view received) {
  auto& events = stream_.events();
  bool going = feed(received);
  for (unsigned reads = 0; going && !over_ && !events.cancelled();) {
    if (server_.draining) wake_for_drain();
    if (is_done()) break;
    if (blocked_) {
      co_await unblocked_.wait();
    } else if (events.readable()) {
      going = receive();
      if (++reads % reads_before_yield == 0) co_await server_.at.yield();
    } else {
      probe_.arm(deadline::after(server_.at.now(), probe_after));
      co_await events.wait_readable();
    }
  }
  const bool went_well = going && !over_ && !events.cancelled();
  end();
  co_await inside_.close_and_wait();
  if (went_well) co_await linger();
}

bool http2_session::is_done() const {
  return !blocked_ && nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0;
}

bool http2_session::receive() {
  auto block = server_.at.blocks().borrow();
  const io_step step = stream_.read(block.get(), block_pool::block_size);
  const bool going = step.now == io_state::done ? feed({block.get(), step.bytes}) : step.now == io_state::want_read;
  server_.at.blocks().give_back(std::move(block));
  return going;
}

bool http2_session::feed(std::string_view bytes) {
  in_nghttp2_ = true;
  const auto used = bytes.empty() ? 0 : nghttp2_session_mem_recv(session_, bytes_of(bytes), bytes.size());
  in_nghttp2_ = false;
  flush();
  return used >= 0;
}

// Resumes handlers, the reader and whoever waits for the end, so the pass keeps the session alive meanwhile.
void http2_session::flush() {
  if (in_nghttp2_ || blocked_ || over_) return;
  const auto stay = inside_.enter();
  in_nghttp2_ = true;
  send_now();
  in_nghttp2_ = false;
  if (over_) return stream_.events().cancel();
  std::erase_if(calls_, [](const auto& one) { return !one.second->handling_ && !one.second->open_; });
  if (calls_.empty() && !blocked_ && out_.capacity() > 4096) std::string{}.swap(out_);
  wake_writers();
  watch_idleness();
  if (!over_ && is_done()) stream_.events().wake_reader();
}

void http2_session::send_now() {
  for (;;) {
    const std::uint8_t* bytes = nullptr;
    ssize_t size = 0;
    while (out_.size() < most_unsent && (size = nghttp2_session_mem_send(session_, &bytes)) > 0) out_.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
    if (size < 0) over_ = true;
    if (out_.empty()) return;
    unsent_ = out_;
    const io_state now = stream_.write(std::span(&unsent_, 1));
    if (now != io_state::done) {
      blocked_ = now == io_state::want_write;
      over_ = over_ || !blocked_;
      if (blocked_) server_.at.spawn(send_blocked(inside_.enter()));
      return;
    }
    out_.clear();
  }
}

void http2_session::wake_writers() {
  std::vector<std::int32_t> moved;
  for (const auto& [id, call] : calls_)
    if (call->sent_point_.waiting() && call->pending_.empty()) moved.push_back(id);
  for (const auto id : moved)
    if (const auto found = calls_.find(id); found != calls_.end()) found->second->sent_point_.wake();
}

// What a coroutine of its own needs is held from before its first turn: the pass keeps the session alive. It writes before
// it waits: the kernel may have told before that first turn that there is room again, and tells it once.
task<void> http2_session::send_blocked(gate::pass) {
  auto& events = stream_.events();
  io_state now = io_state::want_write;
  while (!over_ && (now = stream_.write(std::span(&unsent_, 1))) == io_state::want_write) {
    write_limit_.arm(deadline::after(server_.at.now(), server_.limits.write_timeout));
    co_await events.wait_writable();
    write_limit_.disarm();
    if (events.cancelled()) over_ = true;
  }
  blocked_ = false;
  out_.clear();
  if (now == io_state::failed) over_ = true;
  if (over_) events.cancel();
  else flush();
  unblocked_.wake();
}

void http2_session::end() {
  over_ = true;
  in_nghttp2_ = true;
  for (auto* timer : {&idle_, &probe_, &head_limit_, &goodbye_}) timer->disarm();
  std::vector<std::int32_t> all;
  for (const auto& [id, call] : calls_) all.push_back(id);
  for (const auto id : all)
    if (const auto found = calls_.find(id); found != calls_.end() && found->second->open_) found->second->closed();
}

task<void> http2_session::linger() {
  auto& events = stream_.events();
  stream_.shut_write();
  write_limit_.arm(deadline::after(server_.at.now(), linger_limit));
  for (unsigned reads = 0; !events.cancelled();) {
    const io_state now = discard();
    if (now == io_state::want_read) co_await events.wait_readable();
    else if (now != io_state::done) break;
    else if (++reads % reads_before_yield == 0) co_await server_.at.yield();
  }
  write_limit_.disarm();
}

io_state http2_session::discard() {
  auto block = server_.at.blocks().borrow();
  const io_state now = stream_.read(block.get(), block_pool::block_size).now;
  server_.at.blocks().give_back(std::move(block));
  return now;
}

void http2_session::abandon() {
  over_ = true;
  ::shutdown(stream_.descriptor(), SHUT_RDWR);
  stream_.events().cancel();
}

// ---- limits in time ----

void http2_session::wake_for_drain() {
  if (over_ || leaving_) return;
  leaving_ = true;
  nghttp2_submit_shutdown_notice(session_);
  goodbye_.arm(deadline::after(server_.at.now(), goodbye_after));
  flush();
}

void http2_session::on_goodbye() {
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, last_begun_, NGHTTP2_NO_ERROR, nullptr, 0);
  flush();
}

// Frames that begin no stream do not count as activity.
void http2_session::watch_idleness() {
  if (calls_.empty() && !leaving_ && !over_ && !idle_.armed()) idle_.arm(deadline::after(server_.at.now(), server_.limits.idle_timeout));
}

void http2_session::on_probe() {
  if (!stream_.events().peer_gone()) return;
  stream_.events().assume_readable();
  stream_.events().wake_reader();
}

void http2_session::on_slow_head() {
  const auto late = calls_.find(last_begun_);
  if (late == calls_.end() || !late->second->open_) return;   // it was refused half-way
  ++server_.counts.refused;
  server_.handler.refused({errc::client_timeout, "the head of the request did not arrive in time", "head_timeout"}, peer_);
  nghttp2_session_terminate_session(session_, NGHTTP2_ENHANCE_YOUR_CALM);
  flush();
}

// A stream that begins closes those below it that never did (RFC 9113, 5.1.1). Clients leave out none but by mistake.
bool http2_session::may_head(std::int32_t id) {
  if (id <= last_seen_) return std::ranges::none_of(passed_over_, [id](const auto& gap) { return id > gap.first && id < gap.second; });
  if (id > last_seen_ + 2 && passed_over_.size() < most_gaps) passed_over_.emplace_back(last_seen_, id);
  last_seen_ = id;
  return true;
}

// ---- calls ----

void http2_session::count_reset() {
  const mono_time now = server_.at.now();
  reset_credit_ = std::min<double>(reset_burst, reset_credit_ + std::chrono::duration<double>(now - credited_).count() * resets_per_second) - 1;
  credited_ = now;
  if (reset_credit_ < 0) nghttp2_session_terminate_session(session_, NGHTTP2_ENHANCE_YOUR_CALM);
}

void http2_session::begin_call(http2_call& call) {
  head_limit_.disarm();
  call.take_head();
  if (handling_ >= most_handling) {
    nghttp2_session_terminate_session(session_, NGHTTP2_ENHANCE_YOUR_CALM);
    return;
  }
  auto pass = inside_.enter();
  if (!pass) return;
  ++handling_;
  call.handling_ = true;
  server_.at.spawn(serve(call, std::move(pass)));
}

task<void> http2_session::serve(http2_call& call, gate::pass) {
  if (call.open_ && !over_) {
    ++server_.counts.requests;
    try {
      if (!call.refuse_large_head()) co_await server_.handler.handle(call);
    } catch (const std::exception& e) {
      log::error("handler_failed", {{"what", e.what()}});
    }
  }
  call.settle();
  --handling_;
  call.handling_ = false;
  flush();
}

}  // namespace andon::net
