#include "andon/gateway/fallbacks.hpp"

namespace andon::gateway {

std::optional<fallback_kind> fallback_of(errc code, llm::failure_class said) {
  if (code == errc::upstream_rate_limited) return fallback_kind::rate_limit;
  switch (said) {
    case llm::failure_class::context_length: return fallback_kind::context_window;
    case llm::failure_class::content_filter: return fallback_kind::content_filter;
    case llm::failure_class::rate_limited: return fallback_kind::rate_limit;
    default: return std::nullopt;
  }
}

}  // namespace andon::gateway
