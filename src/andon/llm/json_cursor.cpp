#include "andon/llm/json_cursor.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace andon::llm {
namespace {

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool ends_run(char c) { return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20; }

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// First quote, backslash or control byte.
const char* plain_run(const char* at, const char* end) {
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), control = _mm_set1_epi8(0x1f);
  for (; end - at >= 16; at += 16) {
    __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
    __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, control), bytes);
    __m128i hit = _mm_or_si128(low, _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, slash)));
    if (int mask = _mm_movemask_epi8(hit); mask != 0) return at + __builtin_ctz(static_cast<unsigned>(mask));
  }
#endif
  while (at < end && !ends_run(*at)) ++at;
  return at;
}

void append_code_point(std::string& out, unsigned code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | (code >> 6));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | (code >> 12));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | (code >> 18));
    out += static_cast<char>(0x80 | ((code >> 12) & 0x3f));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
}

// Four hex digits at the front, or -1.
int unit_at(std::string_view text) {
  if (text.size() < 4) return -1;
  int value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    int digit = hex_value(text[i]);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

// `rest` stands after `\u`; returns how many bytes of it were used.
std::size_t append_unicode(std::string& out, std::string_view rest) {
  int high = unit_at(rest);
  if (high < 0) return 0;
  auto code = static_cast<unsigned>(high);
  if (code < 0xd800 || code > 0xdfff) return append_code_point(out, code), 4;
  int low = code < 0xdc00 && rest.substr(4, 2) == "\\u" ? unit_at(rest.substr(6)) : -1;
  if (low < 0xdc00 || low > 0xdfff) return append_code_point(out, 0xfffd), 4;
  append_code_point(out, 0x10000 + ((code - 0xd800) << 10) + (static_cast<unsigned>(low) - 0xdc00));
  return 10;
}

char plain_escape(char c) {
  switch (c) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return c;
  }
}

}  // namespace

void append_unescaped(std::string& out, std::string_view raw) {
  while (!raw.empty()) {
    std::size_t slash = raw.find('\\');
    out.append(raw.substr(0, slash));
    if (slash == std::string_view::npos || slash + 1 >= raw.size()) return;
    char kind = raw[slash + 1];
    raw.remove_prefix(slash + 2);
    if (kind == 'u') raw.remove_prefix(append_unicode(out, raw));
    else out += plain_escape(kind);
  }
}

bool valid_utf8(std::string_view text) { return text.empty() || simdjson::validate_utf8(text.data(), text.size()); }

std::string_view text_of(const json_cursor::token& token, std::string& storage) {
  if (!token.escaped) return token.raw;
  storage.clear();
  append_unescaped(storage, token.raw);
  return storage;
}

bool to_integer(std::string_view number, std::int64_t& out) {
  auto [end, code] = std::from_chars(number.data(), number.data() + number.size(), out);
  if (code == std::errc{} && end == number.data() + number.size()) return true;
  double value = 0;
  auto [rest, problem] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (rest != number.data() + number.size() || number.empty()) return false;
  bool negative = number.front() == '-';
  if (problem == std::errc::result_out_of_range) value = number.find_first_of("eE") != std::string_view::npos && number.find('-', 1) != std::string_view::npos ? 0 : HUGE_VAL;
  if (value >= 9.2e18) out = negative ? std::numeric_limits<std::int64_t>::min() : std::numeric_limits<std::int64_t>::max();
  else if (value <= -9.2e18) out = std::numeric_limits<std::int64_t>::min();
  else out = static_cast<std::int64_t>(std::ceil(value));
  return true;
}

void json_cursor::fail(const char* reason) {
  if (reason_ != nullptr) return;
  reason_ = reason;
  failed_at_ = at_;
  at_ = end_;
}

std::string json_cursor::failure() const {
  if (reason_ == nullptr) return {};
  std::size_t line = 1, column = 1;
  for (const char* p = begin_; p < failed_at_; ++p) {
    if (*p == '\n') ++line, column = 1;
    else ++column;
  }
  return fmt::format("{} at byte {} (line {}, column {})", reason_, failed_at_ - begin_, line, column);
}

void json_cursor::space() {
  while (at_ < end_ && is_space(*at_)) ++at_;
}

bool json_cursor::expect(char c, const char* reason) {
  space();
  if (at_ < end_ && *at_ == c) return ++at_, true;
  fail(reason);
  return false;
}

std::uint32_t json_cursor::value_offset() {
  space();
  return offset();
}

json_cursor::type json_cursor::peek() {
  space();
  if (at_ >= end_) return type::none;
  switch (*at_) {
    case '{': return type::object;
    case '[': return type::array;
    case '"': return type::string;
    case 't':
    case 'f': return type::boolean;
    case 'n': return type::null;
    default: return is_digit(*at_) || *at_ == '-' ? type::number : type::none;
  }
}

const char* json_cursor::scan_escape(const char* at) {
  if (end_ - at < 2) return nullptr;
  switch (at[1]) {
    case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't': return at + 2;
    case 'u': return unit_at({at + 2, static_cast<std::size_t>(end_ - at - 2)}) < 0 ? nullptr : at + 6;
    default: return nullptr;
  }
}

void json_cursor::scan_string(token& out) {
  const char* start = ++at_;
  for (;;) {
    at_ = plain_run(at_, end_);
    if (at_ >= end_) return fail("A string does not end");
    if (*at_ == '"') break;
    if (*at_ != '\\') return fail("A control character stands unescaped in a string");
    const char* next = scan_escape(at_);
    if (next == nullptr) return fail("A string holds an escape that JSON does not know");
    out.escaped = true;
    at_ = next;
  }
  out.raw = {start, static_cast<std::size_t>(at_ - start)};
  ++at_;
}

