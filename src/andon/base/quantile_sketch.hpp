#pragma once
// Quantiles of positive numbers from counts in buckets that grow by a constant factor: DDSketch (Masson, Rim and Lee,
// VLDB 2019). Any quantile is within 1 % of the true value, merging is adding, and the order of adding changes nothing.
//
// A sketch holds at most max_buckets; beyond that the smallest values share one bucket, so that high quantiles stay
// within the bound. Values, no locks.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "andon/base/error.hpp"

namespace andon {

class quantile_sketch {
public:
  static constexpr double relative_error = 0.01;
  static constexpr std::size_t max_buckets = 1'024;

  void add(double value, std::uint64_t times = 1);  ///< 0, negative numbers and NaN count as 0
  void merge(const quantile_sketch& other);

  [[nodiscard]] std::uint64_t count() const { return count_; }
  /// Nearest rank: the value at rank max(1, ceil(q * count)); nothing for an empty sketch. q in [0, 1].
  [[nodiscard]] std::optional<double> quantile(double q) const;
  /// How many values are at most `bound`: exact but for those within 1 % of it.
  [[nodiscard]] std::uint64_t count_at_most(double bound) const;

  void encode(std::string& out) const;
  /// Takes one from the front. errc::corrupt.
  [[nodiscard]] static result<quantile_sketch> decode(std::string_view& bytes);

  bool operator==(const quantile_sketch&) const = default;

private:
  struct bucket {
    std::int32_t index;
    std::uint64_t count;
    bool operator==(const bucket&) const = default;
  };
  void put(std::int32_t index, std::uint64_t times);
  void collapse();

  std::vector<bucket> buckets_;  ///< ascending by index
  std::uint64_t zeros_ = 0;
  std::uint64_t count_ = 0;
};

}  // namespace andon
