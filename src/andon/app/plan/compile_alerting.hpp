#pragma once
#include "andon/alert/configuration.hpp"
#include "andon/app/config/settings.hpp"

namespace andon::app {

/// The section `alerting`: references, matchers, templates, time zones. Null when `found` got complaints of it.
alert::configuration_ptr compile_alerting(const settings& from, diagnostics& found);

}  // namespace andon::app
