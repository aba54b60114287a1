#pragma once
// Writing JSON without a document: for logs, exports, replies and edits on the path.
#include <string>
#include <string_view>

namespace andon {

/// Appends `text` as a JSON string with its quotes. Bytes that are not valid UTF-8 become U+FFFD, so the result is
/// always valid JSON.
void append_json_string(std::string& out, std::string_view text);

[[nodiscard]] inline std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

/// Length in bytes (1 to 4) of the UTF-8 sequence at the front, or 0 if it is not a valid one (RFC 3629: no overlong
/// forms, no surrogates, nothing above U+10FFFF).
std::size_t utf8_sequence(std::string_view text);
bool is_utf8(std::string_view text);

}  // namespace andon
