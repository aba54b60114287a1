#pragma once
// Other routes that take over a call by the kind of the fault that ended it on its own.
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "andon/base/error.hpp"

namespace andon::gateway {

enum class fallback_kind : std::uint8_t { context_window, content_filter, rate_limit, count_ };
inline constexpr std::array<std::string_view, 3> fallback_names{"context_window", "content_filter", "rate_limit"};

/// What the last attempt's failure was in these terms; nothing for every other failure. `status` and `body` are the
/// provider's own refusal, 0 and empty when there was none.
std::optional<fallback_kind> fallback_of(errc code, int status, std::string_view body);

}  // namespace andon::gateway
