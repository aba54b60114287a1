#pragma once
// Error-budget policies as the watch's judgement takes them: names resolved, objectives spelt out.
#include "andon/app/config/settings.hpp"
#include "andon/slo/policy.hpp"

namespace andon::app {

/// `watched`: the objectives there are. Every complaint goes to `found`; the result is usable only when there is none.
std::vector<slo::policy_spec> compile_policies(const settings& from, const slo::watch_plan& watched, diagnostics& found);

}  // namespace andon::app
