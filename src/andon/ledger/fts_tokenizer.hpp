#pragma once
// Cuts text into the words that full-text search knows. The same cut is made of Records and of what is searched for.
//
// A word is a run of letters and digits (and `_`) of any script, folded to lower case; characters of scripts that are
// written without spaces (Han, kana, Thai, …) and pictographs are words of their own, so that `中文` is found as two
// adjacent words. Of a word longer than max_word bytes the first max_word bytes count. Bytes that are not valid UTF-8
// separate words.
#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "andon/base/json_text.hpp"

namespace andon::ledger::fts {

inline constexpr std::size_t max_word = 64;
/// Separates pieces of text that phrases must not cross.
inline constexpr char piece_end = '\x1e';

enum class letter : std::uint8_t { separator, word, single };
struct folded { letter what; char32_t code; };
/// How a code point above U+007F counts, in lower case.
folded fold(char32_t code);

/// 0: separator; 1: not ASCII; 2: piece_end; else the folded byte.
inline constexpr auto ascii_fold = [] {
  std::array<unsigned char, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] = static_cast<unsigned char>(c);
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<std::size_t>(c)] = static_cast<unsigned char>(c);
  for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<std::size_t>(c)] = static_cast<unsigned char>(c + 32);
  table['_'] = '_';
  table[static_cast<std::size_t>(piece_end)] = 2;
  for (std::size_t c = 128; c < 256; ++c) table[c] = 1;
  return table;
}();

/// A word in a buffer that is zero up to the next multiple of eight bytes, so that it can be hashed by words.
struct word_buffer {
  alignas(8) std::array<char, max_word + 8> bytes;
  std::size_t size = 0;
  void push(unsigned char c) { if (size < max_word) bytes[size++] = static_cast<char>(c); }
  void push(char32_t code);
  /// Whole words at a time: the hash that follows reads what one store wrote. The byte tests are exact for ASCII letters,
  /// digits and `_`; what lies behind the run becomes anything and does not count.
  void take_ascii(const char* from, std::size_t run) {
    constexpr std::uint64_t ones = 0x0101010101010101;
    for (std::size_t i = 0; i < run; i += 8) {
      std::uint64_t x = 0;
      std::memcpy(&x, from + i, 8);
      const std::uint64_t other = x ^ ones * 0x5F;
      const std::uint64_t not_underscore = (((other & ones * 0x7F) + ones * 0x7F) | other) & ones * 0x80;
      x |= (x & ones * 0x40) >> 1 & not_underscore >> 2;
      std::memcpy(bytes.data() + i, &x, 8);
    }
    size = run;
  }
  [[nodiscard]] std::string_view view() const { return {bytes.data(), size}; }
};

/// Length of the run of ASCII letters, digits and `_` at `from`, if it can be taken eight bytes at a time: at most
/// max_word bytes and eight readable bytes behind its last; else 0.
inline std::size_t ascii_run(std::string_view text, std::size_t from) {
  std::size_t end = from;
  const std::size_t last = text.size() < max_word + 8 + from ? (text.size() < 8 ? 0 : text.size() - 8) : from + max_word;
  while (end < last && ascii_fold[static_cast<unsigned char>(text[end])] > 2) ++end;
  return end < last ? end - from : 0;
}

/// A code point at the front of text and its length in bytes; {0, 0} if the bytes are not valid UTF-8.
struct decoded { char32_t code; std::size_t size; };
decoded decode_utf8(std::string_view text);

/// Calls word(std::string_view) for every word and end_of_piece() at every piece_end.
template <class Word, class End>
void tokenize(std::string_view text, Word&& word, End&& end_of_piece) {
  word_buffer buffer;
  const auto emit = [&] {
    if (buffer.size == 0) return;
    word(buffer.view());
    buffer.size = 0;
  };
  for (std::size_t i = 0; i < text.size();) {
    if (buffer.size == 0) {
      const std::size_t run = ascii_run(text, i);
      if (run != 0) {
        buffer.take_ascii(text.data() + i, run);
        i += run;
        if (i < text.size() && ascii_fold[static_cast<unsigned char>(text[i])] == 1) continue;
        emit();
        continue;
      }
    }
    const unsigned char f = ascii_fold[static_cast<unsigned char>(text[i])];
    if (f > 2) { buffer.push(f); ++i; continue; }
    if (f != 1) {
      emit();
      if (f == 2) end_of_piece();
      ++i;
      continue;
    }
    const decoded d = decode_utf8(text.substr(i, 4));
    const folded c = d.size == 0 ? folded{letter::separator, 0} : fold(d.code);
    if (c.what != letter::word) emit();
    if (c.what != letter::separator) buffer.push(c.code);
    if (c.what == letter::single) emit();
    i += d.size == 0 ? 1 : d.size;
  }
  emit();
}

template <class Word>
void tokenize(std::string_view text, Word&& word) { tokenize(text, word, [] {}); }

}  // namespace andon::ledger::fts
