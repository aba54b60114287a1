#pragma once
// Sheds load before latency collapses: watches how long work that is ready waits for the core's event loop, and refuses
// new calls, those of the lowest priority first, while that wait stays above a target. After CoDel (Nichols and
// Jacobson, 2012): one sample below the target says that the queue drains, so a burst alone sheds nothing.
//
//   level 0 takes all; 1 refuses low, 2 low and normal, 3 every priority. It rises by one when every sample of an
//   interval was above the target, and falls by one with each sample below.
//
// Threads: one core's. Pure: who samples tells it.
#include <cstdint>

#include "andon/base/clock.hpp"
#include "andon/route/settings.hpp"

namespace andon::gateway {

struct shed_settings {
  nanoseconds target = std::chrono::milliseconds{50};   ///< zero: nothing is ever shed
  nanoseconds interval = std::chrono::milliseconds{200};
};

class load_guard {
public:
  static constexpr nanoseconds between_samples = std::chrono::milliseconds{5};

  void configure(const shed_settings& with) { with_ = with; if (with.target <= nanoseconds{}) level_ = 0; }
  /// A sample is due: post something to the loop, and tell when it ran. At most one is under way.
  [[nodiscard]] bool wants_sample(mono_time now) {
    if (under_way_ || with_.target <= nanoseconds{} || now < next_) return false;
    return under_way_ = true;
  }
  /// It ran, so long after it was posted. True when the level changed.
  bool sampled(nanoseconds waited, mono_time now);

  [[nodiscard]] bool takes(route::priority rank) const { return static_cast<std::uint32_t>(rank) >= level_; }
  [[nodiscard]] std::uint32_t level() const { return level_; }
  [[nodiscard]] nanoseconds lag() const { return lag_; }

private:
  shed_settings with_;
  std::uint32_t level_ = 0;
  nanoseconds lag_{};
  mono_time above_since_ = mono_time::max();  // every sample since then was above the target
  mono_time next_{};
  bool under_way_ = false;
};

}  // namespace andon::gateway
