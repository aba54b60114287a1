#include <algorithm>
#include <array>
#include <queue>
#include <string>
#include <vector>

#include "andon/llm/vocabulary_lookup.hpp"

namespace andon::llm {
namespace {

/// Pieces up to 128 bytes, which nearly all are. Every part keeps its place; a pair's rank and place share one integer, so
/// that the leftmost lowest pair is the minimum of an array.
class small_merge {
public:
  static constexpr std::size_t most = 128;

  small_merge(const vocabulary& table, std::string_view piece) : lookup_(table), size_(piece.size()) {
    std::memcpy(bytes_.data(), piece.data(), size_);
    std::memset(bytes_.data() + size_, 0, vocabulary_lookup::slack);
    for (std::size_t i = 0; i < size_; ++i) {
      pairs_[i] = i + 1 < size_ ? packed(lookup_.pair_rank(bytes_[i], bytes_[i + 1]), i) : none;
      next_[i] = static_cast<std::uint8_t>(i + 1);
      previous_[i + 1] = static_cast<std::uint8_t>(i);
    }
    lanes_ = (size_ + 7) & ~std::size_t{7};
    std::fill(pairs_.begin() + static_cast<std::ptrdiff_t>(size_), pairs_.begin() + static_cast<std::ptrdiff_t>(lanes_), none);
  }

  std::uint32_t run() {
    std::size_t left = size_;
    for (;; --left) {
      const std::int32_t lowest = minimum();
      if (lowest == none) return static_cast<std::uint32_t>(left);
      merge(static_cast<std::size_t>(lowest) & (most - 1));
    }
  }

private:
  static constexpr std::int32_t none = 0x7fff'ffff;

  static std::int32_t packed(std::uint32_t rank, std::size_t at) {
    return rank == vocabulary::no_rank ? none : static_cast<std::int32_t>(rank * most + at);
  }

  [[nodiscard]] std::int32_t minimum() const {
    std::array<std::int32_t, 8> lowest;
    lowest.fill(none);
    for (std::size_t i = 0; i < lanes_; i += 8)
      for (std::size_t lane = 0; lane < 8; ++lane) lowest[lane] = std::min(lowest[lane], pairs_[i + lane]);
    return *std::ranges::min_element(lowest);
  }

  void merge(std::size_t at) {
    const std::size_t gone = next_[at], end = next_[gone];
    pairs_[gone] = none;
    next_[at] = static_cast<std::uint8_t>(end);
    previous_[end] = static_cast<std::uint8_t>(at);
    pairs_[at] = end < size_ ? packed(lookup_.rank(bytes_.data() + at, next_[end] - at), at) : none;
    if (at == 0) return;
    const std::size_t before = previous_[at];
    pairs_[before] = packed(lookup_.rank(bytes_.data() + before, end - before), before);
  }

  vocabulary_lookup lookup_;
  std::size_t size_, lanes_ = 0;
  std::array<std::int32_t, most> pairs_;
  std::array<std::uint8_t, most + 1> next_, previous_;
  std::array<char, most + vocabulary_lookup::slack> bytes_;
};

/// A linked list of parts and a heap of pairs; entries that a merge made stale are skipped when they surface.
class long_merge {
public:
  long_merge(const vocabulary& table, std::string_view piece) : lookup_(table), size_(piece.size()), bytes_(piece), parts_(piece.size()) {
    bytes_.append(vocabulary_lookup::slack, '\0');
    const auto size = static_cast<std::uint32_t>(size_);
    std::vector<std::uint64_t> pairs;
    pairs.reserve(size);
    for (std::uint32_t i = 0; i < size; ++i) {
      parts_[i] = {i == 0 ? none : i - 1, i + 1, i + 1 < size ? lookup_.pair_rank(bytes_[i], bytes_[i + 1]) : vocabulary::no_rank};
      if (parts_[i].rank != vocabulary::no_rank) pairs.push_back(packed(parts_[i].rank, i));
    }
    heap_ = heap{std::greater<>{}, std::move(pairs)};
  }

  std::uint32_t run() {
    auto left = static_cast<std::uint32_t>(size_);
    while (!heap_.empty()) {
      const std::uint64_t best = heap_.top();
      const auto at = static_cast<std::uint32_t>(best);
      heap_.pop();
      if (parts_[at].rank != best >> 32) continue;
      merge(at);
      --left;
    }
    return left;
  }

private:
  static constexpr std::uint32_t none = 0xffff'ffff;
  struct part { std::uint32_t previous, next, rank; };
  using heap = std::priority_queue<std::uint64_t, std::vector<std::uint64_t>, std::greater<>>;

  static std::uint64_t packed(std::uint32_t rank, std::uint32_t at) { return std::uint64_t{rank} << 32 | at; }

  void refresh(std::uint32_t at) {
    const std::uint32_t middle = parts_[at].next;
    parts_[at].rank = middle < size_ ? lookup_.rank(bytes_.data() + at, parts_[middle].next - at) : vocabulary::no_rank;
    if (parts_[at].rank != vocabulary::no_rank) heap_.push(packed(parts_[at].rank, at));
  }

  void merge(std::uint32_t at) {
    const std::uint32_t gone = parts_[at].next;
    parts_[gone].rank = vocabulary::no_rank;
    parts_[at].next = parts_[gone].next;
    if (parts_[at].next < size_) parts_[parts_[at].next].previous = at;
    refresh(at);
    if (parts_[at].previous != none) refresh(parts_[at].previous);
  }

  vocabulary_lookup lookup_;
  std::size_t size_;
  std::string bytes_;
  std::vector<part> parts_;
  heap heap_;
};

}  // namespace

std::uint32_t merged_count(const vocabulary& table, std::string_view piece) {
  if (piece.size() < 2) return static_cast<std::uint32_t>(piece.size());
  if (table.contains(piece)) return 1;
  return piece.size() <= small_merge::most ? small_merge(table, piece).run() : long_merge(table, piece).run();
}

}  // namespace andon::llm
