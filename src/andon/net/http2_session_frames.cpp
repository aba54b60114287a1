// What nghttp2 tells a session, and how it is told what to allow.
#include <array>

#include "andon/net/http2_call.hpp"
#include "andon/net/http2_fields.hpp"
#include "andon/net/http2_session.hpp"

namespace andon::net {
namespace {

constexpr std::int32_t connection_window = 1 << 20;
constexpr std::size_t most_continuations = 8;   // of 16 KiB each

}  // namespace

struct http2_session::callbacks {
  static http2_session& of(void* self) { return *static_cast<http2_session*>(self); }
  static http2_call* call_of(nghttp2_session* session, std::int32_t id) { return static_cast<http2_call*>(nghttp2_session_get_stream_user_data(session, id)); }

  // nghttp2 takes such a stream for one that was closed.
  static int begin_frame(nghttp2_session* session, const nghttp2_frame_hd* head, void* self) {
    if (head->type == NGHTTP2_HEADERS && !of(self).may_head(head->stream_id)) nghttp2_session_terminate_session(session, NGHTTP2_PROTOCOL_ERROR);
    return 0;
  }
  static int begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* self) {
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    auto& here = of(self);
    const auto id = frame->hd.stream_id;
    auto& call = here.calls_[id] = std::make_unique<http2_call>(here, id);
    nghttp2_session_set_stream_user_data(session, id, call.get());
    here.last_begun_ = id;
    here.idle_.disarm();
    here.head_limit_.arm(deadline::after(here.server_.at.now(), here.server_.limits.head_timeout));
    return 0;
  }
  static int field(nghttp2_session* session, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size, const std::uint8_t* value,
                   std::size_t value_size, std::uint8_t, void*) {
    if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    if (auto* call = call_of(session, frame->hd.stream_id)) (void)call->add_field(text_of(name, name_size), text_of(value, value_size));
    return 0;
  }
  static int bad_field(nghttp2_session*, const nghttp2_frame*, const std::uint8_t*, std::size_t, const std::uint8_t*, std::size_t, std::uint8_t, void*) {
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;   // the stream is reset: a malformed request (RFC 9113, 8.1.1)
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
    if (auto* call = call_of(session, id)) call->add_body(text_of(bytes, size));
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
      idle_(server.at.timers(), deadline_timer::member<&http2_session::wake_for_drain>(), this),
      probe_(server.at.timers(), deadline_timer::member<&http2_session::on_probe>(), this),
      head_limit_(server.at.timers(), deadline_timer::member<&http2_session::on_slow_head>(), this),
      goodbye_(server.at.timers(), deadline_timer::member<&http2_session::on_goodbye>(), this),
      write_limit_(server.at.timers(), deadline_timer::member<&http2_session::abandon>(), this),
      reset_credit_(reset_burst), credited_(server.at.now()) {
  nghttp2_session_callbacks* calls = nullptr;
  nghttp2_option* options = nullptr;
  nghttp2_session_callbacks_new(&calls);
  nghttp2_option_new(&options);
  nghttp2_session_callbacks_set_on_begin_frame_callback(calls, callbacks::begin_frame);
  tell_of_streams<callbacks>(calls);
  nghttp2_option_set_no_auto_window_update(options, 1);
  nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation(options, 1);  // without_blanks() instead
  nghttp2_option_set_max_continuations(options, most_continuations);   // does not compile with a library that has no bound
  nghttp2_session_server_new2(&session_, calls, this, options);
  nghttp2_option_del(options);
  nghttp2_session_callbacks_del(calls);
  const std::array<nghttp2_settings_entry, 2> settings{{{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, http2_session::streams_at_once},
                                                        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(server.limits.max_head)}}};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, connection_window);
}

http2_session::~http2_session() { nghttp2_session_del(session_); }

}  // namespace andon::net
