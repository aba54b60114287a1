#include <array>
#include <queue>
#include <vector>

#include "andon/llm/vocabulary.hpp"

namespace andon::llm {
namespace {

constexpr std::size_t small_piece = 128;

/// Scans for the lowest pair each round: fastest for the short pieces that nearly all pieces are.
std::uint32_t merge_small(const vocabulary& table, std::string_view piece) {
  std::array<std::uint8_t, small_piece + 1> start;
  std::array<std::uint32_t, small_piece + 1> rank;
  std::size_t parts = piece.size();
  const auto pair_rank = [&](std::size_t i) {
    return i + 2 > parts ? vocabulary::no_rank : table.rank(piece.substr(start[i], start[i + 2] - start[i]));
  };
  for (std::size_t i = 0; i <= parts; ++i) start[i] = static_cast<std::uint8_t>(i);
  for (std::size_t i = 0; i < parts; ++i) rank[i] = pair_rank(i);
  while (parts > 1) {
    std::size_t lowest = 0;
    for (std::size_t i = 1; i + 1 < parts; ++i)
      if (rank[i] < rank[lowest]) lowest = i;
    if (rank[lowest] == vocabulary::no_rank) break;
    for (std::size_t i = lowest + 1; i < parts; ++i) {
      start[i] = start[i + 1];
      if (i + 1 < parts) rank[i] = rank[i + 1];
    }
    --parts;
    rank[lowest] = pair_rank(lowest);
    if (lowest > 0) rank[lowest - 1] = pair_rank(lowest - 1);
  }
  return static_cast<std::uint32_t>(parts);
}

/// A linked list of parts and a heap of pairs; entries that a merge made stale are skipped when they surface.
class long_merge {
public:
  long_merge(const vocabulary& table, std::string_view piece) : table_(table), piece_(piece), parts_(piece.size() + 1) {
    const auto size = static_cast<std::uint32_t>(piece.size());
    for (std::uint32_t i = 0; i <= size; ++i) parts_[i] = {i == 0 ? none : i - 1, i + 1, vocabulary::no_rank};
    std::vector<candidate> pairs;
    pairs.reserve(size);
    for (std::uint32_t i = 0; i + 1 < size; ++i) {
      parts_[i].rank = pair_rank(i);
      if (parts_[i].rank != vocabulary::no_rank) pairs.push_back({parts_[i].rank, i});
    }
    heap_ = heap{std::greater<>{}, std::move(pairs)};
  }

  std::uint32_t run() {
    auto left = static_cast<std::uint32_t>(piece_.size());
    while (!heap_.empty()) {
      const candidate best = heap_.top();
      heap_.pop();
      if (parts_[best.at].rank != best.rank) continue;
      merge(best.at);
      --left;
    }
    return left;
  }

private:
  static constexpr std::uint32_t none = 0xffff'ffff;
  struct part { std::uint32_t previous, next, rank; };
  struct candidate {
    std::uint32_t rank, at;
    auto operator<=>(const candidate&) const = default;
  };
  using heap = std::priority_queue<candidate, std::vector<candidate>, std::greater<>>;

  [[nodiscard]] std::uint32_t pair_rank(std::uint32_t at) const {
    const std::uint32_t middle = parts_[at].next;
    if (middle >= piece_.size()) return vocabulary::no_rank;
    return table_.rank(piece_.substr(at, parts_[middle].next - at));
  }

  void refresh(std::uint32_t at) {
    parts_[at].rank = pair_rank(at);
    if (parts_[at].rank != vocabulary::no_rank) heap_.push({parts_[at].rank, at});
  }

  void merge(std::uint32_t at) {
    const std::uint32_t gone = parts_[at].next;
    parts_[gone].rank = vocabulary::no_rank;
    parts_[at].next = parts_[gone].next;
    if (parts_[at].next < piece_.size()) parts_[parts_[at].next].previous = at;
    refresh(at);
    if (parts_[at].previous != none) refresh(parts_[at].previous);
  }

  const vocabulary& table_;
  std::string_view piece_;
  std::vector<part> parts_;
  heap heap_;
};

}  // namespace

std::uint32_t merged_count(const vocabulary& table, std::string_view piece) {
  if (piece.size() < 2) return static_cast<std::uint32_t>(piece.size());
  if (table.contains(piece)) return 1;
  return piece.size() <= small_piece ? merge_small(table, piece) : long_merge(table, piece).run();
}

}  // namespace andon::llm
