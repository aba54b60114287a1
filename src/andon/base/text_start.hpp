#pragma once
// The start of a text within a bound of bytes.
#include <cstddef>
#include <string_view>

namespace andon {

/// At most `most` bytes of the text, not cut within a UTF-8 sequence.
[[nodiscard]] constexpr std::string_view text_start(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80) --most;
  return text.substr(0, most);
}

}  // namespace andon
