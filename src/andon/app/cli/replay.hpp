#pragma once
// One recorded call, sent again.
#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "andon/net/http_client.hpp"

namespace andon::app::cli {

enum class replay_kind : std::uint8_t { same, different, skipped };
std::string_view to_string(replay_kind);

struct replay_outcome {
  replay_kind kind = replay_kind::same;
  std::vector<std::string> differences;   ///< for people; of a skipped call: why
};

/// Sends the request of a whole Record (its JSON form), not streamed, and compares status, finish reasons, texts and
/// tool calls. Ids, times and usage are expected to differ.
replay_outcome replay_one(const boost::json::value& record, const net::endpoint& to, std::string_view key);

/// How a reply differs from the recorded one; empty when it means the same.
std::vector<std::string> compare_replies(const boost::json::value& recorded, const boost::json::value& fresh);

}  // namespace andon::app::cli
