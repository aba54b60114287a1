#pragma once
// An outage of a target that somebody makes on purpose, to see what happens: until its end, connections to the target are
// refused before they are tried. It ends by the clock alone, so nobody has to be alive to lift it.
//
// Threads: any; relaxed atomics.
#include <atomic>
#include <cstdint>
#include <string_view>

#include "andon/base/clock.hpp"

namespace andon::route {

class outage {
public:
  /// What the attempts that it refused say in their Records.
  static constexpr std::string_view message = "Refused on purpose: a drill takes this target as down.";

  /// `share` of the attempts, in (0, 1].
  void begin(mono_time until, double share) noexcept {
    share_.store(share, std::memory_order_relaxed);
    until_.store(until.time_since_epoch().count(), std::memory_order_relaxed);
  }
  void end() noexcept { until_.store(0, std::memory_order_relaxed); }
  [[nodiscard]] bool on(mono_time now) const noexcept { return until_.load(std::memory_order_relaxed) > now.time_since_epoch().count(); }
  /// `lot` in [0, 1) decides which attempts belong to the share.
  [[nodiscard]] bool refuses(mono_time now, double lot) const noexcept { return on(now) && lot < share_.load(std::memory_order_relaxed); }

private:
  std::atomic<std::int64_t> until_{0};  // nanoseconds of mono time
  std::atomic<double> share_{1};
};

}  // namespace andon::route
