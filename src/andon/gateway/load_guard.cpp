#include "andon/gateway/load_guard.hpp"

#include <algorithm>

namespace andon::gateway {

bool load_guard::sampled(nanoseconds waited, mono_time now) {
  under_way_ = false;
  next_ = now + between_samples;
  lag_ = waited;
  const auto before = level_;
  if (waited <= with_.target) {
    above_since_ = mono_time::max();
    if (level_ > 0) --level_;
  } else if (above_since_ == mono_time::max()) {
    above_since_ = now;
  } else if (now - above_since_ >= with_.interval) {
    level_ = std::min<std::uint32_t>(level_ + 1, route::priority_count);
    above_since_ = now;
  }
  return level_ != before;
}

}  // namespace andon::gateway
