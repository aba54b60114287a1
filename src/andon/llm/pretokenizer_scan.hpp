#pragma once
// The scanners behind next_piece(), as templates so that counting loops inline them.
#include <array>

#include "andon/llm/pretokenizer.hpp"
#include "andon/llm/unicode_class.hpp"

namespace andon::llm::detail {

/// One piece rule over one text. Each member mirrors one alternative of the published expression.
template <piece_rule Rule>
class scanner {
public:
  explicit scanner(std::string_view text) : text_(text) {}

  [[nodiscard]] std::size_t next(std::size_t at) const {
    const decoded first = read(at);
    if constexpr (Rule != piece_rule::o200k)
      if (text_[at] == '\'')
        if (const std::size_t end = contraction(at); end != at) return end;
    if constexpr (Rule == piece_rule::gpt2) return next_gpt2(at, first);
    switch (first.is) {
      case unicode_class::number: return numbers(at, 3);
      case unicode_class::newline: return spaces(at);
      case unicode_class::upper:
      case unicode_class::lower:
      case unicode_class::caseless: return word(at);
      default: break;
    }
    const std::size_t after = at + first.size;
    const decoded second = read(after);
    if (const std::size_t end = prefixed_word(at, after, first.is, second.is); end != at) return end;
    if (first.is == unicode_class::space) return text_[at] == ' ' && is_symbol(second.is) ? symbols(after) : spaces(at);
    return symbols(at);
  }

private:
  using cls = unicode_class;

  static constexpr auto ascii = [] {
    std::array<cls, 128> table{};
    for (unsigned i = 0; i < 128; ++i) {
      const bool upper = i >= 'A' && i <= 'Z', lower = i >= 'a' && i <= 'z', digit = i >= '0' && i <= '9';
      const bool newline = i == '\r' || i == '\n', space = i == ' ' || (i >= 9 && i <= 13);
      table[i] = upper ? cls::upper : lower ? cls::lower : digit ? cls::number : newline ? cls::newline : space ? cls::space : cls::symbol;
    }
    return table;
  }();

  [[nodiscard]] decoded read(std::size_t at) const {
    if (at >= text_.size()) return {cls::end, 0};
    const auto byte = static_cast<unsigned char>(text_[at]);
    return byte < 0x80 ? decoded{ascii[byte], 1} : decode_wide(text_, at);
  }

  static bool is_letter(cls x) { return x == cls::upper || x == cls::lower || x == cls::caseless; }
  static bool is_symbol(cls x) { return x == cls::symbol || x == cls::mark; }
  static bool is_white(cls x) { return x == cls::space || x == cls::newline; }
  static bool is_upperish(cls x) { return x == cls::upper || x == cls::caseless || x == cls::mark; }
  static bool is_lowerish(cls x) { return x == cls::lower || x == cls::caseless || x == cls::mark; }

  template <class Accept>
  [[nodiscard]] std::size_t skip(std::size_t at, Accept accept) const {
    for (decoded now = read(at); accept(now.is); now = read(at)) at += now.size;
    return at;
  }

  [[nodiscard]] std::size_t letters(std::size_t at) const { return skip(at, is_letter); }

  [[nodiscard]] std::size_t word(std::size_t at) const {
    if constexpr (Rule == piece_rule::o200k) return contraction(cased_word(at));
    return letters(at);
  }

  /// Upper* lower+, else upper+ lower*, with the regular expression's backtracking: a run of uppercase that no lowercase
  /// follows gives back to its last caseless character.
  [[nodiscard]] std::size_t cased_word(std::size_t at) const {
    std::size_t end = at, after_caseless = at;
    decoded now = read(end);
    for (; is_upperish(now.is); now = read(end)) {
      end += now.size;
      if (now.is != cls::upper) after_caseless = end;
    }
    if (now.is == cls::lower) return skip(end, is_lowerish);
    return after_caseless != at ? after_caseless : end;
  }

  /// [^\r\n\p{L}\p{N}]? before a word; `at` when there is none.
  [[nodiscard]] std::size_t prefixed_word(std::size_t at, std::size_t after, cls first, cls second) const {
    if constexpr (Rule == piece_rule::cl100k) return is_letter(second) ? letters(after) : at;
    if (!is_letter(second) && second != cls::mark) return first == cls::mark ? contraction(after) : at;
    if (first == cls::mark && cannot_end_lower(after)) return contraction(after);
    return word(after);
  }

  /// Uppercase only, up to something that is not lowercase: the first alternative fails after a mark taken as prefix, and
  /// succeeds on the mark alone.
  [[nodiscard]] bool cannot_end_lower(std::size_t at) const {
    std::size_t end = at;
    decoded now = read(end);
    for (; now.is == cls::upper; now = read(end)) end += now.size;
    return end != at && !is_lowerish(now.is);
  }

  [[nodiscard]] std::size_t numbers(std::size_t at, int most) const {
    for (decoded now = read(at); most > 0 && now.is == cls::number; now = read(at), --most) at += now.size;
    return at;
  }

  [[nodiscard]] std::size_t symbols(std::size_t at) const {
    at = skip(at, is_symbol);
    if constexpr (Rule == piece_rule::gpt2) return at;
    const auto closes = [](char c) { return c == '\r' || c == '\n' || (Rule == piece_rule::o200k && c == '/'); };
    while (at < text_.size() && closes(text_[at])) ++at;
    return at;
  }

  /// \s*[\r\n]+ | \s+(?!\S) | \s+
  [[nodiscard]] std::size_t spaces(std::size_t at) const {
    std::size_t end = at, last = at, after_newline = at;
    for (decoded now = read(end); is_white(now.is); now = read(end)) {
      last = end;
      end += now.size;
      if (now.is == cls::newline) after_newline = end;
    }
    if (Rule != piece_rule::gpt2 && after_newline != at) return after_newline;
    return end == text_.size() || last == at ? end : last;
  }

  [[nodiscard]] std::size_t next_gpt2(std::size_t at, decoded first) const {
    if (is_white(first.is) && text_[at] != ' ') return spaces(at);
    const std::size_t start = text_[at] == ' ' ? at + 1 : at;
    const cls kind = start == at ? first.is : read(start).is;
    if (is_letter(kind)) return letters(start);
    if (kind == cls::number) return skip(start, [](cls x) { return x == cls::number; });
    return is_symbol(kind) ? symbols(start) : spaces(at);
  }

  /// The end of 's, 't, 're, 've, 'm, 'll or 'd at `at`, else `at`. Without case but for gpt2; U+017F folds to s.
  [[nodiscard]] std::size_t contraction(std::size_t at) const {
    if (at + 1 >= text_.size() || text_[at] != '\'') return at;
    const auto letter = [&](std::size_t i) {
      const char c = i < text_.size() ? text_[i] : '\0';
      return Rule != piece_rule::gpt2 && c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    };
    const char first = letter(at + 1), second = letter(at + 2);
    if (first == 's' || first == 't' || first == 'm' || first == 'd') return at + 2;
    if ((first == 'r' && second == 'e') || (first == 'v' && second == 'e') || (first == 'l' && second == 'l')) return at + 3;
    if (Rule != piece_rule::gpt2 && first == '\xc5' && second == '\xbf') return at + 3;
    return at;
  }

  std::string_view text_;
};

}  // namespace andon::llm::detail
