#pragma once
// An incident: what an escalation works on until somebody acknowledges or it is over, and what happened in it.
#include <optional>
#include <set>
#include <string>

#include "andon/alert/notification.hpp"
#include "andon/alert/oncall.hpp"

namespace andon::alert {

enum class incident_state : std::uint8_t { triggered, acknowledged, resolved };
std::string_view to_string(incident_state);

struct incident {
  std::int64_t number = 0;
  std::string group_key, chain, title, severity;
  incident_state state = incident_state::triggered;
  wall_time opened;
  std::optional<wall_time> acknowledged, resolved;
  std::string acknowledged_by, resolved_by;
  escalation_place place{};
  std::set<std::string> told;          ///< receivers that a step told, so that they hear the end
  std::set<std::uint64_t> seen{};      ///< alerts that have fired in it: only others are news to who has acknowledged
  notification latest{};               ///< what it is about, as it was last
  static constexpr std::string_view manual_prefix = "manual/";  ///< of the group_key of one that no alert raised
  static constexpr std::string_view messages_prefix = "incident/";  ///< of the group_key of messages about it
  [[nodiscard]] bool is_manual() const { return group_key.starts_with(manual_prefix); }
  [[nodiscard]] std::string id() const { return "inc_" + std::to_string(number); }
  static std::optional<std::int64_t> parse_id(std::string_view text);
  /// Of the incident that messages of this group are about; nothing for other groups.
  static std::optional<std::int64_t> number_of_messages(std::string_view group_key);
};

struct incident_event {
  std::int64_t incident = 0;
  wall_time at;
  std::string kind;                    ///< opened, notified, unreached, undelivered, exhausted, quiet, changed, triggered, acknowledged, resolved, note
  std::string who, text;
};

}  // namespace andon::alert
