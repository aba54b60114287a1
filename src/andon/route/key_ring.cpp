#include "andon/route/key_ring.hpp"

namespace andon::route {

std::uint32_t key_ring::pick(mono_time now) noexcept {
  const std::uint32_t first = in_use_.load(std::memory_order_relaxed);
  std::uint32_t soonest = first;
  for (std::uint32_t step = 0; step < count_; ++step) {
    const std::uint32_t index = (first + step) % count_;
    if (rests_until(index) <= now) {
      if (step != 0) in_use_.store(index, std::memory_order_relaxed);
      return index;
    }
    if (rests_until(index) < rests_until(soonest)) soonest = index;
  }
  return soonest;
}

bool key_ring::rest(std::uint32_t index, nanoseconds span, mono_time now) noexcept {
  const auto until = now + std::max<nanoseconds>(span, least_rest);
  if (rests_until(index) < until) rests_until_[index].store(until.time_since_epoch().count(), std::memory_order_relaxed);
  for (std::uint32_t other = 0; other < count_; ++other)
    if (other != index && rests_until(other) <= now) return true;
  return false;
}

}  // namespace andon::route
