#pragma once
// Texts of configurations, which may hold secrets in clear, as they lie on the disk: AES-256-GCM under a key of this
// installation, derived from the ledger's master key, or from the pepper where there is none. Any thread.
#include <optional>

#include "andon/base/secret.hpp"
#include "andon/slo/decision_store.hpp"

namespace andon::app {

/// errc::invalid_argument for a master key that is none. What was sealed under another key does not open: errc::corrupt.
result<slo::text_keeper> text_keeper_of(const std::optional<secret>& master, const secret& pepper);

}  // namespace andon::app
