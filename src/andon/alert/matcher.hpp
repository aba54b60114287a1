#pragma once
// What a label must be: `severity="page"`, `route!="test"`, `model=~"gpt-.*"`, `team!~"ops|sre"`. Regular expressions are
// RE2's and anchored at both ends. Immutable; thread-safe.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "andon/alert/labels.hpp"

namespace re2 { class RE2; }

namespace andon::alert {

enum class match_op : std::uint8_t { equal, not_equal, match, not_match };

class matcher {
public:
  /// errc::invalid_argument: no label name, or an expression that RE2 refuses.
  static result<matcher> make(std::string name, match_op op, std::string value);
  /// One as text; the value may stand in double quotes, with \" \\ and \n in them.
  static result<matcher> parse(std::string_view text);
  /// Several separated by commas, in braces or without. An empty text has none.
  static result<std::vector<matcher>> parse_all(std::string_view text);

  /// An absent label counts as an empty one.
  [[nodiscard]] bool matches(const label_set& labels) const;
  [[nodiscard]] bool matches_value(std::string_view value) const;
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& value() const { return value_; }
  [[nodiscard]] match_op op() const { return op_; }
  [[nodiscard]] bool is_regex() const { return op_ == match_op::match || op_ == match_op::not_match; }
  [[nodiscard]] bool is_equal() const { return op_ == match_op::equal || op_ == match_op::match; }
  [[nodiscard]] std::string text() const;  ///< as parse() reads it
  bool operator==(const matcher& other) const { return op_ == other.op_ && name_ == other.name_ && value_ == other.value_; }

private:
  matcher(std::string name, match_op op, std::string value, std::shared_ptr<const re2::RE2> pattern)
      : name_(std::move(name)), value_(std::move(value)), op_(op), pattern_(std::move(pattern)) {}
  std::string name_, value_;
  match_op op_;
  std::shared_ptr<const re2::RE2> pattern_;
};

using matchers = std::vector<matcher>;
/// All of them match; so do none.
bool all_match(const matchers& all, const label_set& labels);
/// `{a="b",c=~"d"}`, sorted by name, as group keys hold it.
std::string matchers_text(matchers all);

}  // namespace andon::alert
