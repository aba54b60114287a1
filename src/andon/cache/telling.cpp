#include "andon/cache/telling.hpp"

#include <algorithm>
#include <array>

namespace andon::cache {
namespace {

constexpr std::array<std::string_view, 34> negations{
    "aucun", "cannot", "jamais", "kein", "keine", "keinen", "keiner", "mai", "nem", "neither", "never", "nessuna", "nessuno", "nicht", "nie", "niemals", "nincs",
    "no", "nobody", "non", "none", "nor", "not", "nothing", "nunca", "não", "nao", "ohne", "pas", "sans", "senza", "sin", "sem", "without"};

constexpr std::array<std::string_view, 2> apostrophes{"'", "\xe2\x80\x99"};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
/// Signs that belong to a number or a name with numbers: 3.5, 1,000, db-3, -5, 15%, $20, 10:30.
bool in_word(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || static_cast<unsigned char>(c) >= 0x80 || std::string_view(".,:-+%$'/").find(c) != std::string_view::npos;
}

bool negates(std::string_view word) {
  if (std::ranges::find(negations, word) != negations.end()) return true;
  return std::ranges::any_of(apostrophes, [&](std::string_view mark) { return word.ends_with("n" + std::string(mark) + "t"); });
}

std::string_view trimmed(std::string_view word) {
  constexpr std::string_view around = ".,:'/";
  while (!word.empty() && around.find(word.front()) != std::string_view::npos) word.remove_prefix(1);
  while (!word.empty() && around.find(word.back()) != std::string_view::npos) word.remove_suffix(1);
  return word;
}

}  // namespace

std::string telling_words(std::string_view text) {
  std::string out, word;
  unsigned denied = 0;
  const auto end_word = [&] {
    const auto bare = trimmed(word);
    if (std::ranges::any_of(bare, is_digit)) out.append(bare).append(" ");
    else if (negates(bare)) ++denied;
    word.clear();
  };
  for (const char c : text) {
    if (in_word(lower(c))) word += lower(c);
    else end_word();
  }
  end_word();
  return out + "!" + std::to_string(denied);
}

}  // namespace andon::cache
