#include "andon/net/client_unpack.hpp"

#include <brotli/decode.h>
#include <zlib.h>
#include <zstd.h>

#include "andon/net/http_types.hpp"

namespace andon::net {
namespace {

class inflating final : public unpacker {
public:
  explicit inflating(bool gzip) : gzip_(gzip) {}
  ~inflating() override {
    if (started_) inflateEnd(&stream_);
  }

  step take(std::string_view in, char* out, std::size_t room) override {
    if (in.empty() && !started_) return {};
    if (!started_ && !start(in.front())) return {0, 0, true};
    if (ended_) {
      if (in.empty()) return {};
      if (!gzip_ || inflateReset(&stream_) != Z_OK) return {0, 0, true};
      ended_ = false;
    }
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = static_cast<uInt>(room);
    const int code = inflate(&stream_, Z_SYNC_FLUSH);
    ended_ = code == Z_STREAM_END;
    const bool good = ended_ || code == Z_OK || code == Z_BUF_ERROR;
    return {in.size() - stream_.avail_in, room - stream_.avail_out, !good};
  }
  [[nodiscard]] bool complete() const override { return ended_; }

private:
  // "deflate" is zlib's format by the standard, but some send it bare; a bare stream never begins like a zlib header.
  bool start(char first) {
    const bool zlib_header = (static_cast<unsigned char>(first) & 0x0f) == 8;
    started_ = inflateInit2(&stream_, gzip_ ? 15 + 16 : zlib_header ? 15 : -15) == Z_OK;
    return started_;
  }

  z_stream stream_{};
  bool gzip_;
  bool started_ = false;
  bool ended_ = false;
};

class unbrotli final : public unpacker {
public:
  unbrotli() : state_(BrotliDecoderCreateInstance(nullptr, nullptr, nullptr)) {}
  ~unbrotli() override { BrotliDecoderDestroyInstance(state_); }

  step take(std::string_view in, char* out, std::size_t room) override {
    auto* next_in = reinterpret_cast<const std::uint8_t*>(in.data());
    auto* next_out = reinterpret_cast<std::uint8_t*>(out);
    std::size_t left_in = in.size();
    std::size_t left_out = room;
    const auto code = BrotliDecoderDecompressStream(state_, &left_in, &next_in, &left_out, &next_out, nullptr);
    const bool surplus = complete() && left_in != 0;
    return {in.size() - left_in, room - left_out, code == BROTLI_DECODER_RESULT_ERROR || surplus};
  }
  [[nodiscard]] bool complete() const override { return BrotliDecoderIsFinished(state_) == BROTLI_TRUE; }

private:
  BrotliDecoderState* state_;
};

class unzstd final : public unpacker {
public:
  unzstd() : stream_(ZSTD_createDStream()) { ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, 23); }
  ~unzstd() override { ZSTD_freeDStream(stream_); }

  step take(std::string_view in, char* out, std::size_t room) override {
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    ZSTD_outBuffer output{out, room, 0};
    const std::size_t code = ZSTD_decompressStream(stream_, &output, &input);
    if (ZSTD_isError(code) != 0) return {input.pos, output.pos, true};
    if (input.pos != 0 || output.pos != 0) ended_ = code == 0;
    return {input.pos, output.pos, false};
  }
  [[nodiscard]] bool complete() const override { return ended_; }

private:
  ZSTD_DStream* stream_;
  bool ended_ = false;
};

}  // namespace

bool unpacker::is_identity(std::string_view encoding) { return encoding.empty() || header_equals(encoding, "identity"); }

std::unique_ptr<unpacker> unpacker::make(std::string_view encoding) {
  if (header_equals(encoding, "gzip") || header_equals(encoding, "x-gzip")) return std::make_unique<inflating>(true);
  if (header_equals(encoding, "deflate")) return std::make_unique<inflating>(false);
  if (header_equals(encoding, "br")) return std::make_unique<unbrotli>();
  if (header_equals(encoding, "zstd")) return std::make_unique<unzstd>();
  return nullptr;
}

}  // namespace andon::net
