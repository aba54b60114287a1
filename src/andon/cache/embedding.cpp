#include "andon/cache/embedding.hpp"

#include <charconv>

#include "andon/cache/similar.hpp"
#include "andon/llm/json_cursor.hpp"

namespace andon::cache {
namespace {

using cursor = llm::json_cursor;

/// Goes to the member of this name in the object that comes next; false: there is none.
bool enter_member(cursor& at, std::string_view wanted, cursor::type kind) {
  if (at.peek() != cursor::type::object) return false;
  at.begin_object();
  cursor::token key;
  std::string storage;
  for (bool first = true; at.next_member(first, key);) {
    if (llm::text_of(key, storage) == wanted && at.peek() == kind) return true;
    at.skip();
  }
  return false;
}

bool read_numbers(cursor& at, std::vector<float>& out) {
  at.begin_array();
  for (bool first = true; at.next_element(first);) {
    if (at.peek() != cursor::type::number || out.size() >= similar_questions::max_dimensions) return false;
    const auto text = at.number();
    float value = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (code == std::errc::invalid_argument) return false;
    out.push_back(value);  // what is too small or too large for a float is 0
  }
  return !at.failed();
}

}  // namespace

result<std::vector<float>> read_embedding(std::string_view body) {
  cursor at(body);
  std::vector<float> out;
  bool good = enter_member(at, "data", cursor::type::array);
  if (good) {
    at.begin_array();
    bool first = true;
    good = at.next_element(first) && enter_member(at, "embedding", cursor::type::array) && read_numbers(at, out) && normalise(out);
  }
  if (!good) return fail(errc::upstream_bad_reply, "The embedding model's reply holds no usable vector in data[0].embedding.");
  return out;
}

}  // namespace andon::cache
