#pragma once
// When to send what, without sending it: batches by size and age, retries with back-off. On a clock that is told, so
// that it is tested without one.
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "andon/base/clock.hpp"
#include "andon/base/random.hpp"
#include "andon/telemetry/span.hpp"

namespace andon::telemetry {

struct delivery_settings {
  std::size_t batch_spans = 512;                            ///< a batch goes when it has this many …
  nanoseconds batch_age = std::chrono::seconds{5};          ///< … or its first span is this old
  nanoseconds retry_base = std::chrono::seconds{1};         ///< full jitter over base × 2^n …
  nanoseconds retry_max = std::chrono::seconds{30};         ///< … up to this; a Retry-After is kept to the second
  nanoseconds give_up = std::chrono::minutes{2};            ///< a batch older than this is dropped and counted
};

/// What the collector's answer means.
enum class verdict : std::uint8_t { accepted, retry, refused };
/// `http_status` 0: no answer. Retryable: 429, 502, 503, 504 and none; every other status ≥ 300 refuses the batch.
verdict judge(int http_status);

/// The state of one batch on its way. One owner.
class delivery {
public:
  delivery(const delivery_settings& with, mono_time made) : settings_(with), made_(made), next_(made) {}
  [[nodiscard]] mono_time next_try() const { return next_; }
  /// After a retryable answer. False: it is given up.
  [[nodiscard]] bool again(nanoseconds retry_after, mono_time now, random_source& random);

private:
  delivery_settings settings_;
  mono_time made_;
  mono_time next_;
  unsigned tries_ = 0;
};

}  // namespace andon::telemetry
