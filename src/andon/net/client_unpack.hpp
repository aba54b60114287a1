#pragma once
// Content-Encoding of replies, taken off as the bytes come: gzip, deflate, br, zstd. Memory is bounded by the
// decoders' windows and the caller's output piece. Private to the client.
#include <cstddef>
#include <memory>
#include <string_view>

namespace andon::net {

class unpacker {
public:
  struct step {
    std::size_t consumed = 0;
    std::size_t produced = 0;
    bool bad = false;
  };

  /// Null if the encoding is not one of the four.
  static std::unique_ptr<unpacker> make(std::string_view encoding);
  static bool is_identity(std::string_view encoding);

  virtual ~unpacker() = default;
  /// Progress is made unless `in` is used up and nothing more can be put out.
  virtual step take(std::string_view in, char* out, std::size_t room) = 0;
  /// The packed data reached its own end.
  [[nodiscard]] virtual bool complete() const = 0;
};

}  // namespace andon::net
