#pragma once
// What may be forgotten, and when. Run by the index thread now and then (hourly is plenty).
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "andon/ledger/store.hpp"

namespace andon::ledger {

struct retention_rule {
  project_id project;
  nanoseconds keep{};   ///< Records that started earlier than now - keep go
};

struct retention_policy {
  std::optional<nanoseconds> keep;        ///< for projects without a rule and for callers without a project; nullopt: for ever
  std::vector<retention_rule> projects;
};

struct retention_result {
  std::uint64_t removed = 0;
  /// For each stream the first journal segment that must stay; all before it may be deleted by the journal. A segment
  /// also goes only as a whole: content of an expired Record leaves the disk with the last Record of its segment.
  std::vector<position> first_needed;
};

/// Removes expired Records from the index. Errors as store::remove; what was removed before the error stays removed.
result<retention_result> apply_retention(store&, const retention_policy&, wall_time now, const patience& = {});

}  // namespace andon::ledger
