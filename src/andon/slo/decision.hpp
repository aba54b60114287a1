#pragma once
// A Decision: a conclusion that changed something, with who drew it, why, and what it rests on. Plain values.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "andon/slo/counts.hpp"

namespace andon::slo {

/// What a Decision does. The first four are steps of an error-budget policy, and hold until they end; an override is over
/// when it is made; a roll-back by a person is one, too.
enum class decision_act : std::uint8_t { notify, freeze, tighten, roll_back, override_ };
std::string_view to_string(decision_act);  ///< `roll-back`, `override`
std::optional<decision_act> parse_decision_act(std::string_view text);

struct decision {
  std::int64_t number = 0;                  ///< set when it is kept
  instant at{};
  std::string who;                          ///< `policy strict`, `key key_1`, `start`
  decision_act act = decision_act::notify;
  std::string subject;                      ///< what it acts on: `objective chat`, `routes chat, embed`, `plan 3`
  std::string policy, objective, step;      ///< empty: a person's
  std::string severity;                     ///< of the alert that tells of it
  std::string reason;                       ///< one sentence with the numbers
  std::string evidence;                     ///< JSON object: objective, window, budget, what ate it
  std::string settings;                     ///< JSON object: what the act works with, such as routes and models
  instant window_begin{};                   ///< of the objective's window at that time
  std::optional<instant> done;              ///< the act was carried out
  std::string outcome;                      ///< what came of it
  std::optional<instant> ended;
  std::string ended_by, end_reason;
  bool waived = false;                      ///< ended by a person although its condition holds: it does not begin again until that is over

  [[nodiscard]] std::string id() const { return "dec_" + std::to_string(number); }
  static std::optional<std::int64_t> parse_id(std::string_view text);
  [[nodiscard]] bool in_force() const { return !ended; }
};

}  // namespace andon::slo
