// A second of a thousand objectives; three years of their hours: bytes on the disk and time to draw; a Record among many
// filters.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "andon/base/random.hpp"
#include "andon/slo/slo_testing.hpp"

namespace andon::slo {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t objectives = 1'000;
constexpr instant start{seconds{1'790'000'000}};

std::vector<objective_spec> thousand() {
  std::vector<objective_spec> out;
  for (std::int64_t i = 0; i < objectives; ++i) {
    auto one = testing::availability(fmt::format("o{}", i), 0.999, rolling(30 * 24h), fmt::format("route:r{}", i));
    one.members[0].target = one.target;
    if (i % 10 == 0) {
      one.method = budgeting::timeslices;
      one.members[0].slice_target = 0.99;
    }
    out.push_back(std::move(one));
  }
  return out;
}

/// A second in which every objective gets an event, and all are judged; saving included.
void a_second(benchmark::State& state) {
  testing::temporary_directory home;
  simulated_clock clock{wall_time{start}};
  auto watching = watch::open(home.file("watch.db"), clock, [](std::span<const signal>) {}).value();
  watch_plan plan{thousand(), {}, {}};
  if (!watching->adopt(std::move(plan))) return state.SkipWithError("no plan");
  watching->past_is_complete();
  std::vector<std::unique_ptr<testing::viewed>> records;
  auto now = start;
  for (auto step : state) {
    (void)step;
    state.PauseTiming();
    records.clear();
    for (std::int64_t i = 0; i < objectives; ++i)
      records.push_back(std::make_unique<testing::viewed>(testing::record_at(now, i % 700 == 0 ? errc::upstream_error : errc::none, fmt::format("r{}", i))));
    now += 1s;
    state.ResumeTiming();
    for (const auto& one : records) (void)watching->count(one->view());
    if (const auto done = watching->tick(now, {}); !done) return state.SkipWithError(done.error().message.c_str());
  }
  state.counters["share_of_a_core"] = benchmark::Counter(static_cast<double>(state.iterations()), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(a_second)->Unit(benchmark::kMillisecond)->Iterations(4'000);

/// The same without events: what judging alone costs.
void a_quiet_second(benchmark::State& state) {
  testing::temporary_directory home;
  simulated_clock clock{wall_time{start}};
  auto watching = watch::open(home.file("watch.db"), clock, [](std::span<const signal>) {}).value();
  if (!watching->adopt({thousand(), {}, {}})) return state.SkipWithError("no plan");
  watching->past_is_complete();
  auto now = start;
  for (auto step : state) {
    (void)step;
    if (const auto done = watching->tick(now += 1s, {}); !done) return state.SkipWithError(done.error().message.c_str());
  }
}
BENCHMARK(a_quiet_second)->Unit(benchmark::kMillisecond)->Iterations(4'000);

/// Three years of hours of a thousand objectives: their bytes, and the time to draw one.
void three_years(benchmark::State& state) {
  testing::temporary_directory home;
  simulated_clock clock{wall_time{start}};
  const auto file = home.file("watch.db");
  constexpr std::int64_t days = 3 * 365;
  const auto first = floor_to(start, 24h) - days * 24h;
  {
    auto store = series_store::open(file, clock).value();
    random_source random{1};
    for (const auto& one : thousand()) {
      const auto id = store->series(one.members[0].what.identity())->id;
      if (!store->set_filling(id, false) || !store->begin()) return state.SkipWithError("cannot write");
      for (std::int64_t day = 0; day < days; ++day) {
        std::string bytes;
        for (int hour = 0; hour < 24; ++hour) {
          const auto total = static_cast<std::int64_t>(1'000 + random.below(100'000));
          put_varint(bytes, 0);
          counts{total - static_cast<std::int64_t>(random.below(200)), total}.encode(bytes);
        }
        if (!store->put_block(id, tier::hour, first + day * 24h, bytes)) return state.SkipWithError("cannot write");
      }
      if (!store->commit()) return state.SkipWithError("cannot commit");
    }
  }
  auto watching = watch::open(file, clock, [](std::span<const signal>) {}).value();
  if (!watching->adopt({thousand(), {}, {}})) return state.SkipWithError("no plan");
  std::int64_t i = 0;
  std::size_t points = 0;
  for (auto step : state) {
    (void)step;
    const auto drawn = watching->objective_chart(fmt::format("o{}", 1 + (i += 7) % (objectives - 1) / 10 * 10 + 1), first, start, 2h);
    if (!drawn) return state.SkipWithError(drawn.error().message.c_str());
    points = drawn->points.size();
  }
  state.counters["points"] = static_cast<double>(points);
  state.counters["megabytes"] = static_cast<double>(std::filesystem::file_size(file)) / 1e6;
}
BENCHMARK(three_years)->Unit(benchmark::kMillisecond)->Iterations(50);

/// What the watch makes of one Record: with the indicators that are always there, and with a thousand objectives beside.
void a_record(benchmark::State& state) {
  testing::temporary_directory home;
  simulated_clock clock{wall_time{start}};
  auto watching = watch::open(home.file("watch.db"), clock, [](std::span<const signal>) {}).value();
  watch_plan plan;
  if (state.range(0) > 0) plan.objectives = thousand();
  for (const auto& [what, by] :
       {std::pair{measure::availability, dimension::route}, {measure::latency, dimension::route}, {measure::cost, dimension::project}}) {
    indicator_spec one{std::string(about(what).name), {}, {}, {by}};
    one.what.what = what;
    plan.indicators.push_back(std::move(one));
  }
  if (!watching->adopt(std::move(plan))) return state.SkipWithError("no plan");
  watching->past_is_complete();
  const testing::viewed record(testing::record_at(start, errc::none, "r7"));
  for (auto step : state) {
    (void)step;
    (void)watching->count(record.view());
  }
}
BENCHMARK(a_record)->Arg(0)->Arg(1'000)->Unit(benchmark::kNanosecond);

}  // namespace
}  // namespace andon::slo
