// Counting against the slow obvious algorithm, whole and streamed.
#include <algorithm>
#include <cstdlib>

#include "andon/llm/tokens.hpp"
#include "andon/llm/tokens_reference.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace andon::llm;
  if (size == 0) return 0;
  const auto id = static_cast<vocabulary_id>(data[0] % 4);
  const std::string_view text(reinterpret_cast<const char*>(data + 1), std::min<std::size_t>(size - 1, 400));
  const token_counter counter;
  std::int64_t expected = 0;
  std::size_t begin = 0;
  for (const std::size_t end : reference::piece_ends(token_counter::rule_of(id), text)) {
    if (next_piece(token_counter::rule_of(id), text, begin) != end) std::abort();
    expected += reference::merged_count(counter.table(id), text.substr(begin, end - begin));
    begin = end;
  }
  if (counter.count(id, text).value() != expected) std::abort();
  const token_profile profile{.family = "fuzz", .base = id};
  stream_token_counter stream(counter, profile);
  const std::size_t step = 1 + data[0] / 4 % 16;
  for (std::size_t at = 0; at < text.size(); at += step) stream.feed(text.substr(at, step));
  if (stream.count().value() != expected) std::abort();
  return 0;
}
