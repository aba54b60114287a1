#pragma once
// Merging the deltas of a stream into whole values, as the official SDKs accumulate them: strings append, lists whose
// entries carry an `index` merge entry by entry, other lists grow, everything else is replaced by what comes later.
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "andon/llm/json_cursor.hpp"

namespace andon::llm::openai {

/// Counts what merging has stored, so that a stream cannot fill the memory.
struct merge_budget {
  std::size_t left = 0;
  bool truncated = false;
  std::size_t text_bytes = 0;   ///< bytes of generated text
  bool take(std::size_t bytes);
};

/// The `index` of the object at the cursor, by a look ahead; -1 when it has none.
std::int64_t index_of(json_cursor at);

/// A value under construction. Strings are kept as the raw inside of a JSON string: fragments need no decoding, and a
/// surrogate pair split over two events joins by itself.
struct merged {
  enum class kind : std::uint8_t { absent, text, value, object, list };
  kind what = kind::absent;
  std::int64_t index = -1;          ///< as an entry of a list
  std::string key;                  ///< as a member of an object, raw
  std::string raw;                  ///< text, value, or the entries of a list without `index`, comma-joined
  std::vector<merged> parts;        ///< members, or entries with `index` in ascending order

  merged& member(std::string_view raw_key);
  [[nodiscard]] const merged* find(std::string_view raw_key) const;
  merged& entry(std::int64_t at);

  /// Merges the value at the cursor. True when it brought something a reader would see.
  bool merge(json_cursor& at, std::string_view body, merge_budget& budget);
  void write(std::string& out) const;
  /// Every generated text below: not roles, ids, types and audio data.
  void visit_texts(const std::function<void(std::string_view)>& take) const;

private:
  void become(kind next);  // what was there of another kind goes
  bool merge_text(json_cursor& at, merge_budget& budget);
  bool merge_object(json_cursor& at, std::string_view body, merge_budget& budget);
  bool merge_list(json_cursor& at, std::string_view body, merge_budget& budget);
};

}  // namespace andon::llm::openai
