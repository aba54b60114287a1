// HTTP/2 clients that take nothing, dawdle, leave at a bad moment, or flood.
#include <gtest/gtest.h>
#include <sys/ioctl.h>

#include "andon/net/http2_client_fixture.hpp"

namespace andon::net::testing {
namespace {

using namespace std::chrono_literals;

const std::string settings = frame(NGHTTP2_SETTINGS, 0, 0, {});
const std::string get_wait = "\x82\x86\x04\x05/wait\x41\x01x";   // GET http /wait x
const std::string get_root = "\x82\x86\x84\x41\x01x";

// ---- clients that take nothing ----

/// Sends until the server reads no more, and gives what is left of a batch then; empty: all of it was taken.
std::string send_until_stopped(test_server& server, const test_client& client, const std::function<std::string()>& next_batch) {
  unsigned in_vain = 0;
  auto batch = next_batch();
  while (!batch.empty()) {
    const ssize_t sent = ::send(client.descriptor(), batch.data(), batch.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    in_vain = sent > 0 ? 0 : in_vain + 1;
    if (in_vain == 200) break;
    if (sent > 0) batch.erase(0, static_cast<std::size_t>(sent));
    else server.on_core([] {});
    if (batch.empty()) batch = next_batch();
  }
  return batch;
}

void read_until_silence(test_server& server, const test_client& client) {
  char part[64 * 1024];
  for (int in_vain = 0; in_vain < 200; ++in_vain) {
    if (::recv(client.descriptor(), part, sizeof part, MSG_DONTWAIT) > 0) in_vain = 0;
    server.on_core([] {});
  }
}

// SETTINGS stays unacknowledged, so every stream over the limit is refused by a RST_STREAM that waits in memory.
TEST(http2_server_faults, nothing_is_read_while_the_client_takes_nothing) {
  test_server server;
  test_client client(server);
  std::string begin = std::string(preface) + settings;
  for (std::uint32_t i = 0; i < 128; ++i) begin += frame(NGHTTP2_HEADERS, 5, 2 * i + 1, get_wait);
  client.send(begin);
  ASSERT_TRUE(server.eventually([&] { return server.handler.waiting == 128; }));
  const auto before = server.allocated();
  std::uint32_t id = 257;
  const auto rest = send_until_stopped(server, client, [&] {
    std::string batch;
    for (int i = 0; i < 1000 && id < 2'000'000; ++i, id += 2) batch += frame(NGHTTP2_HEADERS, 5, id, get_root);
    return batch;
  });
  EXPECT_FALSE(rest.empty());
  EXPECT_LT(server.allocated(), before + (4u << 20));
  read_until_silence(server, client);   // the server reads on when the client does
  client.send(rest + frame(NGHTTP2_RST_STREAM, 0, 1, std::string("\0\0\0\x8", 4)));
  read_until_silence(server, client);
  EXPECT_EQ(server.handler.gone, 1);
  client.close();
  EXPECT_TRUE(server.eventually([&] { return server.handler.gone == 128 && server.counts().open == 0; }));
}

TEST(http2_server_faults, a_stream_whose_window_stays_closed_is_reset) {
  test_server server(server_limits{.write_timeout = 60ms});
  for (const char* path : {"/", "/flood", "/silent"}) {   // one write, many, and the server's own answer
    h2_client client(server.port(), 0);
    const auto cut = client.wait(client.ask("GET", path));
    EXPECT_TRUE(cut.closed) << path;
    EXPECT_EQ(cut.code, std::uint32_t{NGHTTP2_CANCEL}) << path;
    EXPECT_EQ(client.wait(client.ask("HEAD", "/")).status, "200") << path;   // the connection stays
  }
  EXPECT_EQ(server.handler.write_failures, 1);
}

TEST(http2_server_faults, an_answer_whose_stream_is_reset_half_way_was_not_sent) {
  test_server server;
  h2_client client(server.port(), 0);
  const auto id = client.ask("GET", "/bytes?1000");
  ASSERT_TRUE(server.eventually([&] { return server.counts().requests == 1; }));
  server.settle();
  client.reset(id);
  EXPECT_TRUE(server.eventually([&] { return server.handler.write_failures == 1; }));
}

// The client makes room between the write that blocks and the wait for room, in one turn of the server's loop.
TEST(http2_server_faults, room_made_before_anybody_waits_for_it_is_seen) {
  test_server server;
  test_client socket(server);
  const int descriptor = socket.descriptor();
  std::size_t head = 0, writes = 0, taken = 0;
  int blocked = 0;
  server.handler.after_write = [&] {
    constexpr std::size_t framed = 64 * 1024 + 4 * 9;   // one write in frames of 16 KiB
    int queued = 0;
    ::ioctl(descriptor, FIONREAD, &queued);
    const std::size_t given = taken + static_cast<std::size_t>(queued);
    if (++writes == 1) head = given - framed;
    if (given == head + writes * framed) return;
    ++blocked;
    char part[16 * 1024];
    for (ssize_t got = 0; (got = ::recv(descriptor, part, sizeof part, MSG_DONTWAIT)) > 0;) taken += static_cast<std::size_t>(got);
  };
  h2_client client(std::move(socket), h2_client::largest_window);
  (void)client.ask("GET", "/flood");
  EXPECT_TRUE(server.eventually([&] { return server.handler.flooded == 64u << 20; })) << server.handler.flooded;
  server.on_core([&] { server.handler.after_write = nullptr; });
  EXPECT_GT(blocked, 10);
}

// ---- the end of a connection ----

// Sizes around what the kernel holds: the last answer's tail waits within the server, or its last frame does.
TEST(http2_server_faults, a_drain_sends_the_last_answer_to_its_end) {
  for (std::size_t size = 140'000; size < 320'000; size += 15'000) {
    test_server server;
    h2_client client(test_client(server), h2_client::largest_window);
    const auto id = client.ask("GET", "/bytes?" + std::to_string(size));
    ASSERT_TRUE(server.eventually([&] { return server.counts().requests == 1; }));
    server.settle();
    std::promise<bool> done;
    server.start_drain(5s, done);
    server.settle();
    const auto answer = client.wait(id);
    EXPECT_EQ(answer.body.size(), size);
    EXPECT_TRUE(answer.closed) << size;
    EXPECT_TRUE(client.ends_by_fin()) << size;
    client.socket().close();
    EXPECT_TRUE(done.get_future().get()) << size;
  }
}

TEST(http2_server_faults, a_connection_without_streams_ends) {
  test_server server(server_limits{.idle_timeout = 60ms});
  h2_client never(server.port());
  never.push();
  h2_client client(server.port());
  EXPECT_EQ(client.wait(client.ask("GET", "/")).body, "hello");
  EXPECT_TRUE(client.ends_by_fin());
  EXPECT_EQ(client.goaways(), (std::vector<h2_goaway>{{0x7fff'ffff, NGHTTP2_NO_ERROR}, {1, NGHTTP2_NO_ERROR}}));
  EXPECT_TRUE(never.ends_by_fin());
}

TEST(http2_server_faults, pings_do_not_keep_a_connection) {
  test_server server(server_limits{.idle_timeout = 100ms});
  test_client client(server.port());
  client.send(std::string(preface) + settings);
  ASSERT_TRUE(server.eventually([&] { return server.counts().open == 1; }));
  EXPECT_TRUE(server.eventually([&] {
    client.try_send(frame(NGHTTP2_PING, 0, 0, "12345678"));
    char part[1024];
    (void)!::recv(client.descriptor(), part, sizeof part, MSG_DONTWAIT);
    return server.counts().open == 0;
  }));
}

TEST(http2_server_faults, a_head_that_stalls_ends_the_connection) {
  for (const auto& begun : {frame(NGHTTP2_HEADERS, 1, 1, get_root), frame(NGHTTP2_HEADERS, 5, 1, get_root).substr(0, 11)}) {
    test_server server(server_limits{.head_timeout = 60ms});
    test_client client(server.port());
    client.send(std::string(preface) + settings + begun);
    const auto all = client.read_all();
    const auto goaway = all.find(frame(NGHTTP2_GOAWAY, 0, 0, "12345678").substr(0, 9));
    ASSERT_NE(goaway, all.npos);
    EXPECT_EQ(all.substr(goaway + 9 + 4), std::string("\0\0\0\xb", 4));   // ENHANCE_YOUR_CALM
    client.close();
    EXPECT_TRUE(server.eventually([&] { return server.counts().open == 0; }));
    EXPECT_EQ(server.handler.refusals(), std::vector{errc::client_timeout});
    EXPECT_EQ(server.counts().requests, 0u);
  }
}

TEST(http2_server_faults, a_fin_that_comes_with_the_request_is_seen) {
  test_server server;
  h2_client client{test_client(server)};
  EXPECT_EQ(client.wait(client.ask("GET", "/")).body, "hello");
  server.on_core([&] {
    (void)client.ask("GET", "/wait");
    client.socket().shut_write();
  });
  EXPECT_TRUE(server.eventually([&] { return server.handler.gone == 1 && server.counts().open == 0; }));
}

TEST(http2_server_faults, a_callback_set_after_the_reset_is_called) {
  test_server server;
  h2_client client(server.port());
  const auto id = client.ask("GET", "/late");
  ASSERT_TRUE(server.eventually([&] { return server.handler.waiting == 1; }));
  client.reset(id);
  EXPECT_EQ(client.wait(client.ask("GET", "/")).body, "hello");
  server.on_core([&] { server.handler.wake_sleeper(); });
  EXPECT_TRUE(server.eventually([&] { return server.handler.gone == 1; }));
}

// The goodbye meets a connection that its client has just reset: what the write wakes destroys the session.
TEST(http2_server_faults, a_drain_survives_a_client_that_has_just_left) {
  for (int i = 0; i < 20; ++i) {
    test_server server;
    h2_client client(server.port());
    EXPECT_EQ(client.wait(client.ask("GET", "/")).body, "hello");
    std::promise<bool> done;
    server.start_drain(5s, done, [&] { client.socket().reset(); });
    EXPECT_TRUE(done.get_future().get());
  }
}

// ---- floods ----

std::string field(std::size_t size) {   // a literal of HPACK, its value at least 127 bytes
  std::string out("\0\1a\x7f", 4);
  std::size_t rest = size - 127;
  for (; rest >= 128; rest /= 128) out += static_cast<char>(rest % 128 | 128);
  out += static_cast<char>(rest);
  return out.append(size, 'v');
}

TEST(http2_server_faults, an_endless_head_is_cut_off) {
  for (const auto& payload : {std::string{}, std::string("\0\1a\1b", 5), field(1000), field(16'000)}) {
    test_server server;
    test_client client(server.port());
    const auto before = server.allocated();
    std::size_t most = 0;
    int sent = 0;
    client.send(std::string(preface) + settings + frame(NGHTTP2_HEADERS, 1, 1, get_root));
    for (const auto more = frame(NGHTTP2_CONTINUATION, 0, 1, payload); sent < 5000 && client.send(more); ++sent)
      if (sent % 100 == 0) most = std::max(most, server.allocated());
    EXPECT_TRUE(server.eventually([&] { return server.counts().open == 0; })) << payload.size();
    EXPECT_LT(most, before + (1u << 20)) << payload.size();
    EXPECT_EQ(server.counts().requests, 0u);
  }
}

}  // namespace
}  // namespace andon::net::testing
