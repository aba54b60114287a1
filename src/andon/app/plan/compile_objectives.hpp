#pragma once
// Objectives, indicators and alert rules as the watch takes them, from the configuration's short form and from OpenSLO files.
#include "andon/app/config/settings.hpp"
#include "andon/slo/watch.hpp"

namespace andon::app {

/// Every complaint goes to `found`; the plan is usable only when there is none.
slo::watch_plan compile_objectives(const settings& from, wall_time now, diagnostics& found);

/// The present period of the calendar in this zone; the choice is not `none`. Nothing: there is no such zone.
std::optional<slo::window> calendar_window(calendar_choice period, const std::string& zone_name);

}  // namespace andon::app
