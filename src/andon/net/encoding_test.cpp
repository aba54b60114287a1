#include "andon/net/encoding.hpp"

#include <brotli/encode.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include "andon/base/hashing.hpp"

namespace andon::net {
namespace {

std::string pack_zlib(std::string_view text, int window_bits) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 9, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string pack_zstd(std::string_view text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

struct packed {
  std::string_view encoding;
  std::string bytes;
};

// Made with Node's zlib.brotliCompressSync: the encoder is not linked here.
std::string brotli_hello() { return *from_hex("1b1600f88d946ede445586966c206f214f1ce038"); }   // "hello hello hello hello"
std::string brotli_mebibyte() { return *from_hex("5bffff8f7f02201e0b0472ef1f00"); }            // 1 MiB of zeros

std::vector<packed> all_forms(std::string_view text) {
  return {{"gzip", pack_zlib(text, 31)}, {"X-GZip", pack_zlib(text, 31)}, {"deflate", pack_zlib(text, 15)}, {"Deflate", pack_zlib(text, -15)}, {"zstd", pack_zstd(text)}};
}

TEST(encoding, unpacks_every_form) {
  std::string large;
  for (int i = 0; large.size() < 300'000; ++i) large += "line " + std::to_string(i * 7919) + "\n";
  for (const std::string& text : {std::string("x"), std::string("hello"), large}) {
    for (const auto& each : all_forms(text)) {
      const auto got = unpack(each.encoding, each.bytes, 1 << 20);
      ASSERT_TRUE(got) << each.encoding << ": " << got.error().message;
      EXPECT_EQ(*got, text) << each.encoding;
      EXPECT_TRUE(unpack(each.encoding, each.bytes, text.size())) << each.encoding;
      EXPECT_EQ(unpack(each.encoding, each.bytes, text.size() - 1).error().code, errc::body_too_large) << each.encoding;
    }
  }
  EXPECT_EQ(*unpack("gzip", pack_zlib("one ", 31) + pack_zlib("two", 31), 100), "one two");
  EXPECT_EQ(*unpack("zstd", pack_zstd("one ") + pack_zstd("two"), 100), "one two");
  EXPECT_EQ(*unpack("identity", "as is", 100), "as is");
  EXPECT_EQ(*unpack("", "as is", 100), "as is");
}

TEST(encoding, refuses_bombs_with_bounded_memory) {
  const std::string zeros(8u << 20, '\0');
  for (const auto& each : all_forms(zeros)) {
    ASSERT_LT(each.bytes.size(), 20'000u);
    EXPECT_EQ(unpack(each.encoding, each.bytes, 100'000).error().code, errc::body_too_large) << each.encoding;
  }
}

TEST(encoding, refuses_every_truncation_and_trailing_bytes) {
  for (const auto& each : all_forms("hello hello hello hello hello")) {
    for (std::size_t size = 1; size < each.bytes.size(); ++size)
      EXPECT_EQ(unpack(each.encoding, std::string_view(each.bytes).substr(0, size), 1000).error().code, errc::bad_http) << each.encoding << size;
    EXPECT_FALSE(unpack(each.encoding, each.bytes + "?", 1000)) << each.encoding;
  }
}

TEST(encoding, unpacks_brotli) {
  EXPECT_EQ(*unpack("br", brotli_hello(), 100), "hello hello hello hello");
  EXPECT_EQ(unpack("br", brotli_mebibyte(), 1 << 20)->size(), 1u << 20);
  EXPECT_EQ(unpack("br", brotli_mebibyte(), 100'000).error().code, errc::body_too_large);
  for (std::size_t size = 1; size < brotli_hello().size(); ++size)
    EXPECT_EQ(unpack("br", brotli_hello().substr(0, size), 100).error().code, errc::bad_http) << size;
  EXPECT_FALSE(unpack("br", brotli_hello() + "?", 100));
}

TEST(encoding, refuses_unknown_and_damaged) {
  EXPECT_EQ(unpack("lzma", "x", 10).error().code, errc::unsupported_encoding);
  EXPECT_EQ(unpack("gzip, br", "x", 10).error().code, errc::unsupported_encoding);
  for (const auto* name : {"gzip", "deflate", "br", "zstd"}) EXPECT_EQ(unpack(name, "\xff\xffnonsense", 1000).error().code, errc::bad_http) << name;
}

}  // namespace
}  // namespace andon::net
