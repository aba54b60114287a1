#pragma once
// Text for people: aligned columns, and values of JSON documents as cells.
#include <algorithm>
#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace andon::app::cli {

class table {
public:
  explicit table(std::vector<std::string> heads) : heads_(std::move(heads)) {}
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  void sort() { std::ranges::sort(rows_); }
  [[nodiscard]] bool empty() const { return rows_.empty(); }
  /// Columns two spaces apart; `bold` marks the heads for a terminal. Control characters in cells become '?', so that
  /// what clients sent cannot drive the terminal.
  [[nodiscard]] std::string text(bool bold) const;

private:
  std::vector<std::string> heads_;
  std::vector<std::vector<std::string>> rows_;
};

/// Characters that a terminal shows for UTF-8 text, counting each code point once.
std::size_t shown_width(std::string_view text);
/// Control characters replaced, cut to `most` characters.
std::string clean(std::string_view text, std::size_t most = 200);

/// Plain decimals, at most nine: never `8.1E-5`.
std::string decimal_text(double number);

/// A member as a cell: text as it is, numbers as plain decimals, booleans as JSON, lists joined by commas, `-` for null or absent.
std::string cell(const boost::json::value& object, std::string_view name);

/// A member that is an amount, to two decimals, small ones to two digits: `12.35`, `0.000081`. Not for sums to be checked.
std::string money(const boost::json::value& object, std::string_view name);

/// A member that is a time, to the second: `2027-01-31T09:00:00Z`.
std::string moment(const boost::json::value& object, std::string_view name);

}  // namespace andon::app::cli
