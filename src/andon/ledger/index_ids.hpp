#pragma once
// The ids of the rows in memory, and of the segment sealed last: has this Record been taken? Asked for every Record, with
// ids that are hardly ever there. So a small table of halves of hashes answers, and the ids themselves are looked at only
// when a half fits. Owner thread.
#include <cstdint>
#include <optional>
#include <vector>

#include "andon/base/ids.hpp"

namespace andon::ledger {

class id_table {
public:
  /// Its row is the number of ids before it. An id must not be there yet.
  void push_back(request_id id);
  [[nodiscard]] std::optional<std::uint32_t> row_of(request_id id) const;
  [[nodiscard]] bool contains(request_id id) const { return row_of(id).has_value(); }
  void clear();  ///< gives its memory back
  void swap(id_table& other) noexcept;

private:
  struct slot {
    std::uint32_t half = 0;
    std::uint32_t after = 0;  ///< row + 1; 0: free
  };
  static std::uint64_t hash(request_id id) { return std::hash<request_id>{}(id); }
  void put(std::uint64_t hash, std::uint32_t row);

  std::vector<slot> slots_;  ///< a power of two, at most half of them taken
  std::vector<request_id> ids_;
};

}  // namespace andon::ledger
