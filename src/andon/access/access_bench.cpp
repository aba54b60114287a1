// CPU of the three steps that every call takes here, with a key that has what a busy installation gives it: limits of
// key and project, limits of the route, budgets of key and project.
#include <benchmark/benchmark.h>

#include "andon/access/admission.hpp"
#include "andon/access/credential.hpp"
#include "andon/access/test_directory.hpp"

namespace andon::access {
namespace {

struct header { std::string_view name, value; };

struct setting {
  explicit setting(bool users) {
    auto& p = d.project("shop");
    p.limits = {{.requests_per_minute = 10'000'000'000, .tokens_per_minute = 10'000'000'000, .parallel = 1'000'000}};
    p.budgets = {{.period = window::month, .limit = nano_usd::max()}};
    if (users) {
      p.limits.push_back({.per = {scope::user}, .requests_per_minute = 10'000'000'000});
      p.budgets.push_back({.per = {scope::user}, .period = window::day, .limit = nano_usd::max()});
    }
    d.declared.routes[0].limits = {{.per = {scope::key}, .tokens_per_minute = 10'000'000'000}};
    key = d.key("web", "shop", {.limits = {{.requests_per_minute = 10'000'000'000, .tokens_per_minute = 10'000'000'000}}, .budgets = {{.period = window::day, .limit = nano_usd::max()}}});
    for (int i = 0; i < 1000; ++i) d.key(std::to_string(i), "shop");
    board.publish(d.build());
    bearer = "Bearer " + key;
  }
  test_directory d;
  std::string key, bearer;
  directory_board board;
  admission gate{nullptr};
};

void identify(benchmark::State& state) {
  setting s{false};
  directory_reader reader{s.board};
  const system_clock time;
  const std::array<header, 8> headers{{{"host", "localhost"}, {"accept", "*/*"}, {"user-agent", "OpenAI/Python 1.0"}, {"content-type", "application/json"},
                                       {"content-length", "100"}, {"x-stainless-lang", "python"}, {"authorization", s.bearer}, {"accept-encoding", "gzip"}}};
  const auto now = time.wall();
  for (auto _ : state) benchmark::DoNotOptimize(directory::identify(reader.get(), *find_credential(headers), now));
}
BENCHMARK(identify);

void admit_and_settle(benchmark::State& state) {
  setting s{state.range(0) != 0};
  directory_reader reader{s.board};
  const system_clock time;
  const auto now = time.mono();
  const auto wall = time.wall();
  const auto who = *directory::identify(reader.get(), s.key, wall);
  const auto route = reader.get()->find_route("chat");
  for (auto _ : state) {
    auto held = s.gate.admit({who, route, "user-1234", {}, tokens{500}, nano_usd{1000}}, now, wall);
    held->settle(tokens{400}, nano_usd{800}, now);
  }
}
BENCHMARK(admit_and_settle)->Arg(0)->Arg(1)->ArgName("users");

void whole(benchmark::State& state) {
  setting s{false};
  directory_reader reader{s.board};
  const system_clock time;
  const std::array<header, 3> headers{{{"host", "localhost"}, {"content-type", "application/json"}, {"authorization", s.bearer}}};
  for (auto _ : state) {
    const auto now = time.mono();
    const auto wall = time.wall();
    const auto who = *directory::identify(reader.get(), *find_credential(headers), wall);
    auto held = s.gate.admit({who, who.in()->find_route("chat"), {}, {}, tokens{500}, nano_usd{1000}}, now, wall);
    auto rates = held->rates(now);
    benchmark::DoNotOptimize(rates);
    held->settle(tokens{400}, nano_usd{800}, now);
  }
}
BENCHMARK(whole);

}  // namespace
}  // namespace andon::access

