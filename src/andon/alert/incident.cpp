#include "andon/alert/incident.hpp"

#include <charconv>

namespace andon::alert {

std::string_view to_string(incident_state s) {
  return s == incident_state::triggered ? "triggered" : s == incident_state::acknowledged ? "acknowledged" : "resolved";
}

std::optional<std::int64_t> incident::parse_id(std::string_view text) {
  constexpr std::string_view prefix = "inc_";
  if (!text.starts_with(prefix)) return std::nullopt;
  text.remove_prefix(prefix.size());
  std::int64_t out = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (failed != std::errc{} || end != text.data() + text.size() || out <= 0) return std::nullopt;
  return out;
}

std::optional<std::int64_t> incident::number_of_messages(std::string_view group_key) {
  return group_key.starts_with(messages_prefix) ? parse_id(group_key.substr(messages_prefix.size())) : std::nullopt;
}

}  // namespace andon::alert
