// Price tables and overrides from arbitrary text: refused or usable, never undefined.
#include <string>

#include "andon/llm/price.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace andon::llm;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string head(text.substr(0, size / 2)), tail(text.substr(size / 2));
  const price_override given{.model = head, .from = size % 3 == 0 ? tail : "", .input = tail, .output = head};
  const auto table = price_table::parse(text, {&given, size % 2});
  if (!table) return 0;
  const auto* found = table->find(head, tail, andon::wall_time{});
  static_cast<void>(cost(found, {.input = andon::tokens{1}, .output = andon::tokens::max()}));
  return 0;
}
