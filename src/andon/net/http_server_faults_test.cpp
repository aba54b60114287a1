// Clients that break rules, dawdle, leave or read slowly, and the server's own stop.
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <zlib.h>

#include "andon/net/http_server_fixture.hpp"

namespace andon::net::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view get_hello = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";

std::string many_headers(int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += "X: y\r\n";
  return out + "\r\n";
}

std::string gzip(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

struct hostile {
  std::string bytes;
  int status;
};

TEST(http_server_faults, hostile_bytes_get_one_answer_and_a_closed_connection) {
  const std::string post = "POST /echo HTTP/1.1\r\nHost: a\r\n";
  const std::vector<hostile> cases{
      {"\x16\x03\x01\x02", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 405},
      {"GET /" + std::string(5000, 'a'), 414},
      {"GET / HTTP/1.1\r\nX: " + std::string(5000, 'a'), 431},
      {post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400},
      {post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501},
      {post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
      {post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
      {post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n", 400},
      {post + "Transfer-Encoding: chunked\r\n\r\n1;" + std::string(9000, 'e'), 400},
      {post + "Transfer-Encoding: chunked\r\n\r\nffffff\r\n", 413},
      {post + "Content-Length: 100000\r\n\r\n", 413},
      {post + "Content-Length: 5\r\nContent-Encoding: rot13\r\n\r\nhello", 415},
      {post + "Content-Length: 5\r\nContent-Encoding: gzip\r\n\r\nhello", 400},
  };
  test_server server({.max_head = 4096, .max_body = 10'000});
  for (const auto& each : cases) {
    test_client client(server.port());
    client.send(each.bytes);
    client.shut_write();
    const auto answer = client.read_all();
    EXPECT_EQ(status_of(answer), each.status) << each.bytes.substr(0, 100);
    EXPECT_EQ(answer.find("Date: "), answer.rfind("Date: ")) << "a second answer to " << each.bytes.substr(0, 100);
  }
  EXPECT_EQ(server.handler.refusals().size(), 9u);
}

// The server's own answers are the handler's words, with the bound that was hit, in every place that answers by itself.
TEST(http_server_faults, own_answers_are_in_the_handlers_words) {
  test_server server({.max_head = 4096, .head_timeout = 40ms, .max_connections = 1});
  server.handler.own_words = true;
  const std::vector<std::tuple<std::string, int, std::string>> cases{
      {"GET / HTTP/1.1\r\n\r\n", 400, "bad_http because of []"},
      {"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 405, "method_not_allowed because of []"},
      {"GET /" + std::string(5000, 'a'), 414, "target_too_long because of [max_head]"},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "unsupported_transfer because of []"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(5000, 'a'), 431, "headers_too_large because of [max_head]"},
      {"GET / HTTP/1.1\r\nHost: a\r\n" + many_headers(300), 431, "headers_too_large because of []"},
      {"GET /hello HT", 408, "client_timeout because of [head_timeout]"},
      {"GET /silent HTTP/1.1\r\nHost: a\r\n\r\n", 500, "internal because of []"}};
  for (const auto& [bytes, status, words] : cases) {
    test_client client(server.port());
    client.send(bytes);
    const auto answer = client.read_all();
    EXPECT_EQ(status_of(answer), status) << words;
    EXPECT_EQ(body_of(answer), words);
    EXPECT_THAT(answer, HasSubstr("Content-Type: x/words\r\nX-More: more\r\n")) << words;
    EXPECT_THAT(answer, HasSubstr("Content-Length: " + std::to_string(words.size()) + "\r\n")) << words;
  }
  test_client first(server.port());
  first.send(get_hello);
  first.read_answer();
  test_client second(server.port());
  const auto busy = second.read_all();
  EXPECT_EQ(status_of(busy), 503);
  EXPECT_EQ(body_of(busy), "overloaded because of [max_connections]");
  EXPECT_THAT(busy, HasSubstr("X-More: more\r\n"));
  EXPECT_EQ(server.handler.refusals().back(), errc::overloaded);
}

TEST(http_server_faults, errors_of_a_body_name_their_bound) {
  test_server server({.max_body = 1000, .body_timeout = 40ms});
  server.handler.own_words = true;
  const std::string post = "POST /echo HTTP/1.1\r\nHost: a\r\n";
  for (const auto& [bytes, words] : std::vector<std::pair<std::string, std::string>>{
           {post + "Content-Length: 100000\r\n\r\n", "the body is larger than 1000 bytes [max_body]"},
           {post + "Transfer-Encoding: chunked\r\n\r\nffffff\r\n", "the body is larger than 1000 bytes [max_body]"},
           {post + "Content-Length: 5\r\n\r\nhe", "the body of the request did not arrive in time [body_timeout]"}}) {
    test_client client(server.port());
    client.send(bytes);
    EXPECT_EQ(body_of(client.read_all()), words);
  }
  const std::string packed = gzip(std::string(5000, 'z'));
  test_client client(server.port());
  client.send(post + "Content-Encoding: gzip\r\nContent-Length: " + std::to_string(packed.size()) + "\r\n\r\n" + packed);
  EXPECT_THAT(client.read_answer(), HasSubstr("unpacked body is larger than 1000 bytes [max_body]"));
}

// What follows a smuggling attempt must never be served as a request.
TEST(http_server_faults, nothing_behind_a_bad_request_is_served) {
  test_server server;
  test_client client(server.port());
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + std::string(get_hello));
  EXPECT_EQ(status_of(client.read_all()), 400);
  EXPECT_EQ(server.counts().requests, 0u);
}

TEST(http_server_faults, requests_arrive_in_any_pieces) {
  const std::string all = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nfirst" +
                          std::string("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nsec\r\n3\r\nond\r\n0\r\nT: v\r\n\r\n") + "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n";
  test_server server;
  const auto expect_answers = [&](test_client& client) {
    EXPECT_EQ(body_of(client.read_answer()), "first");
    EXPECT_EQ(body_of(client.read_answer()), "second");
    EXPECT_EQ(body_of(client.read_answer()), "hello");
  };
  for (std::size_t split = 1; split < all.size(); ++split) {
    test_client client(server.port());
    client.send(std::string_view(all).substr(0, split));
    server.on_core([] {});  // lets the server take the first piece alone
    server.on_core([] {});
    client.send(std::string_view(all).substr(split));
    expect_answers(client);
  }
  test_client client(server.port());
  for (const char c : all) {
    client.send(std::string_view(&c, 1));
    server.on_core([] {});
  }
  expect_answers(client);
}

TEST(http_server_faults, unpacks_bodies_and_refuses_bombs) {
  test_server server({.max_body = 1 << 20});
  test_client client(server.port());
  for (const std::string& text : {std::string("packed"), std::string(900'000, 'z')}) {
    const std::string packed = gzip(text);
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: " + std::to_string(packed.size()) + "\r\n\r\n" + packed + std::string(get_hello));
    EXPECT_EQ(body_of(client.read_answer()), text);
    EXPECT_EQ(body_of(client.read_answer()), "hello");
  }
  const std::string bomb = gzip(std::string(20u << 20, '\0'));
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: " + std::to_string(bomb.size()) + "\r\n\r\n" + bomb);
  EXPECT_EQ(status_of(client.read_answer()), 413);
}

TEST(http_server_faults, slow_heads_and_bodies_time_out) {
  test_server server({.head_timeout = 30ms, .body_timeout = 30ms});
  test_client head(server.port());
  head.send("GET /hello HT");
  EXPECT_EQ(status_of(head.read_all()), 408);
  EXPECT_THAT(server.handler.refusals(), ElementsAre(errc::client_timeout));
  test_client body(server.port());
  body.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
  EXPECT_EQ(status_of(body.read_all()), 408);
}

TEST(http_server_faults, a_body_that_drips_is_cut_off_in_total) {
  test_server server({.receive_timeout = 60ms});
  test_client client(server.port());
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n");
  test_client small(server.port());
  small.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
  while (small.send("x") && small.nothing_to_read()) {}
  EXPECT_EQ(status_of(small.read_answer()), 408);
  EXPECT_EQ(status_of(client.read_answer()), 413);
}

// Whatever mixture of requests, pieces, resets and half-closes comes, every connection ends and the server serves on.
TEST(http_server_faults, survives_random_clients) {
  const std::vector<std::string> pieces{
      std::string(get_hello), "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", "GET /stream HTTP/1.1\r\nHost: a\r\n\r\n",
      "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "GET /abort HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n", "GET /flood HTTP/1.1\r\nHost: a\r\n\r\n", "POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\nx",
      "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 40000\r\n\r\n" + std::string(40000, 'x'), "garbage\r\n\r\n"};
  test_server server({.head_timeout = 50ms, .body_timeout = 50ms, .idle_timeout = 300ms, .write_timeout = 50ms});
  random_source random(20'251'122);
  std::vector<test_client> clients;
  for (int i = 0; i < 40; ++i) clients.emplace_back(server.port(), 8 * 1024);
  for (int step = 0; step < 3000; ++step) {
    auto& client = clients[random.below(clients.size())];
    const auto& piece = pieces[random.below(pieces.size())];
    switch (random.below(12)) {
      case 0: client.reset(); break;
      case 1: client.shut_write(); break;
      case 2: client.close(); break;
      case 3: client.try_send(std::string_view(piece).substr(0, random.below(piece.size()))); break;
      default: client.try_send(piece);
    }
    if (client.descriptor() < 0) client = test_client(server.port(), 8 * 1024);
    if (random.below(8) == 0) server.on_core([] {});
  }
  clients.clear();
  EXPECT_TRUE(server.eventually([&] { return server.counts().open == 0; }));
  test_client last(server.port());
  last.send(get_hello);
  EXPECT_EQ(body_of(last.read_answer()), "hello");
}

TEST(http_server_faults, idle_connections_are_closed_in_silence) {
  test_server server({.idle_timeout = 40ms});
  test_client fresh(server.port());
  EXPECT_EQ(fresh.read_all(), "");
  test_client used(server.port());
  used.send(get_hello);
  EXPECT_EQ(body_of(used.read_answer()), "hello");
  EXPECT_EQ(used.read_all(), "");
}

TEST(http_server_faults, a_half_closed_connection_is_served_and_then_closed) {
  test_server server;
  test_client client(server.port());
  client.send(std::string(get_hello) + std::string(get_hello));
  client.shut_write();
  const auto all = client.read_all();
  EXPECT_NE(all.find("HTTP/1.1 200", 10), std::string::npos);
}

TEST(http_server_faults, a_handler_learns_that_its_client_left) {
  test_server server;
  int expected = 0;
  for (const int way : {0, 1, 2}) {
    test_client client(server.port());
    client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    ASSERT_TRUE(server.eventually([&] { return server.handler.waiting == expected + 1; }));
    if (way == 2) {  // pipelined bytes are not leaving, but what follows them is
      client.send(get_hello);
      server.on_core([] {});
      EXPECT_EQ(server.handler.gone, expected);
    }
    way == 1 ? client.reset() : client.close();
    ++expected;
    ASSERT_TRUE(server.eventually([&] { return server.handler.gone == expected; })) << way;
    ASSERT_TRUE(server.eventually([&] { return server.handler.write_failures == expected; })) << way;
  }
  ASSERT_TRUE(server.eventually([&] { return server.counts().open == 0; }));
}

TEST(http_server_faults, a_client_that_left_with_its_request_is_noticed) {
  test_server server;
  {
    test_client client(server.port());
    client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
  }
  EXPECT_TRUE(server.eventually([&] { return server.handler.gone == 1; }));
}

TEST(http_server_faults, a_slow_reader_pauses_the_writer) {
  test_server server;
  test_client client(server.port(), 8 * 1024);
  client.send("GET /flood HTTP/1.1\r\nHost: a\r\n\r\n");
  std::size_t before = 1;
  ASSERT_TRUE(server.eventually([&] {
    const bool still = server.handler.flooded == before && before > 0;
    before = server.handler.flooded;
    return still;
  }));
  EXPECT_LT(server.handler.flooded, 16u << 20);
  const auto all = client.read_all_of(64u << 20);
  EXPECT_GE(all, 64u << 20);
  EXPECT_EQ(server.handler.write_failures, 0);
}

TEST(http_server_faults, a_client_that_takes_nothing_is_gone) {
  test_server server({.write_timeout = 40ms});
  test_client client(server.port(), 8 * 1024);
  client.send("GET /flood HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(server.eventually([&] { return server.handler.write_failures == 1; }));
  EXPECT_TRUE(server.eventually([&] { return server.counts().open == 0; }));
}

TEST(http_server_faults, drains_idle_at_once_and_busy_when_done) {
  test_server server;
  test_client idle(server.port());
  idle.send(get_hello);
  idle.read_answer();
  test_client busy(server.port());
  busy.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(server.eventually([&] { return server.handler.waiting == 1; }));
  std::promise<bool> done;
  server.start_drain(10s, done);
  EXPECT_TRUE(idle.closed_by_peer());
  auto drained = done.get_future();
  EXPECT_EQ(drained.wait_for(0s), std::future_status::timeout);
  busy.shut_write();  // ends the wait; the answer still comes, or the close
  EXPECT_TRUE(drained.get());
  EXPECT_EQ(server.counts().open, 0u);
}

TEST(http_server_faults, a_request_in_flight_is_answered_with_close_while_draining) {
  test_server server;
  test_client client(server.port());
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n");
  ASSERT_TRUE(server.eventually([&] { return server.counts().requests == 1; }));
  std::promise<bool> done;
  server.start_drain(10s, done);
  client.send("body");
  const auto answer = client.read_all();
  EXPECT_EQ(body_of(answer), "body");
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(done.get_future().get());
}

TEST(http_server_faults, drain_closes_what_is_left_at_its_deadline) {
  test_server server;
  test_client busy(server.port());
  busy.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(server.eventually([&] { return server.handler.waiting == 1; }));
  std::promise<bool> done;
  server.start_drain(20ms, done);
  EXPECT_FALSE(done.get_future().get());
  EXPECT_EQ(busy.read_all(), "");
  EXPECT_TRUE(server.eventually([&] { return server.handler.gone == 1; }));
}

TEST(http_server_faults, a_withdrawn_callback_is_not_called_by_the_end_of_a_drain) {
  test_server server;
  test_client slow(server.port(), 4096);
  slow.send("GET /watched HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(server.eventually([&] { return server.handler.waiting == 1; }));
  std::promise<bool> done;
  server.start_drain(20ms, done);
  EXPECT_FALSE(done.get_future().get());
  ASSERT_TRUE(server.eventually([&] { return server.counts().open == 0; }));
  EXPECT_EQ(server.handler.write_failures, 1);
  EXPECT_EQ(server.handler.calls_after_end, 0);
}

TEST(http_server_faults, a_handler_may_end_the_next_connection_while_all_are_closed) {
  test_server server;
  test_client slow(server.port(), 4096);
  slow.send("GET /watched HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(server.eventually([&] { return server.handler.waiting == 1; }));
  test_client sleeper(server.port());
  sleeper.send("GET /sleep HTTP/1.1\r\nHost: a\r\n\r\n");
  test_client other(server.port());
  other.send(get_hello);
  EXPECT_EQ(status_of(other.read_answer()), 200);
  ASSERT_TRUE(server.eventually([&] { return server.handler.waiting == 2; }));
  server.on_core([&] { server.server().stop(); });
  ASSERT_TRUE(server.eventually([&] { return server.counts().open == 0; }));
  EXPECT_EQ(status_of(sleeper.read_all()), 500);
  EXPECT_TRUE(other.closed_by_peer());
}

TEST(http_server_faults, survives_running_out_of_descriptors) {
  test_server server;
  test_client client(server.port());
  client.send(get_hello);
  EXPECT_EQ(body_of(client.read_answer()), "hello");
  test_client waiting(server.port(), 0, [](int descriptor) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = static_cast<rlim_t>(descriptor) + 1;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  });
  const bool failed = server.eventually([&] { return server.counts().accept_failures > 0; });
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  EXPECT_TRUE(failed);
  client.send(get_hello);
  EXPECT_EQ(body_of(client.read_answer()), "hello");
  waiting.send(get_hello);
  EXPECT_EQ(body_of(waiting.read_answer()), "hello");
}

TEST(http_server_faults, a_large_body_leaves_no_buffer_behind) {
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  GTEST_SKIP() << "the sanitizer's allocator does not count";
#endif
  test_server server;
  std::vector<test_client> clients;
  for (int i = 0; i < 4; ++i) clients.emplace_back(server.port());
  const auto serve_all = [&](const std::string& body) {  // all at once, so that each has a workspace of its own
    for (auto& client : clients) client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size() + 1) + "\r\n\r\n" + body);
    for (auto& client : clients) client.send("x");
    for (auto& client : clients) EXPECT_EQ(body_of(client.read_answer()).size(), body.size() + 1);
    server.on_core([] {});
  };
  serve_all("small");
  const auto before = server.allocated();
  serve_all(std::string(1u << 20, 'b'));
  EXPECT_LT(server.allocated(), before + (256u << 10));
}

TEST(http_server_faults, idle_connections_cost_little) {
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
  GTEST_SKIP() << "the sanitizer's allocator does not count";
#endif
  constexpr int count = 400;  // test processes are often limited to 1,024 descriptors; the benchmark takes 2,000
  test_server server;
  test_client first(server.port());
  first.send(get_hello);
  first.read_answer();
  std::vector<test_client> clients;
  clients.reserve(count);
  const auto before = server.allocated();
  for (int i = 0; i < count; ++i) {
    clients.emplace_back(server.port());
    clients.back().send(get_hello);
    clients.back().read_answer();
  }
  ASSERT_TRUE(server.eventually([&] { return server.counts().open == count + 1; }));
  const auto each = (server.allocated() - before) / count;
  EXPECT_LE(each, 1536u);
  EXPECT_GT(each, 100u);
}

}  // namespace
}  // namespace andon::net::testing
