// HTTP/2 from clients: nghttp2 as a blocking client, and raw frames for what a client must not send.
#include <nghttp2/nghttp2.h>

#include <gtest/gtest.h>
#include <netinet/tcp.h>

#include <cstring>
#include <deque>
#include <map>

#include "andon/net/http_server_fixture.hpp"

namespace andon::net {
namespace {

using namespace std::chrono_literals;
using namespace testing;

constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream, std::string_view payload) {
  std::string out;
  for (const int shift : {16, 8, 0}) out += static_cast<char>(payload.size() >> shift);
  out += static_cast<char>(type);
  out += static_cast<char>(flags);
  for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(stream >> shift);
  return out.append(payload);
}

struct h2_reply {
  std::string status, body;
  bool closed = false;
  std::uint32_t code = 0;
};

class h2_client {
public:
  explicit h2_client(std::uint16_t port) : socket_(port) {
    const int on = 1;
    ::setsockopt(socket_.descriptor(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    nghttp2_session_callbacks* calls = nullptr;
    nghttp2_session_callbacks_new(&calls);
    nghttp2_session_callbacks_set_on_header_callback(calls, [](nghttp2_session*, const nghttp2_frame* f, const std::uint8_t* n, std::size_t ns, const std::uint8_t* v, std::size_t vs, std::uint8_t, void* self) {
      if (std::string_view(reinterpret_cast<const char*>(n), ns) == ":status") of(self)[f->hd.stream_id].status.assign(reinterpret_cast<const char*>(v), vs);
      return 0;
    });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, [](nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* b, std::size_t s, void* self) {
      of(self)[id].body.append(reinterpret_cast<const char*>(b), s);
      return 0;
    });
    nghttp2_session_callbacks_set_on_stream_close_callback(calls, [](nghttp2_session*, std::int32_t id, std::uint32_t code, void* self) {
      of(self)[id].closed = true;
      of(self)[id].code = code;
      return 0;
    });
    nghttp2_session_client_new(&session_, calls, this);
    nghttp2_session_callbacks_del(calls);
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
  }
  h2_client(const h2_client&) = delete;
  h2_client& operator=(const h2_client&) = delete;
  ~h2_client() { nghttp2_session_del(session_); }

  std::int32_t ask(std::string method, std::string path, std::string body = {}, std::string extra = {}) {
    bodies_.push_back(std::move(body));
    std::vector<std::pair<std::string, std::string>> lines{{":method", method}, {":scheme", "http"}, {":authority", "x"}, {":path", path}};
    if (!extra.empty()) lines.emplace_back("x-extra", extra);
    std::vector<nghttp2_nv> all;
    for (auto& [name, value] : lines) all.push_back({reinterpret_cast<std::uint8_t*>(name.data()), reinterpret_cast<std::uint8_t*>(value.data()), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
    left_.push_back(bodies_.back());
    nghttp2_data_provider from{};
    from.source.ptr = &left_.back();
    from.read_callback = [](nghttp2_session*, std::int32_t, std::uint8_t* into, std::size_t room, std::uint32_t* flags, nghttp2_data_source* source, void*) {
      auto& left = *static_cast<std::string_view*>(source->ptr);
      const auto step = std::min(room, left.size());
      std::memcpy(into, left.data(), step);
      left.remove_prefix(step);
      if (left.empty()) *flags |= NGHTTP2_DATA_FLAG_EOF;
      return static_cast<ssize_t>(step);
    };
    const auto id = nghttp2_submit_request(session_, nullptr, all.data(), all.size(), bodies_.back().empty() ? nullptr : &from, nullptr);
    push();
    return id;
  }
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
      if (got <= 0) break;
      if (nghttp2_session_mem_recv(session_, reinterpret_cast<std::uint8_t*>(part), static_cast<std::size_t>(got)) < 0) break;
      push();
    }
    return replies_[id];
  }
  void reset(std::int32_t id) {
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
    push();
  }
  test_client& socket() { return socket_; }

private:
  static std::map<std::int32_t, h2_reply>& of(void* self) { return static_cast<h2_client*>(self)->replies_; }
  test_client socket_;
  nghttp2_session* session_ = nullptr;
  std::map<std::int32_t, h2_reply> replies_;
  std::deque<std::string> bodies_;
  std::deque<std::string_view> left_;
};

TEST(http2_server, answers_streams_and_bodies) {
  test_server server;
  h2_client client(server.port());
  EXPECT_EQ(client.wait(client.ask("GET", "/")).body, "hello");
  EXPECT_EQ(client.wait(client.ask("GET", "/stream")).body, "data: 0\n\ndata: 1\n\ndata: 2\n\ndata: [DONE]\n\n");
  const auto shown = client.wait(client.ask("GET", "/show?a=b&c")).body;
  EXPECT_NE(shown.find("GET /show ?a=b&c\n"), std::string::npos) << shown;
  EXPECT_NE(shown.find("host=[x]"), std::string::npos) << shown;
  const std::string large(3u << 20, 'b');
  EXPECT_TRUE(client.wait(client.ask("POST", "/echo", large)).body == large);
  EXPECT_EQ(client.wait(client.ask("HEAD", "/")).body, "");
  EXPECT_EQ(client.wait(client.ask("GET", "/silent")).status, "500");
  EXPECT_EQ(client.wait(client.ask("GET", "/throw")).status, "500");
  EXPECT_EQ(client.wait(client.ask("GET", "/inject")).body, "invalid_argument");
  EXPECT_EQ(server.counts().open, 1u);
}

TEST(http2_server, many_streams_at_once) {
  test_server server;
  h2_client client(server.port());
  std::vector<std::int32_t> all;
  for (int i = 0; i < 100; ++i) all.push_back(client.ask("POST", "/echo", std::string(5000, static_cast<char>('a' + i % 26))));
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(client.wait(all[i]).body, std::string(5000, static_cast<char>('a' + i % 26)));
}

TEST(http2_server, a_slow_reader_pauses_the_handler) {
  test_server server;
  h2_client client(server.port());
  const auto id = client.ask("GET", "/flood");
  EXPECT_TRUE(server.eventually([&] { return server.handler.waiting == 0 && server.counts().requests == 1; }));
  EXPECT_LT(server.handler.flooded, 1u << 20);   // the stream's window is 64 KiB
  EXPECT_EQ(client.wait(id).body.size(), 64u << 20);
}

TEST(http2_server, a_reset_stream_is_told_at_once) {
  test_server server;
  h2_client client(server.port());
  const auto id = client.ask("GET", "/wait");
  ASSERT_TRUE(server.eventually([&] { return server.handler.waiting == 1; }));
  client.reset(id);
  EXPECT_TRUE(server.eventually([&] { return server.handler.gone == 1 && server.handler.write_failures == 1; }));
  EXPECT_EQ(client.wait(client.ask("GET", "/")).body, "hello");
  (void)client.ask("GET", "/wait");
  ASSERT_TRUE(server.eventually([&] { return server.handler.waiting == 2; }));
  client.socket().close();
  EXPECT_TRUE(server.eventually([&] { return server.handler.gone == 2 && server.counts().open == 0; }));
}

TEST(http2_server, an_aborted_answer_is_reset) {
  test_server server;
  h2_client client(server.port());
  const auto cut = client.wait(client.ask("GET", "/abort"));
  EXPECT_TRUE(cut.closed);
  EXPECT_EQ(cut.code, std::uint32_t{NGHTTP2_INTERNAL_ERROR});
}

TEST(http2_server, a_body_that_nobody_reads_does_not_break_the_answer) {
  test_server server;
  h2_client client(server.port());
  for (const std::size_t size : {std::size_t{100}, std::size_t{40'000}, std::size_t{1} << 20}) {
    const auto answer = client.wait(client.ask("POST", "/", std::string(size, 'x')));
    EXPECT_EQ(answer.body, "hello") << size;
    EXPECT_EQ(answer.code, std::uint32_t{NGHTTP2_NO_ERROR}) << size;
  }
  EXPECT_EQ(client.wait(client.ask("GET", "/")).body, "hello");
}

TEST(http2_server, bounds_of_head_and_body) {
  test_server server(server_limits{.max_head = 8192, .max_body = 10'000});
  h2_client client(server.port());
  EXPECT_EQ(client.wait(client.ask("GET", "/", {}, std::string(9000, 'x'))).status, "431");
  EXPECT_EQ(server.handler.refusals().back(), errc::headers_too_large);
  const auto large = client.wait(client.ask("POST", "/echo", std::string(20'000, 'x')));
  EXPECT_EQ(large.status, "413");
  EXPECT_NE(large.body.find("[max_body]"), std::string::npos) << large.body;
}

TEST(http2_server, a_rapid_reset_ends_the_connection) {
  test_server server;
  h2_client client(server.port());
  for (int i = 0; i < 400; ++i) client.reset(client.ask("GET", "/wait"));
  (void)client.wait(100'001);
  EXPECT_TRUE(server.eventually([&] { return server.counts().open == 0; }));
  EXPECT_LT(server.counts().requests, 300u);
}

TEST(http2_server, frames_that_break_the_rules_end_the_connection) {
  const std::string settings = frame(NGHTTP2_SETTINGS, 0, 0, {});
  const std::string head = "\x82\x86\x84\x41\x01x";   // GET http / x
  const std::string window("\x7f\xff\xff\xff", 4);
  const std::string cases[] = {
      "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n" + settings,
      std::string(preface) + frame(NGHTTP2_HEADERS, 5, 1, head),                                             // no SETTINGS first
      std::string(preface) + settings + frame(NGHTTP2_DATA, 1, 0, "x"),                                      // DATA on stream 0
      std::string(preface) + settings + frame(NGHTTP2_HEADERS, 5, 2, head),                                  // even stream
      std::string(preface) + settings + frame(NGHTTP2_DATA, 1, 5, "x"),                                      // idle stream
      std::string(preface) + settings + frame(NGHTTP2_HEADERS, 1, 1, head) + frame(NGHTTP2_PING, 0, 0, "12345678"),   // unfinished head
      std::string(preface) + settings + frame(NGHTTP2_PING, 0, 0, std::string(20'000, 'x')),                 // larger than allowed
      std::string(preface) + settings + frame(NGHTTP2_PING, 0, 0, "short"),
      std::string(preface) + settings + frame(NGHTTP2_WINDOW_UPDATE, 0, 0, window) + frame(NGHTTP2_WINDOW_UPDATE, 0, 0, window),
      std::string(preface) + settings + frame(NGHTTP2_SETTINGS, 0, 0, "odd"),
      std::string(preface) + settings + frame(NGHTTP2_CONTINUATION, 4, 1, head),
      std::string(preface) + settings + frame(NGHTTP2_HEADERS, 5, 1, std::string(10, '\xff')),               // bad compression
  };
  int number = 0;
  for (const auto& bytes : cases) {
    test_server server;
    test_client client(server.port());
    client.send(bytes);
    client.shut_write();
    (void)client.read_all();
    EXPECT_TRUE(server.eventually([&] { return server.counts().open == 0; })) << number;
    EXPECT_EQ(server.counts().requests, 0u) << number;
    ++number;
  }
}

TEST(http2_server, an_endless_head_is_cut_off) {
  test_server server;
  test_client client(server.port());
  client.send(std::string(preface) + frame(NGHTTP2_SETTINGS, 0, 0, {}) + frame(NGHTTP2_HEADERS, 1, 1, "\x82"));
  for (int i = 0; i < 5000; ++i)
    if (!client.send(frame(NGHTTP2_CONTINUATION, 0, 1, std::string(1, '\x84')))) break;
  EXPECT_TRUE(server.eventually([&] { return server.counts().open == 0; }));
}

TEST(http2_server, drains) {
  test_server server;
  h2_client client(server.port());
  EXPECT_EQ(client.wait(client.ask("GET", "/")).body, "hello");
  std::promise<bool> done;
  server.start_drain(5s, done);
  EXPECT_TRUE(done.get_future().get());
}

}  // namespace
}  // namespace andon::net
