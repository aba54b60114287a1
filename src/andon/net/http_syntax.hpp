#pragma once
// Which bytes may stand where in HTTP/1.1 (RFC 9110 section 5.6, RFC 9112, RFC 3986).
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace andon::net {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }

namespace syntax {

enum : std::uint8_t { token = 1, target = 2, value = 4, host = 8 };

constexpr std::array<std::uint8_t, 256> make_table() {
  std::array<std::uint8_t, 256> table{};
  constexpr std::string_view token_marks = "!#$%&'*+-.^_`|~";
  constexpr std::string_view host_marks = "-._~%!$&'()*+,;=";
  for (unsigned c = 0; c < 256; ++c) {
    const char as_char = static_cast<char>(c);
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (letter || (c < 128 && token_marks.find(as_char) != std::string_view::npos)) table[c] |= token;
    if (letter || (c < 128 && host_marks.find(as_char) != std::string_view::npos)) table[c] |= host;
    if (c > 0x20 && c < 0x7f && as_char != '#') table[c] |= target;
    if ((c >= 0x20 && c != 0x7f) || c == '\t') table[c] |= value;
  }
  return table;
}
inline constexpr auto table = make_table();

constexpr bool is(char c, std::uint8_t kind) { return (table[static_cast<unsigned char>(c)] & kind) != 0; }
constexpr std::size_t skip(std::string_view bytes, std::size_t at, std::uint8_t kind) {
  while (at < bytes.size() && is(bytes[at], kind)) ++at;
  return at;
}

}  // namespace syntax

constexpr bool is_host_char(char c) { return syntax::is(c, syntax::host); }
/// Each gives the index of the first byte that is not of its kind.
constexpr std::size_t skip_token(std::string_view bytes, std::size_t at) { return syntax::skip(bytes, at, syntax::token); }
constexpr std::size_t skip_target(std::string_view bytes, std::size_t at) { return syntax::skip(bytes, at, syntax::target); }
#if defined(__SSE2__)
/// One bit for each of 16 bytes that may not stand in a field's value.
inline unsigned not_value_bits(__m128i part) {
  const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(part, _mm_set1_epi8(0x1f)), part);
  const __m128i bad = _mm_or_si128(_mm_andnot_si128(_mm_cmpeq_epi8(part, _mm_set1_epi8('\t')), low), _mm_cmpeq_epi8(part, _mm_set1_epi8(0x7f)));
  return static_cast<unsigned>(_mm_movemask_epi8(bad));
}
#endif
inline std::size_t skip_value(std::string_view bytes, std::size_t at) {
#if defined(__SSE2__)
  for (; at + 16 <= bytes.size(); at += 16)
    if (const auto found = not_value_bits(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes.data() + at))); found != 0) return at + static_cast<std::size_t>(std::countr_zero(found));
#endif
  return syntax::skip(bytes, at, syntax::value);
}

/// Whether all of its bytes may stand in a token.
constexpr bool is_token(std::string_view bytes) {
  std::uint8_t all = syntax::token;
  for (const char c : bytes) all &= syntax::table[static_cast<unsigned char>(c)];
  return all != 0;
}

/// Whether all of its bytes may stand in a field's value.
inline bool is_value(std::string_view bytes) {
#if defined(__SSE2__)
  // Short ones by two looks that overlap: nothing is read behind them.
  const auto part = [&](std::size_t at, auto as) { return std::memcpy(&as, bytes.data() + at, sizeof as), as; };
  const auto size = bytes.size();
  if (size >= 16) {
    unsigned found = 0;
    for (std::size_t at = 0; at < size - 16; at += 16) found |= not_value_bits(part(at, __m128i{}));
    return (found | not_value_bits(part(size - 16, __m128i{}))) == 0;
  }
  if (size >= 8) return not_value_bits(_mm_set_epi64x(part(0, std::int64_t{}), part(size - 8, std::int64_t{}))) == 0;
  if (size >= 4) return not_value_bits(_mm_set1_epi64x((static_cast<std::int64_t>(part(0, std::int32_t{})) << 32) | part(size - 4, std::uint32_t{}))) == 0;
#endif
  return syntax::skip(bytes, 0, syntax::value) == bytes.size();
}

/// Whether a field with this name and value may be sent.
inline bool is_sendable(std::string_view name, std::string_view value) { return !name.empty() && is_token(name) && is_value(value); }

}  // namespace andon::net
