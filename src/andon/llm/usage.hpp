#pragma once
// What a call consumed, by class, as OpenTelemetry counts: input includes cached tokens, output includes reasoning.
#include "andon/base/quantity.hpp"

namespace andon::llm {

struct usage {
  tokens input;                ///< all prompt tokens, cached and audio ones included
  tokens cached_read;          ///< part of input, read from the provider's prompt cache
  tokens cache_write_5m;       ///< part of input, written to the cache for five minutes
  tokens cache_write_1h;       ///< part of input, written to the cache for an hour
  tokens input_audio;          ///< part of input
  tokens output;               ///< all generated tokens, reasoning and audio included
  tokens reasoning;            ///< part of output
  tokens output_audio;         ///< part of output
  bool estimated = false;      ///< counted by the gateway because the provider did not say

  [[nodiscard]] tokens total() const { return input + output; }
  bool operator==(const usage&) const = default;
};

}  // namespace andon::llm
