#include "andon/llm/dialect/openai_usage.hpp"

#include <algorithm>
#include <string>

namespace andon::llm::openai {
namespace {

enum field : std::size_t {
  prompt_tokens, completion_tokens, total_tokens, prompt_details, completion_details, cache_hit,
  cached, audio, reasoning, cache_write, cache_creation, field_count,
};
constexpr std::string_view field_names[] = {
    "prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details", "completion_tokens_details",
    "prompt_cache_hit_tokens", "cached_tokens", "audio_tokens", "reasoning_tokens", "cache_write_tokens",
    "cache_creation_tokens"};
constexpr key_table fields{field_names};
// No call has more; a provider that says so would empty every budget.
constexpr std::int64_t most_tokens = 1'000'000'000;

struct counts {
  std::int64_t value[field_count];
  counts() { std::fill_n(value, static_cast<std::size_t>(field_count), -1); }
};

void read_counts(json_cursor& at, counts& top, counts& input, counts& output, unsigned level) {
  counts& into = level == 0 ? top : level == 1 ? input : output;
  at.begin_object();
  json_cursor::token key;
  std::string storage;
  for (bool first = true; at.next_member(first, key);) {
    std::size_t name = fields.find(text_of(key, storage));
    if (at.peek() == json_cursor::type::number && name < field_count) {
      std::int64_t count = -1;
      if (to_integer(at.number(), count)) into.value[name] = count;
    } else if (level == 0 && (name == prompt_details || name == completion_details) && at.peek() == json_cursor::type::object) {
      read_counts(at, top, input, output, name == prompt_details ? 1 : 2);
    } else {
      at.skip();
    }
  }
}

tokens part(std::int64_t count, std::int64_t whole) { return tokens{std::clamp<std::int64_t>(count, 0, whole)}; }

}  // namespace

std::optional<usage> read_usage(json_cursor& at) {
  if (at.peek() != json_cursor::type::object) return at.skip(), std::nullopt;
  counts top, input, output;
  read_counts(at, top, input, output, 0);
  std::int64_t in = top.value[prompt_tokens], out = std::max<std::int64_t>(top.value[completion_tokens], 0);
  if (at.failed() || in < 0 || top.value[completion_tokens] < -1) return std::nullopt;
  if (in > most_tokens || out > most_tokens) return std::nullopt;
  std::int64_t thought = std::max<std::int64_t>({output.value[reasoning], top.value[reasoning], 0});
  bool beside = thought > 0 && top.value[total_tokens] > in && (tokens{in} + tokens{out} + tokens{thought}).value() == top.value[total_tokens];
  usage use;
  use.input = tokens{in};
  use.output = beside ? tokens{out} + tokens{thought} : tokens{out};
  use.cached_read = part(std::max(input.value[cached], top.value[cache_hit]), in);
  use.cache_write_5m = part(std::max(input.value[cache_write], input.value[cache_creation]), in - use.cached_read.value());
  use.input_audio = part(input.value[audio], in);
  use.reasoning = part(thought, use.output.value());
  use.output_audio = part(output.value[audio], use.output.value());
  return use;
}

}  // namespace andon::llm::openai
