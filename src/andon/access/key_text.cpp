#include "andon/access/key_text.hpp"

#include <array>

#include "andon/base/hashing.hpp"
#include "andon/base/random.hpp"

namespace andon::access {
namespace {

constexpr std::string_view alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr std::size_t random_characters = 32;
constexpr std::size_t check_characters = 6;
static_assert(key_prefix.size() + random_characters + check_characters == key_text_size);

void append_random(std::string& out, std::size_t characters) {
  std::array<unsigned char, random_characters> bytes{};
  secure_random(std::span{bytes}.first(characters));
  for (std::size_t i = 0; i < characters; ++i) out += alphabet[bytes[i] & 31U];
}

std::array<char, check_characters> checksum(std::string_view body) {
  std::array<char, check_characters> out{};
  auto bits = xxh3(body, 0x616e646f6eULL);
  for (auto& c : out) {
    c = alphabet[bits & 31U];
    bits >>= 5U;
  }
  return out;
}

}  // namespace

secret make_key_text() {
  std::string text;
  text.reserve(key_text_size);
  text += key_prefix;
  append_random(text, random_characters);
  const auto check = checksum(text);
  text.append(check.data(), check.size());
  return secret{std::move(text)};
}

key_id make_key_id() {
  std::string text = "key_";
  append_random(text, 20);
  return key_id{std::move(text)};
}

bool well_formed(std::string_view text) noexcept {
  if (text.size() != key_text_size || !text.starts_with(key_prefix)) return false;
  if (text.find_first_not_of(alphabet, key_prefix.size()) != std::string_view::npos) return false;
  const auto body = text.substr(0, key_text_size - check_characters);
  const auto check = checksum(body);
  return constant_time_equal(text.substr(body.size()), {check.data(), check.size()});
}

std::string masked(std::string_view text) {
  if (!well_formed(text)) return "…";
  return std::string(text.substr(0, key_prefix.size() + 2)) + "…" + std::string(text.substr(key_text_size - 4));
}

}  // namespace andon::access
