// HTTP/2 from clients.
#include <gtest/gtest.h>

#include "andon/net/http2_client_fixture.hpp"

namespace andon::net {
namespace {

using namespace std::chrono_literals;
using namespace testing;

TEST(http2_server, answers_streams_and_bodies) {
  test_server server;
  h2_client client(server.port());
  EXPECT_EQ(client.wait(client.ask("GET", "/")).body, "hello");
  EXPECT_EQ(client.wait(client.ask("GET", "/stream")).body, "data: 0\n\ndata: 1\n\ndata: 2\n\ndata: [DONE]\n\n");
  EXPECT_EQ(client.wait(client.ask("GET", "/spoken")).body, "2");
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

TEST(http2_server, blanks_around_a_value_mean_nothing) {
  test_server server;
  for (const auto& [sent, shown] : {std::pair{" Bearer\t", "[Bearer]"}, {" a b ", "[a b]"}, {"  ", "[]"}}) {
    h2_client client(server.port());
    const auto got = client.wait(client.ask("GET", "/show", {}, sent));
    EXPECT_EQ(got.status, "200") << sent;
    EXPECT_NE(got.body.find(shown), std::string::npos) << got.body;
  }
}

TEST(http2_server, a_rapid_reset_ends_the_connection) {
  test_server server;
  h2_client client(server.port());
  (void)client.wait(client.ask("GET", "/"));
  server.on_core([&] {   // all of it is there when the server begins to read, and most of it when it stops
    for (int i = 0; i < 800; ++i) client.reset(client.ask("GET", "/wait"));
  });
  EXPECT_TRUE(client.ends_by_fin());
  ASSERT_FALSE(client.goaways().empty());
  EXPECT_EQ(client.goaways().back().code, std::uint32_t{NGHTTP2_ENHANCE_YOUR_CALM});
  client.socket().close();
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

TEST(http2_server, asks_for_a_body_that_waits_for_it) {
  test_server server;
  h2_client client(server.port());
  const auto asked = client.wait(client.ask_expecting("/echo", "held back"));
  EXPECT_TRUE(asked.continued);
  EXPECT_EQ(asked.body, "held back");
  const auto unread = client.wait(client.ask_expecting("/", "never sent"));
  EXPECT_FALSE(unread.continued);
  EXPECT_EQ(unread.body, "hello");
  EXPECT_FALSE(client.wait(client.ask("POST", "/echo", "sent at once")).continued);
}

TEST(http2_server, a_streamed_answer_to_head_has_no_body) {
  test_server server;
  h2_client client(server.port());
  const auto answer = client.wait(client.ask("HEAD", "/flood"));
  EXPECT_EQ(answer.status, "200");
  EXPECT_EQ(answer.body, "");
  EXPECT_TRUE(server.eventually([&] { return server.handler.flooded == 64u << 20; }));
  EXPECT_EQ(server.handler.write_failures, 0);
}

TEST(http2_server, begins_with_the_preface_in_any_two_pieces) {
  test_server server;
  const std::string all = std::string(preface) + frame(NGHTTP2_SETTINGS, 0, 0, {}) + frame(NGHTTP2_HEADERS, 5, 1, "\x82\x86\x84\x41\x01x");
  for (std::size_t split = 1; split < preface.size() + 9; ++split) {
    test_client client(server.port());
    client.send(std::string_view(all).substr(0, split));
    server.settle();
    client.send(std::string_view(all).substr(split));
    std::string got;
    char part[1024];
    for (ssize_t n = 0; got.find("hello") == got.npos && (n = ::recv(client.descriptor(), part, sizeof part, 0)) > 0;) got.append(part, static_cast<std::size_t>(n));
    EXPECT_NE(got.find("hello"), got.npos) << split << ": " << got;
  }
}

TEST(http2_server, drains) {
  test_server server;
  h2_client client(server.port());
  EXPECT_EQ(client.wait(client.ask("GET", "/")).body, "hello");
  std::promise<bool> done;
  server.start_drain(5s, done);
  EXPECT_TRUE(done.get_future().get());
}

TEST(http2_server, serves_what_was_on_its_way_when_the_drain_began) {
  test_server server;
  h2_client client(server.port());
  EXPECT_EQ(client.wait(client.ask("GET", "/")).body, "hello");
  std::promise<bool> done;
  std::int32_t last = 0;
  server.start_drain(5s, done, [&] { last = client.ask("GET", "/"); });
  EXPECT_EQ(client.wait(last).body, "hello");
  EXPECT_TRUE(client.ends_by_fin());
  EXPECT_EQ(client.goaways(), (std::vector<h2_goaway>{{0x7fff'ffff, NGHTTP2_NO_ERROR}, {last, NGHTTP2_NO_ERROR}}));
  client.socket().close();
  EXPECT_TRUE(done.get_future().get());
}

}  // namespace
}  // namespace andon::net
