#pragma once
// The chunked framing of a request's body, taken off strictly: hexadecimal size without blanks or sign, extensions and
// trailers bounded and free of control bytes, CRLF only. Trailers are checked and dropped.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "andon/base/error.hpp"

namespace andon::net {

class chunk_reader {
public:
  enum class state : std::uint8_t { more, done, bad };

  explicit chunk_reader(std::size_t max_body) : max_body_(max_body) {}

  /// Takes the next received bytes; payload is appended to `body`. `used` gets how many bytes belonged to the body:
  /// fewer than given only when done. When bad, code() and why() tell (bad_http, body_too_large).
  state take(std::string_view bytes, std::string& body, std::size_t& used);

  [[nodiscard]] errc code() const { return code_; }
  [[nodiscard]] std::string_view why() const { return why_; }

private:
  enum class at : std::uint8_t { size, extension, size_lf, data, data_cr, data_lf, line_start, trailer_name, trailer_value, trailer_lf, end_lf, end, failed };
  static constexpr std::uint32_t max_overhead = 8 * 1024;   ///< all extensions and trailers of a body together
  void control(char c, std::size_t body_size);
  void end_of_size(std::size_t body_size);
  void fail(errc code, std::string_view why);
  void expect(char got, char wanted, at next, std::string_view why);

  std::size_t max_body_;
  std::uint64_t left_ = 0;
  std::uint32_t overhead_ = 0;
  std::uint8_t digits_ = 0;
  at at_ = at::size;
  errc code_ = errc::none;
  std::string_view why_;
};

}  // namespace andon::net
