#pragma once
// Links by which the person who was told acknowledges or resolves: signed, good for a time, each good for one act.
#include <optional>
#include <string>

#include "andon/base/clock.hpp"
#include "andon/base/error.hpp"

namespace andon::alert {

enum class link_action : std::uint8_t { acknowledge, resolve };

struct incident_link {
  link_action action = link_action::acknowledge;
  std::int64_t incident = 0;
  std::string who;     ///< whom the message went to
  wall_time until;
};

/// One segment of a path; characters are letters, digits, `-`, `_` and `.`.
std::string link_token(const incident_link& from, std::string_view key);
/// errc::not_found: not one of ours; expired_key: its time is over.
result<incident_link> read_link(std::string_view token, std::string_view key, wall_time now);

}  // namespace andon::alert
