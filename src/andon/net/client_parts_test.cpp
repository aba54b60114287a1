// The client's parsers by themselves: heads against Beast's parser, chunked bodies and packed bodies at every split.
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "andon/base/random.hpp"
#include "andon/net/client_body.hpp"
#include "andon/net/client_head.hpp"
#include "andon/net/client_unpack.hpp"

namespace andon::net {
namespace {

head_parsed parse(std::string_view text, reply_head& out) {
  std::size_t searched = 0;
  return parse_head(text, searched, false, out);
}

TEST(client_head, collects_views_of_the_lines) {
  const std::string text = "HTTP/1.1 429 Too Many\r\nContent-Type: application/json\r\nX-Empty:\r\nX-Spaces: \t v w \t\r\nContent-Length: 2\r\n\r\n{}";
  reply_head head;
  const auto got = parse(text, head);
  ASSERT_EQ(got.state, head_state::complete);
  EXPECT_EQ(text.substr(got.size), "{}");
  EXPECT_EQ(head.status, 429);
  EXPECT_TRUE(head.keep_alive);
  ASSERT_EQ(head.headers.size(), 4u);
  EXPECT_EQ(find_header(head.headers, "content-TYPE"), "application/json");
  EXPECT_EQ(head.headers[1].value, "");
  EXPECT_EQ(head.headers[2].value, "v w");
  EXPECT_EQ(head.content_length, 2u);
  EXPECT_GE(head.headers[0].value.data(), text.data());
}

// Beast is the reference: what it refuses must be refused here too, and what both take must agree.
TEST(client_head, takes_nothing_that_beast_refuses) {
  namespace http = boost::beast::http;
  random_source random(3);
  const std::string_view pieces[] = {"HTTP/1.1 200 OK\r\n", "HTTP/1.0 404 Not\r\n", "Content-Length: 5\r\n", "Content-Length: 6\r\n", "Transfer-Encoding: chunked\r\n",
                                     "Connection: close\r\n", "Connection: keep-alive, close\r\n", "A: b\r\n", "A : b\r\n", " fold\r\n", "no colon\r\n", ":x\r\n", "X: \x01\r\n", "X: y\n", "\r"};
  int agreed = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text(pieces[random.below(8) == 0 ? random.below(std::size(pieces)) : random.below(2)]);
    for (auto n = random.below(5); n > 0; --n) text += pieces[2 + random.below(std::size(pieces) - 2)];
    text += "\r\n";
    if (random.below(4) == 0) text[random.below(text.size())] = static_cast<char>(random.below(256));
    reply_head head;
    const auto mine = parse(text, head);
    http::response_parser<http::string_body> theirs;
    boost::system::error_code failed;
    theirs.put(boost::asio::buffer(text), failed);
    if (mine.state != head_state::complete) continue;
    if (failed == http::error::bad_value && text.find("Connection") != text.npos) continue;   // Beast parses its tokens
    ASSERT_TRUE(!failed || failed == http::error::need_more) << ::testing::PrintToString(text) << failed.message();
    ASSERT_TRUE(theirs.is_header_done()) << text;
    ASSERT_EQ(head.status, theirs.get().result_int()) << text;
    if (head.framing == body_framing::chunked) ASSERT_TRUE(theirs.chunked()) << text;
    if (head.framing == body_framing::length) ASSERT_EQ(head.content_length, theirs.content_length().value_or(0)) << text;
    if (head.keep_alive) ASSERT_TRUE(theirs.keep_alive()) << text;
    ++agreed;
  }
  EXPECT_GT(agreed, 2000);
}

TEST(client_body, chunks_are_moved_together_at_every_split) {
  const std::string stream = "5\r\nhello\r\n1;ext=\"v\"\r\n \r\n0a\r\nworld12345\r\n0\r\nT: x\r\n\r\nNEXT";
  for (std::size_t split = 0; split <= stream.size(); ++split) {
    body_decoder decoder;
    decoder.start(body_framing::chunked, 0);
    std::string body;
    std::size_t consumed = 0;
    std::string parts[] = {stream.substr(0, split), stream.substr(split)};
    for (std::string& part : parts) {
      const auto step = decoder.take(part.data(), part.size());
      ASSERT_NE(step.now, body_decoder::state::bad) << step.why;
      body.append(step.payload);
      consumed += step.consumed;
    }
    ASSERT_EQ(body, "hello world12345");
    ASSERT_TRUE(decoder.done());
    ASSERT_EQ(stream.substr(consumed), "NEXT");
  }
}

std::string deflated(std::string_view text, int window) {
  std::string packed(text.size() + 1000, '\0');
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  deflate(&stream, Z_FINISH);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

// One stored meta-block and the empty last one (RFC 7932, section 9): the encoder is not linked.
std::string brotli(std::string_view text) {
  const auto head = static_cast<std::uint32_t>((text.size() - 1) << 4 | 1u << 20);
  std::string packed;
  for (unsigned shift : {0u, 8u, 16u}) packed += static_cast<char>(head >> shift & 0xff);
  return packed.append(text) + '\x03';
}

std::string zstd(std::string_view text) {
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 3));
  return packed;
}

struct unpacking { std::string text; bool bad = false; bool complete = false; };

unpacking unpack(std::string_view encoding, std::string_view packed, std::size_t piece) {
  auto with = unpacker::make(encoding);
  unpacking out;
  char room[512];
  for (std::size_t at = 0; at < packed.size() && !out.bad; at += piece) {
    std::string_view in = packed.substr(at, piece);
    for (;;) {
      const auto step = with->take(in, room, sizeof room);
      out.text.append(room, step.produced);
      in.remove_prefix(step.consumed);
      out.bad = step.bad;
      if (step.bad || (in.empty() && step.produced == 0)) break;
    }
  }
  out.complete = with->complete();
  return out;
}

TEST(client_unpack, every_encoding_in_pieces_of_every_size) {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += std::to_string(i * 7919);
  struct row { std::string_view encoding; std::string packed; };
  const row rows[] = {{"gzip", deflated(text, 31)}, {"GZIP", deflated(text, 31) + deflated("", 31)}, {"deflate", deflated(text, 15)},
                      {"deflate", deflated(text, -15)}, {"br", brotli(text)}, {"zstd", zstd(text)}};
  for (const row& each : rows) {
    for (std::size_t piece : {1u, 2u, 3u, 100u, 1000u, 1'000'000u}) {
      const auto got = unpack(each.encoding, each.packed, piece);
      EXPECT_FALSE(got.bad) << each.encoding << piece;
      EXPECT_TRUE(got.complete) << each.encoding << piece;
      EXPECT_TRUE(got.text == text) << each.encoding << piece;
    }
    EXPECT_FALSE(unpack(each.encoding, std::string_view(each.packed).substr(0, each.packed.size() / 2), 1000).complete) << each.encoding;
    EXPECT_TRUE(unpack(each.encoding, each.encoding == "br" ? each.packed + "x" : "\xff\xff garbage \xff\xff garbage", 1000).bad) << each.encoding;
  }
  EXPECT_EQ(unpacker::make("compress"), nullptr);
  EXPECT_EQ(unpacker::make("gzip, br"), nullptr);
}

}  // namespace
}  // namespace andon::net
