#pragma once
// How a filter's name comparisons look at one name: without regard to ASCII case, the filter's text in lower case already.
#include <string_view>

#include "andon/ledger/filter.hpp"

namespace andon::ledger {

[[nodiscard]] bool matches_name(const filter_node& node, std::string_view name);
/// For meta: `pair` is `key=value` and the filter's text `key=pattern`; the key must be whole whatever the comparison.
[[nodiscard]] bool matches_pair(const filter_node& node, std::string_view pair);

}  // namespace andon::ledger
