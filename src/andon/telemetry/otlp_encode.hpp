#pragma once
// OTLP in its JSON form (opentelemetry-proto, docs/specification.md): ids as hex, enums as integers, 64-bit integers as
// decimal strings, lowerCamelCase.
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "andon/base/clock.hpp"
#include "andon/base/metrics.hpp"
#include "andon/telemetry/span.hpp"

namespace andon::telemetry {

/// Who reports: `service.name`, `service.version`, `service.instance.id` and what the operator adds.
struct resource {
  std::vector<std::pair<std::string, std::string>> attributes;
};

/// Body for POST /v1/traces.
std::string encode_traces(const resource&, std::span<const span> spans);
/// Body for POST /v1/metrics: every series of the registry, cumulative since `start`.
std::string encode_metrics(const resource&, const metrics::registry&, wall_time start, wall_time now);
/// RFC 1952, for `Content-Encoding: gzip`.
std::string gzip(std::string_view bytes);
/// What a collector says it refused in a 200: `partialSuccess.rejectedSpans` or `rejectedDataPoints`; 0 when nothing.
std::int64_t rejected_items(std::string_view reply_body);

}  // namespace andon::telemetry
