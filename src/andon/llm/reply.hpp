#pragma once
// What the gateway has to know of a provider's reply. Made by a dialect's scan_reply(). Views point into the body.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "andon/base/error.hpp"
#include "andon/llm/request.hpp"
#include "andon/llm/usage.hpp"

namespace andon::llm {

/// What kind of trouble a provider reported, whatever its words: decides on retry, cooldown, failover and the message.
enum class failure_class : std::uint8_t {
  none,
  bad_request,         ///< the request is wrong: no other target of the same kind will take it
  context_length,      ///< too long for this model: a target with a larger window may take it
  content_filter,      ///< refused by the provider's policy
  authentication,      ///< the gateway's credential is wrong: an operator has to act
  permission,
  not_found,           ///< unknown model or path
  rate_limited,        ///< come back later
  quota,               ///< the account is out of money: waiting does not help
  overloaded,
  server_error,
  timeout,
  unknown,
};
std::string_view to_string(failure_class);

/// An error as a provider wrote it.
struct provider_error {
  int status = 0;              ///< HTTP status, or 0 inside a 200 or a stream
  std::string message;         ///< at most 2,000 bytes, valid UTF-8
  std::string type;
  std::string code;
  std::string param;
  failure_class what = failure_class::unknown;
};

struct reply_facts {
  std::optional<usage> use;              ///< absent: the provider did not say
  std::string model;                     ///< as the reply says, decoded
  std::string finish_reason;             ///< of the first choice; empty when null or missing
  std::string_view id;                   ///< raw text between the quotes, like the next two
  std::string_view service_tier;
  std::string_view system_fingerprint;
  std::uint32_t choices = 0;             ///< entries of `choices` or `data`
  std::uint32_t finished = 0;            ///< of these, with a finish_reason
  bool has_content = false;              ///< some text, refusal, tool call, audio or vector is there
  std::optional<provider_error> failure; ///< `{"error": …}` inside a 200
};

}  // namespace andon::llm
