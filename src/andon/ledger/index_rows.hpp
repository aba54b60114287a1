#pragma once
// Rows as a list shows them, in chunks of rows_per_chunk, each name written only where it differs from the row before.
#include <cstdint>
#include <vector>

#include "andon/ledger/index_view.hpp"

namespace andon::ledger {

inline constexpr std::uint32_t rows_per_chunk = 64;

class row_encoder {
public:
  void add(const summary& row);
  [[nodiscard]] const std::vector<unsigned char>& bytes() const { return bytes_; }
  void clear();

private:
  std::vector<unsigned char> bytes_;
  summary before_;
};

/// Decodes row `index` of a chunk into `out`.
void decode_row(std::span<const unsigned char> chunk, std::uint32_t index, summary& out);

}  // namespace andon::ledger
