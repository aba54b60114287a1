#pragma once
// Routes as they are while Decisions tighten them: the settings with the tightenings in force, from which the Plan is compiled.
#include <span>

#include "andon/app/config/settings.hpp"
#include "andon/slo/policy.hpp"

namespace andon::app {

/// What is avoided goes to the end of its route's order, so that no route is left without a target; numbers only become
/// smaller. Names that are not there any more are passed over.
void tighten(settings& of, std::span<const slo::tightening> how);

}  // namespace andon::app
