#include "andon/llm/unicode_class.hpp"

#include <algorithm>
#include <array>
#include <iterator>

namespace andon::llm {
namespace {

struct run { char32_t first; unicode_class is; };

constexpr auto s = unicode_class::symbol, w = unicode_class::space, u = unicode_class::upper, l = unicode_class::lower,
               c = unicode_class::caseless, m = unicode_class::mark, n = unicode_class::number;
constexpr run runs[] = {
#include "andon/llm/unicode_ranges.inc"
};

constexpr std::size_t small = 0x800;
constexpr auto small_classes = [] {
  std::array<unicode_class, small> table{};
  std::size_t at = 0;
  for (char32_t code = 0; code < small; ++code) {
    if (runs[at + 1].first <= code) ++at;
    table[code] = runs[at].is;
  }
  return table;
}();

bool is_tail(unsigned char byte) { return (byte & 0xc0) == 0x80; }

}  // namespace

unicode_class class_of(char32_t code) {
  if (code < small) return small_classes[code];
  if ((code >= 0x4e00 && code <= 0x9fff) || (code >= 0xac00 && code <= 0xd7a3)) return unicode_class::caseless;
  const auto* after = std::upper_bound(std::begin(runs), std::end(runs), code, [](char32_t x, const run& r) { return x < r.first; });
  return std::prev(after)->is;
}

decoded decode_wide(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : static_cast<unsigned char>(0); };
  const char32_t lead = byte(0);
  constexpr decoded invalid{unicode_class::symbol, 1};
  if (lead < 0xc2 || lead > 0xf4 || !is_tail(byte(1))) return invalid;
  char32_t code = byte(1) & 0x3fU;
  if (lead < 0xe0) return {class_of((lead & 0x1f) << 6 | code), 2};
  if (!is_tail(byte(2))) return invalid;
  code = code << 6 | (byte(2) & 0x3fU);
  if (lead < 0xf0) {
    code |= (lead & 0x0f) << 12;
    return code < 0x800 || (code >= 0xd800 && code <= 0xdfff) ? invalid : decoded{class_of(code), 3};
  }
  if (!is_tail(byte(3))) return invalid;
  code = (lead & 0x07) << 18 | code << 6 | (byte(3) & 0x3fU);
  return code < 0x10000 || code > 0x10ffff ? invalid : decoded{class_of(code), 4};
}

}  // namespace andon::llm
