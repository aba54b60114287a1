#pragma once
// A slow and obvious reading of server-sent events, to compare the reader with. For tests and fuzzing.
#include <string>
#include <string_view>
#include <vector>

namespace andon::net::test {

struct plain_event {
  std::string name, data, id;
  bool has_data = false;
  bool operator==(const plain_event&) const = default;
};

/// All events of a whole stream, by the letter of the standard: split into lines, then field by field.
inline std::vector<plain_event> read_slowly(std::string_view stream) {
  std::string text(stream);
  if (text.starts_with("\xEF\xBB\xBF")) {
    text.erase(0, 3);
    if (!text.empty() && (text[0] == '\r' || text[0] == '\n')) text.insert(0, ":");   // the mark's line is no event of its own
  }
  std::vector<std::string> lines;
  std::string line;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\r' && text[i] != '\n') {
      line += text[i];
      continue;
    }
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') ++i;
    lines.push_back(line);
    line.clear();
  }
  std::vector<plain_event> events;
  plain_event now;
  std::string id;
  for (const std::string& each : lines) {
    if (each.empty()) {
      now.id = id;
      if (now.has_data) now.data.pop_back();
      events.push_back(now);
      now = {};
      continue;
    }
    const std::size_t colon = each.find(':');
    if (colon == 0) continue;
    const std::string field = each.substr(0, colon);
    std::string value = colon == std::string::npos ? "" : each.substr(colon + 1);
    if (!value.empty() && value[0] == ' ') value.erase(0, 1);
    if (field == "data") {
      now.data += value + "\n";
      now.has_data = true;
    } else if (field == "event") {
      now.name = value;
    } else if (field == "id" && value.find('\0') == std::string::npos) {
      id = value;
    }
  }
  return events;
}

}  // namespace andon::net::test
