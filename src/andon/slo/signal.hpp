#pragma once
// What the watch has to tell: an alert that fires or is over. A plain value; whoever routes alerts takes it from here.
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "andon/slo/counts.hpp"

namespace andon::slo {

using label_pairs = std::vector<std::pair<std::string, std::string>>;

struct signal {
  std::string name;          ///< `ObjectiveBurn`, or the rule's own
  std::string severity;      ///< page, ticket, or what the rule says
  label_pairs labels;        ///< tell one alert from another; name and severity are not among them
  label_pairs annotations;   ///< for people: summary, description, values
  instant since{};           ///< the condition holds since
  std::optional<instant> resolved;
};

/// Called when a signal begins and when it is over.
using signal_sink = std::function<void(const signal&)>;
/// The same for all that one second, or a new plan, has brought; whoever keeps them does so at once.
using signals_sink = std::function<void(std::span<const signal>)>;

}  // namespace andon::slo
