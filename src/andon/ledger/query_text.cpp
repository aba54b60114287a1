#include "andon/ledger/query_text.hpp"

#include <algorithm>

#include "andon/ledger/fts_tokenizer.hpp"
#include "andon/ledger/index_postings.hpp"

namespace andon::ledger {
namespace {

using places = std::vector<std::uint64_t>;  ///< row << 32 | place, ascending

struct word_pattern {
  std::string text;
  bool open_front = false;
  bool open_back = false;
  [[nodiscard]] bool accepts(std::string_view term) const {
    if (open_front) return open_back ? term.find(text) != std::string_view::npos : term.ends_with(text);
    return open_back ? term.starts_with(text) : term == text;
  }
};

std::vector<word_pattern> patterns_of(const filter_node& node) {
  std::vector<word_pattern> words;
  fts::tokenize(node.text, [&](std::string_view word) { words.push_back({std::string{word}}); });
  if (words.empty()) return words;
  if (node.match != text_match::words) words.back().open_back = true;
  if (node.match == text_match::substring) words.front().open_front = true;
  return words;
}

/// Calls found(postings) for every word that the pattern accepts.
template <class F>
result<void> each_match(const word_pattern& pattern, segment_view& rows, F&& found) {
  if (!pattern.open_front && !pattern.open_back) {
    const auto where = rows.find_term(pattern.text);
    if (!where) return std::unexpected(where.error());
    found(*where);
    return {};
  }
  return rows.scan_terms(pattern.open_front ? std::string_view{} : std::string_view{pattern.text}, [&](std::string_view term, postings where) {
    if (pattern.accepts(term)) found(where);
    return true;
  });
}

bool on_side(std::uint32_t place, text_side side) {
  return side == text_side::any || (place & 1) == (side == text_side::reply ? 1u : 0u);
}

result<bitmap> match_one(const word_pattern& pattern, text_side side, segment_view& rows) {
  bitmap out(rows.rows());
  auto done = each_match(pattern, rows, [&](postings where) {
    decode_postings(where, [&](std::uint32_t row, std::uint32_t place) { if (row < out.size() && on_side(place, side)) out.set(row); });
  });
  if (!done) return std::unexpected(done.error());
  return out;
}

result<places> places_of(const word_pattern& pattern, text_side side, segment_view& rows) {
  places out;
  std::size_t lists = 0;
  auto done = each_match(pattern, rows, [&](postings where) {
    ++lists;
    decode_postings(where, [&](std::uint32_t row, std::uint32_t place) {
      if (row < rows.rows() && on_side(place, side)) out.push_back(std::uint64_t{row} << 32 | place);
    });
  });
  if (!done) return std::unexpected(done.error());
  if (lists > 1) std::ranges::sort(out);
  return out;
}

/// Keeps those of `next` that stand right after one of `so_far`.
places follow(const places& so_far, const places& next) {
  places out;
  auto a = so_far.begin();
  for (const std::uint64_t at : next) {
    while (a != so_far.end() && *a + 2 < at) ++a;
    if (a == so_far.end()) break;
    if (*a + 2 == at) out.push_back(at);
  }
  return out;
}

}  // namespace

result<bitmap> match_text(const filter_node& node, segment_view& rows) {
  const auto words = patterns_of(node);
  bitmap out(rows.rows());
  if (words.empty()) return out;
  if (words.size() == 1) return match_one(words.front(), node.side, rows);
  places so_far;
  for (std::size_t i = 0; i < words.size(); ++i) {
    auto next = places_of(words[i], node.side, rows);
    if (!next) return std::unexpected(next.error());
    so_far = i == 0 ? std::move(*next) : follow(so_far, *next);
    if (so_far.empty()) return out;
  }
  for (const std::uint64_t at : so_far) out.set(static_cast<std::uint32_t>(at >> 32));
  return out;
}

}  // namespace andon::ledger
