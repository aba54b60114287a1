// What the simulated provider costs, so that benchmarks know what they measure.
#include <benchmark/benchmark.h>

#include "andon/sim/engine.hpp"

namespace {

using namespace andon::sim;
constexpr std::string_view whole = R"({"model":"m","messages":[{"role":"user","content":"Tell me of lines"}]})";
constexpr std::string_view stream = R"({"model":"m","stream":true,"messages":[{"role":"user","content":"Tell me of lines"}]})";

void run(benchmark::State& state, std::string_view yaml, std::string_view body) {
  engine e{parse_script(yaml).value()};
  for (auto _ : state) benchmark::DoNotOptimize(e.answer({"POST", "/v1/chat/completions", "", {}, body}, {}));
}
void canned_whole(benchmark::State& state) { run(state, "canned: {}", whole); }
void canned_stream(benchmark::State& state) { run(state, "canned: {}", stream); }
void made_whole(benchmark::State& state) { run(state, "", whole); }
void made_stream_of_64(benchmark::State& state) { run(state, "defaults: { words: 62 }", stream); }

BENCHMARK(canned_whole);
BENCHMARK(canned_stream);
BENCHMARK(made_whole);
BENCHMARK(made_stream_of_64);

}  // namespace
