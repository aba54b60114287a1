#pragma once
// The published token algorithm written for obviousness, not speed: the patterns as sequences of greedy sets with plain
// backtracking, the merge as a scan over all pairs. Only tests and fuzz targets use it.
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "andon/llm/pretokenizer.hpp"
#include "andon/llm/unicode_class.hpp"
#include "andon/llm/vocabulary.hpp"

namespace andon::llm::reference {

struct letter { unicode_class is; std::size_t at; std::string_view bytes; };

inline std::vector<letter> letters_of(std::string_view text) {
  std::vector<letter> out;
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    decoded d = byte < 0x80 ? decoded{class_of(byte), 1} : decode_wide(text, at);
    if (byte == '\r' || byte == '\n') d.is = unicode_class::newline;
    out.push_back({d.is, at, text.substr(at, d.size)});
    at += d.size;
  }
  return out;
}

using set = std::function<bool(const letter&)>;
struct step { set allowed; std::size_t least, most; };
using pattern = std::vector<step>;
inline constexpr std::size_t many = static_cast<std::size_t>(-1);
inline constexpr std::size_t no_match = static_cast<std::size_t>(-1);

/// Greedy with backtracking; the accept condition is what follows the last step.
inline std::size_t match(const std::vector<letter>& text, std::size_t at, const pattern& steps, std::size_t index,
                         const std::function<bool(std::size_t)>& accept) {
  if (index == steps.size()) return accept(at) ? at : no_match;
  std::size_t taken = 0;
  while (taken < steps[index].most && at + taken < text.size() && steps[index].allowed(text[at + taken])) ++taken;
  for (;; --taken) {
    if (taken < steps[index].least) return no_match;
    if (const std::size_t end = match(text, at + taken, steps, index + 1, accept); end != no_match) return end;
    if (taken == 0) return no_match;
  }
}

inline set any_of(std::initializer_list<unicode_class> classes) {
  return [list = std::vector<unicode_class>(classes)](const letter& l) {
    for (const unicode_class c : list)
      if (l.is == c) return true;
    return false;
  };
}

inline set one_of(std::string_view bytes) {
  return [bytes](const letter& l) { return l.bytes.size() == 1 && bytes.find(l.bytes[0]) != std::string_view::npos; };
}

inline std::vector<pattern> contractions(bool any_case) {
  std::vector<pattern> out;
  const auto add = [&](std::string_view lower, std::string_view upper) {
    pattern p{{one_of("'"), 1, 1}};
    for (std::size_t i = 0; i < lower.size(); ++i)
      p.push_back({[=](const letter& l) { return l.bytes == lower.substr(i, 1) || (any_case && (l.bytes == upper.substr(i, 1) || (lower[i] == 's' && l.bytes == "\xc5\xbf"))); }, 1, 1});
    out.push_back(p);
  };
  add("s", "S"), add("t", "T"), add("re", "RE"), add("ve", "VE"), add("m", "M"), add("ll", "LL"), add("d", "D");
  return out;
}

inline std::size_t piece_end(piece_rule rule, const std::vector<letter>& text, std::size_t at) {
  using enum unicode_class;
  const set L = any_of({upper, lower, caseless}), N = any_of({number}), white = any_of({space, newline}), symbols = any_of({symbol, mark});
  const set U = any_of({upper, caseless, mark}), l = any_of({lower, caseless, mark}), prefix = any_of({symbol, space, mark});
  const auto always = [](std::size_t) { return true; };
  const auto first_of = [&](const std::vector<pattern>& patterns, std::size_t from) {
    for (const pattern& p : patterns)
      if (const std::size_t end = match(text, from, p, 0, always); end != no_match) return end;
    return no_match;
  };
  std::vector<pattern> rest;
  if (rule == piece_rule::o200k) {
    for (const pattern& word : {pattern{{prefix, 0, 1}, {U, 0, many}, {l, 1, many}}, pattern{{prefix, 0, 1}, {U, 1, many}, {l, 0, many}}})
      if (const std::size_t end = match(text, at, word, 0, always); end != no_match) {
        const std::size_t longer = first_of(contractions(true), end);
        return longer == no_match ? end : longer;
      }
  } else if (const std::size_t end = first_of(contractions(rule == piece_rule::cl100k), at); end != no_match) {
    return end;
  }
  if (rule == piece_rule::gpt2) rest = {{{one_of(" "), 0, 1}, {L, 1, many}}, {{one_of(" "), 0, 1}, {N, 1, many}}, {{one_of(" "), 0, 1}, {symbols, 1, many}}};
  if (rule == piece_rule::cl100k) rest = {{{prefix, 0, 1}, {L, 1, many}}, {{N, 1, 3}}, {{one_of(" "), 0, 1}, {symbols, 1, many}, {one_of("\r\n"), 0, many}}};
  if (rule == piece_rule::o200k) rest = {{{N, 1, 3}}, {{one_of(" "), 0, 1}, {symbols, 1, many}, {one_of("\r\n/"), 0, many}}};
  if (rule != piece_rule::gpt2) rest.push_back({{white, 0, many}, {one_of("\r\n"), 1, many}});
  if (const std::size_t end = first_of(rest, at); end != no_match) return end;
  const auto not_before_text = [&](std::size_t end) { return end == text.size() || white(text[end]); };
  if (const std::size_t end = match(text, at, {{white, 1, many}}, 0, not_before_text); end != no_match) return end;
  return match(text, at, {{white, 1, many}}, 0, always);
}

inline std::vector<std::size_t> piece_ends(piece_rule rule, std::string_view text) {
  const std::vector<letter> letters = letters_of(text);
  std::vector<std::size_t> ends;
  for (std::size_t at = 0; at < letters.size();) {
    at = piece_end(rule, letters, at);
    ends.push_back(at == letters.size() ? text.size() : letters[at].at);
  }
  return ends;
}

inline std::uint32_t merged_count(const vocabulary& table, std::string_view piece) {
  std::vector<std::string> parts;
  for (const char c : piece) parts.emplace_back(1, c);
  if (table.rank(piece) != vocabulary::no_rank) return 1;
  for (;;) {
    std::uint32_t lowest = vocabulary::no_rank;
    std::size_t where = 0;
    for (std::size_t i = 0; i + 1 < parts.size(); ++i)
      if (const std::uint32_t rank = table.rank(parts[i] + parts[i + 1]); rank < lowest) lowest = rank, where = i;
    if (lowest == vocabulary::no_rank) return static_cast<std::uint32_t>(parts.size());
    parts[where] += parts[where + 1];
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(where) + 1);
  }
}

}  // namespace andon::llm::reference
