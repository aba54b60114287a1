#pragma once
// One kept reply. Immutable once it is shared; holders keep it alive after it has left the store.
#include <cstdint>
#include <memory>
#include <string>

#include "andon/base/clock.hpp"
#include "andon/base/hashing.hpp"
#include "andon/base/ids.hpp"
#include "andon/base/quantity.hpp"
#include "andon/llm/usage.hpp"

namespace andon::cache {

struct reply {
  digest key{};
  bool stream = false;
  std::string content_type;
  std::string body;             ///< as the client got it: the whole reply, or the bytes of all events
  std::string assembled;        ///< of a stream: the reply it stands for, for the Record
  std::uint32_t events = 0;     ///< of a stream
  model_name model;
  provider_name provider;
  std::string upstream_model, finish_reason;
  llm::usage use;
  nano_usd cost;                ///< of the call that made it
  mono_time made{};
  nanoseconds keep{};           ///< at most so long after `made`

  /// Memory it holds, the store's own share included.
  [[nodiscard]] std::size_t bytes() const;
};
using reply_ptr = std::shared_ptr<const reply>;

}  // namespace andon::cache
