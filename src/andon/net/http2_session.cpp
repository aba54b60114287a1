#include "andon/net/http2_session.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "andon/base/log.hpp"
#include "andon/net/http2_call.hpp"

namespace andon::net {
namespace {

constexpr std::uint32_t streams_at_once = 128;
constexpr std::int32_t connection_window = 1 << 20;
constexpr std::size_t most_unsent = 64 * 1024;
constexpr std::size_t most_handling = 2 * streams_at_once;
constexpr double reset_burst = 100;
constexpr double resets_per_second = 20;

std::string_view text(const std::uint8_t* bytes, std::size_t size) { return {reinterpret_cast<const char*>(bytes), size}; }

}  // namespace

struct http2_session::callbacks {
  static http2_session& of(void* self) { return *static_cast<http2_session*>(self); }
  static http2_call* call_of(nghttp2_session* session, std::int32_t id) { return static_cast<http2_call*>(nghttp2_session_get_stream_user_data(session, id)); }

  static int begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* self) {
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    auto& here = of(self);
    const auto id = frame->hd.stream_id;
    auto& call = here.calls_[id] = std::make_unique<http2_call>(here, id);
    nghttp2_session_set_stream_user_data(session, id, call.get());
    here.last_begun_ = id;
    return 0;
  }
  static int field(nghttp2_session* session, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size, const std::uint8_t* value,
                   std::size_t value_size, std::uint8_t, void*) {
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    if (auto* call = call_of(session, frame->hd.stream_id)) (void)call->add_field(text(name, name_size), text(value, value_size));
    return 0;
  }
  static int frame_received(nghttp2_session* session, const nghttp2_frame* frame, void* self) {
    auto& here = of(self);
    if (frame->hd.type == NGHTTP2_RST_STREAM) here.count_reset();
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    auto* call = call_of(session, frame->hd.stream_id);
    if (call == nullptr) return 0;
    const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
      call->body_complete_ = ends;
      here.begin_call(*call);
    } else if (ends) {
      call->body_ended();
    }
    return 0;
  }
  static int data(nghttp2_session* session, std::uint8_t, std::int32_t id, const std::uint8_t* bytes, std::size_t size, void*) {
    nghttp2_session_consume_connection(session, size);
    if (auto* call = call_of(session, id)) call->add_body(text(bytes, size));
    return 0;
  }
  static int frame_sent(nghttp2_session* session, const nghttp2_frame* frame, void*) {
    const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 && (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS);
    if (auto* call = ends ? call_of(session, frame->hd.stream_id) : nullptr) call->answer_sent_ = true;
    return 0;
  }
  static int closed(nghttp2_session* session, std::int32_t id, std::uint32_t, void*) {
    auto* call = call_of(session, id);
    nghttp2_session_set_stream_user_data(session, id, nullptr);
    if (call != nullptr) call->closed();
    return 0;
  }
};

http2_session::http2_session(server_state& server, byte_stream& stream, std::string_view peer)
    : server_(server), stream_(stream), peer_(peer),
      idle_(server.at.timers(), deadline_timer::member<&http2_session::on_idle>(), this),
      write_limit_(server.at.timers(), deadline_timer::member<&http2_session::abandon>(), this),
      reset_credit_(reset_burst), credited_(server.at.now()) {
  nghttp2_session_callbacks* calls = nullptr;
  nghttp2_option* options = nullptr;
  nghttp2_session_callbacks_new(&calls);
  nghttp2_option_new(&options);
  nghttp2_session_callbacks_set_on_begin_headers_callback(calls, callbacks::begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(calls, callbacks::field);
  nghttp2_session_callbacks_set_on_frame_recv_callback(calls, callbacks::frame_received);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, callbacks::data);
  nghttp2_session_callbacks_set_on_frame_send_callback(calls, callbacks::frame_sent);
  nghttp2_session_callbacks_set_on_stream_close_callback(calls, callbacks::closed);
  nghttp2_option_set_no_auto_window_update(options, 1);
  nghttp2_session_server_new2(&session_, calls, this, options);
  nghttp2_option_del(options);
  nghttp2_session_callbacks_del(calls);
  const std::array<nghttp2_settings_entry, 2> settings{{{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, streams_at_once},
                                                        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(server.limits.max_head)}}};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, connection_window);
}

http2_session::~http2_session() { nghttp2_session_del(session_); }

// ---- the connection ----

