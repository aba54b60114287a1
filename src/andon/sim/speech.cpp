#include "andon/sim/speech.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "andon/base/hashing.hpp"
#include "andon/base/random.hpp"

namespace andon::sim {
namespace {

constexpr std::string_view vocabulary[] = {
    "the", "a", "system", "request", "answer", "model", "line", "signal", "station", "worker", "light", "problem", "cause", "change",
    "quality", "process", "check", "result", "value", "measure", "small", "clear", "stable", "quick", "careful", "simple", "first", "next",
    "before", "after", "when", "because", "then", "also", "often", "never", "shows", "keeps", "stops", "starts", "finds", "needs",
    "follows", "reads", "writes", "sends", "waits", "learns", "improves", "of", "in", "with", "for", "and", "but", "to", "from", "between"};

void capitalise(std::string& word, std::size_t at) {
  word[at] = static_cast<char>(std::toupper(static_cast<unsigned char>(word[at])));
}

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || static_cast<unsigned char>(c) >= 0x80; }

void add_word(std::vector<float>& into, std::uint64_t seed) {
  random_source random{seed};
  for (auto& x : into) x += static_cast<float>(random.unit() * 2 - 1);
}

}  // namespace

std::vector<std::string> speak(std::uint64_t seed, std::string_view prompt, std::uint32_t words) {
  random_source random{xxh3(prompt, seed)};
  std::vector<std::string> out;
  out.reserve(words);
  std::uint64_t left = 0;
  for (std::uint32_t i = 0; i < words; ++i) {
    bool opens = left == 0;
    if (opens) left = 6 + random.below(8);
    std::string word = i == 0 ? "" : " ";
    word += vocabulary[random.below(std::size(vocabulary))];
    if (opens) capitalise(word, i == 0 ? 0 : 1);
    if (--left == 0 || i + 1 == words) word += '.';
    out.push_back(std::move(word));
  }
  return out;
}

std::vector<std::string> in_words(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    std::size_t end = text.find(' ', 1);
    out.emplace_back(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end);
  }
  return out;
}

std::vector<std::string> in_fragments(std::string_view text, std::size_t size) {
  std::vector<std::string> out;
  while (!text.empty()) {
    std::size_t end = std::min(size, text.size());
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) ++end;
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return out;
}

std::vector<float> embed(std::uint64_t seed, std::string_view text, std::size_t dimensions) {
  std::vector<float> out(dimensions, 0);
  std::string word;
  unsigned words = 0;
  for (std::size_t i = 0; i <= text.size() && words < 256; ++i) {
    if (i < text.size() && is_word(text[i])) {
      word += static_cast<char>(std::tolower(static_cast<unsigned char>(text[i])));
    } else if (!word.empty()) {
      add_word(out, xxh3(word, seed));
      word.clear();
      ++words;
    }
  }
  if (words == 0) add_word(out, xxh3(text, seed));
  double sum = 0;
  for (float x : out) sum += static_cast<double>(x) * static_cast<double>(x);
  auto scale = static_cast<float>(1 / std::sqrt(std::max(sum, 1e-30)));
  for (auto& x : out) x *= scale;
  return out;
}

std::string to_base64(std::string_view bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k) out += i + k > bytes.size() ? '=' : digits[group >> (18 - 6 * k) & 63];
  }
  return out;
}

}  // namespace andon::sim
