#pragma once
#include <cstdint>
#include <string>

#include "andon/app/cli/cli_context.hpp"

namespace andon::app::cli {

/// Streams matching Records to a file (replaced only when complete) or to standard output. `most` 0: all.
int export_records(const context& in, const std::string& query, const std::string& file, std::uint64_t most);

}  // namespace andon::app::cli
