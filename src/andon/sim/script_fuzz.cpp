// Any bytes as a script: an error with a place, or a script whose engine answers.
#include <cstdint>
#include <string_view>

#include "andon/sim/engine.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace andon::sim;
  if (size > 4'096) return 0;
  auto script = parse_script({reinterpret_cast<const char*>(data), size});
  if (!script || (script->canned && script->canned->events > 1'000)) return 0;
  script->defaults.bytes.reset();
  script->defaults.words = 3;
  for (auto& rule : script->rules) rule.then.words = 3, rule.then.bytes.reset();
  engine e{std::move(*script)};
  (void)e.answer({"POST", "/v1/chat/completions", "", {}, R"({"model":"m","stream":true,"messages":[{"role":"user","content":"x"}]})"}, {});
  (void)e.at_accept({});
  return 0;
}
