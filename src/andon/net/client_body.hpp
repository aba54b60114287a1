#pragma once
// The framing of a reply's body, taken off in place. Private to the client.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "andon/net/client_head.hpp"

namespace andon::net {

class body_decoder {
public:
  enum class state : std::uint8_t { more, done, bad };
  struct step {
    std::string_view payload;     ///< moved together inside the given bytes; may be empty
    std::size_t consumed = 0;     ///< all, unless the body ended before
    state now = state::more;
    const char* why = nullptr;    ///< when bad
  };

  void start(body_framing framing, std::uint64_t length);
  /// Takes the next bytes as received. Payloads of several chunks are moved together.
  step take(char* bytes, std::size_t size);
  /// The peer closed. True if that is the proper end.
  [[nodiscard]] bool may_end_by_close() const { return framing_ == body_framing::until_close; }
  [[nodiscard]] bool done() const { return done_; }
  /// Bytes that are still to come, where known; else 0.
  [[nodiscard]] std::uint64_t remaining() const { return framing_ == body_framing::length ? left_ : 0; }
  void note_taken(std::uint64_t bytes);   ///< bytes of a `length` body that were received elsewhere

private:
  enum class at : std::uint8_t { size, extension, size_lf, data, data_cr, data_lf, trailer_start, trailer, trailer_lf, end_lf, end };
  const char* take_control(char c);
  step take_chunks(char* bytes, std::size_t size);

  body_framing framing_ = body_framing::none;
  at at_ = at::size;
  bool done_ = true;
  std::uint8_t digits_ = 0;
  std::uint32_t overhead_ = 0;   ///< bytes of extensions and trailers so far
  std::uint64_t left_ = 0;       ///< of the body or of the chunk
};

}  // namespace andon::net
