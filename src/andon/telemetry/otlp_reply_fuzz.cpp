// Replies of collectors.
#include "andon/telemetry/otlp_encode.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  (void)andon::telemetry::rejected_items({reinterpret_cast<const char*>(data), size});
  return 0;
}
