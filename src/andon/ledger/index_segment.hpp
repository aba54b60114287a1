#pragma once
// A sealed segment: up to 65,536 rows that no longer change, as chunks in a container. It is written whole, read
// chunk by chunk as a question needs them, rewritten when rows are removed, and dropped whole.
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "andon/ledger/index_view.hpp"

namespace andon::ledger {

using chunk_bytes = std::vector<unsigned char>;

/// Where chunks are kept. Ids are unique; contents are checked on reading (errc::corrupt).
class chunk_reader {
public:
  virtual ~chunk_reader() = default;
  virtual result<chunk_bytes> read(std::uint64_t id) = 0;
};
class chunk_writer {
public:
  virtual ~chunk_writer() = default;
  virtual result<void> write(std::uint64_t id, std::span<const unsigned char> bytes) = 0;
};

/// What is known of a segment without reading it; kept in memory for all of them (about 500 bytes each).
struct segment_meta {
  std::uint64_t id = 0;
  std::uint32_t rows = 0;
  std::uint32_t term_blocks = 0;
  std::uint64_t bytes = 0;
  std::array<zone, number_count> zones{};
  std::vector<position> oldest;  ///< per stream the least position of its rows

  [[nodiscard]] chunk_bytes encode() const;
  static result<segment_meta> decode(std::uint64_t id, std::span<const unsigned char> bytes);
  [[nodiscard]] std::uint64_t first_chunk() const { return id << 24; }
};

/// Writes the rows of `from` that are in `keep` as segment `id`.
result<segment_meta> write_segment(segment_view& from, const bitmap& keep, std::uint64_t id, chunk_writer& out);

class sealed_view final : public segment_view {
public:
  sealed_view(const segment_meta& meta, chunk_reader& chunks) : meta_(meta), chunks_(chunks) {}
  [[nodiscard]] std::uint32_t rows() const override { return meta_.rows; }
  [[nodiscard]] zone zone_of(number n) const override { return meta_.zones[static_cast<std::size_t>(n)]; }
  result<number_span> numbers(number n) override;
  result<names_span> names(field f) override;
  result<lists_span> lists(field f) override;
  result<postings> find_term(std::string_view term) override;
  result<void> scan_terms(std::string_view prefix, const term_visitor& visit) override;
  result<void> read_row(std::uint32_t row, summary& out) override;

private:
  result<std::span<const unsigned char>> chunk(std::uint32_t part);
  result<number_span> ordinals(std::uint32_t part, std::uint32_t count, std::uint32_t rows);
  result<dictionary> names_of(std::uint32_t part);
  result<std::uint32_t> block_of(std::string_view term);

  const segment_meta& meta_;
  chunk_reader& chunks_;
  std::unordered_map<std::uint32_t, chunk_bytes> loaded_;
  std::vector<std::string> block_starts_;
  bool starts_loaded_ = false;
  chunk_bytes block_;
  std::uint32_t block_number_ = ~0u;
  std::uint32_t row_chunk_ = ~0u;
  chunk_bytes row_bytes_;
};

}  // namespace andon::ledger
