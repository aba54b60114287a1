#pragma once
// For tests: a configuration's text through reading and compilation, as the program does it, without a network.
#include "andon/app/plan/advice.hpp"
#include "andon/app/plan/compile.hpp"

namespace andon::app::testing_support {

struct compilation {
  diagnostics found{"a.yaml"};
  settings read;
  route::health_table health;
  std::optional<compiled> made;

  explicit compilation(const std::string& text) {
    read = read_settings(text, found, [](const std::string& name) -> std::optional<std::string> {
      if (name == "KEY") return "sk-from-the-environment";
      return std::nullopt;
    });
    const auto sim = [](const std::string&, const std::string& script) -> result<net::endpoint> {
      if (script == "missing.yaml") return fail(errc::invalid_argument, "no such script");
      return net::endpoint{.host = "127.0.0.1", .port = 9};
    };
    constexpr wall_time now{std::chrono::seconds{1'790'000'000}};  // 2026-09-21
    compile_context in{health, sim, now, 7};
    made = compile(read, in, found);
    advise(read, now, found);
  }

  [[nodiscard]] const gateway::plan& plan() const { return *made->plan; }
  [[nodiscard]] std::vector<std::string> errors() const { return lines(found.sorted()); }
  [[nodiscard]] std::vector<std::string> warnings() const { return lines(found.warnings()); }

private:
  static std::vector<std::string> lines(const std::vector<diagnostic>& all) {
    std::vector<std::string> out;
    for (const auto& one : all) out.push_back(to_string(one));
    return out;
  }
};

/// A configuration that is right, for tests that add to it.
inline const std::string smallest = "providers: { p: { url: \"http://127.0.0.1:1/v1\" } }\nmodels: { m: { provider: p, price: { free: true } } }\nroutes: { r: { targets: [ m ] } }\n";

}  // namespace andon::app::testing_support
