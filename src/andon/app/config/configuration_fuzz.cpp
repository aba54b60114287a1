// Any bytes as a configuration file: read, compiled, advised on and shown; it never crashes, and what is refused says why.
#include <cstdlib>
#include <string>

#include "andon/app/plan/advice.hpp"
#include "andon/app/plan/compile.hpp"
#include "andon/app/serve/configuration.hpp"
#include "andon/app/serve/mask.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace andon;
  using namespace andon::app;
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (text.find("file:") != std::string::npos || text.find("openslo") != std::string::npos) return 0;  // nothing of this machine is read
  diagnostics found("fuzz.yaml");
  const auto read = read_settings(text, found, [](const std::string& name) -> std::optional<std::string> {
    if (name.starts_with("K")) return "sk-0123456789abcdef-" + name;
    return std::nullopt;
  });
  route::health_table health;
  const auto nowhere = [](const std::string&, const std::string&) -> result<net::endpoint> { return net::endpoint{.host = "127.0.0.1", .port = 1}; };
  compile_context in{health, nowhere, wall_time{std::chrono::seconds{1'790'000'000}}, 1};
  const auto made = compile(read, in, found);
  advise(read, {}, found);
  if (made.has_value() != found.empty()) std::abort();
  if (!made && found.text().empty()) std::abort();
  for (const auto& one : found.warnings())
    if (to_string(one).empty()) std::abort();
  if (!made) return 0;
  (void)mask_secrets(text);
  (void)restart_needed(text, "listen: { threads: 1 }\n");
  return 0;
}
