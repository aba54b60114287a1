#pragma once
// A filter held against one Record as it is read from the journal: for those who follow the ledger and count. The index
// answers the same question for many Records at once (query_eval.hpp); both give the same answer, which a test holds.
//
// Words cannot be asked for here: they need the text of every body, which a counter must not read.
// Values only; any thread.
#include "andon/ledger/filter.hpp"
#include "andon/ledger/record_codec.hpp"

namespace andon::ledger {

class record_filter {
public:
  /// Everything.
  record_filter() = default;
  /// errc::invalid_argument when the filter asks for words of the content.
  [[nodiscard]] static result<record_filter> make(filter from);

  [[nodiscard]] bool matches(const record_view& record) const;
  [[nodiscard]] bool matches_everything() const { return filter_.root.kind == node_kind::everything; }
  [[nodiscard]] const filter& what() const { return filter_; }

private:
  filter filter_;
};

}  // namespace andon::ledger
