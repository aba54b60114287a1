#pragma once
// Which rows of one group of Records a filter holds for: the tree is evaluated into bitmaps, the cheap parts first.
#include "andon/ledger/index_view.hpp"
#include "andon/ledger/search.hpp"

namespace andon::ledger {

/// Rows that match and are visible; removed rows never do.
result<bitmap> evaluate(const filter_node& node, const scope& visible, segment_view& rows);

/// Where the filter can only hold within, by start time: lets a question skip segments unread.
zone started_bounds(const filter_node& node);

/// The column that answers a field, for fields that are one number.
std::optional<number> column_of(field f);

}  // namespace andon::ledger
