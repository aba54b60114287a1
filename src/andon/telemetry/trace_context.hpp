#pragma once
// W3C Trace Context (https://www.w3.org/TR/trace-context/), level 1 with level 2's tolerance: reading, making, sampling.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "andon/base/random.hpp"
#include "andon/telemetry/exchange_facts.hpp"

namespace andon::telemetry {

struct trace_context {
  trace_id trace{};
  span_id parent{};
  bool sampled = false;
};

/// `00-<32 hex>-<16 hex>-<2 hex>`, lower case; later versions may be longer. Nothing for any other form, all-zero ids
/// and version ff.
std::optional<trace_context> parse_traceparent(std::string_view header);
/// Writes 55 characters.
std::array<char, 55> make_traceparent(const trace_id&, const span_id&, bool sampled);
/// The header to pass on, or nothing when it is not well-formed: at most 32 members of valid keys and values, no key
/// twice, at most 512 bytes (longer ones lose whole members from the right).
std::string_view usable_tracestate(std::string_view header);

trace_id make_trace_id(random_source&);  ///< never all zero
span_id make_span_id(random_source&);

std::string hex(const trace_id&);
std::string hex(const span_id&);
[[nodiscard]] constexpr bool is_nil(const trace_id& id) { return id == trace_id{}; }
[[nodiscard]] constexpr bool is_nil(const span_id& id) { return id == span_id{}; }

/// Parent-based: a caller's decision is followed; a root is sampled by its trace id's last 56 bits, so that every
/// program with the same ratio decides alike. Immutable.
class sampler {
public:
  explicit sampler(double ratio);  ///< 0 … 1
  [[nodiscard]] bool decide(const std::optional<trace_context>& parent, const trace_id& own) const;

private:
  std::uint64_t bound_;
};

}  // namespace andon::telemetry
