#pragma once
// The part of the configuration file that says what happens as an error budget goes. Defaults are the initial values here.
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "andon/app/config/schema.hpp"

namespace andon::app {

using namespace std::chrono_literals;

enum class policy_act_choice : std::uint8_t { notify, freeze, tighten, roll_back };
template <> struct enum_names<policy_act_choice> { static constexpr std::array<std::string_view, 4> names{"notify", "freeze", "tighten", "roll-back"}; };

struct policy_step_settings {
  policy_act_choice act = policy_act_choice::notify;
  std::optional<double> left, burn;
  std::string severity = "ticket";
  std::vector<std::string> routes, avoid;
  bool avoid_worst = false, hedging = true;
  std::optional<std::int64_t> attempts, queue;
  nanoseconds within = 24h;
};

struct policy_settings {
  std::vector<std::string> objectives;
  std::vector<policy_step_settings> steps;
  double margin = 5;
  nanoseconds hold = 5min;
  std::int64_t min_events = 50;
};

schema<policy_settings> policy_schema();

}  // namespace andon::app
