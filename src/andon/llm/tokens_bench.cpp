// Token counting and pricing. Rates are per second of CPU time.
#include <benchmark/benchmark.h>

#include <string>

#include "andon/base/random.hpp"
#include "andon/llm/tokens_passages.hpp"
#include "andon/llm/price.hpp"
#include "andon/llm/tokens.hpp"

namespace andon::llm {
namespace {

/// Sentences of the sample with words shuffled in from a seed, so that branches and caches see varied text.
std::string sample(std::string_view of, std::size_t bytes) {
  random_source random(1);
  std::string text;
  while (text.size() < bytes) {
    std::size_t from = random.below(of.size() / 2), size = of.size() / 4 + random.below(of.size() / 4);
    while ((static_cast<unsigned char>(of[from]) & 0xc0) == 0x80) ++from;
    while (from + size < of.size() && (static_cast<unsigned char>(of[from + size]) & 0xc0) == 0x80) ++size;
    text += of.substr(from, size);
  }
  return text;
}

void count_text(benchmark::State& state, std::string_view of, vocabulary_id id) {
  const token_counter counter;
  const std::string text = sample(of, 1 << 20);
  std::int64_t total = 0;
  for (auto _ : state) total += counter.count(id, text).value();
  benchmark::DoNotOptimize(total);
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
}
BENCHMARK_CAPTURE(count_text, english_o200k, passages::english, vocabulary_id::o200k_base);
BENCHMARK_CAPTURE(count_text, english_cl100k, passages::english, vocabulary_id::cl100k_base);
BENCHMARK_CAPTURE(count_text, code_o200k, passages::code, vocabulary_id::o200k_base);
BENCHMARK_CAPTURE(count_text, code_cl100k, passages::code, vocabulary_id::cl100k_base);
BENCHMARK_CAPTURE(count_text, chinese_o200k, passages::chinese, vocabulary_id::o200k_base);
BENCHMARK_CAPTURE(count_text, chinese_cl100k, passages::chinese, vocabulary_id::cl100k_base);

void count_prompt(benchmark::State& state, std::string_view model) {
  const token_counter counter;
  const token_profile& profile = token_profile_of(model);
  const std::string text = sample(passages::english, 1 << 20);
  std::size_t at = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(counter.count(profile, std::string_view(text).substr(at, 300)));
    at = (at + 300) % (text.size() - 300);
  }
}
BENCHMARK_CAPTURE(count_prompt, exact_300_bytes, "gpt-4o");
BENCHMARK_CAPTURE(count_prompt, scaled_300_bytes, "claude-sonnet-4-5");

void count_run_of_one_letter(benchmark::State& state) {
  const token_counter counter;
  const std::string text(1 << 20, 'a');
  for (auto _ : state) benchmark::DoNotOptimize(counter.count(vocabulary_id::o200k_base, text));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
}
BENCHMARK(count_run_of_one_letter);

void profile_of_a_name(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(&token_profile_of("gpt-4o-mini-2024-07-18"));
}
BENCHMARK(profile_of_a_name);

void make_price_table(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(price_table::make().value());
}
BENCHMARK(make_price_table);

void find_price(benchmark::State& state) {
  const price_table table = price_table::make().value();
  const wall_time now{std::chrono::seconds{1'760'000'000}};
  for (auto _ : state) benchmark::DoNotOptimize(table.find("openai", "gpt-4o-mini-2024-07-18", now));
}
BENCHMARK(find_price);

void cost_of_a_call(benchmark::State& state) {
  const price_table table = price_table::make().value();
  const price* found = table.find("openai", "gpt-4o-mini", wall_time{std::chrono::seconds{1'760'000'000}});
  usage use{.input = tokens{1000}, .cached_read = tokens{400}, .output = tokens{200}, .reasoning = tokens{50}};
  for (auto _ : state) {
    use.input += tokens{1};
    benchmark::DoNotOptimize(cost(found, use));
  }
}
BENCHMARK(cost_of_a_call);

}  // namespace
}  // namespace andon::llm
