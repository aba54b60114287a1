#pragma once
// Whose time was over when a wait ran out: that of one wait, of the call, or of the caller. Pure; times are those of the
// monotonic clock.
#include <optional>

#include "andon/base/clock.hpp"
#include "andon/base/error.hpp"

namespace andon::gateway {

/// The time that a call has: from its route and the settings, and what its caller said that it would wait.
struct given_time {
  deadline total{};                         ///< of the call; never: it is not what ran out
  std::optional<nanoseconds> by_caller{};   ///< x-andon-timeout
  mono_time arrived{};                      ///< when the caller's time began
};

/// The error as it is to be answered and recorded. Running out of the call's time while connecting is no fault of the
/// target (total_timeout); running out of the time that the caller itself gave is nobody's fault but its own
/// (client_timeout). What is no timeout stays as it is.
[[nodiscard]] error in_time(error why, const given_time& given, mono_time now);

}  // namespace andon::gateway
