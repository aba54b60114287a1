#pragma once
// HTTP/2 frames by hand (RFC 9113), for what nghttp2 would not send. For tests only.
#include <nghttp2/nghttp2.h>
#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace andon::net::testing {

constexpr std::string_view h2_preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

inline std::string big_endian(std::uint64_t value, int bytes) {
  std::string out;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
  return out;
}

inline std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream, std::string_view payload) {
  return big_endian(payload.size(), 3) + static_cast<char>(type) + static_cast<char>(flags) + big_endian(stream, 4) + std::string(payload);
}

/// A field as a literal that is not indexed, without Huffman coding. Short names and values only.
inline std::string field(std::string_view name, std::string_view value) {
  return std::string(1, '\0') + static_cast<char>(name.size()) + std::string(name) + static_cast<char>(value.size()) + std::string(value);
}

inline std::string setting(std::uint16_t id, std::uint32_t value) { return big_endian(id, 2) + big_endian(value, 4); }
inline std::string goaway(std::uint32_t last, std::uint32_t code) { return frame(NGHTTP2_GOAWAY, 0, 0, big_endian(last, 4) + big_endian(code, 4)); }
inline std::string reset(std::uint32_t stream, std::uint32_t code) { return frame(NGHTTP2_RST_STREAM, 0, stream, big_endian(code, 4)); }

struct raw_frame {
  std::uint8_t type = 0, flags = 0;
  std::uint32_t stream = 0;
  std::string payload;
  /// Of RST_STREAM and GOAWAY.
  [[nodiscard]] std::uint32_t code() const {
    const std::size_t at = type == NGHTTP2_GOAWAY ? 4 : 0;
    std::uint32_t out = 0;
    for (std::size_t i = at; i < at + 4 && i < payload.size(); ++i) out = out << 8 | static_cast<unsigned char>(payload[i]);
    return out;
  }
};

/// The frames that a blocking socket brings.
class frame_reader {
public:
  explicit frame_reader(int descriptor) : descriptor_(descriptor) {}
  bool skip(std::size_t bytes) {
    if (!fill(bytes)) return false;
    unread_.erase(0, bytes);
    return true;
  }
  /// Nothing: the connection is over, or the socket's time limit passed.
  std::optional<raw_frame> next() {
    if (!fill(9)) return std::nullopt;
    const auto byte = [this](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(unread_[i])); };
    const std::size_t size = byte(0) << 16 | byte(1) << 8 | byte(2);
    if (!fill(9 + size)) return std::nullopt;
    raw_frame out{static_cast<std::uint8_t>(byte(3)), static_cast<std::uint8_t>(byte(4)), byte(5) << 24 | byte(6) << 16 | byte(7) << 8 | byte(8), unread_.substr(9, size)};
    unread_.erase(0, 9 + size);
    return out;
  }

private:
  bool fill(std::size_t wanted) {
    char piece[16 * 1024];
    while (unread_.size() < wanted) {
      const ssize_t got = ::recv(descriptor_, piece, sizeof piece, 0);
      if (got <= 0) return false;
      unread_.append(piece, static_cast<std::size_t>(got));
    }
    return true;
  }
  int descriptor_;
  std::string unread_;
};

}  // namespace andon::net::testing
