#pragma once
// Unicode general categories as far as the published token patterns distinguish them.
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace andon::llm {

/// upper: Lu, Lt. lower: Ll. caseless: Lm, Lo. newline: CR, LF. space: other White_Space. end: beyond the text.
enum class unicode_class : std::uint8_t { symbol, space, newline, upper, lower, caseless, mark, number, end };

struct decoded { unicode_class is; std::uint8_t size; };

/// Class of one code point; 0x10ffff at most.
unicode_class class_of(char32_t code);

/// Class and length of the non-ASCII character at `at`. A byte that is not valid UTF-8 is a symbol of size 1.
decoded decode_wide(std::string_view text, std::size_t at);

}  // namespace andon::llm
