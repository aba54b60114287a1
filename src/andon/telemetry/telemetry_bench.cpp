#include <benchmark/benchmark.h>

#include "andon/telemetry/example_exchange.hpp"
#include "andon/telemetry/exchange_meter.hpp"
#include "andon/telemetry/otlp_encode.hpp"

namespace andon::telemetry {
namespace {

void observe_exchange(benchmark::State& state) {
  metrics::use_slot(1);
  metrics::registry registry;
  exchange_meter meter{registry};
  const example_exchange example;
  exchange_facts f = example.facts();
  f.attempts = f.attempts.last(1);
  f.failovers = 0;
  for (auto _ : state) {
    meter.began();
    meter.ended();
    meter.observe(f);
  }
}
BENCHMARK(observe_exchange);

void copy_spans(benchmark::State& state) {
  const example_exchange example;
  exchange_facts f = example.facts();
  f.attempts = f.attempts.last(1);
  for (auto _ : state) benchmark::DoNotOptimize(spans_of(f));
}
BENCHMARK(copy_spans);

void encode_batch(benchmark::State& state) {
  const example_exchange example;
  std::vector<span> spans;
  for (int i = 0; i < 256; ++i) for (auto& one : spans_of(example.facts())) spans.push_back(std::move(one));
  for (auto _ : state) benchmark::DoNotOptimize(encode_traces({}, spans));
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * spans.size()));
}
BENCHMARK(encode_batch);

}  // namespace
}  // namespace andon::telemetry
