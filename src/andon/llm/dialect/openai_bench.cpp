// What the dialect costs on the path. CPU time per call.
#include <benchmark/benchmark.h>

#include "andon/llm/dialect/openai_reply.hpp"
#include "andon/llm/dialect/openai_request.hpp"
#include "andon/llm/dialect/openai_stream.hpp"

namespace {

using namespace andon::llm;

constexpr std::string_view short_chat = R"({"model":"gpt-4o-mini","messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"What is the capital of France? Answer in one word, please."}],"temperature":0.7,"max_tokens":64})";
constexpr std::string_view short_reply = R"({"id":"chatcmpl-C4Hn7cxHHDt210R3NWm4trTgiLkrA","object":"chat.completion","created":1755137737,"model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"message":{"role":"assistant","content":"Paris.","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":12,"completion_tokens":2,"total_tokens":14,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"service_tier":"default","system_fingerprint":null})";
constexpr std::string_view chunk = R"({"id":"chatcmpl-C4Hn7cxHHDt210R3NWm4trTgiLkrA","object":"chat.completion.chunk","created":1755137752,"model":"gpt-4o-mini-2024-07-18","service_tier":"default","system_fingerprint":"fp_1234567890","choices":[{"index":0,"delta":{"content":" token"},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"yju6ubcSiysu"})";

void request(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(openai::scan_request(operation::chat, short_chat));
}
void request_renamed(benchmark::State& state) {
  std::string storage;
  for (auto _ : state) {
    auto facts = openai::scan_request(operation::chat, short_chat);
    json_edit edit{short_chat};
    openai::set_model(edit, *facts, "gpt-4o-mini-2024-07-18");
    openai::remove_gateway_fields(edit, *facts);
    benchmark::DoNotOptimize(edit.apply(storage));
  }
}
void request_large(benchmark::State& state) {
  std::string body = R"({"model":"m","messages":[{"role":"user","content":")";
  for (int i = 0; i < 4'000; ++i) body += "The quick brown fox jumps over it.\\n";
  body += "\"}]}";
  for (auto _ : state) benchmark::DoNotOptimize(openai::scan_request(operation::chat, body));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * body.size()));
}
void reply(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(openai::scan_reply(operation::chat, short_reply));
}
void stream_chunk(benchmark::State& state) {
  openai::stream_assembler stream{operation::chat, {.client_wants_usage = false}};
  for (auto _ : state) benchmark::DoNotOptimize(stream.feed(chunk));
}
void stream_of_64(benchmark::State& state) {
  for (auto _ : state) {
    openai::stream_assembler stream{operation::chat};
    for (int i = 0; i < 63; ++i) benchmark::DoNotOptimize(stream.feed(chunk));
    benchmark::DoNotOptimize(stream.feed("[DONE]"));
    benchmark::DoNotOptimize(stream.assemble());
  }
}

BENCHMARK(request);
BENCHMARK(request_renamed);
BENCHMARK(request_large);
BENCHMARK(reply);
BENCHMARK(stream_chunk);
BENCHMARK(stream_of_64);

}  // namespace

