#include "andon/slo/recount.hpp"

#include <fmt/format.h>

#include "andon/ledger/segment_directory.hpp"

namespace andon::slo {
namespace {

constexpr std::uint64_t between_questions = 4'096;

void add(recounted& to, const series_spec& what, const ledger::entry_view& entry, instant from, instant until) {
  if (entry.kind != ledger::entry_kind::record) return;
  ++to.records;
  const auto view = ledger::record_view::over(entry.payload);
  if (!view) return;
  if (const auto at = end_of(*view); at < from || at >= until) return;
  if (const auto more = contribution_of(what, *view)) to.events += more->events;
}

}  // namespace

result<recounted> recount(const objective_spec& what, const std::shared_ptr<ledger::segment_directory>& segments, instant from, instant to,
                          const std::function<bool()>& go_on) {
  if (what.method != budgeting::occurrences || what.members.size() != 1)
    return fail(errc::invalid_argument, fmt::format("'{}' counts {}: only single events of one measure can be counted again", what.name,
                                                    what.members.size() == 1 ? "slices of time" : "several measures together"));
  const auto& series = what.members[0].what;
  if (about(series.what).source == measure_source::samples)
    return fail(errc::invalid_argument, fmt::format("'{}' is measured from samples, which no Record holds", what.name));
  recounted out;
  for (const auto stream : ledger::streams_of(*segments)) {
    ledger::checkpoint at{.next = {.stream = stream}};
    ledger::journal_reader reader(segments, at);
    for (std::uint64_t n = 0;; ++n) {
      if (n % between_questions == 0 && !go_on()) return fail(errc::cancelled, "the journal was not read to its end: ask with a longer timeout");
      const auto entry = reader.next();
      if (entry && !*entry) break;
      if (entry) {
        add(out, series, **entry, from, to);
        continue;
      }
      if (entry.error().code != errc::forbidden && entry.error().code != errc::corrupt) return std::unexpected(entry.error());
      ++out.unreadable;
      at = reader.reached();
      const auto next = segments->at_or_after(stream, at.next.segment + 1);
      if (!next) break;
      at.next = {.stream = stream, .segment = next->sequence(), .offset = 0};
      reader = ledger::journal_reader(segments, at);
    }
  }
  return out;
}

}  // namespace andon::slo
