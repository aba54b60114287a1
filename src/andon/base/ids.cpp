#include "andon/base/ids.hpp"

#include <algorithm>

namespace andon {
namespace {

constexpr std::string_view alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr std::string_view prefix = "req_";
using wide = unsigned __int128;

}  // namespace

request_id request_id::make(wall_time now, random_source& random) {
  const auto millis = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  request_id id;
  id.high_ = (static_cast<std::uint64_t>(millis) << 16) | (random() & 0xffff);
  id.low_ = random();
  return id;
}

request_id request_id::from_words(std::uint64_t high, std::uint64_t low) {
  request_id id;
  id.high_ = high;
  id.low_ = low;
  return id;
}

std::array<char, request_id::text_size> request_id::chars() const {
  std::array<char, text_size> out{};
  std::ranges::copy(prefix, out.begin());
  auto bits = (static_cast<wide>(high_) << 64) | low_;
  for (std::size_t i = text_size; i-- > prefix.size(); bits >>= 5) out[i] = alphabet[static_cast<std::size_t>(bits & 31)];
  return out;
}

std::string request_id::str() const {
  const auto text = chars();
  return {text.data(), text.size()};
}

std::optional<request_id> request_id::parse(std::string_view text) {
  if (text.size() != text_size || !text.starts_with(prefix) || text[prefix.size()] > '7') return std::nullopt;
  wide bits = 0;
  for (char c : text.substr(prefix.size())) {
    const auto digit = alphabet.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = (bits << 5) | digit;
  }
  return from_words(static_cast<std::uint64_t>(bits >> 64), static_cast<std::uint64_t>(bits));
}

}  // namespace andon
