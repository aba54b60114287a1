#pragma once
// The words of the rows still in memory: a hash table from word to its postings, built one occurrence at a time.
// About 30 ns an occurrence: postings grow in chunks that double, in one arena that is reused for the next segment.
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "andon/ledger/index_postings.hpp"

namespace andon::ledger {

class term_table {
public:
  term_table();

  /// `term` must be readable up to eight bytes, as its hash was made: hash_padded(term).
  void add(std::string_view term, std::uint64_t hash, std::uint32_t row, std::uint32_t place);
  /// Hide the memory's latency: call some words ahead, the second nearer to the word than the first.
  void prefetch_slot(std::uint64_t hash) const { __builtin_prefetch(&slots_[hash & (slots_.size() - 1) & 0xFFFFFFFF]); }
  void prefetch_entry(std::uint64_t hash) const {
    const slot& s = slots_[hash & (slots_.size() - 1) & 0xFFFFFFFF];
    if (s.term != 0) __builtin_prefetch(&terms_[s.term - 1], 1);
  }
  void clear();  ///< keeps some memory for the next

  [[nodiscard]] std::size_t size() const { return terms_.size(); }
  [[nodiscard]] std::size_t memory() const;  ///< bytes in use
  [[nodiscard]] std::string_view text(std::uint32_t term) const { return {texts_.data() + terms_[term].text, terms_[term].length}; }
  [[nodiscard]] static constexpr std::uint32_t none() { return ~std::uint32_t{0}; }
  [[nodiscard]] std::uint32_t find(std::string_view term) const;
  void copy_postings(std::uint32_t term, std::vector<unsigned char>& out) const;
  [[nodiscard]] std::vector<std::uint32_t> sorted() const;  ///< all terms in byte order

  /// `text` must be readable (and its value is ignored) up to the next multiple of eight bytes.
  static std::uint64_t hash_padded(const char* text, std::size_t size);
  static std::uint64_t hash(std::string_view text);

private:
  struct entry {
    std::uint64_t lead = 0;       ///< first eight bytes, zero beyond the end
    std::uint32_t text = 0;
    std::uint32_t head = 0;       ///< first chunk in the arena
    std::uint32_t write = 0;      ///< next byte
    std::uint32_t left = 0;       ///< bytes left in the last chunk
    std::uint32_t row = 0;
    std::uint32_t place = 0;
    std::uint32_t bytes = 0;
    std::uint8_t length = 0;
    std::uint8_t chunks = 0;
  };
  struct slot { std::uint32_t tag = 0; std::uint32_t term = 0; };  ///< term + 1; 0: free

  static constexpr std::uint32_t slab_bits = 20;
  static std::uint32_t payload_of(std::uint8_t chunk) { return chunk == 0 ? 8 : chunk >= 10 ? 4092 : (8u << chunk) - 4; }
  unsigned char* at(std::uint32_t offset) const { return slabs_[offset >> slab_bits].get() + (offset & ((1u << slab_bits) - 1)); }
  std::uint32_t allocate(std::uint32_t bytes);
  void append(entry& e, const unsigned char* bytes, std::size_t size);
  entry& insert(std::string_view term, std::uint64_t hash, std::size_t slot);
  void grow();

  std::vector<slot> slots_;
  std::vector<entry> terms_;
  std::vector<char> texts_;
  std::vector<std::unique_ptr<unsigned char[]>> slabs_;
  std::uint64_t used_ = 0;  ///< of the arena
};

}  // namespace andon::ledger
