// What a client of HTTP/2 must not send, by hand, and the reaction that RFC 9113 demands: the error code, and whether the
// stream or the connection ends. Then floods, and the memory that they cost.
#include <gtest/gtest.h>

#include "andon/net/http2_frames_testing.hpp"
#include "andon/net/http_server_fixture.hpp"

namespace andon::net {
namespace {

using namespace std::chrono_literals;
using namespace testing;

const std::string good = "\x82\x86\x84\x41\x01x";   // GET http / with authority x
const std::string post = "\x83\x86\x84\x41\x01x";
const std::string no_settings{};
const std::string settings = frame(NGHTTP2_SETTINGS, 0, 0, {});
const std::string whole = frame(NGHTTP2_HEADERS, 5, 1, good);
const std::string begun = frame(NGHTTP2_HEADERS, 4, 1, post);   // its body is to come

enum class scope : std::uint8_t { stream, connection, answered };

struct rule {
  std::string name;
  std::string sent;   // behind preface and SETTINGS
  scope ends;
  std::uint32_t code = 0;
};

struct seen {
  scope ends = scope::answered;
  std::uint32_t code = 0xffff;
  int status_frames = 0;
};

/// What comes back until a stream is reset, the connection ends, or an answer is complete.
seen reaction_to(std::uint16_t port, const std::string& bytes) {
  test_client client(port);
  client.send(bytes);
  frame_reader reader(client.descriptor());
  seen out;
  while (const auto one = reader.next()) {
    if (one->type == NGHTTP2_GOAWAY) return {scope::connection, one->code(), out.status_frames};
    if (one->type == NGHTTP2_RST_STREAM && one->code() != NGHTTP2_NO_ERROR) return {scope::stream, one->code(), out.status_frames};
    if (one->type == NGHTTP2_HEADERS) ++out.status_frames;
    if (one->type == NGHTTP2_DATA && (one->flags & NGHTTP2_FLAG_END_STREAM) != 0 && bytes.ends_with(good)) return out;
  }
  return {scope::connection, NGHTTP2_NO_ERROR, out.status_frames};   // closed without a word
}

std::string headers(const std::string& block) { return frame(NGHTTP2_HEADERS, 5, 1, block); }

const rule rules[] = {
    // 4.2, 4.3: sizes and compression
    {"DATA larger than 16,384", begun + frame(NGHTTP2_DATA, 0, 1, std::string(16'385, 'x')), scope::connection, NGHTTP2_FRAME_SIZE_ERROR},
    {"HEADERS larger than 16,384", frame(NGHTTP2_HEADERS, 5, 1, std::string(16'385, '\x82')), scope::connection, NGHTTP2_FRAME_SIZE_ERROR},
    {"bad compression", headers(std::string(10, '\xff')), scope::connection, NGHTTP2_COMPRESSION_ERROR},
    {"an index that is not there", headers(good + "\xfe"), scope::connection, NGHTTP2_COMPRESSION_ERROR},
    {"a table larger than agreed", headers("\x3f\xff\xff\x01" + good), scope::connection, NGHTTP2_COMPRESSION_ERROR},
    // 5.1: states and numbers of streams
    {"DATA on an idle stream", frame(NGHTTP2_DATA, 1, 5, "x"), scope::connection, NGHTTP2_PROTOCOL_ERROR},
    {"RST_STREAM on an idle stream", reset(1, NGHTTP2_CANCEL), scope::connection, NGHTTP2_PROTOCOL_ERROR},
    {"WINDOW_UPDATE on an idle stream", frame(NGHTTP2_WINDOW_UPDATE, 0, 1, big_endian(1, 4)), scope::connection, NGHTTP2_PROTOCOL_ERROR},
    {"DATA after the end", whole + frame(NGHTTP2_DATA, 1, 1, "x"), scope::connection, NGHTTP2_STREAM_CLOSED},
    {"HEADERS after its own reset", begun + reset(1, NGHTTP2_CANCEL) + frame(NGHTTP2_HEADERS, 5, 1, field("x", "y")), scope::connection, NGHTTP2_STREAM_CLOSED},
    {"an even stream", frame(NGHTTP2_HEADERS, 5, 2, good), scope::connection, NGHTTP2_PROTOCOL_ERROR},
    {"a stream that was passed over", frame(NGHTTP2_HEADERS, 5, 9, good) + frame(NGHTTP2_HEADERS, 5, 3, good), scope::connection, NGHTTP2_PROTOCOL_ERROR},
    // 6.1 to 6.10: every frame's own rules
    {"DATA on stream 0", frame(NGHTTP2_DATA, 1, 0, "x"), scope::connection, NGHTTP2_PROTOCOL_ERROR},
    {"more padding than DATA", begun + frame(NGHTTP2_DATA, 9, 1, "\x05x"), scope::connection, NGHTTP2_PROTOCOL_ERROR},
    {"HEADERS on stream 0", frame(NGHTTP2_HEADERS, 5, 0, good), scope::connection, NGHTTP2_PROTOCOL_ERROR},
    {"an unfinished head", frame(NGHTTP2_HEADERS, 1, 1, good) + frame(NGHTTP2_PING, 0, 0, "12345678"), scope::connection, NGHTTP2_PROTOCOL_ERROR},
    {"an unfinished head and another stream", frame(NGHTTP2_HEADERS, 1, 1, good) + frame(NGHTTP2_HEADERS, 5, 3, good), scope::connection, NGHTTP2_PROTOCOL_ERROR},
    {"CONTINUATION of another stream", frame(NGHTTP2_HEADERS, 1, 1, "\x82") + frame(NGHTTP2_CONTINUATION, 4, 3, "\x86"), scope::connection, NGHTTP2_PROTOCOL_ERROR},
    {"CONTINUATION of nothing", frame(NGHTTP2_CONTINUATION, 4, 1, good), scope::connection, NGHTTP2_PROTOCOL_ERROR},
    {"PRIORITY on stream 0", frame(NGHTTP2_PRIORITY, 0, 0, big_endian(1, 4) + "x"), scope::connection, NGHTTP2_PROTOCOL_ERROR},
    {"RST_STREAM on stream 0", reset(0, NGHTTP2_CANCEL), scope::connection, NGHTTP2_PROTOCOL_ERROR},
    {"RST_STREAM of three bytes", begun + frame(NGHTTP2_RST_STREAM, 0, 1, "abc"), scope::connection, NGHTTP2_FRAME_SIZE_ERROR},
    {"SETTINGS of three bytes", frame(NGHTTP2_SETTINGS, 0, 0, "odd"), scope::connection, NGHTTP2_FRAME_SIZE_ERROR},
    {"SETTINGS on a stream", frame(NGHTTP2_SETTINGS, 0, 1, {}), scope::connection, NGHTTP2_PROTOCOL_ERROR},
    {"an answer to SETTINGS that says something", frame(NGHTTP2_SETTINGS, 1, 0, setting(NGHTTP2_SETTINGS_ENABLE_PUSH, 0)), scope::connection, NGHTTP2_FRAME_SIZE_ERROR},
    {"ENABLE_PUSH of 2", frame(NGHTTP2_SETTINGS, 0, 0, setting(NGHTTP2_SETTINGS_ENABLE_PUSH, 2)), scope::connection, NGHTTP2_PROTOCOL_ERROR},
    {"INITIAL_WINDOW_SIZE of 2^31", frame(NGHTTP2_SETTINGS, 0, 0, setting(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1u << 31)), scope::connection, NGHTTP2_FLOW_CONTROL_ERROR},
    {"MAX_FRAME_SIZE of 16,383", frame(NGHTTP2_SETTINGS, 0, 0, setting(NGHTTP2_SETTINGS_MAX_FRAME_SIZE, 16'383)), scope::connection, NGHTTP2_PROTOCOL_ERROR},
    {"PUSH_PROMISE", begun + frame(NGHTTP2_PUSH_PROMISE, 4, 1, big_endian(2, 4) + good), scope::connection, NGHTTP2_PROTOCOL_ERROR},
    {"PING on a stream", frame(NGHTTP2_PING, 0, 1, "12345678"), scope::connection, NGHTTP2_PROTOCOL_ERROR},
    {"PING of five bytes", frame(NGHTTP2_PING, 0, 0, "short"), scope::connection, NGHTTP2_FRAME_SIZE_ERROR},
    {"GOAWAY on a stream", frame(NGHTTP2_GOAWAY, 0, 1, big_endian(0, 8)), scope::connection, NGHTTP2_PROTOCOL_ERROR},
    {"WINDOW_UPDATE of nothing", frame(NGHTTP2_WINDOW_UPDATE, 0, 0, big_endian(0, 4)), scope::connection, NGHTTP2_PROTOCOL_ERROR},
    {"WINDOW_UPDATE of nothing on a stream", begun + frame(NGHTTP2_WINDOW_UPDATE, 0, 1, big_endian(0, 4)), scope::connection, NGHTTP2_PROTOCOL_ERROR},   // a stream's error, which may end the connection
    {"WINDOW_UPDATE of three bytes", frame(NGHTTP2_WINDOW_UPDATE, 0, 0, "abc"), scope::connection, NGHTTP2_FRAME_SIZE_ERROR},
    {"a window that overflows", frame(NGHTTP2_WINDOW_UPDATE, 0, 0, big_endian(0x7fffffff, 4)), scope::connection, NGHTTP2_FLOW_CONTROL_ERROR},
    {"a stream's window that overflows", begun + frame(NGHTTP2_WINDOW_UPDATE, 0, 1, big_endian(0x7fffffff, 4)), scope::stream, NGHTTP2_FLOW_CONTROL_ERROR},
    // 8.1 to 8.3: requests
    {"no :method", headers("\x86\x84\x41\x01x"), scope::stream, NGHTTP2_PROTOCOL_ERROR},
    {"no :scheme", headers("\x82\x84\x41\x01x"), scope::stream, NGHTTP2_PROTOCOL_ERROR},
    {"no :path", headers("\x82\x86\x41\x01x"), scope::stream, NGHTTP2_PROTOCOL_ERROR},
    {":path twice", headers(good + "\x84"), scope::stream, NGHTTP2_PROTOCOL_ERROR},
    {"an empty :path", headers("\x82\x86\x41\x01x" + field(":path", "")), scope::stream, NGHTTP2_PROTOCOL_ERROR},
    {"an unknown pseudo-header", headers(good + field(":test", "x")), scope::stream, NGHTTP2_PROTOCOL_ERROR},
    {"a reply's pseudo-header", headers(good + "\x88"), scope::stream, NGHTTP2_PROTOCOL_ERROR},
    {"a pseudo-header behind others", headers("\x82\x86\x41\x01x" + field("a", "b") + "\x84"), scope::stream, NGHTTP2_PROTOCOL_ERROR},
    {"upper case", headers(good + field("X-Test", "x")), scope::stream, NGHTTP2_PROTOCOL_ERROR},
    {"a name with a blank", headers(good + field("x test", "x")), scope::stream, NGHTTP2_PROTOCOL_ERROR},
    {"a value with a line break", headers(good + field("x", "a\r\nb: c")), scope::stream, NGHTTP2_PROTOCOL_ERROR},
    {"connection", headers(good + field("connection", "keep-alive")), scope::stream, NGHTTP2_PROTOCOL_ERROR},
    {"transfer-encoding", headers(good + field("transfer-encoding", "chunked")), scope::stream, NGHTTP2_PROTOCOL_ERROR},
    {"te of gzip", headers(good + field("te", "gzip")), scope::stream, NGHTTP2_PROTOCOL_ERROR},
    {"a body shorter than it says", frame(NGHTTP2_HEADERS, 4, 1, post + field("content-length", "5")) + frame(NGHTTP2_DATA, 1, 1, "four"), scope::stream, NGHTTP2_PROTOCOL_ERROR},
    {"a body longer than it says", frame(NGHTTP2_HEADERS, 4, 1, post + field("content-length", "3")) + frame(NGHTTP2_DATA, 1, 1, "four"), scope::stream, NGHTTP2_PROTOCOL_ERROR},
    {"lengths that differ", headers(good + field("content-length", "1") + field("content-length", "2")), scope::stream, NGHTTP2_PROTOCOL_ERROR},
    {"a length that is no number", headers(good + field("content-length", "x")), scope::stream, NGHTTP2_PROTOCOL_ERROR},
    {"trailers that do not end the stream", begun + frame(NGHTTP2_HEADERS, 4, 1, field("x", "y")), scope::stream, NGHTTP2_PROTOCOL_ERROR},
    {"a pseudo-header among trailers", begun + frame(NGHTTP2_HEADERS, 5, 1, "\x82"), scope::stream, NGHTTP2_PROTOCOL_ERROR},
    // what must be borne
    {"unknown frames", frame(0x42, 0xff, 0, "anything") + frame(0x42, 0, 7, {}) + whole, scope::answered},
    {"unknown settings", frame(NGHTTP2_SETTINGS, 0, 0, setting(0x4242, 7)) + whole, scope::answered},
    {"PRIORITY", frame(NGHTTP2_PRIORITY, 0, 1, big_endian(0, 4) + "x") + whole, scope::answered},
    {"te of trailers", frame(NGHTTP2_PING, 0, 0, "12345678") + frame(NGHTTP2_PING, 1, 0, "unasked.") + whole, scope::answered},
};

TEST(http2_server_rules, each_breach_has_the_reaction_that_the_standard_demands) {
  test_server server;
  for (const auto& each : rules) {
    const auto before = server.counts().requests;
    const auto got = reaction_to(server.port(), std::string(h2_preface) + settings + each.sent);
    EXPECT_EQ(static_cast<int>(got.ends), static_cast<int>(each.ends)) << each.name << " " << got.code;
    if (each.ends != scope::answered) {
      EXPECT_EQ(got.code, each.code) << each.name;
    } else {
      EXPECT_EQ(server.counts().requests, before + 1) << each.name;
    }
    EXPECT_TRUE(server.eventually([&] { return server.counts().open == 0; })) << each.name;
  }
  EXPECT_EQ(server.handler.write_failures, 0);
}

TEST(http2_server_rules, the_beginning_of_a_connection) {
  const std::string beginnings[] = {
      "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n" + settings + whole,
      std::string(h2_preface) + whole,                                                   // no SETTINGS first
      std::string(h2_preface) + frame(NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, {}) + whole,
  };
  for (const auto& bytes : beginnings) {
    test_server server;
    const auto got = reaction_to(server.port(), bytes);
    EXPECT_EQ(static_cast<int>(got.ends), static_cast<int>(scope::connection)) << bytes;
    EXPECT_EQ(server.counts().requests, 0u);
  }
}

TEST(http2_server_rules, what_is_asked_is_answered_in_kind) {
  test_server server;
  test_client client(server.port());
  client.send(std::string(h2_preface) + settings + frame(NGHTTP2_PING, 0, 0, "12345678"));
  frame_reader reader(client.descriptor());
  bool settled = false, answered = false;
  while (!settled || !answered) {
    const auto one = reader.next();
    ASSERT_TRUE(one.has_value());
    settled = settled || (one->type == NGHTTP2_SETTINGS && one->flags == NGHTTP2_FLAG_ACK && one->payload.empty());
    if (one->type != NGHTTP2_PING) continue;
    answered = true;
    EXPECT_EQ(one->flags, NGHTTP2_FLAG_ACK);
    EXPECT_EQ(one->payload, "12345678");
  }
}

TEST(http2_server_rules, more_streams_than_allowed_are_refused) {
  test_server server;
  test_client client(server.port());
  std::string all = std::string(h2_preface) + settings;
  for (std::uint32_t i = 0; i < 129; ++i) all += frame(NGHTTP2_HEADERS, 4, 2 * i + 1, post);
  client.send(all);
  frame_reader reader(client.descriptor());
  while (const auto one = reader.next()) {
    if (one->type != NGHTTP2_RST_STREAM) continue;
    EXPECT_EQ(one->stream, 257u);
    EXPECT_EQ(one->code(), std::uint32_t{NGHTTP2_REFUSED_STREAM});
    break;
  }
  client.send(reset(1, NGHTTP2_CANCEL) + frame(NGHTTP2_HEADERS, 5, 259, good) + frame(NGHTTP2_HEADERS, 5, 257, field("x", "y")));   // trailers of what was refused
  while (const auto one = reader.next()) {
    ASSERT_NE(one->type, NGHTTP2_GOAWAY);
    if (one->type == NGHTTP2_DATA && one->stream == 259) break;
  }
}

// ---- floods ----

TEST(http2_server_rules, floods_of_cheap_frames_end_the_connection_or_cost_no_memory) {
  struct flood { std::string name, first, frame; };
  const flood floods[] = {
      {"PING", {}, frame(NGHTTP2_PING, 0, 0, "12345678")},
      {"SETTINGS", {}, settings},
      {"SETTINGS that change something", {}, frame(NGHTTP2_SETTINGS, 0, 0, setting(NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, 0) + setting(NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, 4096))},
      {"PRIORITY", {}, frame(NGHTTP2_PRIORITY, 0, 3, big_endian(0, 4) + "x")},
      {"WINDOW_UPDATE", {}, frame(NGHTTP2_WINDOW_UPDATE, 0, 0, big_endian(1, 4))},
      {"empty DATA", begun, frame(NGHTTP2_DATA, 0, 1, {})},
      {"CONTINUATION", frame(NGHTTP2_HEADERS, 1, 1, "\x82"), frame(NGHTTP2_CONTINUATION, 0, 1, {})},
      {"CONTINUATION with fields", frame(NGHTTP2_HEADERS, 1, 1, good), frame(NGHTTP2_CONTINUATION, 0, 1, field("x", "y"))},
      {"unknown frames", {}, frame(0x42, 0, 0, {})},
  };
  for (const auto& each : floods) {
    test_server server;
    test_client client(server.port());
    client.send(std::string(h2_preface) + settings + each.first);
    const auto before = server.allocated();
    std::string thousand;
    for (int i = 0; i < 1000; ++i) thousand += each.frame;
    std::size_t most = 0;
    for (int i = 0; i < 50; ++i) {   // never reads
      client.try_send(thousand);
      most = std::max(most, server.allocated());
    }
    EXPECT_LT(most, before + (1u << 20)) << each.name;
    client.close();
    EXPECT_TRUE(server.eventually([&] { return server.counts().open == 0; })) << each.name;
  }
}

TEST(http2_server_rules, a_head_that_unfolds_in_the_table_costs_no_more_than_its_limit) {
  test_server server(server_limits{.max_head = 8192});
  test_client client(server.port());
  const std::string kept_out = "\x82\x86\x84\x01\x01x";   // as `good`, and nothing of it in the table
  const std::string value(3000, 'v');
  const std::string stored = "\x40\x01x\x7f" + std::string("\xb9\x16", 2) + value;   // x: vvv…, kept in the table
  const auto before = server.allocated();
  std::string all = std::string(h2_preface) + settings;
  for (std::uint32_t i = 0; i < 20; ++i) all += frame(NGHTTP2_HEADERS, 5, 2 * i + 1, i == 0 ? kept_out + stored : kept_out + std::string(10'000, '\xbe'));
  client.send(all);
  frame_reader reader(client.descriptor());
  int answers = 0;
  while (answers < 20) {
    const auto one = reader.next();
    if (!one || one->type == NGHTTP2_GOAWAY) break;
    if (one->type == NGHTTP2_HEADERS) ++answers;
  }
  EXPECT_LT(server.allocated(), before + (1u << 20));
  EXPECT_GT(answers, 0);
}

}  // namespace
}  // namespace andon::net
