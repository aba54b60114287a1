#include "andon/telemetry/trace_context.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace andon::telemetry {
namespace {

constexpr std::string_view digits = "0123456789abcdef";

int nibble(char c) {
  const auto at = digits.find(c);
  return at == digits.npos ? -1 : static_cast<int>(at);
}

template <std::size_t Size>
bool read_hex(std::string_view text, std::array<unsigned char, Size>& out) {
  for (std::size_t i = 0; i < Size; ++i) {
    const int high = nibble(text[2 * i]), low = nibble(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<unsigned char>(high << 4 | low);
  }
  return true;
}

template <std::size_t Size>
char* write_hex(char* at, const std::array<unsigned char, Size>& bytes) {
  for (unsigned char byte : bytes) {
    *at++ = digits[byte >> 4];
    *at++ = digits[byte & 15];
  }
  return at;
}

template <class Id>
std::string hex_of(const Id& id) {
  std::string out(id.size() * 2, '0');
  write_hex(out.data(), id);
  return out;
}

template <class Id>
Id random_id(random_source& random) {
  Id id{};
  do {
    for (std::size_t i = 0; i < id.size(); i += 8) {
      const std::uint64_t word = random();
      for (std::size_t k = 0; k < 8; ++k) id[i + k] = static_cast<unsigned char>(word >> (8 * k));
    }
  } while (is_nil(id));
  return id;
}

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool is_state_key(std::string_view key) {
  const auto at = key.find('@');
  const std::string_view tenant = at == key.npos ? std::string_view{} : key.substr(0, at);
  const std::string_view system = at == key.npos ? key : key.substr(at + 1);
  const auto fits = [](std::string_view part, std::size_t longest, bool digit_first) {
    if (part.empty() || part.size() > longest) return false;
    if (!is_lower_or_digit(part[0]) || (!digit_first && part[0] <= '9')) return false;
    return std::ranges::all_of(part, [](char c) { return is_lower_or_digit(c) || c == '_' || c == '-' || c == '*' || c == '/'; });
  };
  return at == key.npos ? fits(system, 256, true) : fits(tenant, 241, true) && fits(system, 14, false);
}

bool is_state_value(std::string_view value) {
  if (value.empty() || value.size() > 256 || value.back() == ' ') return false;
  return std::ranges::all_of(value, [](char c) { return c >= 0x20 && c <= 0x7e && c != ',' && c != '='; });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

std::optional<trace_context> parse_traceparent(std::string_view header) {
  header = trimmed(header);
  if (header.size() < 55 || header[2] != '-' || header[35] != '-' || header[52] != '-') return std::nullopt;
  std::array<unsigned char, 1> version{}, flags{};
  trace_context out;
  if (!read_hex(header.substr(0, 2), version) || !read_hex(header.substr(3, 32), out.trace) || !read_hex(header.substr(36, 16), out.parent) ||
      !read_hex(header.substr(53, 2), flags))
    return std::nullopt;
  if (version[0] == 0xff || is_nil(out.trace) || is_nil(out.parent)) return std::nullopt;
  if (header.size() > 55 && (version[0] == 0 || header[55] != '-')) return std::nullopt;
  out.sampled = (flags[0] & 1) != 0;
  return out;
}

std::array<char, 55> make_traceparent(const trace_id& trace, const span_id& span, bool sampled) {
  std::array<char, 55> out{'0', '0', '-'};
  char* at = write_hex(out.data() + 3, trace);
  *at++ = '-';
  at = write_hex(at, span);
  *at++ = '-';
  *at++ = '0';
  *at = sampled ? '1' : '0';
  return out;
}

std::string_view usable_tracestate(std::string_view header) {
  constexpr std::size_t most_members = 32, most_bytes = 512;
  header = trimmed(header);
  std::array<std::string_view, most_members> keys;
  std::size_t members = 0, usable = 0;
  for (std::size_t from = 0; from <= header.size() && !header.empty();) {
    const std::size_t comma = std::min(header.find(',', from), header.size());
    const std::string_view member = trimmed(header.substr(from, comma - from));
    from = comma + 1;
    if (!member.empty()) {
      const auto equals = member.find('=');
      if (equals == member.npos || members == most_members) return {};
      const std::string_view key = member.substr(0, equals);
      if (!is_state_key(key) || !is_state_value(member.substr(equals + 1))) return {};
      if (std::find(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(members), key) != keys.begin() + static_cast<std::ptrdiff_t>(members)) return {};
      keys[members++] = key;
    }
    if (comma <= most_bytes) usable = comma;
  }
  return trimmed(header.substr(0, usable));
}

trace_id make_trace_id(random_source& random) { return random_id<trace_id>(random); }
span_id make_span_id(random_source& random) { return random_id<span_id>(random); }
std::string hex(const trace_id& id) { return hex_of(id); }
std::string hex(const span_id& id) { return hex_of(id); }

sampler::sampler(double ratio) : bound_(static_cast<std::uint64_t>(std::clamp(std::isnan(ratio) ? 0.0 : ratio, 0.0, 1.0) * std::exp2(56))) {}

bool sampler::decide(const std::optional<trace_context>& parent, const trace_id& own) const {
  if (parent) return parent->sampled;
  std::uint64_t low = 0;
  for (std::size_t i = 9; i < 16; ++i) low = low << 8 | own[i];
  return low < bound_;
}

}  // namespace andon::telemetry
