#pragma once
// Counts an objective's events again, straight from the journal: what the watch's sums can be held against. Any thread.
#include <functional>
#include <memory>

#include "andon/ledger/journal_reader.hpp"
#include "andon/slo/objective.hpp"

namespace andon::slo {

struct recounted {
  counts events;
  std::uint64_t records = 0;    ///< read, whether they concern it or not
  std::uint64_t unreadable = 0; ///< segments that could not be read: their Records are missing
};

/// Events of [from, to), whole seconds, maintenance included. Reads the whole journal; `go_on` is asked now and then.
/// errc: invalid_argument (an objective that counts slices, or several members), cancelled.
result<recounted> recount(const objective_spec& what, const std::shared_ptr<ledger::segment_directory>& segments, instant from, instant to,
                          const std::function<bool()>& go_on);

}  // namespace andon::slo
