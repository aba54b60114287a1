// A client's schema against a provider's text: no crash, and an end.
#include <string>

#include "andon/base/json_text.hpp"
#include "andon/llm/structure.hpp"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const auto cut = all.find('\0');
  const std::string format = R"({"type":"json_schema","json_schema":{"schema":)" + std::string(all.substr(0, cut)) + "}}";
  const std::string content(cut == std::string_view::npos ? std::string_view{} : all.substr(cut + 1));
  const auto found = andon::llm::check_structure(format, R"({"choices":[{"finish_reason":"stop","message":{"content":)" + andon::json_string(content) + "}}]}");
  if (found.verdict == andon::llm::structure_verdict::invalid && found.why.empty()) __builtin_trap();
  return 0;
}
