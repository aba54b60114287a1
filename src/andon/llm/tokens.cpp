#include "andon/llm/tokens.hpp"

#include <array>
#include <cstring>

#include "andon/llm/pretokenizer_scan.hpp"
#include "andon/llm/vocabulary_lookup.hpp"

namespace andon::llm {
namespace {

/// By the last character of a piece: the first is often a space or an opening bracket.
piece_kind kind_of(std::string_view piece) {
  std::size_t at = piece.size() - 1;
  auto byte = static_cast<unsigned char>(piece[at]);
  if (byte < 0x80) {
    if ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z') return piece_kind::word;
    if (byte >= '0' && byte <= '9') return piece_kind::number;
    if (byte > ' ') return piece_kind::symbol;
    for (const char c : piece)
      if (static_cast<unsigned char>(c) > ' ') return piece_kind::symbol;
    return piece_kind::space;
  }
  while (at > 0 && (byte & 0xc0) == 0x80) byte = static_cast<unsigned char>(piece[--at]);
  const unsigned next = at + 1 < piece.size() ? static_cast<unsigned char>(piece[at + 1]) : 0;
  if (byte < 0xc3) return piece_kind::symbol;
  if (byte < 0xca) return piece_kind::word;
  if (byte < 0xe2) return piece_kind::other_script;
  if (byte == 0xe2) return next >= 0xba ? piece_kind::cjk : piece_kind::symbol;
  if (byte < 0xee || (byte == 0xef && next >= 0xbc)) return piece_kind::cjk;
  return byte == 0xf0 && next >= 0xa0 ? piece_kind::cjk : piece_kind::symbol;
}

template <piece_rule Rule, class Each>
void for_each_piece(std::string_view text, Each each) {
  const detail::scanner<Rule> scan(text);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = scan.next(at);
    each(at, end);
    at = end;
  }
}

template <class Each>
void for_each_piece(piece_rule rule, std::string_view text, Each each) {
  switch (rule) {
    case piece_rule::gpt2: return for_each_piece<piece_rule::gpt2>(text, each);
    case piece_rule::cl100k: return for_each_piece<piece_rule::cl100k>(text, each);
    case piece_rule::o200k: return for_each_piece<piece_rule::o200k>(text, each);
  }
}

/// Counts of pieces that are no tokens themselves, per thread: rare words, names and phrases come again within a prompt and
/// with every turn of a conversation, and merging them costs far more than a look here. Holds nothing but what
/// merged_count() would answer, in 64 KB; a newcomer takes the place of what was there.
struct remembered {
  static constexpr std::size_t most = 56;
  std::uint8_t size, table;
  std::uint16_t count;
  char bytes[most + 4];
};
static_assert(sizeof(remembered) == 64);
alignas(64) constinit thread_local std::array<remembered, 1024> memory{};

std::uint32_t remembered_count(const vocabulary& table, vocabulary_id id, std::string_view piece) {
  if (piece.size() > remembered::most) return merged_count(table, piece);
  remembered& place = memory[vocabulary_lookup::spread(piece) >> 54];
  const auto name = static_cast<std::uint8_t>(id);
  if (place.size == piece.size() && place.table == name && std::memcmp(place.bytes, piece.data(), piece.size()) == 0) return place.count;
  place.size = static_cast<std::uint8_t>(piece.size());
  place.table = name;
  std::memcpy(place.bytes, piece.data(), piece.size());
  place.count = static_cast<std::uint16_t>(merged_count(table, piece));
  return place.count;
}

std::uint32_t count_piece(const vocabulary& table, vocabulary_id id, std::string_view text, std::size_t at, std::size_t end) {
  const bool readable = end - at >= vocabulary_lookup::slack || text.size() - at >= vocabulary_lookup::slack;
  if (readable && vocabulary_lookup(table).contains(text.data() + at, end - at)) return 1;
  return remembered_count(table, id, text.substr(at, end - at));
}

/// Calls each(begin, end, count) for all pieces. Pieces are cut a batch ahead of the probes, so that memory has time.
template <class Each>
void for_each_count(const vocabulary& table, vocabulary_id id, std::string_view text, Each each) {
  constexpr std::size_t batch = 16;
  std::array<std::size_t, batch + 1> ends{};
  std::size_t filled = 0;
  const vocabulary_lookup lookup(table);
  const auto settle = [&] {
    for (std::size_t i = 0; i < filled; ++i) each(ends[i], ends[i + 1], count_piece(table, id, text, ends[i], ends[i + 1]));
    ends[0] = ends[filled];
    filled = 0;
  };
  for_each_piece(token_counter::rule_of(id), text, [&](std::size_t at, std::size_t end) {
    if (text.size() - at >= vocabulary_lookup::slack && end - at <= table.longest_token()) lookup.prefetch(text.data() + at, end - at);
    ends[++filled] = end;
    if (filled == batch) settle();
  });
  settle();
}

}  // namespace

