#include "andon/gateway/fallbacks.hpp"

#include "andon/llm/dialect/openai_error.hpp"

namespace andon::gateway {

std::optional<fallback_kind> fallback_of(errc code, int status, std::string_view body) {
  if (code == errc::upstream_rate_limited) return fallback_kind::rate_limit;
  if (body.empty()) return std::nullopt;
  switch (llm::openai::parse_error(status, body).what) {
    case llm::failure_class::context_length: return fallback_kind::context_window;
    case llm::failure_class::content_filter: return fallback_kind::content_filter;
    case llm::failure_class::rate_limited: return fallback_kind::rate_limit;
    default: return std::nullopt;
  }
}

}  // namespace andon::gateway
