#pragma once
// What a route says of its cache, ready to use. Part of the Plan.
#include <string>

#include "andon/base/clock.hpp"

namespace andon::cache {

struct route_policy {
  nanoseconds keep{};               ///< how long a reply may be given again; 0: the route has no cache
  bool exact = true;                ///< the same request gets the kept reply
  bool coalesce = true;             ///< identical calls under way are made once
  bool by_caller = false;           ///< user, tags and metadata decide on the target, so they tell requests apart
  std::string served;               ///< what answers: targets, their models and addresses
  float threshold = 0;              ///< semantic: least cosine of a similar question
  nanoseconds embedding_limit{};    ///< semantic: how long an embedding may take before the call goes on without

  [[nodiscard]] bool on() const { return keep > nanoseconds{}; }
};

}  // namespace andon::cache
