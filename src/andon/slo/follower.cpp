#include "andon/slo/follower.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "andon/base/log.hpp"
#include "andon/ledger/segment_directory.hpp"

namespace andon::slo {
namespace {

constexpr std::size_t past_per_turn = 5'000;

/// Calls count(view) for an entry that is a Record; what is no Record is left out (verify tells of it).
template <class F>
result<void> take(const ledger::entry_view& entry, F&& count) {
  if (entry.kind != ledger::entry_kind::record) return {};
  const auto view = ledger::record_view::over(entry.payload, entry.whom);
  if (!view) return {};
  return count(*view);
}

}  // namespace

result<follower> follower::make(watch& to, std::shared_ptr<ledger::segment_directory> segments, const std::vector<std::uint32_t>& streams) {
  const auto saved = to.saved_positions();
  if (!saved) return std::unexpected(saved.error());
  follower made(to, std::move(segments));
  for (const auto stream : streams) {
    const auto known = std::ranges::find_if(*saved, [&](const ledger::checkpoint& one) { return one.next.stream == stream; });
    made.live_.emplace_back(made.segments_, known == saved->end() ? ledger::checkpoint{.next = {.stream = stream}} : *known);
  }
  return made;
}

std::vector<ledger::checkpoint> follower::reached() const {
  std::vector<ledger::checkpoint> out;
  for (const auto& one : live_) out.push_back(one.reached());
  return out;
}

result<std::size_t> follower::read_live(std::size_t most) {
  std::size_t taken = 0;
  for (auto& reader : live_)
    while (taken < most) {
      const auto entry = reader.next();
      if (!entry && !caught_up_ && skip(reader, entry.error())) continue;
      if (!entry) {
        problem_ = entry.error().message;
        blind_ = true;
      }
      if (!entry || !*entry) break;
      ++taken;
      if (auto counted = take(**entry, [&](const ledger::record_view& view) { return watch_->count(view); }); !counted)
        return std::unexpected(std::move(counted.error()));
    }
  return taken;
}

/// Sets the reader behind the segment that it cannot enter, if that will never change.
bool follower::skip(ledger::journal_reader& reader, const error& why) {
  if (why.code != errc::forbidden && why.code != errc::corrupt) return false;
  auto from = reader.reached();
  auto which = segments_->at_or_after(from.next.stream, from.next.segment);
  while (which && segments_->cipher(*which) && segments_->map(*which)) which = segments_->at_or_after(from.next.stream, which->sequence() + 1);
  if (!which) return false;
  log::warn("objectives_segment_skipped", {{"segment", fmt::format("{}/{}", which->stream(), which->sequence())},
                                           {"meaning", "its Records are missing from objectives; to count them, make it readable, delete watch.db and start again"},
                                           {"reason", why.message}});
  from.next = {.stream = from.next.stream, .segment = which->sequence() + 1, .offset = 0};
  reader = ledger::journal_reader(segments_, from);
  return true;
}

result<follower::progress> follower::step(past_reader& one) {
  if (one.reader.reached().next >= one.stop) return progress::done;
  const auto entry = one.reader.next();
  if (!entry) {
    if (skip(one.reader, entry.error())) return progress::more;
    problem_ = entry.error().message;
    return progress::stuck;
  }
  if (!*entry || (*entry)->at >= one.stop) return progress::done;
  if (auto counted = take(**entry, [&](const ledger::record_view& view) { return watch_->count_past(view); }); !counted)
    return std::unexpected(std::move(counted.error()));
  return progress::more;
}

result<std::size_t> follower::read_past(std::size_t most) {
  if (!watch_->is_filling()) return 0;
  if (past_.empty())
    for (const auto& to : reached()) past_.push_back({ledger::journal_reader(segments_, {.next = {.stream = to.next.stream}}), to.next});
  std::size_t taken = 0;
  for (auto& one : past_)
    while (!one.done && taken < most) {
      const auto now = step(one);
      if (!now) return std::unexpected(now.error());
      if (*now == progress::stuck) break;
      one.done = *now == progress::done;
      ++taken;
    }
  if (std::ranges::all_of(past_, &past_reader::done)) {
    watch_->past_is_complete();
    past_.clear();
  }
  return taken;
}

result<bool> follower::turn(instant now, std::size_t most) {
  problem_.clear();
  blind_ = false;
  if (now < watch_->now()) watch_->step_back(now);
  const auto past = read_past(past_per_turn);
  if (!past) return std::unexpected(past.error());
  const auto live = read_live(most);
  if (!live) return std::unexpected(live.error());
  const bool more = *live >= most || *past >= past_per_turn;
  if (blind_ || (!caught_up_ && *live >= most)) {
    if (*live + *past > 0)
      if (auto saved = save(); !saved) return std::unexpected(std::move(saved.error()));
    return more;
  }
  caught_up_ = true;
  if (auto told = watch_->tick(now, reached()); !told) return std::unexpected(std::move(told.error()));
  return more;
}

result<void> follower::save() { return watch_->save(reached()); }

}  // namespace andon::slo
