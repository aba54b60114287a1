#pragma once
// Words, phrases, prefixes and substrings against the words of a group of Records.
#include "andon/ledger/index_view.hpp"

namespace andon::ledger {

/// `node` is of kind text. Several words (also those of one written word such as `well-known` or `中文`) must stand
/// next to each other; prefix and substring leave the last word open at its end, substring the first also at its
/// beginning. A text without a word matches nothing.
result<bitmap> match_text(const filter_node& node, segment_view& rows);

}  // namespace andon::ledger
