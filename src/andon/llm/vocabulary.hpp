#pragma once
// A byte-pair vocabulary as a read-only view of tables that the build lays out and embeds in the program
// (tools/make_vocabularies.py): nothing is parsed or allocated at start, and pages become resident when first touched.
#include <cstdint>
#include <optional>
#include <string_view>

namespace andon::llm {

/// The published vocabularies of OpenAI's models. The numbers index the embedded tables.
enum class vocabulary_id : std::uint8_t { r50k_base, p50k_base, cl100k_base, o200k_base, count_ };

std::string_view to_string(vocabulary_id);

/// Immutable and trivially copyable; any thread. Valid as long as the program runs.
class vocabulary {
public:
  static constexpr std::uint32_t no_rank = 0xffff'ffff;

  /// The embedded vocabulary of this name.
  static vocabulary embedded(vocabulary_id);

  /// The rank (which is the token's number) of exactly these bytes, or no_rank.
  [[nodiscard]] std::uint32_t rank(std::string_view bytes) const;
  [[nodiscard]] bool contains(std::string_view bytes) const { return rank(bytes) != no_rank; }
  [[nodiscard]] std::uint32_t size() const { return count_; }             ///< tokens, special ones not included
  [[nodiscard]] std::uint32_t longest_token() const { return longest_; }  ///< bytes
  [[nodiscard]] std::uint32_t rank_limit() const { return limit_; }       ///< every rank is below it
  /// The bytes of a token; empty for a number that is none.
  [[nodiscard]] std::string_view token(std::uint32_t rank) const;

private:
  friend class vocabulary_lookup;
  const std::uint64_t* keys_ = nullptr;
  const std::uint32_t* ranks_ = nullptr;
  const std::uint32_t* offsets_ = nullptr;
  const char* pool_ = nullptr;
  const std::uint32_t* pairs_ = nullptr;
  std::uint32_t slots_ = 0, count_ = 0, longest_ = 0, limit_ = 0;
};

/// How many tokens the byte-pair merge makes of one piece (see pretokenizer.hpp). Equal to the published algorithm:
/// a piece that is a token counts 1, else the adjacent pair of lowest rank is merged, leftmost first, until none is left.
/// O(n log n) in the piece's length. Allocates only for pieces above 128 bytes.
std::uint32_t merged_count(const vocabulary&, std::string_view piece);

}  // namespace andon::llm