task<void> http2_session::run(std::string_view received) {
  bool going = feed(received);
  auto& events = stream_.events();
  while (going && !over_ && !events.cancelled()) {
    if (server_.draining && !saying_goodbye_) wake_for_drain();
    if (saying_goodbye_ && calls_.empty()) break;
    if (nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0) break;
    if (events.readable()) {
      going = receive();
      continue;
    }
    watch_idleness();
    co_await events.wait_readable();
  }
  idle_.disarm();
  end();
  co_await inside_.close_and_wait();
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
  const auto used = bytes.empty() ? 0 : nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  in_nghttp2_ = false;
  flush();
  return used >= 0;
}

void http2_session::flush() {
  if (in_nghttp2_ || blocked_ || over_) return;
  in_nghttp2_ = true;
  for (;;) {
    const std::uint8_t* bytes = nullptr;
    ssize_t size = 0;
    while (out_.size() < most_unsent && (size = nghttp2_session_mem_send(session_, &bytes)) > 0) out_.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
    if (size < 0) over_ = true;
    if (out_.empty()) break;
    unsent_ = out_;
    const io_state now = stream_.write(std::span(&unsent_, 1));
    if (now == io_state::done) {
      out_.clear();
      continue;
    }
    if (now == io_state::want_write) {
      blocked_ = true;
      if (auto pass = inside_.enter()) server_.at.spawn(send_blocked(std::move(pass)));
    } else {
      over_ = true;
    }
    break;
  }
  in_nghttp2_ = false;
  if (over_) return stream_.events().cancel();
  std::erase_if(calls_, [](const auto& one) { return !one.second->handling_ && !one.second->open_; });
  if (calls_.empty() && !blocked_ && out_.capacity() > 4096) std::string{}.swap(out_);
  std::vector<std::int32_t> moved;
  for (const auto& [id, call] : calls_)
    if (call->sent_point_.waiting() && call->pending_.empty()) moved.push_back(id);
  for (const auto id : moved)
    if (const auto found = calls_.find(id); found != calls_.end()) found->second->sent_point_.wake();
}

// What a coroutine of its own needs is held from before its first turn: the pass keeps the session alive.
task<void> http2_session::send_blocked(gate::pass) {
  while (blocked_ && !over_) {
    write_limit_.arm(deadline::after(server_.at.now(), server_.limits.write_timeout));
    co_await stream_.events().wait_writable();
    write_limit_.disarm();
    if (stream_.events().cancelled()) break;
    const io_state now = stream_.write(std::span(&unsent_, 1));
    if (now == io_state::want_write) continue;
    blocked_ = false;
    out_.clear();
    if (now == io_state::failed) over_ = true;
  }
  if (over_) stream_.events().cancel();
  else if (!blocked_) flush();
}

void http2_session::end() {
  over_ = true;
  in_nghttp2_ = true;
  std::vector<std::int32_t> all;
  for (const auto& [id, call] : calls_) all.push_back(id);
  for (const auto id : all)
    if (const auto found = calls_.find(id); found != calls_.end() && found->second->open_) found->second->closed();
}

void http2_session::wake_for_drain() {
  if (over_ || saying_goodbye_) return;
  saying_goodbye_ = true;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, last_begun_, NGHTTP2_NO_ERROR, nullptr, 0);
  flush();
  if (calls_.empty()) stream_.events().wake_reader();
}

void http2_session::abandon() {
  over_ = true;
  ::shutdown(stream_.descriptor(), SHUT_RDWR);
  stream_.events().cancel();
}

void http2_session::watch_idleness() {
  if (calls_.empty()) idle_.arm(deadline::after(server_.at.now(), server_.limits.idle_timeout));
  else idle_.disarm();
}

void http2_session::on_idle() {
  if (!calls_.empty() || over_) return;
  wake_for_drain();
}

void http2_session::count_reset() {
  const mono_time now = server_.at.now();
  reset_credit_ = std::min(reset_burst, reset_credit_ + std::chrono::duration<double>(now - credited_).count() * resets_per_second) - 1;
  credited_ = now;
  if (reset_credit_ < 0) nghttp2_session_terminate_session(session_, NGHTTP2_ENHANCE_YOUR_CALM);
}

// ---- calls ----

void http2_session::begin_call(http2_call& call) {
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
  if (saying_goodbye_ && calls_.empty()) stream_.events().wake_reader();
}

}  // namespace andon::net
