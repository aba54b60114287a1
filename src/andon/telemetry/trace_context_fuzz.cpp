// Headers of callers: whatever is accepted must come out well-formed.
#include "andon/telemetry/trace_context.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace andon::telemetry;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  if (const auto read = parse_traceparent(text)) {
    const auto made = make_traceparent(read->trace, read->parent, read->sampled);
    const auto again = parse_traceparent({made.data(), made.size()});
    if (!again || again->trace != read->trace || again->parent != read->parent || again->sampled != read->sampled) __builtin_trap();
  }
  const auto state = usable_tracestate(text);
  if (state.size() > 512 || usable_tracestate(state) != state) __builtin_trap();
  for (char c : state)
    if ((c < 0x20 && c != '\t') || c > 0x7e) __builtin_trap();
  return 0;
}
