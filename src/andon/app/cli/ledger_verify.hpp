#pragma once
#include <string>

#include "andon/app/cli/cli_context.hpp"

namespace andon::app::cli {

/// Through the running gateway, or on the files alone when none runs (or `offline`). 0: whole; 1: damaged or unreadable.
int verify_ledger(const context& in, bool offline, const std::string& encryption_key);

}  // namespace andon::app::cli
