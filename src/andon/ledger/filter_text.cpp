#include <fmt/format.h>

#include "andon/base/ids.hpp"
#include "andon/base/money.hpp"
#include "andon/base/time_text.hpp"
#include "andon/ledger/filter.hpp"
#include "andon/ledger/filter_value.hpp"

namespace andon::ledger {
namespace {

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out + '"';
}

std::string number_text(field_type type, std::int64_t v) {
  switch (type) {
    case field_type::money: return format_usd(nano_usd{v});
    case field_type::duration: return v == 0 ? "0" : format_duration(nanoseconds{v});
    case field_type::time: {
      std::string text = format_rfc3339(wall_time{nanoseconds{v}});
      text.insert(text.size() - 1, fmt::format("{:03}", (v % 1000 + 1000) % 1000));
      return text;
    }
    default: return std::to_string(v);
  }
}

std::string range_text(const filter_node& node) {
  const auto& f = about(node.which);
  constexpr auto lowest = std::numeric_limits<std::int64_t>::min();
  constexpr auto highest = std::numeric_limits<std::int64_t>::max();
  if (node.low > node.high) return fmt::format("-{}>=0 {}>=0", f.name, f.name);
  if (node.low == lowest) return fmt::format("{}<={}", f.name, number_text(f.type, node.high));
  if (node.high == highest) return fmt::format("{}>={}", f.name, number_text(f.type, node.low));
  return fmt::format("{}:{}..{}", f.name, number_text(f.type, node.low), number_text(f.type, node.high));
}

std::string set_text(const filter_node& node) {
  std::string out;
  const std::string words = about(node.which).type == field_type::flag ? "false, true" : words_of(node.which);
  std::string_view left = words;
  for (std::uint64_t i = 0; !left.empty(); ++i) {
    const std::size_t comma = left.find(", ");
    if ((node.members >> i & 1) != 0) out.append(out.empty() ? "" : ",").append(left.substr(0, comma));
    left = comma == std::string_view::npos ? std::string_view{} : left.substr(comma + 2);
  }
  return fmt::format("{}:{}", about(node.which).name, out);
}

std::string compare_text(const filter_node& node) {
  if (node.which == field::id) return "id:" + request_id::from_words(node.id_high, node.id_low).str();
  if (node.how == comparison::range) return range_text(node);
  if (node.how == comparison::set) return set_text(node);
  std::string name{about(node.which).name};
  std::string_view value = node.text;
  if (const std::size_t equals = node.text.find('='); node.which == field::meta && equals != std::string::npos) {
    name += "." + node.text.substr(0, equals);
    value.remove_prefix(equals + 1);
  }
  if (node.how == comparison::present && (node.which != field::meta || node.text.find('=') != std::string::npos)) return name + ":*";
  return fmt::format("{}:{}{}{}", name, node.how == comparison::substring ? "~" : "", in_quotes(value), node.how == comparison::prefix ? "*" : "");
}

std::string node_text(const filter_node& node) {
  switch (node.kind) {
    case node_kind::everything: return "";
    case node_kind::text: {
      const std::string_view side = node.side == text_side::prompt ? "in:prompt " : node.side == text_side::reply ? "in:reply " : "";
      const std::string words = fmt::format("{}{}{}", node.match == text_match::substring ? "~" : "", in_quotes(node.text), node.match == text_match::prefix ? "*" : "");
      return side.empty() ? words : fmt::format("({}{})", side, words);
    }
    case node_kind::compare: return compare_text(node);
    case node_kind::none_of: return "-" + node_text(node.children.front());
    case node_kind::all_of: case node_kind::any_of: break;
  }
  std::string out;
  for (const auto& child : node.children) out.append(out.empty() ? "(" : node.kind == node_kind::any_of ? " OR " : " ").append(node_text(child));
  return out + ")";
}

}  // namespace

std::string to_text(const filter& f) { return node_text(f.root); }

}  // namespace andon::ledger
