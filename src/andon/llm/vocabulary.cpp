#include "andon/llm/vocabulary.hpp"

#include <bit>
#include <cstring>

#include "andon/llm/vocabulary_data.hpp"

namespace andon::llm {
namespace {

static_assert(std::endian::native == std::endian::little, "the embedded tables are little endian");

constexpr std::uint64_t multiplier = 0x9e3779b97f4a7c15;

struct table_head {
  std::uint64_t keys, ranks, offsets, pool;
  std::uint32_t slots, count, longest, limit;
};

std::uint64_t load8(const char* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, 8);
  return word;
}

std::uint64_t load_below8(const char* at, std::size_t size) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < size; ++i) word |= std::uint64_t{static_cast<unsigned char>(at[i])} << (8 * i);
  return word;
}

std::uint64_t short_key(std::uint64_t word, std::size_t size) {
  return (word & ((std::uint64_t{1} << (8 * size)) - 1)) | std::uint64_t{size} << 56;
}

std::uint64_t mix(std::uint64_t hash, std::uint64_t word) {
  hash = (hash ^ word) * multiplier;
  return hash ^ (hash >> 32);
}

std::uint64_t long_key(std::string_view bytes) {
  std::uint64_t hash = bytes.size();
  for (std::size_t at = 0; at + 8 < bytes.size(); at += 8) hash = mix(hash, load8(bytes.data() + at));
  hash = mix(hash, load8(bytes.data() + bytes.size() - 8));
  return hash >> 8 | std::uint64_t{bytes.size() < 255 ? bytes.size() : 255} << 56;
}

std::uint64_t key_of(std::string_view bytes) {
  return bytes.size() < 8 ? short_key(load_below8(bytes.data(), bytes.size()), bytes.size()) : long_key(bytes);
}

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
  view.slots_ = head.slots;
  view.count_ = head.count;
  view.longest_ = head.longest;
  view.limit_ = head.limit;
  return view;
}

std::uint32_t vocabulary::probe(std::uint64_t key, std::string_view bytes) const {
  std::uint64_t mixed = key * multiplier;
  mixed = (mixed ^ (mixed >> 32)) * multiplier;
  auto slot = static_cast<std::uint32_t>(((mixed >> 32) * slots_) >> 32);
  for (;; slot = slot + 1 == slots_ ? 0 : slot + 1) {
    const std::uint64_t found = keys_[slot];
    if (found == 0) return no_slot;
    if (found == key) return bytes.size() < 8 || token(ranks_[slot]) == bytes ? slot : no_slot;
  }
}

std::uint32_t vocabulary::find(std::string_view bytes) const {
  if (bytes.empty() || bytes.size() > longest_) return no_slot;
  return probe(key_of(bytes), bytes);
}

std::uint32_t vocabulary::rank(std::string_view bytes) const {
  const std::uint32_t slot = find(bytes);
  return slot == no_slot ? no_rank : ranks_[slot];
}

bool vocabulary::contains(std::string_view bytes, std::size_t readable) const {
  if (bytes.size() >= 8 || readable < 8 || bytes.empty()) return contains(bytes);
  return probe(short_key(load8(bytes.data()), bytes.size()), bytes) != no_slot;
}

std::string_view vocabulary::token(std::uint32_t rank) const {
  if (rank >= limit_) return {};
  return {pool_ + offsets_[rank], offsets_[rank + 1] - offsets_[rank]};
}

}  // namespace andon::llm
