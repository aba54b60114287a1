#include "andon/ledger/journal_background.hpp"

#include <algorithm>

#include "andon/base/log.hpp"

namespace andon::ledger {
namespace {

constexpr std::uint64_t least_warm = 64 << 10;
constexpr std::uint64_t most_warm = 16 << 20;
constexpr std::uint64_t warm_spare = 1 << 20;

}  // namespace

journal_background::journal_background(journal_common& common, std::vector<std::unique_ptr<stream_log>>& logs)
    : common_(common), logs_(logs), durable_(logs.size()), cold_(logs.size()), doubts_(logs.size()) {
  for (std::size_t i = 0; i < logs.size(); ++i) durable_[i] = logs[i]->next();
}

void journal_background::on_durable(position p, std::function<void(result<void>)> then) {
  {
    const std::lock_guard lock(mutex_);
    const auto i = std::ranges::find(durable_, p.stream, &position::stream);
    if (i == durable_.end() || p >= *i) {
      waiting_.push_back({p, std::move(then)});
      return;
    }
  }
  then({});
}

position journal_background::durable(std::size_t log) const {
  const std::lock_guard lock(mutex_);
  return durable_[log];
}

void journal_background::trim(segment& s) {
  const auto map = common_.directory.live(s);
  if (!map) return;
  const auto bytes = trimmed_bytes(s.committed.load(std::memory_order_acquire));
  auto before = s.disk_bytes.load();
  if (before <= bytes || !common_.directory.files().truncate(map->fd(), bytes)) return;
  if (s.disk_bytes.compare_exchange_strong(before, bytes)) common_.maker.account(static_cast<std::int64_t>(bytes) - static_cast<std::int64_t>(before));
}

/// Makes the pages of what is in doubt dirty again, up to `end` of the segment.
result<void> journal_background::rewrite(std::size_t log, const segment& s, std::uint64_t end) {
  const auto& doubt = doubts_[log];
  const auto map = common_.directory.live(s);
  if (!doubt || !map || s.sequence() < doubt->from.segment) return {};
  const bool within = s.sequence() == doubt->from.segment && doubt->from.offset > segment_header_bytes;
  const auto from = within ? doubt->from.offset : 0;
  if (end <= from) return {};
  return common_.directory.files().write_at(map->fd(), {map->data() + from, end - from}, from);
}

/// Right after the failure, before the system gives up the pages that it takes for written.
void journal_background::distrust(std::size_t log) {
  const auto before = durable(log);
  auto [end, current, sealed] = logs_[log]->take_unsynced();
  auto& doubt = doubts_[log];
  doubt = {doubt ? std::min(doubt->from, before) : before, end};
  for (const auto& s : sealed) (void)rewrite(log, *s, s->committed.load(std::memory_order_acquire));
  if (current) (void)rewrite(log, *current, end.offset);
  logs_[log]->put_back_sealed(std::move(sealed));
}

result<void> journal_background::finish_segment(segment& s, std::size_t log) {
  const auto map = common_.directory.live(s);
  if (!map) return {};
  if (auto again = rewrite(log, s, s.committed.load(std::memory_order_acquire)); !again) return again;
  file_operations::unload(map->data(), map->bytes());
  file_operations::begin_sync(map->fd(), 0, s.committed.load(std::memory_order_acquire));
  if (auto safe = common_.directory.files().sync(map->fd()); !safe) return safe;
  trim(s);
  if (s.disk_bytes.load() != 0) (void)common_.directory.rename(s, common_.directory.directory() / segment_file_name(s.stream(), s.sequence()));
  common_.directory.release_live(s);
  return {};
}

result<void> journal_background::sync_stream(std::size_t i, position& reached) {
  auto& log = *logs_[i];
  auto [end, current, sealed] = log.take_unsynced();
  reached = end;
  const auto before = durable(i);
  if (sealed.empty() && reached == before) return {};
  while (!sealed.empty()) {
    if (auto done = finish_segment(*sealed.front(), i); !done) {
      log.put_back_sealed(std::move(sealed));
      return done;
    }
    sealed.erase(sealed.begin());
  }
  const auto map = current ? common_.directory.live(*current) : nullptr;
  if (map) {
    if (auto again = rewrite(i, *current, reached.offset); !again) return again;
    begin_writing(before, reached, *map);
    if (auto safe = common_.directory.files().sync(map->fd()); !safe) return safe;
  }
  if (current && current->sequence() == reached.segment) warm_ahead(i, before, reached, *current);
  if (before.segment == reached.segment && before.offset != segment_header_bytes) return {};
  return common_.directory.files().sync_directory(common_.directory.directory());
}

/// What the core has finished with leaves its memory before the sync, all at once: syncing a page that is still mapped
/// interrupts every core, page by page, to make it read-only.
void journal_background::begin_writing(const position& before, const position& reached, const file_mapping& map) {
  const auto from = before.segment == reached.segment ? before.offset / page_bytes * page_bytes : 0;
  const auto until = reached.offset / page_bytes * page_bytes;
  if (until <= from) return;
  file_operations::unload(map.data() + from, until - from);
  file_operations::begin_sync(map.fd(), from, until - from);
}

/// Readies as many pages as the next round will probably fill, so that the core finds them writable. Spares get theirs when
/// the segment before them comes to its end: until then they are no memory of this program.
void journal_background::warm_ahead(std::size_t log, const position& before, const position& reached, const segment& current) {
  const auto map = common_.directory.live(current);
  if (!map || before == reached) return;
  const auto moved = before.segment == reached.segment ? reached.offset - before.offset : reached.offset;
  const auto window = aligned(std::clamp<std::uint64_t>(moved + moved / 4, least_warm, most_warm), page_bytes);
  const auto from = reached.offset / page_bytes * page_bytes;
  const auto left = map->bytes() - std::min(from, map->bytes());
  if (left > 0) file_operations::warm(map->data() + from, std::min(window, left));
  if (left < 2 * window + warm_spare) warm_spares(log);
}

void journal_background::warm_spares(std::size_t log) {
  std::vector<std::weak_ptr<segment>> cold;
  {
    const std::lock_guard lock(mutex_);
    cold.swap(cold_[log]);
  }
  for (const auto& one : cold)
    if (const auto spare = one.lock())
      if (const auto map = common_.directory.live(*spare)) file_operations::warm(map->data(), std::min(warm_spare, map->bytes()));
}

result<void> journal_background::sync_all() {
  const std::lock_guard one(round_);
  std::vector<position> reached(logs_.size());
  std::vector<result<void>> outcome(logs_.size());
  result<void> all;
  for (std::size_t i = 0; i < logs_.size(); ++i) {
    outcome[i] = sync_stream(i, reached[i]);
    if (outcome[i]) {
      if (auto& doubt = doubts_[i]; doubt && reached[i] > doubt->until) doubt.reset();
      else if (doubt) doubt->from = reached[i];
      continue;
    }
    distrust(i);
    all = outcome[i];
    failures_.fetch_add(1, std::memory_order_relaxed);
  }
  if (!all && !failing()) log::error("ledger.sync_failed", {{"reason", all.error().message}});
  failing_.store(!all, std::memory_order_relaxed);
  settle(reached, outcome);
  return all;
}

void journal_background::settle(const std::vector<position>& reached, const std::vector<result<void>>& outcome) {
  std::vector<std::pair<waiting, result<void>>> ready;
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < reached.size(); ++i) {
      if (outcome[i]) durable_[i] = reached[i];
      std::vector<waiting> still;
      for (auto& w : waiting_) {
        if (w.at.stream != reached[i].stream || w.at >= reached[i]) still.push_back(std::move(w));
        else ready.emplace_back(std::move(w), outcome[i]);
      }
      waiting_ = std::move(still);
    }
  }
  for (auto& [w, how] : ready) w.then(how);
}

