#include "andon/telemetry/delivery.hpp"

#include <algorithm>

namespace andon::telemetry {

verdict judge(int http_status) {
  switch (http_status) {
    case 0: case 429: case 502: case 503: case 504: return verdict::retry;
    default: return http_status >= 200 && http_status < 300 ? verdict::accepted : verdict::refused;
  }
}

bool delivery::again(nanoseconds retry_after, mono_time now, random_source& random) {
  const nanoseconds grown = settings_.retry_base * (std::int64_t{1} << std::min(tries_++, 20u));
  const nanoseconds ceiling = std::min(grown, settings_.retry_max);
  const nanoseconds jitter{static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(std::max<std::int64_t>(ceiling.count(), 1))))};
  next_ = now + std::max(jitter, retry_after);
  return next_ <= made_ + settings_.give_up;
}

}  // namespace andon::telemetry
