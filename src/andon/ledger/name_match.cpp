#include "andon/ledger/name_match.hpp"

#include <algorithm>

namespace andon::ledger {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

/// `pattern` is in lower case already.
bool equal_folded(std::string_view name, std::string_view pattern) {
  return name.size() == pattern.size() && std::ranges::equal(name, pattern, {}, lower);
}

bool contains_folded(std::string_view name, std::string_view pattern) {
  return !std::ranges::search(name, pattern, {}, lower).empty() || pattern.empty();
}

}  // namespace

bool matches_name(const filter_node& node, std::string_view name) {
  switch (node.how) {
    case comparison::equal: return equal_folded(name, node.text);
    case comparison::exact: return name == node.text;
    case comparison::prefix: return equal_folded(name.substr(0, node.text.size()), node.text);
    case comparison::substring: return contains_folded(name, node.text);
    default: return !name.empty();
  }
}

bool matches_pair(const filter_node& node, std::string_view pair) {
  const std::size_t key_size = node.text.find('=');
  if (key_size == std::string::npos) return equal_folded(pair.substr(0, pair.find('=')), node.text);
  if (!equal_folded(pair.substr(0, key_size + 1), std::string_view{node.text}.substr(0, key_size + 1))) return false;
  if (node.how == comparison::present) return true;
  const std::string_view value = pair.substr(key_size + 1);
  const std::string_view pattern = std::string_view{node.text}.substr(key_size + 1);
  if (node.how == comparison::equal) return equal_folded(value, pattern);
  if (node.how == comparison::prefix) return equal_folded(value.substr(0, pattern.size()), pattern);
  return contains_folded(value, pattern);
}

}  // namespace andon::ledger
