#pragma once
// What a decision may depend on: a view of one exchange, made once by the gateway.
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "andon/base/quantity.hpp"

namespace andon::route {

/// Views into the exchange; they must outlive every use (an attempt_plan keeps a copy of this struct).
struct facts {
  std::string_view project;
  std::string_view user;
  std::string_view model;                  ///< as the client asked for it
  std::string_view operation;              ///< `chat`, `completion`, `embeddings`, …
  std::span<const std::string> tags;
  std::span<const std::pair<std::string, std::string>> metadata;
  byte_count request_size;
  tokens input;                            ///< estimate before the call
  tokens output;                           ///< upper bound or estimate before the call
  bool stream = false;
};

}  // namespace andon::route
