#pragma once
// Aggregates under construction: counts, sums and percentiles of matching rows by group.
#include <map>
#include <memory>

#include "andon/ledger/index_view.hpp"

namespace andon::ledger {

/// Counts of values in buckets whose bounds grow by 2 %, so that a percentile is exact to 1 % (DDSketch: Masson, Rim
/// and Lee, 2019). Grows with the spread of its values, at most a few kilobytes.
class value_sketch {
public:
  void add(std::int64_t value);
  /// Nearest rank; NaN when empty.
  [[nodiscard]] double percentile(double p) const;
  static int bucket_of(std::int64_t value);

private:
  std::uint64_t count_ = 0, zeros_ = 0;
  int first_ = 0;
  std::vector<std::uint32_t> buckets_;
};

class row_groups {
public:
  /// errc::invalid_argument when the request asks for unknown fields or too much.
  static result<row_groups> make(const aggregate_request& ask);
  result<void> take(const bitmap& matches, segment_view& rows);
  [[nodiscard]] aggregated finish();

private:
  struct axis { field which; std::string meta_key; };
  struct cell {
    aggregate_group sums;
    std::vector<value_sketch> sketches;
  };
  struct key {
    std::int64_t bucket = 0;
    std::vector<std::string> names;
    auto operator<=>(const key&) const = default;
  };
  struct axis_values;
  struct number_columns;

  cell& cell_for(key k);
  void add_row(cell& to, const number_columns& from, std::uint32_t row) const;
  [[nodiscard]] aggregate_group finished(cell& from, const key& k) const;
  static result<axis_values> values_of(const axis& a, segment_view& rows);
  result<number_columns> columns_of(segment_view& rows) const;

  aggregate_request ask_;
  std::vector<axis> axes_;
  std::map<key, cell> cells_;
  cell total_;
  std::optional<cell> other_;
};

}  // namespace andon::ledger
