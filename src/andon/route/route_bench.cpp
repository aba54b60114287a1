#include <benchmark/benchmark.h>

#include "andon/route/attempt_plan.hpp"

namespace andon::route {
namespace {

using namespace std::chrono_literals;

struct world {
  health_table health;
  std::shared_ptr<route> at;
  explicit world(strategy choose) {
    route_settings s;
    s.name = route_name{"chat"};
    s.choose = choose;
    for (const char* name : {"a", "b", "c", "d"})
      s.targets.push_back({.model = model_name{name}, .weight = static_cast<std::uint32_t>(2 + s.targets.size()), .prices = unit_prices{nano_usd{100}, nano_usd{400}}});
    at = *route::compile(std::move(s), health);
    for (const auto& t : at->targets()) t.health->succeeded(100ms, 20ms, tokens{500}, mono_time{1h});
  }
};

void pick(benchmark::State& state) {
  world w{static_cast<strategy>(state.range(0))};
  state.SetLabel(std::string{to_string(w.at->settings().choose)});
  random_source random{1};
  facts given{.input = tokens{100}, .output = tokens{20}};
  mono_time now{1h + 1s};
  for (auto _ : state) benchmark::DoNotOptimize(w.at->pick(given, w.at->matching(given), now, random));
}
BENCHMARK(pick)->DenseRange(0, 6);

void whole_attempt(benchmark::State& state) {
  world w{strategy::weighted};
  random_source random{1};
  mono_time now{1h + 1s};
  for (auto _ : state) {
    now += 30us;
    attempt_plan plan{*w.at, {}, now, random};
    benchmark::DoNotOptimize(plan.next(now));
    plan.succeeded({.latency = 100ms, .used = tokens{120}}, now);
  }
}
BENCHMARK(whole_attempt);

}  // namespace
}  // namespace andon::route
