// What the path pays for the ledger, in CPU time of its own thread, and how long a restart takes.
#include <benchmark/benchmark.h>

#include <ctime>

#include "andon/ledger/journal_testing.hpp"
#include "andon/ledger/keyring.hpp"

namespace andon::ledger {
namespace {

using namespace testing;

class disk_directory {
public:
  disk_directory() {
    std::string name = "/var/tmp/andon-bench-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  ~disk_directory() { std::error_code ignored; std::filesystem::remove_all(path_, ignored); }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
  std::filesystem::path path_;
};

record short_chat(std::size_t body) {
  auto r = record_number(1, body);
  r.key = key_id{"key_01HZX3"};
  r.method = "POST";
  r.route = route_name{"chat"};
  r.model = model_name{"gpt-4o-mini"};
  r.provider = provider_name{"openai"};
  r.upstream_model = "gpt-4o-mini-2024-07-18";
  r.client_address = "10.0.0.7:53122";
  r.user_agent = "OpenAI/Python 1.51.0";
  r.content_type = "application/json";
  r.finish_reason = "stop";
  r.stage_nanos.fill(1000);
  r.use = {.input = tokens{90}, .output = tokens{120}};
  r.attempts.push_back({.model = r.model, .provider = r.provider, .upstream_model = r.upstream_model, .address = "api.openai.com:443", .http_status = 200});
  return r;
}

double thread_nanoseconds() {
  timespec t{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec);
}

void encode(benchmark::State& state) {
  record_encoder encoder;
  const auto r = short_chat(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(encoder.encode(r).data());
}
BENCHMARK(encode)->Arg(100)->Arg(600)->Arg(16'000);

void view(benchmark::State& state) {
  record_encoder encoder;
  const auto bytes = encoder.encode(short_chat(600));
  for (auto _ : state) benchmark::DoNotOptimize(record_view::over(bytes)->id());
}
BENCHMARK(view);

void decode(benchmark::State& state) {
  record_encoder encoder;
  const auto bytes = encoder.encode(short_chat(600));
  for (auto _ : state) benchmark::DoNotOptimize(decode_record(bytes)->http_status);
}
BENCHMARK(decode);

/// An exchange as the path sees it: opened, then the Record. Page faults and rotations included, the journal thread's
/// work is not.
void exchange(benchmark::State& state) {
  const disk_directory home;
  const system_clock clk;
  std::optional<keyring> ring;
  if (state.range(1) != 0) ring = keyring::open(home.path() / "keyring", parse_master_key(secret{std::string(64, 'a')}).value()).value();
  auto j = journal::open({.directory = home.path() / "journal", .max_disk_bytes = 1u << 30, .when_full = full_policy::drop_oldest}, clk, ring ? &*ring : nullptr).value();
  auto& writer = j->writer(0);
  auto r = short_chat(static_cast<std::size_t>(state.range(0)));
  auto o = opened_number(1);
  std::uint64_t n = 0;
  const auto before = thread_nanoseconds();
  for (auto _ : state) {
    r.id = o.id = id_number(++n);
    if (!writer.append_opened(o, 2000) || !writer.append_record(r)) state.SkipWithError("append failed");
  }
  state.counters["cpu_ns"] = (thread_nanoseconds() - before) / static_cast<double>(n);
  state.counters["on_core"] = static_cast<double>(j->status().rotations_on_core);
}
BENCHMARK(exchange)->Args({100, 0})->Args({600, 0})->Args({600, 1})->Args({16'000, 0})->MinTime(0.5);

/// One GiB of journal, then the start after a kill.
void restart(benchmark::State& state) {
  const disk_directory home;
  const system_clock clk;
  const journal_options options{.directory = home.path(), .streams = 2};
  {
    auto j = journal::open(options, clk).value();
    const auto r = short_chat(600);
    for (std::uint64_t n = 0; j->status().segments < 16 || n % 100'000 != 50'000; ++n) {
      auto one = r;
      one.id = id_number(n);
      (void)j->writer(n % 2).append_record(one);
    }
    state.counters["MB"] = static_cast<double>(j->status().disk_bytes) / 1e6;
  }
  for (auto _ : state) {
    auto j = journal::open({.directory = home.path(), .streams = 2, .background = false}, clk).value();
    state.counters["recovery_ms"] = static_cast<double>(j->recovered().took.count()) / 1e6;
  }
}
BENCHMARK(restart)->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace andon::ledger
