#pragma once
// What a configuration may well hold by mistake although it can be served: warnings of `andon check`.
#include "andon/app/config/settings.hpp"

namespace andon::app {

/// Adds warnings: the same secret in two places, targets given twice, deadlines that cannot be reached, providers,
/// models and routes that nothing uses; and what advise_alerting() finds.
void advise(const settings& from, wall_time now, diagnostics& found);

}  // namespace andon::app
