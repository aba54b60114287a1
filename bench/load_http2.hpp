#pragma once
// The HTTP/2 end of one connection of the load generator: requests out, events of their replies in.
#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace load {

class http2_end {
public:
  /// Who is told, by the number that came with the request.
  struct listener {
    virtual void begun(std::size_t call, bool good) = 0;
    virtual void brought(std::size_t call, std::size_t bytes) = 0;
    virtual void ended(std::size_t call, bool properly) = 0;

  protected:
    ~listener() = default;
  };

  explicit http2_end(listener& told) : told_(told) {
    nghttp2_session_callbacks* calls = nullptr;
    nghttp2_session_callbacks_new(&calls);
    nghttp2_session_callbacks_set_on_header_callback(calls, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(calls, on_close);
    nghttp2_session_client_new(&session_, calls, this);
    nghttp2_session_callbacks_del(calls);
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
    nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, 16 << 20);
  }
  http2_end(const http2_end&) = delete;  // nghttp2 refers to it
  http2_end& operator=(const http2_end&) = delete;
  ~http2_end() { nghttp2_session_del(session_); }

  /// `fields` and `body` stay where they are for as long as calls are made.
  void submit(std::size_t call, const std::vector<nghttp2_nv>& fields, std::string_view body) {
    body_ = body;
    nghttp2_data_provider from{};
    from.read_callback = [](nghttp2_session*, std::int32_t, std::uint8_t* into, std::size_t room, std::uint32_t* flags, nghttp2_data_source*, void* self) {
      const auto body = static_cast<http2_end*>(self)->body_;
      if (body.size() > room) return static_cast<ssize_t>(NGHTTP2_ERR_CALLBACK_FAILURE);   // the bodies of benchmarks fit into one frame
      std::memcpy(into, body.data(), body.size());
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      return static_cast<ssize_t>(body.size());
    };
    nghttp2_submit_request(session_, nullptr, fields.data(), fields.size(), &from, reinterpret_cast<void*>(call + 1));
  }
  /// False: the connection is over.
  bool take(std::string_view bytes) {
    return nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()) >= 0 &&
           (nghttp2_session_want_read(session_) != 0 || nghttp2_session_want_write(session_) != 0);
  }
  void give(std::string& out) {
    const std::uint8_t* bytes = nullptr;
    for (ssize_t size = 0; (size = nghttp2_session_mem_send(session_, &bytes)) > 0;) out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  }

private:
  static http2_end& of(void* self) { return *static_cast<http2_end*>(self); }
  static std::size_t call_of(nghttp2_session* session, std::int32_t stream) { return reinterpret_cast<std::size_t>(nghttp2_session_get_stream_user_data(session, stream)); }
  static int on_header(nghttp2_session* session, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_size, const std::uint8_t* value,
                       std::size_t value_size, std::uint8_t, void* self) {
    const auto call = call_of(session, frame->hd.stream_id);
    if (call != 0 && std::string_view(reinterpret_cast<const char*>(name), name_size) == ":status")
      of(self).told_.begun(call - 1, std::string_view(reinterpret_cast<const char*>(value), value_size) == "200");
    return 0;
  }
  static int on_data(nghttp2_session* session, std::uint8_t, std::int32_t stream, const std::uint8_t*, std::size_t size, void* self) {
    if (const auto call = call_of(session, stream); call != 0) of(self).told_.brought(call - 1, size);
    return 0;
  }
  static int on_close(nghttp2_session* session, std::int32_t stream, std::uint32_t code, void* self) {
    if (const auto call = call_of(session, stream); call != 0) of(self).told_.ended(call - 1, code == NGHTTP2_NO_ERROR);
    return 0;
  }

  listener& told_;
  nghttp2_session* session_ = nullptr;
  std::string_view body_;
};

}  // namespace load
