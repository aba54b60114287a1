#include "andon/base/quantile_sketch.hpp"

#include <algorithm>
#include <cmath>

#include "andon/base/varint.hpp"

namespace andon {
namespace {

// gamma = (1 + a) / (1 - a): a bucket (gamma^(i-1), gamma^i] is told by 2 gamma^i / (gamma + 1), which is within a of all in it.
constexpr double gamma = (1 + quantile_sketch::relative_error) / (1 - quantile_sketch::relative_error);
const double log_gamma = std::log(gamma);
constexpr double smallest = 1e-9, largest = 1e18;

std::int32_t index_of(double value) { return static_cast<std::int32_t>(std::ceil(std::log(std::clamp(value, smallest, largest)) / log_gamma)); }
double value_of(std::int32_t index) { return 2 * std::exp(index * log_gamma) / (gamma + 1); }

}  // namespace

void quantile_sketch::put(std::int32_t index, std::uint64_t times) {
  const auto place = std::ranges::lower_bound(buckets_, index, {}, &bucket::index);
  if (place != buckets_.end() && place->index == index) place->count += times;
  else buckets_.insert(place, {index, times});
}

void quantile_sketch::collapse() {
  if (buckets_.size() <= max_buckets) return;
  const auto first_kept = buckets_.end() - static_cast<std::ptrdiff_t>(max_buckets);
  for (auto low = buckets_.begin(); low != first_kept; ++low) first_kept->count += low->count;
  buckets_.erase(buckets_.begin(), first_kept);
}

void quantile_sketch::add(double value, std::uint64_t times) {
  count_ += times;
  if (!(value > 0)) {
    zeros_ += times;
    return;
  }
  put(index_of(value), times);
  collapse();
}

void quantile_sketch::merge(const quantile_sketch& other) {
  std::vector<bucket> sum;
  sum.reserve(buckets_.size() + other.buckets_.size());
  auto a = buckets_.begin();
  auto b = other.buckets_.begin();
  while (a != buckets_.end() || b != other.buckets_.end()) {
    if (b == other.buckets_.end() || (a != buckets_.end() && a->index < b->index)) sum.push_back(*a++);
    else if (a == buckets_.end() || b->index < a->index) sum.push_back(*b++);
    else sum.push_back({a->index, a->count + b->count}), ++a, ++b;
  }
  buckets_ = std::move(sum);
  zeros_ += other.zeros_;
  count_ += other.count_;
  collapse();
}

std::optional<double> quantile_sketch::quantile(double q) const {
  if (count_ == 0) return std::nullopt;
  const auto rank = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(std::clamp(q, 0.0, 1.0) * static_cast<double>(count_))));
  std::uint64_t seen = zeros_;
  if (rank <= seen) return 0.0;
  for (const auto& one : buckets_)
    if ((seen += one.count) >= rank) return value_of(one.index);
  return value_of(buckets_.back().index);
}

std::uint64_t quantile_sketch::count_at_most(double bound) const {
  if (!(bound >= 0)) return 0;
  std::uint64_t sum = zeros_;
  for (const auto& one : buckets_) {
    if (value_of(one.index) > bound) break;
    sum += one.count;
  }
  return sum;
}

void quantile_sketch::encode(std::string& out) const {
  put_varint(out, buckets_.size());
  put_varint(out, zeros_);
  std::int32_t before = 0;
  for (const auto& one : buckets_) {
    put_signed(out, one.index - before);
    put_varint(out, one.count);
    before = one.index;
  }
}

result<quantile_sketch> quantile_sketch::decode(std::string_view& bytes) {
  const auto broken = [] { return fail(errc::corrupt, "these bytes are no quantile sketch"); };
  quantile_sketch out;
  std::uint64_t size = 0;
  if (!take_varint(bytes, size) || !take_varint(bytes, out.zeros_) || size > max_buckets) return broken();
  out.count_ = out.zeros_;
  std::int64_t index = 0;
  for (std::uint64_t i = 0; i < size; ++i) {
    std::int64_t step = 0;
    std::uint64_t count = 0;
    if (!take_signed(bytes, step) || !take_varint(bytes, count)) return broken();
    index += step;
    if (count == 0 || index < INT32_MIN || index > INT32_MAX || (i > 0 && step <= 0)) return broken();
    out.buckets_.push_back({static_cast<std::int32_t>(index), count});
    out.count_ += count;
  }
  return out;
}

}  // namespace andon
