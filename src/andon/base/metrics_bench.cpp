#include <benchmark/benchmark.h>

#include "andon/base/metrics.hpp"

namespace andon::metrics {
namespace {

constexpr double seconds[]{0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92};

void add(benchmark::State& state) {
  use_slot(static_cast<std::size_t>(state.range(0)));
  counter one;
  for (auto _ : state) one.add();
}
BENCHMARK(add)->Arg(0)->Arg(1);

void observe(benchmark::State& state) {
  use_slot(static_cast<std::size_t>(state.range(0)));
  histogram one{seconds};
  for (auto _ : state) one.observe(0.3);
}
BENCHMARK(observe)->Arg(0)->Arg(1);

void render_1000_series(benchmark::State& state) {
  registry all;
  for (int i = 0; i < 900; ++i) all.make_counter({"requests", "Requests", ""}, {{"model", std::to_string(i)}}).add();
  for (int i = 0; i < 100; ++i) all.make_histogram({"times", "Times", "s"}, seconds, {{"model", std::to_string(i)}}).observe(1);
  for (auto _ : state) benchmark::DoNotOptimize(all.render_prometheus());
}
BENCHMARK(render_1000_series);

}  // namespace
}  // namespace andon::metrics
