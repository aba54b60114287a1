#include "andon/net/encoding.hpp"

#include <brotli/decode.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <memory>

#include "andon/net/http_types.hpp"

namespace andon::net {
namespace {

constexpr std::size_t step_size = 32 * 1024;

std::unexpected<error> too_large(std::size_t limit) {
  return fail(errc::body_too_large, "the unpacked body is larger than " + std::to_string(limit) + " bytes");
}
std::unexpected<error> damaged(std::string_view encoding) {
  return fail(errc::bad_http, "the body is not valid " + std::string(encoding) + ", or cut short");
}

// Grows `out` for the next step of at most step_size bytes; one byte beyond the limit tells that there is more.
std::size_t make_room(std::string& out, std::size_t filled, std::size_t limit) {
  const std::size_t room = std::min(step_size, limit + 1 - filled);
  if (out.size() < filled + room) out.resize(std::min(limit + 1, std::max(filled + room, out.size() * 2)));
  return std::min(out.size(), limit + 1) - filled;
}

struct inflater {
  z_stream stream{};
  bool open = false;
  explicit inflater(int window_bits) { open = inflateInit2(&stream, window_bits) == Z_OK; }
  ~inflater() {
    if (open) inflateEnd(&stream);
  }
};

result<std::string> unpack_zlib(std::string_view name, std::string_view packed, std::size_t limit, int window_bits) {
  inflater zlib(window_bits);
  if (!zlib.open) return fail(errc::overloaded, "no memory to unpack the body");
  zlib.stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  zlib.stream.avail_in = static_cast<uInt>(packed.size());
  std::string out;
  std::size_t filled = 0;
  for (;;) {
    const std::size_t room = make_room(out, filled, limit);
    zlib.stream.next_out = reinterpret_cast<Bytef*>(out.data() + filled);
    zlib.stream.avail_out = static_cast<uInt>(room);
    const int state = inflate(&zlib.stream, Z_NO_FLUSH);
    filled += room - zlib.stream.avail_out;
    if (filled > limit) return too_large(limit);
    if (state == Z_STREAM_END) {
      if (zlib.stream.avail_in == 0) break;
      if (window_bits < 16 || inflateReset(&zlib.stream) != Z_OK) return damaged(name);  // gzip members may follow each other
      continue;
    }
    if (state != Z_OK || (zlib.stream.avail_in == 0 && zlib.stream.avail_out != 0)) return damaged(name);
  }
  out.resize(filled);
  return out;
}

result<std::string> unpack_deflate(std::string_view packed, std::size_t limit) {
  const bool has_header = packed.size() >= 2 && (packed[0] & 0x0f) == 8 &&
                          (static_cast<unsigned char>(packed[0]) * 256u + static_cast<unsigned char>(packed[1])) % 31 == 0;
  return unpack_zlib("deflate", packed, limit, has_header ? 15 : -15);
}

result<std::string> unpack_brotli(std::string_view packed, std::size_t limit) {
  std::unique_ptr<BrotliDecoderState, decltype(&BrotliDecoderDestroyInstance)> brotli(
      BrotliDecoderCreateInstance(nullptr, nullptr, nullptr), &BrotliDecoderDestroyInstance);
  if (!brotli) return fail(errc::overloaded, "no memory to unpack the body");
  const auto* in = reinterpret_cast<const std::uint8_t*>(packed.data());
  std::size_t in_left = packed.size();
  std::string out;
  std::size_t filled = 0;
  for (;;) {
    const std::size_t room = make_room(out, filled, limit);
    auto* to = reinterpret_cast<std::uint8_t*>(out.data() + filled);
    std::size_t room_left = room;
    const auto state = BrotliDecoderDecompressStream(brotli.get(), &in_left, &in, &room_left, &to, nullptr);
    filled += room - room_left;
    if (filled > limit) return too_large(limit);
    if (state == BROTLI_DECODER_RESULT_SUCCESS && in_left == 0) break;
    if (state != BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT) return damaged("br");
  }
  out.resize(filled);
  return out;
}

result<std::string> unpack_zstd(std::string_view packed, std::size_t limit) {
  std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> zstd(ZSTD_createDStream(), &ZSTD_freeDStream);
  if (!zstd) return fail(errc::overloaded, "no memory to unpack the body");
  ZSTD_DCtx_setParameter(zstd.get(), ZSTD_d_windowLogMax, 23);  // 8 MiB, what RFC 8878 asks of HTTP
  ZSTD_inBuffer in{packed.data(), packed.size(), 0};
  std::string out;
  std::size_t filled = 0;
  std::size_t state = 1;
  while (state != 0 || in.pos < in.size) {
    const std::size_t room = make_room(out, filled, limit);
    ZSTD_outBuffer to{out.data() + filled, room, 0};
    state = ZSTD_decompressStream(zstd.get(), &to, &in);
    filled += to.pos;
    if (filled > limit) return too_large(limit);
    if (ZSTD_isError(state) != 0 || (state != 0 && in.pos == in.size && to.pos < room)) return damaged("zstd");
  }
  out.resize(filled);
  return out;
}

}  // namespace

bool is_plain_encoding(std::string_view encoding) { return encoding.empty() || header_equals(encoding, "identity"); }

result<std::string> unpack(std::string_view encoding, std::string_view packed, std::size_t limit) {
  if (is_plain_encoding(encoding)) {
    if (packed.size() > limit) return too_large(limit);
    return std::string(packed);
  }
  if (packed.empty()) return std::string{};
  if (header_equals(encoding, "gzip") || header_equals(encoding, "x-gzip")) return unpack_zlib("gzip", packed, limit, 31);
  if (header_equals(encoding, "deflate")) return unpack_deflate(packed, limit);
  if (header_equals(encoding, "br")) return unpack_brotli(packed, limit);
  if (header_equals(encoding, "zstd")) return unpack_zstd(packed, limit);
  return fail(errc::unsupported_encoding, "Content-Encoding is none of gzip, deflate, br, zstd, identity");
}

}  // namespace andon::net
