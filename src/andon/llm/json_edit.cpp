#include "andon/llm/json_edit.hpp"

#include <algorithm>

#include "andon/base/json_text.hpp"

namespace andon::llm {
namespace {

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

std::uint32_t skip_space(std::string_view text, std::uint32_t at) {
  while (at < text.size() && is_space(text[at])) ++at;
  return at;
}

std::uint32_t skip_space_back(std::string_view text, std::uint32_t at) {
  while (at > 0 && is_space(text[at - 1])) --at;
  return at;
}

}  // namespace

void json_edit::replace(byte_span place, std::string json) { edits_.push_back({place.offset, place.end(), false, std::move(json)}); }

void json_edit::replace_string(byte_span place, std::string_view text) {
  std::string json;
  json.reserve(text.size() + 2);
  append_json_string(json, text);
  if (place.of(body_) != json) replace(place, std::move(json));
}

void json_edit::insert(std::uint32_t offset, std::string json) { edits_.push_back({offset, offset, false, std::move(json)}); }

void json_edit::remove_member(byte_span member) { edits_.push_back({member.offset, member.end(), true, {}}); }

// Neighbours that go together are one run; a run takes the comma after it, or, at the object's end, the one before.
void json_edit::settle_commas() {
  for (std::size_t i = 0; i < edits_.size(); ++i) {
    if (!edits_[i].member) continue;
    std::size_t last = i;
    for (;;) {
      std::uint32_t comma = skip_space(body_, edits_[last].end);
      bool follows = comma < body_.size() && body_[comma] == ',';
      if (!follows) {
        std::uint32_t before = skip_space_back(body_, edits_[i].begin);
        if (before > 0 && body_[before - 1] == ',') edits_[i].begin = before - 1;
        break;
      }
      edits_[last].end = comma + 1;
      std::uint32_t next = skip_space(body_, comma + 1);
      if (last + 1 >= edits_.size() || !edits_[last + 1].member || edits_[last + 1].begin != next) break;
      ++last;
    }
    i = last;
  }
}

std::string_view json_edit::apply(std::string& storage) {
  if (edits_.empty()) return body_;
  auto before = [](const edit& a, const edit& b) { return a.begin < b.begin || (a.begin == b.begin && a.end < b.end); };
  for (auto next = edits_.begin(); next != edits_.end(); ++next)
    std::rotate(std::upper_bound(edits_.begin(), next, *next, before), next, std::next(next));
  settle_commas();
  std::size_t extra = 0;
  for (const auto& e : edits_) extra += e.text.size();
  storage.clear();
  storage.reserve(body_.size() + extra);
  std::uint32_t at = 0;
  for (const auto& e : edits_) {
    if (e.begin > at) storage.append(body_.substr(at, e.begin - at));
    storage.append(e.text);
    at = std::max(at, e.end);
  }
  storage.append(body_.substr(at));
  edits_.clear();
  return storage;
}

}  // namespace andon::llm
