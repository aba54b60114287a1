#pragma once
// Changing a few places of a JSON text and leaving every other byte as it is.
//
// Use: make one over a body, ask for edits by byte offset (as scan_request reports them), apply. Offsets refer to the
// original body; edits must not overlap, except that removed members swallow nothing but themselves and their commas.
// The caller's body must be valid JSON. Not thread-safe; cheap to make.
#include <string>
#include <string_view>
#include <vector>

#include "andon/llm/request.hpp"

namespace andon::llm {

class json_edit {
public:
  explicit json_edit(std::string_view body) : body_(body) {}

  void replace(byte_span place, std::string json);               ///< by any JSON value
  void replace_string(byte_span place, std::string_view text);   ///< by `text` as a JSON string
  void insert(std::uint32_t offset, std::string json);           ///< as it is, commas included
  /// Takes out a member (its key and value, as gateway_members gives it) together with one comma. Any number of members
  /// of one object may go, neighbours included.
  void remove_member(byte_span member);

  [[nodiscard]] bool empty() const { return edits_.empty(); }
  /// The new text: the original view when there is nothing to do, else `storage`, which is overwritten.
  [[nodiscard]] std::string_view apply(std::string& storage);

private:
  struct edit {
    std::uint32_t begin, end;
    bool member;
    std::string text;
  };
  void settle_commas();
  std::string_view body_;
  std::vector<edit> edits_;
};

}  // namespace andon::llm
