#pragma once
// Strict reading of a JSON object: wrong types and fields that nobody asked for are errors that name the field.
//
//   body_reader in(*object, "");
//   in.text("name", out.name); …
//   if (auto good = in.finish(); !good) return good;
#include <boost/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "andon/access/settings.hpp"
#include "andon/base/error.hpp"

namespace andon::admin {

/// The body as an object; an empty body is an empty object. errc::bad_json, invalid_argument.
result<boost::json::object> parse_body(std::string_view text);

class body_reader {
public:
  /// `where` is put before field names in errors: `limits[0].`
  body_reader(const boost::json::object& from, std::string where) : from_(from), where_(std::move(where)) {}

  /// Each sets `out` when the field is present (false when absent); null counts as absent.
  bool text(std::string_view name, std::string& out);
  bool flag(std::string_view name, bool& out);
  bool number(std::string_view name, std::optional<std::int64_t>& out);
  bool texts(std::string_view name, std::vector<std::string>& out);
  bool pairs(std::string_view name, access::text_pairs& out);   ///< an object of texts
  bool money(std::string_view name, std::optional<nano_usd>& out);
  /// The raw value, to be read otherwise; null if absent.
  const boost::json::value* value(std::string_view name);
  void complain(std::string_view name, std::string message);
  [[nodiscard]] std::string path(std::string_view name) const { return where_ + std::string(name); }

  /// The first complaint, or one about a field that was not asked for.
  result<void> finish();

private:
  const boost::json::object& from_;
  std::string where_;
  std::vector<std::string> asked_;
  std::optional<error> first_;
};

}  // namespace andon::admin
