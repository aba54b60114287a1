// Any text parses or is refused with a place inside it; what parses has a text that parses to the same filter.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "andon/ledger/filter.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace andon::ledger;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const andon::wall_time now{std::chrono::seconds{1'760'000'000}};
  const auto parsed = parse_filter(text, now);
  if (!parsed) {
    if (parsed.error().at > text.size() || parsed.error().message.empty()) std::abort();
    (void)to_error(parsed.error(), text);
    return 0;
  }
  const filter_bounds wide{.text_bytes = 1 << 20, .depth = 256, .terms = 4096};
  const std::string again = to_text(*parsed);
  const auto reparsed = parse_filter(again, now, wide);
  if (!reparsed || to_text(*reparsed) != again) std::abort();
  return 0;
}
