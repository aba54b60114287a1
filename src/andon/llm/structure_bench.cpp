#include <benchmark/benchmark.h>

#include "andon/base/json_text.hpp"
#include "andon/llm/structure.hpp"

namespace {

/// A list of so many people, as an extraction asks for them.
void check_people(benchmark::State& state) {
  const std::string format = R"({"type":"json_schema","json_schema":{"name":"people","strict":true,"schema":{"type":"object","additionalProperties":false,"required":["people"],"properties":{"people":{"type":"array","items":)"
                             R"({"type":"object","additionalProperties":false,"required":["name","age","mail"],"properties":{"name":{"type":"string"},"age":{"type":"integer","minimum":0},"mail":{"type":["string","null"]}}}}}}}})";
  std::string content = R"({"people":[)";
  for (std::int64_t n = 0; n < state.range(0); ++n) content += std::string(n == 0 ? "" : ",") + R"({"name":"Ada Lovelace","age":36,"mail":"ada@example.com"})";
  content += "]}";
  const std::string reply = R"({"choices":[{"finish_reason":"stop","message":{"content":)" + andon::json_string(content) + "}}]}";
  if (andon::llm::check_structure(format, reply).verdict != andon::llm::structure_verdict::valid) state.SkipWithError("not valid");
  for (auto _ : state) benchmark::DoNotOptimize(andon::llm::check_structure(format, reply));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(reply.size()));
}
BENCHMARK(check_people)->Arg(1)->Arg(20)->Arg(400);

}  // namespace
