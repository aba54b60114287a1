#pragma once
// Agreements and KPIs as the desk takes them, beside the objectives and indicators that they name.
#include "andon/app/config/settings.hpp"
#include "andon/business/desk.hpp"

namespace andon::app {

/// Every complaint goes to `found`; the plan is usable only when there is none.
business::business_plan compile_business(const settings& from, const slo::watch_plan& watched, diagnostics& found);

}  // namespace andon::app