void journal_background::prepare_spares() {
  bool all = true;
  for (std::size_t i = 0; i < logs_.size(); ++i) {
    auto& log = logs_[i];
    if (log->stream() >= common_.options.streams) continue;
    const auto want = std::max(common_.options.segment_bytes, log->wanted_spare_bytes());
    while (log->spare_bytes() < want) {
      auto spare = common_.maker.make(common_.options.segment_bytes);
      if (!spare) {
        all = false;
        break;
      }
      {
        const std::lock_guard lock(mutex_);
        cold_[i].push_back(*spare);
      }
      log->offer_spare(std::move(*spare));
    }
  }
  if (all) common_.maker.set_full(false);
}

result<void> journal_background::round() {
  auto synced = sync_all();
  prepare_spares();
  return synced;
}

void journal_background::finish() {
  for (std::size_t i = 0; i < logs_.size(); ++i) {
    auto& log = logs_[i];
    for (auto& spare : log->take_spares()) {
      (void)common_.directory.files().remove(spare->path);
      common_.maker.account(-static_cast<std::int64_t>(spare->disk_bytes.exchange(0)));
    }
    const auto current = log->current();
    if (!current) continue;
    current->sealed.store(true, std::memory_order_release);
    (void)finish_segment(*current, i);
  }
}

}  // namespace andon::ledger
