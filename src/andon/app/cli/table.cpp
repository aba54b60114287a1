#include "andon/app/cli/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>

namespace andon::app::cli {

namespace json = boost::json;

std::size_t shown_width(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

std::string clean(std::string_view text, std::size_t most) {
  std::string out;
  std::size_t width = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if ((c & 0xc0U) != 0x80U && ++width > most) return out + "…";
    // C1 controls are two bytes in UTF-8: C2 80 … C2 9F.
    const bool c1 = c == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (c1) ++i;
    out.push_back(c < 0x20 || c == 0x7f || c1 ? '?' : text[i]);
  }
  return out;
}

std::string table::text(bool bold) const {
  std::vector<std::size_t> widths;
  for (const auto& head : heads_) widths.push_back(shown_width(head));
  auto rows = rows_;
  for (auto& row : rows)
    for (std::size_t i = 0; i < row.size() && i < widths.size(); ++i) {
      row[i] = clean(row[i]);
      widths[i] = std::max(widths[i], shown_width(row[i]));
    }
  std::string out;
  const auto line = [&](const std::vector<std::string>& cells) {
    for (std::size_t i = 0; i < cells.size() && i < widths.size(); ++i) {
      out += cells[i];
      if (i + 1 < cells.size()) out.append(widths[i] - shown_width(cells[i]) + 2, ' ');
    }
    out += '\n';
  };
  if (bold) out += "\x1b[1m";
  line(heads_);
  if (bold) out.insert(out.size() - 1, "\x1b[0m");
  for (const auto& row : rows) line(row);
  if (rows.empty()) out += "(none)\n";
  return out;
}

std::string decimal_text(double number) {
  auto out = fmt::format("{:.9f}", number);
  out.erase(out.find_last_not_of('0') + 1);
  if (out.ends_with('.')) out.pop_back();
  return out == "-0" ? "0" : out;
}

std::string cell(const json::value& object, std::string_view name) {
  const auto* found = object.is_object() ? object.get_object().if_contains(name) : nullptr;
  if (found == nullptr || found->is_null()) return "-";
  if (found->is_string()) return found->get_string().empty() ? "-" : std::string(found->get_string());
  if (found->is_double()) return decimal_text(found->get_double());
  if (!found->is_array()) return json::serialize(*found);
  std::string out;
  for (const auto& one : found->get_array()) out.append(out.empty() ? "" : ",").append(one.is_string() ? std::string(one.get_string()) : json::serialize(one));
  return out.empty() ? "-" : out;
}

std::string money(const json::value& object, std::string_view name) {
  const auto text = cell(object, name);
  double amount = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), amount).ptr != text.data() + text.size()) return text;
  int decimals = 2;
  for (auto scaled = std::abs(amount); scaled > 0 && scaled < 0.1 && decimals < 9; scaled *= 10) ++decimals;
  return fmt::format("{:.{}f}", amount, decimals);
}

std::string moment(const json::value& object, std::string_view name) {
  constexpr std::size_t to_the_second = 19;
  auto out = cell(object, name);
  if (out.size() > to_the_second && out[to_the_second] == '.' && out.ends_with('Z')) out.replace(to_the_second, out.size(), "Z");
  return out;
}

}  // namespace andon::app::cli
