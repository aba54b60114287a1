#pragma once
// The part of the advice that concerns who is told of alerts.
#include "andon/app/config/settings.hpp"

namespace andon::app {

/// Adds warnings: routes that no alert can reach or that are quiet for a year, intervals that do not hold, repeats that cannot be kept,
/// schedules on which nobody is on call yet, pages without a link, links that lead nowhere.
void advise_alerting(const settings& from, wall_time now, diagnostics& found);

}  // namespace andon::app
