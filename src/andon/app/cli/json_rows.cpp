#include "andon/app/cli/json_rows.hpp"

namespace andon::app::cli {

std::vector<std::string_view> raw_rows(std::string_view body) {
  constexpr std::string_view opening = R"({"data":[)";
  std::vector<std::string_view> out;
  if (!body.starts_with(opening)) return out;
  std::size_t begin = opening.size();
  int depth = 0;
  bool text = false;
  for (std::size_t i = begin; i < body.size(); ++i) {
    const char c = body[i];
    if (text) {
      if (c == '\\') ++i;
      else if (c == '"') text = false;
    } else if (c == '"') {
      text = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (depth == 0 && (c == ',' || c == ']')) {
      if (i > begin) out.push_back(body.substr(begin, i - begin));
      begin = i + 1;
      if (c == ']') return out;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return {};
}

}  // namespace andon::app::cli
