#include "andon/ledger/fts_tokenizer.hpp"

#include <algorithm>

namespace andon::ledger::fts {
namespace {

struct range { char32_t first, last; };

constexpr std::array separators{
    range{0x80, 0xA9}, range{0xAB, 0xB4}, range{0xB6, 0xB9}, range{0xBB, 0xBF}, range{0xD7, 0xD7}, range{0xF7, 0xF7},
    range{0x55A, 0x55F}, range{0x589, 0x58A}, range{0x5BE, 0x5BE}, range{0x5C0, 0x5C0}, range{0x5F3, 0x5F4},
    range{0x60C, 0x60D}, range{0x61B, 0x61F}, range{0x66A, 0x66D}, range{0x6D4, 0x6D4}, range{0x964, 0x965},
    range{0x2000, 0x206F}, range{0x20A0, 0x20CF}, range{0x3000, 0x3004}, range{0x3008, 0x3020}, range{0x3030, 0x3030},
    range{0x30FB, 0x30FB}, range{0xFE00, 0xFE1F}, range{0xFE30, 0xFE6F}, range{0xFEFF, 0xFEFF}, range{0xFF00, 0xFF0F},
    range{0xFF1A, 0xFF20}, range{0xFF3B, 0xFF40}, range{0xFF5B, 0xFF65}, range{0xFFF0, 0xFFFF}, range{0xE0000, 0xE01FF}};

constexpr std::array singles{
    range{0xE00, 0xEFF}, range{0x1000, 0x109F}, range{0x1780, 0x17FF}, range{0x2190, 0x2BFF}, range{0x3005, 0x3007},
    range{0x3021, 0x302F}, range{0x3040, 0x30FF}, range{0x3105, 0x312F}, range{0x31F0, 0x31FF}, range{0x3400, 0x4DBF},
    range{0x4E00, 0x9FFF}, range{0xE000, 0xFAFF}, range{0xFF66, 0xFF9F}, range{0x1F000, 0x1FAFF}, range{0x20000, 0x3FFFF}};

/// Lower case is the odd neighbour of an even capital (or the other way round), or a fixed distance away.
enum class shift : std::uint8_t { by, even_up, odd_up };
struct case_range { char32_t first, last; shift how; std::int32_t distance; };
constexpr std::array cases{
    case_range{0xC0, 0xDE, shift::by, 0x20}, case_range{0x100, 0x137, shift::even_up, 0}, case_range{0x139, 0x148, shift::odd_up, 0},
    case_range{0x14A, 0x177, shift::even_up, 0}, case_range{0x178, 0x178, shift::by, 0xFF - 0x178}, case_range{0x179, 0x17E, shift::odd_up, 0},
    case_range{0x1CD, 0x1DC, shift::odd_up, 0}, case_range{0x1DE, 0x1EF, shift::even_up, 0}, case_range{0x1F8, 0x21F, shift::even_up, 0},
    case_range{0x386, 0x386, shift::by, 0x26}, case_range{0x388, 0x38A, shift::by, 0x25}, case_range{0x38C, 0x38C, shift::by, 0x40},
    case_range{0x38E, 0x38F, shift::by, 0x3F}, case_range{0x391, 0x3AB, shift::by, 0x20}, case_range{0x3C2, 0x3C2, shift::by, 1},
    case_range{0x400, 0x40F, shift::by, 0x50}, case_range{0x410, 0x42F, shift::by, 0x20}, case_range{0x460, 0x481, shift::even_up, 0},
    case_range{0x48A, 0x4BF, shift::even_up, 0}, case_range{0x4C1, 0x4CE, shift::odd_up, 0}, case_range{0x4D0, 0x52F, shift::even_up, 0},
    case_range{0x531, 0x556, shift::by, 0x30}, case_range{0x1E00, 0x1E95, shift::even_up, 0}, case_range{0x1EA0, 0x1EFF, shift::even_up, 0},
    case_range{0x2C00, 0x2C2F, shift::by, 0x30}, case_range{0xFF10, 0xFF19, shift::by, '0' - 0xFF10},
    case_range{0xFF21, 0xFF3A, shift::by, 'a' - 0xFF21}, case_range{0xFF41, 0xFF5A, shift::by, 'a' - 0xFF41},
    case_range{0x10400, 0x10427, shift::by, 0x28}};

template <class Ranges>
auto find_range(const Ranges& ranges, char32_t code) {
  const auto after = std::ranges::upper_bound(ranges, code, {}, [](const auto& r) { return r.first; });
  return after != ranges.begin() && code <= std::prev(after)->last ? std::prev(after) : ranges.end();
}

char32_t lower(char32_t code) {
  const auto found = find_range(cases, code);
  if (found == cases.end()) return code;
  if (found->how == shift::by) return static_cast<char32_t>(static_cast<std::int32_t>(code) + found->distance);
  const bool capital = (code % 2 == 0) == (found->how == shift::even_up);
  return capital ? code + 1 : code;
}

}  // namespace

folded fold(char32_t code) {
  if (find_range(separators, code) != separators.end()) return {letter::separator, 0};
  if (find_range(singles, code) != singles.end()) return {letter::single, code};
  return {letter::word, lower(code)};
}

decoded decode_utf8(std::string_view text) {
  const std::size_t size = utf8_sequence(text);
  if (size == 0) return {0, 0};
  const auto byte = [&](std::size_t i) { return static_cast<char32_t>(static_cast<unsigned char>(text[i])); };
  if (size == 1) return {byte(0), 1};
  char32_t code = byte(0) & (0xFFu >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) code = code << 6 | (byte(i) & 0x3F);
  return {code, size};
}

void word_buffer::push(char32_t code) {
  const auto put = [&](char32_t byte) { bytes[size++] = static_cast<char>(byte); };
  const std::size_t need = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  if (size + need > max_word) {
    while (size < max_word) put(0);
    return;
  }
  if (need == 1) return put(code);
  if (need == 2) put(0xC0 | code >> 6);
  if (need == 3) { put(0xE0 | code >> 12); put(0x80 | (code >> 6 & 0x3F)); }
  if (need == 4) { put(0xF0 | code >> 18); put(0x80 | (code >> 12 & 0x3F)); put(0x80 | (code >> 6 & 0x3F)); }
  put(0x80 | (code & 0x3F));
}

}  // namespace andon::ledger::fts
