#pragma once
// From a rendered reply to bytes with pauses on the wire, spoilt as the script asks. Pure but for the random draws.
#include <string>
#include <utility>
#include <vector>

#include "andon/base/random.hpp"
#include "andon/llm/request.hpp"
#include "andon/sim/engine.hpp"

namespace andon::sim {

/// A good reply before anything is done to it.
struct rendered_reply {
  llm::operation op = llm::operation::chat;
  int status = 200;
  bool stream = false;
  std::string body;                 ///< of a whole reply
  std::vector<std::string> events;  ///< of a stream: data, [DONE] included
  std::string request_id;
  std::size_t pauses = 0;           ///< tokens that a whole reply would have waited for
};

reply_plan put_on_wire(rendered_reply reply, const behaviour& how, random_source& random);

}  // namespace andon::sim
