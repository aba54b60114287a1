#pragma once
// Which replies may be given again.
#include <cstdint>
#include <string_view>

#include "andon/llm/request.hpp"

namespace andon::cache {

/// What is known of a reply when it is over.
struct reply_facts {
  llm::operation op = llm::operation::chat;
  int status = 0;
  bool complete = false;            ///< the whole reply came, without an error
  bool price_known = false;
  bool length_asked = false;        ///< the caller set a bound on the output
  bool stream = false;
  bool as_asked = true;             ///< false: it was held against the request's response_format and broke it
  std::string_view finish_reason;   ///< of the first choice
  std::string_view body;            ///< whole, or the events
};

enum class worth : std::uint8_t {
  keep,
  incomplete,   ///< cut, failed, not a 200, without its end marker, or without a finish reason
  filtered,     ///< content filter or refusal: another attempt may be answered
  cut_short,    ///< ended at a length that nobody asked for
  unstructured, ///< not as response_format asks: another attempt may be
  unpriced,     ///< what it cost is not known, so what a hit saves is not either: set a price or `free`
};

worth judge(const reply_facts& reply);
std::string_view to_string(worth);

}  // namespace andon::cache
