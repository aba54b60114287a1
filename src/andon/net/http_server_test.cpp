#include <gmock/gmock.h>

#include "andon/net/http_server_fixture.hpp"

namespace andon::net::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view get_hello = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";

TEST(http_server, answers_and_keeps_the_connection) {
  test_server server;
  test_client client(server.port());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.send(get_hello));
    const auto answer = client.read_answer();
    EXPECT_EQ(status_of(answer), 200);
    EXPECT_EQ(body_of(answer), "hello");
    EXPECT_THAT(answer, HasSubstr("Content-Length: 5\r\n"));
    EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain\r\n"));
    EXPECT_THAT(answer, HasSubstr(" GMT\r\n"));
    EXPECT_THAT(answer, Not(HasSubstr("Connection:")));
  }
  EXPECT_EQ(server.counts().requests, 3u);
  EXPECT_EQ(server.counts().accepted, 1u);
}

TEST(http_server, shows_the_request_as_sent) {
  test_server server;
  test_client client(server.port());
  client.send("PUT /show?a=1&b=%20 HTTP/1.1\r\nhost: x:80\r\nX-Empty:\r\nX-Padded: \t two words \t\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(body_of(client.read_answer()), "PUT /show ?a=1&b=%20\nhost=[x:80]\nX-Empty=[]\nX-Padded=[two words]\nContent-Length=[0]\n");
}

TEST(http_server, normalises_absolute_targets) {
  test_server server;
  test_client client(server.port());
  client.send("GET http://other:8080/show?q HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(client.read_answer(), HasSubstr("GET /show ?q\n"));
  client.send("GET HTTPS://other HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(body_of(client.read_answer()), "hello");
  client.send("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(status_of(client.read_answer()), 200);
}

TEST(http_server, serves_pipelined_requests_in_order) {
  test_server server;
  test_client client(server.port());
  std::string all;
  for (int i = 0; i < 300; ++i) {
    const std::string body = "number " + std::to_string(i);
    all += "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  client.send(all);
  for (int i = 0; i < 300; ++i) ASSERT_EQ(body_of(client.read_answer()), "number " + std::to_string(i));
}

TEST(http_server, streams_in_chunks_and_keeps_the_connection) {
  test_server server;
  test_client client(server.port());
  for (int i = 0; i < 2; ++i) {
    client.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n");
    const auto answer = client.read_answer();
    EXPECT_THAT(answer, HasSubstr("Transfer-Encoding: chunked\r\n"));
    EXPECT_EQ(body_of(answer), "9\r\ndata: 0\n\n\r\n9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\ne\r\ndata: [DONE]\n\n\r\n0\r\n\r\n");
  }
}

TEST(http_server, ends_an_aborted_stream_without_its_terminator) {
  test_server server;
  test_client client(server.port());
  client.send("GET /abort HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(body_of(client.read_all()), "7\r\npartial\r\n");
}

TEST(http_server, speaks_http_1_0) {
  test_server server;
  test_client closing(server.port());
  closing.send("GET /hello HTTP/1.0\r\n\r\n");
  EXPECT_THAT(closing.read_all(), HasSubstr("Connection: close\r\n"));
  test_client keeping(server.port());
  keeping.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_THAT(keeping.read_answer(), HasSubstr("Connection: keep-alive\r\n"));
  keeping.send("GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const auto stream = keeping.read_all();
  EXPECT_THAT(stream, Not(HasSubstr("chunked")));
  EXPECT_EQ(body_of(stream), "data: 0\n\ndata: 1\n\ndata: 2\n\ndata: [DONE]\n\n");
}

TEST(http_server, knows_which_http_is_spoken) {
  test_server server;
  for (const std::string version : {"1.0", "1.1"}) {
    test_client client(server.port());
    client.send("GET /spoken HTTP/" + version + "\r\nHost: a\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(body_of(client.read_all()), version);
  }
}

TEST(http_server, answers_head_without_a_body) {
  test_server server;
  test_client client(server.port());
  client.send("HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto answer = client.read_answer(true);
  EXPECT_THAT(answer, HasSubstr("Content-Length: 5\r\n"));
  EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
  client.send("HEAD /stream HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(client.read_answer(true).ends_with("\r\n\r\n"));
  client.send(get_hello);
  EXPECT_EQ(body_of(client.read_answer()), "hello");
}

TEST(http_server, closes_when_asked) {
  test_server server;
  test_client client(server.port());
  client.send("GET /hello HTTP/1.1\r\nHost: a\r\nConnection: foo, Close\r\n\r\n");
  EXPECT_THAT(client.read_all(), HasSubstr("Connection: close\r\n"));
}

TEST(http_server, takes_bodies_of_every_size) {
  test_server server;
  test_client client(server.port());
  for (const std::size_t size : {0u, 1u, 4096u, 16'000u, 16'384u, 70'000u, 3'000'000u}) {
    const std::string body(size, 'b');
    std::thread sender([&] { client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" + body); });
    EXPECT_EQ(body_of(client.read_answer()), body) << size;
    sender.join();
  }
}

TEST(http_server, takes_chunked_bodies) {
  test_server server;
  test_client client(server.port());
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;note=x\r\nhello\r\nA\r\n, 10 bytes\r\n0\r\nX-Trailer: t\r\n\r\n");
  client.send(get_hello);
  EXPECT_EQ(body_of(client.read_answer()), "hello, 10 bytes");
  EXPECT_EQ(body_of(client.read_answer()), "hello");
  std::string large;
  for (int i = 0; i < 200; ++i) large += "1000\r\n" + std::string(4096, 'c') + "\r\n";
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + large + "0\r\n\r\n");
  EXPECT_EQ(body_of(client.read_answer()), std::string(200 * 4096, 'c'));
}

TEST(http_server, sends_100_continue_only_when_the_body_is_wanted) {
  test_server server;
  test_client client(server.port());
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_answer(), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("abc");
  EXPECT_EQ(body_of(client.read_answer()), "abc");
  client.send("POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  const auto refused = client.read_all();
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 200"));
  EXPECT_THAT(refused, HasSubstr("Connection: close\r\n"));
}

TEST(http_server, drops_a_small_unread_body_and_closes_on_a_large_one) {
  test_server server;
  test_client client(server.port());
  client.send("POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n");
  EXPECT_EQ(body_of(client.read_answer()), "hello");
  client.send(std::string(20'000, 'x'));
  client.send("POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n");
  EXPECT_THAT(client.read_answer(), HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(client.closed_by_peer());
}

TEST(http_server, a_refusal_reaches_a_client_that_still_sends) {
  test_server server({.max_body = 1000});
  test_client client(server.port());
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n" + std::string(2'000'000, 'x'));
  client.shut_write();
  EXPECT_EQ(status_of(client.read_all()), 413);
}

TEST(http_server, refuses_header_injection_by_the_handler) {
  test_server server;
  test_client client(server.port());
  client.send("GET /inject HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(body_of(client.read_answer()), "invalid_argument");
}

TEST(http_server, a_handler_without_an_answer_or_with_an_exception_gives_500) {
  test_server server;
  for (const std::string path : {"/silent", "/throw"}) {
    test_client client(server.port());
    client.send("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(status_of(client.read_all()), 500) << path;
  }
}

TEST(http_server, turns_away_more_connections_than_allowed) {
  test_server server({.max_connections = 1});
  test_client first(server.port());
  first.send(get_hello);
  EXPECT_EQ(status_of(first.read_answer()), 200);
  test_client second(server.port());
  EXPECT_EQ(status_of(second.read_all()), 503);
  EXPECT_EQ(server.counts().turned_away, 1u);
}

TEST(http_server, cores_share_one_port) {
  system_clock clock;
  core one(0, clock, 1);
  core two(1, clock, 2);
  scripted_handler handler(one);
  http_server first(one, handler, {});
  http_server second(two, handler, {});
  const auto port = first.listen("127.0.0.1", 0);
  ASSERT_TRUE(port);
  EXPECT_EQ(second.listen("127.0.0.1", *port, http_server::place::beside_own), *port);
  EXPECT_EQ(http_server(two, handler, {}).listen("example.org", 1).error().code, errc::invalid_argument);
}

TEST(http_server, the_first_on_a_port_refuses_one_that_is_taken) {
  system_clock clock;
  core on(0, clock, 1);
  scripted_handler handler(on);
  http_server holder(on, handler, {});
  const auto port = holder.listen("127.0.0.1", 0);
  ASSERT_TRUE(port);
  http_server late(on, handler, {});
  const auto refused = late.listen("127.0.0.1", *port, http_server::place::first);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::io_error);
  EXPECT_NE(refused.error().message.find("in use"), std::string::npos) << refused.error().message;
}

}  // namespace
}  // namespace andon::net::testing
