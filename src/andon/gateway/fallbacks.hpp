#pragma once
// Other routes that take over a call by the kind of the fault that ended it on its own.
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "andon/base/error.hpp"
#include "andon/llm/reply.hpp"

namespace andon::gateway {

enum class fallback_kind : std::uint8_t { context_window, content_filter, rate_limit, count_ };
inline constexpr std::array<std::string_view, 3> fallback_names{"context_window", "content_filter", "rate_limit"};

/// What the last attempt's failure was in these terms; nothing for every other failure. `said`: what the provider itself
/// reported, in a refusal, in a reply with status 200 or in a stream.
std::optional<fallback_kind> fallback_of(errc code, llm::failure_class said);

}  // namespace andon::gateway
