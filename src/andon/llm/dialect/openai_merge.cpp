#include "andon/llm/dialect/openai_merge.hpp"

#include <algorithm>

namespace andon::llm::openai {
namespace {

using type = json_cursor::type;
constexpr std::size_t max_parts = 4'096;

bool is_label(std::string_view key) { return key == "role" || key == "id" || key == "type"; }
bool is_generated(std::string_view key) { return !is_label(key) && key != "data" && key != "index" && key != "finish_reason"; }

}  // namespace

std::int64_t index_of(json_cursor at) {
  if (at.peek() != type::object || !at.begin_object()) return -1;
  json_cursor::token key;
  for (bool first = true; at.next_member(first, key);) {
    std::int64_t index = -1;
    if (key.raw != "index" || at.peek() != type::number) at.skip();
    else return to_integer(at.number(), index) && index >= 0 ? index : -1;
  }
  return -1;
}

bool merge_budget::take(std::size_t bytes) {
  if (bytes > left) return truncated = true, false;
  left -= bytes;
  return true;
}

merged& merged::member(std::string_view raw_key) {
  for (auto& part : parts)
    if (part.key == raw_key) return part;
  parts.emplace_back().key = raw_key;
  return parts.back();
}

const merged* merged::find(std::string_view raw_key) const {
  for (const auto& part : parts)
    if (part.key == raw_key) return &part;
  return nullptr;
}

merged& merged::entry(std::int64_t at) {
  auto place = std::lower_bound(parts.begin(), parts.end(), at, [](const merged& part, std::int64_t wanted) { return part.index < wanted; });
  if (place == parts.end() || place->index != at) {
    place = parts.emplace(place);
    place->index = at;
  }
  return *place;
}

bool merged::merge(json_cursor& at, std::string_view body, merge_budget& budget) {
  switch (at.peek()) {
    case type::string: return merge_text(at, budget);
    case type::object: return merge_object(at, body, budget);
    case type::array: return merge_list(at, body, budget);
    default: break;
  }
  bool null = at.peek() == type::null;
  auto written = at.skip().of(body);
  if (at.failed() || (null && what != kind::absent) || !budget.take(written.size())) return false;
  what = kind::value;
  raw = written;
  parts.clear();
  return !null;
}

void merged::become(kind next) {
  if (what == next) return;
  what = next;
  raw.clear();
  parts.clear();
}

bool merged::merge_text(json_cursor& at, merge_budget& budget) {
  auto found = at.string().raw;
  become(kind::text);
  if (found.empty() || !budget.take(found.size())) return !found.empty();
  bool repeated = key == "name" && raw == found;
  if (is_label(key) || key == "finish_reason") raw = found;
  else if (!repeated) raw += found;
  if (is_generated(key)) budget.text_bytes += found.size();
  return is_generated(key);
}

bool merged::merge_object(json_cursor& at, std::string_view body, merge_budget& budget) {
  become(kind::object);
  bool seen = false;
  at.begin_object();
  json_cursor::token name;
  for (bool first = true; at.next_member(first, name);) {
    bool room = parts.size() < max_parts || find(name.raw) != nullptr;
    if (!room) budget.truncated = true;
    if (room && (find(name.raw) != nullptr || budget.take(name.raw.size() + sizeof(merged)))) seen = member(name.raw).merge(at, body, budget) || seen;
    else at.skip();
  }
  return seen;
}

bool merged::merge_list(json_cursor& at, std::string_view body, merge_budget& budget) {
  become(kind::list);
  bool seen = false;
  at.begin_array();
  for (bool first = true; at.next_element(first);) {
    seen = true;
    std::int64_t place = index_of(at);
    if (place >= 0 && parts.size() < max_parts && budget.take(sizeof(merged))) {
      entry(place).merge(at, body, budget);
      continue;
    }
    auto written = at.skip().of(body);
    if (at.failed() || !budget.take(written.size() + 1)) continue;
    if (!raw.empty()) raw += ',';
    raw += written;
  }
  return seen;
}

void merged::write(std::string& out) const {
  bool more = false;
  switch (what) {
    case kind::absent: out += "null"; return;
    case kind::text: out.append("\"").append(raw).append("\""); return;
    case kind::value: out += raw; return;
    case kind::object:
      out += '{';
      for (const auto& part : parts) {
        if (index >= 0 && part.key == "index") continue;
        if (more) out += ',';
        more = true;
        out.append("\"").append(part.key).append("\":");
        part.write(out);
      }
      out += '}';
      return;
    case kind::list:
      out += '[';
      for (const auto& part : parts) {
        if (more) out += ',';
        more = true;
        part.write(out);
      }
      if (more && !raw.empty()) out += ',';
      out += raw;
      out += ']';
      return;
  }
}

void merged::visit_texts(const std::function<void(std::string_view)>& take) const {
  if (what == kind::text && is_generated(key) && !raw.empty()) take(raw);
  for (const auto& part : parts) part.visit_texts(take);
}

}  // namespace andon::llm::openai