token_counter::token_counter() {
  for (std::size_t i = 0; i < tables_.size(); ++i) tables_[i] = vocabulary::embedded(static_cast<vocabulary_id>(i));
}

piece_rule token_counter::rule_of(vocabulary_id id) {
  if (id == vocabulary_id::o200k_base) return piece_rule::o200k;
  return id == vocabulary_id::cl100k_base ? piece_rule::cl100k : piece_rule::gpt2;
}

tokens token_counter::count(vocabulary_id id, std::string_view text) const {
  std::int64_t total = 0;
  for_each_count(table(id), id, text, [&](std::size_t, std::size_t, std::uint32_t found) { total += found; });
  return tokens{total};
}

tokens token_counter::count(const token_profile& profile, std::string_view text) const {
  return profile.exact ? count(profile.base, text) : scaled(profile, count_by_kind(profile.base, text));
}

token_counter::kinds token_counter::count_by_kind(vocabulary_id id, std::string_view text) const {
  kinds found{};
  for_each_count(table(id), id, text, [&](std::size_t at, std::size_t end, std::uint32_t count) {
    found[static_cast<std::size_t>(kind_of(text.substr(at, end - at)))] += count;
  });
  return found;
}

tokens token_counter::scaled(const token_profile& profile, const kinds& found) {
  std::int64_t total = 0;
  for (std::size_t i = 0; i < piece_kinds; ++i) total += std::int64_t{found[i]} * profile.per_mille[i];
  return tokens{(total + 500) / 1000};
}

namespace {

constexpr std::size_t settle_bytes = 512;

}  // namespace

stream_token_counter::stream_token_counter(const token_counter& counter, const token_profile& profile)
    : counter_(&counter), profile_(&profile), next_settle_(settle_bytes) {}

void stream_token_counter::feed(std::string_view delta) {
  pending_ += delta;
  if (pending_.size() >= next_settle_) settle();
}

/// Counts all pieces but the last two, which text to come may still change.
void stream_token_counter::settle() {
  const vocabulary& words = counter_->table(profile_->base);
  std::size_t starts[3] = {0, 0, 0};
  for_each_piece(token_counter::rule_of(profile_->base), pending_, [&](std::size_t at, std::size_t) {
    if (starts[1] > starts[0]) {
      const auto kind = kind_of(std::string_view(pending_).substr(starts[0], starts[1] - starts[0]));
      done_[static_cast<std::size_t>(kind)] += count_piece(words, profile_->base, pending_, starts[0], starts[1]);
    }
    starts[0] = starts[1];
    starts[1] = starts[2];
    starts[2] = at;
  });
  pending_.erase(0, starts[0]);
  next_settle_ = pending_.size() * 2 + settle_bytes;
}

tokens stream_token_counter::count() const {
  token_counter::kinds all = counter_->count_by_kind(profile_->base, pending_);
  for (std::size_t i = 0; i < piece_kinds; ++i) all[i] += done_[i];
  return token_counter::scaled(*profile_, all);
}

}  // namespace andon::llm
