#pragma once
// The probes behind vocabulary, inline for the counting loops. Layout: tools/make_vocabularies.py.
#include <bit>
#include <cstring>

#include "andon/llm/vocabulary.hpp"

namespace andon::llm {

class vocabulary_lookup {
public:
  static_assert(std::endian::native == std::endian::little, "the embedded tables are little endian");
  static constexpr std::uint32_t no_slot = 0xffff'ffff;
  static constexpr std::size_t slack = 8;  ///< bytes that must be readable from the first one of a short piece

  explicit vocabulary_lookup(const vocabulary& table) : table_(table) {}

  /// For 1 … 7 bytes of which 8 are readable, or more bytes.
  [[nodiscard]] bool contains(const char* at, std::size_t size) const {
    if (size > table_.longest_) return false;
    return size < 8 ? slot_of(short_key(load(at), size)) != no_slot : rank_long({at, size}) != vocabulary::no_rank;
  }

  [[nodiscard]] std::uint32_t rank(const char* at, std::size_t size) const {
    if (size > table_.longest_) return vocabulary::no_rank;
    if (size >= 8) return rank_long({at, size});
    const std::uint32_t slot = slot_of(short_key(load(at), size));
    return slot == no_slot ? vocabulary::no_rank : table_.ranks_[slot];
  }

  /// Brings in what contains() will read. 8 bytes must be readable.
  void prefetch(const char* at, std::size_t size) const {
    __builtin_prefetch(&table_.keys_[first_slot(size < 8 ? short_key(load(at), size) : long_key({at, size}))]);
  }

  /// Spreads pieces of any size over small tables.
  [[nodiscard]] static std::uint64_t spread(std::string_view bytes) {
    std::uint64_t key = bytes.size();
    if (bytes.size() >= 8) key = long_key(bytes);
    else std::memcpy(&key, bytes.data(), bytes.size());
    return key * multiplier;
  }

  [[nodiscard]] std::uint32_t pair_rank(char first, char second) const {
    return table_.pairs_[static_cast<unsigned char>(first) | unsigned{static_cast<unsigned char>(second)} << 8];
  }

private:
  static constexpr std::uint64_t multiplier = 0x9e3779b97f4a7c15;

  static std::uint64_t load(const char* at) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, 8);
    return word;
  }

  static std::uint64_t short_key(std::uint64_t word, std::size_t size) {
    return (word & ((std::uint64_t{1} << (8 * size)) - 1)) | std::uint64_t{size} << 56;
  }

  static std::uint64_t mix(std::uint64_t hash, std::uint64_t word) {
    hash = (hash ^ word) * multiplier;
    return hash ^ (hash >> 32);
  }

  static std::uint64_t long_key(std::string_view bytes) {
    std::uint64_t hash = bytes.size();
    for (std::size_t at = 0; at + 8 < bytes.size(); at += 8) hash = mix(hash, load(bytes.data() + at));
    hash = mix(hash, load(bytes.data() + bytes.size() - 8));
    return hash >> 8 | std::uint64_t{bytes.size() < 255 ? bytes.size() : 255} << 56;
  }

  [[nodiscard]] std::uint32_t first_slot(std::uint64_t key) const {
    std::uint64_t mixed = key * multiplier;
    mixed = (mixed ^ (mixed >> 32)) * multiplier;
    return static_cast<std::uint32_t>(((mixed >> 32) * table_.slots_) >> 32);
  }

  [[nodiscard]] std::uint32_t slot_of(std::uint64_t key) const {
    for (std::uint32_t slot = first_slot(key);; slot = slot + 1 == table_.slots_ ? 0 : slot + 1) {
      const std::uint64_t found = table_.keys_[slot];
      if (found == key) return slot;
      if (found == 0) return no_slot;
    }
  }

  [[nodiscard]] std::uint32_t rank_long(std::string_view bytes) const {
    const std::uint32_t slot = slot_of(long_key(bytes));
    if (slot == no_slot) return vocabulary::no_rank;
    const std::uint32_t rank = table_.ranks_[slot];
    return table_.token(rank) == bytes ? rank : vocabulary::no_rank;
  }

  const vocabulary& table_;
};

}  // namespace andon::llm