json_cursor::token json_cursor::string() {
  token out;
  if (peek() == type::string) scan_string(out);
  else fail("A string is expected");
  return failed() ? token{} : out;
}

void json_cursor::scan_number() {
  const char* p = at_;
  auto digits = [&] {
    const char* from = p;
    while (p < end_ && is_digit(*p)) ++p;
    return p != from;
  };
  if (p < end_ && *p == '-') ++p;
  bool zero = p < end_ && *p == '0';
  if (zero) ++p;
  bool good = zero || digits();
  if (good && p < end_ && *p == '.') ++p, good = digits();
  if (good && p < end_ && (*p == 'e' || *p == 'E')) {
    ++p;
    if (p < end_ && (*p == '+' || *p == '-')) ++p;
    good = digits();
  }
  if (!good || (p < end_ && is_digit(*p))) return fail("A number is malformed");
  at_ = p;
}

std::string_view json_cursor::number() {
  if (peek() != type::number) return fail("A number is expected"), std::string_view{};
  const char* start = at_;
  scan_number();
  return failed() ? std::string_view{} : std::string_view{start, static_cast<std::size_t>(at_ - start)};
}

void json_cursor::scan_literal(std::string_view word) {
  if (static_cast<std::size_t>(end_ - at_) < word.size() || std::memcmp(at_, word.data(), word.size()) != 0)
    return fail("An unknown word stands where a value is expected");
  at_ += word.size();
}

bool json_cursor::boolean() {
  if (peek() != type::boolean) return fail("true or false is expected"), false;
  bool value = *at_ == 't';
  scan_literal(value ? "true" : "false");
  return value && !failed();
}

bool json_cursor::push(bool object) {
  if (depth_ >= depth_limit) return fail("Arrays and objects are nested more than 256 deep"), false;
  std::uint64_t bit = std::uint64_t{1} << (depth_ % 64);
  auto& word = kinds_[depth_ / 64];
  word = object ? word | bit : word & ~bit;
  ++depth_;
  return true;
}

bool json_cursor::begin_object() {
  space();
  if (at_ >= end_ || *at_ != '{') return fail("An object is expected"), false;
  if (!push(true)) return false;
  ++at_;
  return true;
}

bool json_cursor::begin_array() {
  space();
  if (at_ >= end_ || *at_ != '[') return fail("An array is expected"), false;
  if (!push(false)) return false;
  ++at_;
  return true;
}

bool json_cursor::next_member(bool& first, token& key) {
  space();
  if (failed()) return false;
  if (at_ < end_ && *at_ == '}') return ++at_, --depth_, false;
  if (!std::exchange(first, false)) {
    if (!expect(',', "A comma or a closing brace is expected")) return false;
    space();
  }
  if (at_ >= end_ || *at_ != '"') return fail("A key in quotes is expected"), false;
  key = {};
  scan_string(key);
  return !failed() && expect(':', "A colon is expected");
}

bool json_cursor::next_element(bool& first) {
  space();
  if (failed()) return false;
  if (at_ < end_ && *at_ == ']' && first) return ++at_, --depth_, false;
  if (first) return first = false, true;
  if (at_ < end_ && *at_ == ']') return ++at_, --depth_, false;
  return expect(',', "A comma or a closing bracket is expected");
}

void json_cursor::scan_scalar() {
  token ignored;
  switch (peek()) {
    case type::string: return scan_string(ignored);
    case type::number: return scan_number();
    case type::boolean: return scan_literal(*at_ == 't' ? "true" : "false");
    case type::null: return scan_literal("null");
    default: return fail(at_ < end_ ? "A value is expected" : "The text ends in the middle");
  }
}

// True when a container was opened that still wants a value.
bool json_cursor::open_or_scalar() {
  space();
  char c = at_ < end_ ? *at_ : '\0';
  if (c != '{' && c != '[') return scan_scalar(), false;
  bool object = c == '{';
  if (!push(object)) return false;
  ++at_;
  space();
  if (at_ < end_ && *at_ == (object ? '}' : ']')) return ++at_, --depth_, false;
  if (!object) return true;
  string();
  return !failed() && expect(':', "A colon is expected");
}

// After a value: true when another one follows inside the containers above `base`.
bool json_cursor::close_or_next(unsigned base) {
  while (!failed() && depth_ > base) {
    unsigned top = depth_ - 1;
    bool object = (kinds_[top / 64] >> (top % 64) & 1) != 0;
    space();
    char c = at_ < end_ ? *at_ : '\0';
    if (c == (object ? '}' : ']')) {
      ++at_;
      --depth_;
      continue;
    }
    if (c != ',') return fail("A comma or a closing bracket is expected"), false;
    ++at_;
    if (!object) return true;
    string();
    return !failed() && expect(':', "A colon is expected");
  }
  return false;
}

byte_span json_cursor::skip() {
  space();
  std::uint32_t start = offset();
  unsigned base = depth_;
  while (!failed()) {
    if (open_or_scalar()) continue;
    if (!close_or_next(base)) break;
  }
  return failed() ? byte_span{} : span_from(start);
}

void json_cursor::finish() {
  space();
  if (at_ != end_) fail("Something follows the end of the JSON text");
}

void json_cursor::jump(std::uint32_t offset, unsigned depth) {
  at_ = begin_ + offset;
  depth_ = depth;
  for (unsigned i = 0; i < depth; ++i) kinds_[i / 64] |= std::uint64_t{1} << (i % 64);
}

}  // namespace andon::llm
