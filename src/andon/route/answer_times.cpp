#include "andon/route/answer_times.hpp"

#include <algorithm>
#include <cmath>

namespace andon::route {
namespace {

std::int64_t number_of(mono_time now) { return now.time_since_epoch() / answer_times::half; }

std::size_t bucket_of(nanoseconds took) {
  if (took <= answer_times::least) return 0;
  const double octaves = std::log2(static_cast<double>(took.count()) / static_cast<double>(answer_times::least.count()));
  return std::min(static_cast<std::size_t>(std::ceil(octaves * answer_times::per_octave)), answer_times::buckets - 1);
}

nanoseconds edge_of(std::size_t bucket) {
  const double octaves = static_cast<double>(bucket) / answer_times::per_octave;
  return nanoseconds{static_cast<std::int64_t>(static_cast<double>(answer_times::least.count()) * std::exp2(octaves))};
}

}  // namespace

void answer_times::add(nanoseconds took, mono_time now) noexcept {
  const auto number = number_of(now);
  auto& into = halves_[static_cast<std::size_t>(number & 1)];
  auto known = into.number.load(std::memory_order_relaxed);
  if (known != number && into.number.compare_exchange_strong(known, number, std::memory_order_relaxed))
    for (auto& count : into.counts) count.store(0, std::memory_order_relaxed);
  into.counts[bucket_of(took)].fetch_add(1, std::memory_order_relaxed);
}

std::optional<nanoseconds> answer_times::quantile(double share, std::uint32_t min_count, mono_time now) const noexcept {
  const auto number = number_of(now);
  std::array<std::uint32_t, buckets> sums{};
  std::uint64_t all = 0;
  for (const auto& one : halves_) {
    const auto age = number - one.number.load(std::memory_order_relaxed);
    if (age < 0 || age > 1) continue;
    for (std::size_t i = 0; i < buckets; ++i) {
      const auto count = one.counts[i].load(std::memory_order_relaxed);
      sums[i] += count;
      all += count;
    }
  }
  if (all == 0 || all < min_count) return std::nullopt;
  const auto rank = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(all))));
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < buckets; ++i)
    if ((below += sums[i]) >= rank) return edge_of(i);
  return edge_of(buckets - 1);
}

}  // namespace andon::route
