// What passes between an HTTP/2 connection to a provider and nghttp2: its events, and what is submitted.
#include <fmt/core.h>

#include <array>

#include "andon/net/client_head.hpp"
#include "andon/net/http2_fields.hpp"
#include "andon/net/http2_link.hpp"
#include "andon/net/http2_reply.hpp"
#include "andon/net/pool.hpp"

namespace andon::net {
namespace {

constexpr std::uint32_t stream_window = 256 * 1024;
constexpr std::int32_t connection_window = 4 * 1024 * 1024;

}  // namespace

struct http2_link::callbacks {
  static http2_link& of(void* self) { return *static_cast<http2_link*>(self); }

  static int begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    if (auto* reply = frame->hd.type == NGHTTP2_HEADERS ? of(self).find(frame->hd.stream_id) : nullptr) reply->begin_head();
    return 0;
  }
  static int field(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size, const std::uint8_t* value,
                   std::size_t value_size, std::uint8_t, void* self) {
    if (auto* reply = frame->hd.type == NGHTTP2_HEADERS ? of(self).find(frame->hd.stream_id) : nullptr)
      reply->add_field(text_of(name, name_size), text_of(value, value_size));
    return 0;
  }
  static int bad_field(nghttp2_session*, const nghttp2_frame*, const std::uint8_t*, std::size_t, const std::uint8_t*, std::size_t, std::uint8_t, void*) {
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;   // the stream is reset
  }
  static int frame_received(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    auto& here = of(self);
    switch (frame->hd.type) {
      case NGHTTP2_SETTINGS:
        if ((frame->hd.flags & NGHTTP2_FLAG_ACK) == 0) here.settings_came();
        return 0;
      case NGHTTP2_GOAWAY:
        here.draining_ = true;
        if (frame->goaway.error_code != NGHTTP2_NO_ERROR) here.why_ = fmt::format("it said {}", nghttp2_http2_strerror(frame->goaway.error_code));
        return 0;
      case NGHTTP2_HEADERS:
      case NGHTTP2_DATA: break;
      default: return 0;
    }
    auto* reply = here.find(frame->hd.stream_id);
    if (reply == nullptr) return 0;
    const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (frame->hd.type == NGHTTP2_HEADERS) reply->end_head(ends);
    if (ends) reply->end_body();
    if (ends || frame->hd.type == NGHTTP2_HEADERS) here.touch(*reply);
    return 0;
  }
  static int data(nghttp2_session* session, std::uint8_t, std::int32_t id, const std::uint8_t* bytes, std::size_t size, void* self) {
    nghttp2_session_consume_connection(session, size);
    if (auto* reply = of(self).find(id)) {
      reply->add_body(text_of(bytes, size));
      of(self).touch(*reply);
    }
    return 0;
  }
  // What nghttp2 sends of its own accord, because the peer broke a rule. A stream that its call gave up is not found.
  static int frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* self) {
    auto& here = of(self);
    if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR)
      here.why_ = fmt::format("it broke the rules of HTTP/2: {} {}", nghttp2_http2_strerror(frame->goaway.error_code), text_of(frame->goaway.opaque_data, frame->goaway.opaque_data_len));
    if (auto* reply = frame->hd.type == NGHTTP2_RST_STREAM ? here.find(frame->hd.stream_id) : nullptr) reply->broke_rules();
    return 0;
  }
  static int closed(nghttp2_session*, std::int32_t id, std::uint32_t code, void* self) {
    auto& here = of(self);
    if (auto* reply = here.find(id)) {
      reply->closed(code);
      if (reply->undone() && code == NGHTTP2_REFUSED_STREAM) here.refused();
      here.touch(*reply);
    }
    return 0;
  }
  static ssize_t give(nghttp2_session*, std::int32_t id, std::uint8_t* into, std::size_t room, std::uint32_t* flags, nghttp2_data_source*, void* self) {
    auto* reply = of(self).find(id);
    if (reply == nullptr) return NGHTTP2_ERR_DEFERRED;
    const ssize_t given = reply->give(into, room, *flags);
    if ((*flags & NGHTTP2_DATA_FLAG_EOF) != 0 && reply->has_head()) of(self).touch(*reply);   // its call waits for this alone
    return given;
  }
};

void http2_link::make_session() {
  nghttp2_session_callbacks* calls = nullptr;
  nghttp2_option* options = nullptr;
  nghttp2_session_callbacks_new(&calls);
  nghttp2_option_new(&options);
  tell_of_streams<callbacks>(calls);
  nghttp2_option_set_no_auto_window_update(options, 1);
  nghttp2_session_client_new2(&session_, calls, this, options);
  nghttp2_option_del(options);
  nghttp2_session_callbacks_del(calls);
}

void http2_link::submit_settings() {
  const std::array<nghttp2_settings_entry, 3> settings{{{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
                                                        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, stream_window},
                                                        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(pool_.context().settings.max_head)}}};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, connection_window);
}

void http2_link::begin(http2_reply& reply, const outgoing_request& request) {
  const std::string size = std::to_string(request.body.size());
  std::size_t names = 0;
  for (const auto& line : request.headers) names += line.name.size();
  std::string lower;
  lower.reserve(names);
  std::vector<nghttp2_nv> lines;
  lines.reserve(request.headers.size() + 5);
  lines.push_back(to_nv(":method", request.method));
  lines.push_back(to_nv(":scheme", pool_.to().tls ? "https" : "http"));
  lines.push_back(to_nv(":authority", pool_.host_header()));
  lines.push_back(to_nv(":path", request.target));
  for (const auto& line : request.headers)
    if (!is_of_the_connection(line.name) && !header_equals(line.name, "te") && !header_equals(line.name, "host"))
      lines.push_back(to_nv(append_lower(lower, line.name), line.value));
  if (states_length(request)) lines.push_back(to_nv("content-length", size));
  nghttp2_data_provider from{};
  from.read_callback = callbacks::give;
  const auto id = nghttp2_submit_request(session_, nullptr, lines.data(), lines.size(), request.body.empty() ? nullptr : &from, nullptr);
  if (id < 0) {
    draining_ = true;
    return reply.lost(errc::upstream_reset, "the connection takes no more calls", true);
  }
  const bool was_idle = replies_.empty();
  if (was_idle) reads_at_rest_ = reads_;
  reply.carried_by(*this, id);
  replies_.emplace(id, &reply);
  if (was_idle && at_.now() - last_read_ >= pool_.context().settings.ping_after) ask_whether_alive();
  if (was_idle) rearm();
  flush();
}

}  // namespace andon::net
