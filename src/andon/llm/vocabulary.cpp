#include "andon/llm/vocabulary.hpp"

#include <array>
#include <cstring>

#include "andon/llm/vocabulary_data.hpp"
#include "andon/llm/vocabulary_lookup.hpp"

namespace andon::llm {
namespace {

struct table_head {
  std::uint64_t keys, ranks, offsets, pool, pairs;
  std::uint32_t slots, count, longest, limit;
};

}  // namespace

std::string_view to_string(vocabulary_id id) {
  static constexpr std::string_view names[] = {"r50k_base", "p50k_base", "cl100k_base", "o200k_base"};
  return id < vocabulary_id::count_ ? names[static_cast<std::size_t>(id)] : "unknown";
}

vocabulary vocabulary::embedded(vocabulary_id id) {
  const unsigned char* data = detail::vocabulary_data();
  table_head head;
  std::memcpy(&head, data + 16 + static_cast<std::size_t>(id) * sizeof head, sizeof head);
  vocabulary view;
  view.keys_ = reinterpret_cast<const std::uint64_t*>(data + head.keys);
  view.ranks_ = reinterpret_cast<const std::uint32_t*>(data + head.ranks);
  view.offsets_ = reinterpret_cast<const std::uint32_t*>(data + head.offsets);
  view.pool_ = reinterpret_cast<const char*>(data + head.pool);
  view.pairs_ = reinterpret_cast<const std::uint32_t*>(data + head.pairs);
  view.slots_ = head.slots;
  view.count_ = head.count;
  view.longest_ = head.longest;
  view.limit_ = head.limit;
  return view;
}

std::uint32_t vocabulary::rank(std::string_view bytes) const {
  if (bytes.empty()) return no_rank;
  if (bytes.size() >= vocabulary_lookup::slack) return vocabulary_lookup(*this).rank(bytes.data(), bytes.size());
  std::array<char, vocabulary_lookup::slack> padded{};
  std::memcpy(padded.data(), bytes.data(), bytes.size());
  return vocabulary_lookup(*this).rank(padded.data(), bytes.size());
}

std::string_view vocabulary::token(std::uint32_t rank) const {
  if (rank >= limit_) return {};
  return {pool_ + offsets_[rank], offsets_[rank + 1] - offsets_[rank]};
}

}  // namespace andon::llm
