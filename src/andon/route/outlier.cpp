#include "andon/route/outlier.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace andon::route {
namespace {

constexpr double least_gap = 100e6;  // nanoseconds
constexpr double deviations = 3;
constexpr std::size_t most_peers = 64;

template <class Measure>
double median_of_others(std::span<const peer_reading> all, std::size_t without, const Measure& measure) {
  std::array<double, most_peers> values;
  std::size_t count = 0;
  for (std::size_t i = 0; i < all.size() && i < most_peers; ++i)
    if (i != without && all[i].calls > 0) values[count++] = measure(all[i]);
  if (count == 0) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(count / 2);
  std::nth_element(values.begin(), middle, values.begin() + static_cast<std::ptrdiff_t>(count));
  if (count % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

/// By how much a target's error rate is beyond the bound; negative when it is not.
double excess_of_errors(const peer_reading& one, double median, const outlier_settings& with) {
  const double noise = deviations * std::sqrt(median * (1 - median) / static_cast<double>(one.calls));
  return one.error_rate - median - std::max(with.error_margin, noise);
}

double excess_of_latency(const peer_reading& one, double median, const outlier_settings& with) {
  if (with.latency_factor <= 0 || median <= 0 || one.latency - median < least_gap) return -1;
  return one.latency / median - with.latency_factor;
}

}  // namespace

std::string_view to_string(oddity by) { return by == oddity::errors ? "errors" : "latency"; }

std::optional<outlier> find_outlier(std::span<const peer_reading> all, const outlier_settings& with) {
  all = all.first(std::min(all.size(), most_peers));
  if (std::ranges::count_if(all, [](const peer_reading& one) { return one.calls > 0; }) < 3) return std::nullopt;
  const auto worst = [&](oddity by, const auto& measure, const auto& excess) {
    std::optional<outlier> found;
    double most = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (all[i].calls == 0) continue;
      const double over = excess(all[i], median_of_others(all, i, measure), with);
      if (over < 0 || (found && over <= most)) continue;
      most = over;
      found = outlier{static_cast<std::uint32_t>(i), by};
    }
    return found;
  };
  if (auto found = worst(oddity::errors, [](const peer_reading& one) { return one.error_rate; }, excess_of_errors)) return found;
  return worst(oddity::latency, [](const peer_reading& one) { return one.latency; }, excess_of_latency);
}

}  // namespace andon::route
