#pragma once
// nghttp2 as a blocking client, and raw frames for what a client must not send. For tests of the server only.
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>

#include <cstring>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "andon/net/http2_frames_testing.hpp"
#include "andon/net/http_server_fixture.hpp"

namespace andon::net::testing {

inline constexpr std::string_view preface = h2_preface;

struct h2_reply {
  std::string status, body;
  bool closed = false;
  bool continued = false;   // a 100 came before
  std::uint32_t code = 0;
};

struct h2_goaway {
  std::int32_t last = 0;
  std::uint32_t code = 0;
  bool operator==(const h2_goaway&) const = default;
};

class h2_client {
public:
  static constexpr std::uint32_t usual_window = 65'535;
  static constexpr std::uint32_t largest_window = 0x7fff'ffff;

  explicit h2_client(std::uint16_t port, std::uint32_t window = usual_window) : h2_client(test_client(port), window) {
    const int on = 1;
    ::setsockopt(socket_.descriptor(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  /// `window`: of each stream; the largest holds for the connection too.
  explicit h2_client(test_client socket, std::uint32_t window = usual_window) : socket_(std::move(socket)) {
    nghttp2_session_callbacks* calls = nullptr;
    nghttp2_session_callbacks_new(&calls);
    nghttp2_session_callbacks_set_on_header_callback(calls, [](nghttp2_session*, const nghttp2_frame* f, const std::uint8_t* n, std::size_t ns, const std::uint8_t* v, std::size_t vs, std::uint8_t, void* self) {
      if (std::string_view(reinterpret_cast<const char*>(n), ns) == ":status") of(self).take_status(f->hd.stream_id, {reinterpret_cast<const char*>(v), vs});
      return 0;
    });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, [](nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* b, std::size_t s, void* self) {
      of(self).replies_[id].body.append(reinterpret_cast<const char*>(b), s);
      return 0;
    });
    nghttp2_session_callbacks_set_on_stream_close_callback(calls, [](nghttp2_session*, std::int32_t id, std::uint32_t code, void* self) {
      of(self).replies_[id].closed = true;
      of(self).replies_[id].code = code;
      return 0;
    });
    nghttp2_session_client_new(&session_, calls, this);
    nghttp2_session_callbacks_del(calls);
    const nghttp2_settings_entry entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, &entry, window == usual_window ? 0 : 1);
    if (window == largest_window) nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, static_cast<std::int32_t>(window));
  }
  h2_client(const h2_client&) = delete;
  h2_client& operator=(const h2_client&) = delete;
  ~h2_client() { nghttp2_session_del(session_); }

  std::int32_t ask(std::string method, std::string path, std::string body = {}, std::string extra = {}) {
    return send(method, path, std::move(body), extra.empty() ? lines{} : lines{{"x-extra", extra}}, false);
  }
  /// Holds the body back until the server asks for it.
  std::int32_t ask_expecting(std::string path, std::string body) { return send("POST", path, std::move(body), {{"expect", "100-continue"}}, true); }
  void push() {
    const std::uint8_t* bytes = nullptr;
    std::string all;
    for (ssize_t size = 0; (size = nghttp2_session_mem_send(session_, &bytes)) > 0;) all.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
    socket_.send(all);
  }
  /// Until the stream is over, or the connection.
  h2_reply wait(std::int32_t id) {
    char part[16 * 1024];
    while (!replies_[id].closed) {
      const ssize_t got = ::recv(socket_.descriptor(), part, sizeof part, 0);
      ended_by_fin_ = got == 0;
      if (got <= 0) break;
      received_.append(part, static_cast<std::size_t>(got));
      if (nghttp2_session_mem_recv(session_, reinterpret_cast<std::uint8_t*>(part), static_cast<std::size_t>(got)) < 0) break;
      push();
    }
    return replies_[id];
  }
  /// Until the connection is over: by FIN, not by a reset and not by waiting in vain.
  bool ends_by_fin() {
    (void)wait(0x7fff'ffff);
    return ended_by_fin_;
  }
  void reset(std::int32_t id) {
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
    push();
  }
  test_client& socket() { return socket_; }
  /// All that came; nghttp2 itself looks at nothing behind one when no stream is open.
  [[nodiscard]] std::vector<h2_goaway> goaways() const {
    const auto number = [this](std::size_t at, int size) {
      std::uint32_t out = 0;
      for (int i = 0; i < size; ++i) out = out << 8 | static_cast<unsigned char>(received_.at(at + static_cast<std::size_t>(i)));
      return out;
    };
    std::vector<h2_goaway> all;
    for (std::size_t at = 0; at + 9 <= received_.size(); at += 9 + number(at, 3))
      if (received_[at + 3] == NGHTTP2_GOAWAY) all.push_back({static_cast<std::int32_t>(number(at + 9, 4)), number(at + 13, 4)});
    return all;
  }

private:
  using lines = std::vector<std::pair<std::string, std::string>>;
  struct source {
    std::string body;
    std::size_t sent = 0;
    bool held = false;
  };
  static h2_client& of(void* self) { return *static_cast<h2_client*>(self); }
  static ssize_t give(nghttp2_session*, std::int32_t, std::uint8_t* into, std::size_t room, std::uint32_t* flags, nghttp2_data_source* from, void*) {
    auto& left = *static_cast<source*>(from->ptr);
    if (left.held) return NGHTTP2_ERR_DEFERRED;
    const auto step = std::min(room, left.body.size() - left.sent);
    std::memcpy(into, left.body.data() + left.sent, step);
    left.sent += step;
    if (left.sent == left.body.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(step);
  }
  std::int32_t send(const std::string& method, const std::string& path, std::string body, const lines& extra, bool held) {
    lines all{{":method", method}, {":scheme", "http"}, {":authority", "x"}, {":path", path}};
    all.insert(all.end(), extra.begin(), extra.end());
    std::vector<nghttp2_nv> fields;
    for (auto& [name, value] : all) fields.push_back({reinterpret_cast<std::uint8_t*>(name.data()), reinterpret_cast<std::uint8_t*>(value.data()), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
    auto& left = bodies_.emplace_back(std::move(body), std::size_t{0}, held);
    nghttp2_data_provider from{};
    from.source.ptr = &left;
    from.read_callback = give;
    const auto id = nghttp2_submit_request(session_, nullptr, fields.data(), fields.size(), left.body.empty() ? nullptr : &from, nullptr);
    sources_[id] = &left;
    push();
    return id;
  }
  void take_status(std::int32_t id, std::string_view status) {
    if (status != "100") {
      replies_[id].status = status;
      return;
    }
    replies_[id].continued = true;
    sources_[id]->held = false;
    nghttp2_session_resume_data(session_, id);
  }

  test_client socket_;
  nghttp2_session* session_ = nullptr;
  std::map<std::int32_t, h2_reply> replies_;
  std::string received_;
  std::deque<source> bodies_;
  std::map<std::int32_t, source*> sources_;
  bool ended_by_fin_ = false;
};

}  // namespace andon::net::testing
