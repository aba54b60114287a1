// Headers of providers.
#include "andon/route/fault.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace andon;
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const wall_time now{std::chrono::seconds{1'760'000'000}};
  const std::string_view half = text.substr(0, size / 2);
  const nanoseconds wait = route::parse_retry_after(half, text.substr(size / 2), now);
  if (wait < nanoseconds::zero() || wait > std::chrono::hours{24 * 365 * 200}) __builtin_trap();
  return 0;
}
