#include "andon/ledger/store_sqlite.hpp"

#include <algorithm>

#include "andon/base/log.hpp"
#include "andon/ledger/query_eval.hpp"

namespace andon::ledger {
namespace {

constexpr std::size_t rows_per_lock = 256;

template <class Map>
std::vector<checkpoint> values_of(const Map& positions) {
  std::vector<checkpoint> out;
  for (const auto& [stream, at] : positions) out.push_back(at);
  return out;
}

}  // namespace

error sqlite_store::noted(error e) const {
  if (e.code == errc::corrupt) damaged_ = true;
  return e;
}

bool sqlite_store::is_known(const record_view& r, position at) const {
  const auto reached = reached_.find(at.stream);
  if (reached != reached_.end() && at < reached->second.next) return true;
  return tail_.contains(r.id()) || recent_.contains(r.id());
}

result<applied> sqlite_store::apply(std::span<const placed_record> batch, std::span<const checkpoint> reached) {
  if (auto ready = check_files(); !ready) return std::unexpected(ready.error());
  if (tail_.rows() >= options_.seal_rows || tail_.memory() >= options_.seal_bytes) {
    if (auto done = seal(); !done) return std::unexpected(done.error());
  }
  applied out;
  do {
    const auto slice = batch.first(std::min(batch.size(), rows_per_lock));
    batch = batch.subspan(slice.size());
    const std::unique_lock lock(mutex_);
    for (const placed_record& r : slice) {
      if (is_known(r.what, r.at)) { ++out.duplicates; continue; }
      tail_.add(r.what, r.at, ++sequence_);
      ++out.added;
    }
    if (!batch.empty()) continue;
    duplicates_ += out.duplicates;
    for (const checkpoint& c : reached) {
      auto& known = reached_[c.next.stream];
      if (known.next < c.next || known.next.stream != c.next.stream) known = c;
    }
  } while (!batch.empty());
  return out;
}

std::vector<checkpoint> sqlite_store::checkpoints() const {
  const std::shared_lock lock(mutex_);
  return values_of(durable_);
}

std::vector<checkpoint> sqlite_store::visible_until() const {
  const std::shared_lock lock(mutex_);
  return values_of(reached_);
}

void sqlite_store::rebuilt() {
  const std::unique_lock lock(mutex_);
  rebuilding_ = false;
  why_rebuilding_.clear();
}

result<void> sqlite_store::flush() {
  if (auto ready = check_files(); !ready) return ready;
  return seal();
}

result<void> sqlite_store::seal() {
  if (tail_.rows() == 0 && durable_ == reached_) return {};
  if (auto begun = writer_->run("BEGIN IMMEDIATE"); !begun) return std::unexpected(noted(begun.error()));
  auto done = seal_rows();
  if (!done) {
    (void)writer_->run("ROLLBACK");
    return std::unexpected(noted(done.error()));
  }
  (void)writer_->run("PRAGMA wal_checkpoint(PASSIVE)");
  return {};
}

result<void> sqlite_store::seal_rows() {
  auto written = write_tail();
  if (!written) return std::unexpected(written.error());
  auto lost = lost_;
  for (const auto row : written->refused) ++lost[tail_.positions()[row].stream];
  if (auto done = write_positions(reached_, lost); !done) return done;
  return commit_and([&] {
    for (auto& made : written->made) replace(nullptr, std::move(made));
    lost_ = std::move(lost);
    durable_ = reached_;
    durable_sequence_ = sequence_;
    tail_.hand_over_ids(recent_);
    tail_.clear();
  });
}

result<sqlite_store::sealed_rows> sqlite_store::write_tail() {
  sealed_rows out;
  if (tail_.live() == 0) return out;
  tail_view rows(tail_);
  bitmap keep(tail_.rows(), true);
  if (rows.removed() != nullptr) { keep = *rows.removed(); keep.flip(); }
  if (auto done = write_rows(rows, keep, out); !done) return std::unexpected(done.error());
  return out;
}

/// Rows that the database refuses together are written by halves; one that it refuses alone is left out.
result<void> sqlite_store::write_rows(segment_view& rows, const bitmap& keep, sealed_rows& into) {
  const std::uint64_t id = !into.made.empty() ? into.made.back().id + 1 : sealed_->empty() ? 1 : sealed_->back()->id + 1;
  auto made = write_one(rows, keep, id);
  if (made) {
    into.made.push_back(std::move(*made));
    return {};
  }
  if (made.error().code != errc::invalid_argument) return std::unexpected(made.error());
  if (auto gone = drop_chunks(id); !gone) return gone;
  const std::uint32_t count = keep.count();
  if (count == 1) {
    log::error("ledger.record_not_indexed", {{"reason", made.error().message}});
    keep.each([&](std::uint32_t row) { into.refused.push_back(row); });
    return {};
  }
  bitmap first(rows.rows()), second(rows.rows());
  std::uint32_t n = 0;
  keep.each([&](std::uint32_t row) { (n++ < count / 2 ? first : second).set(row); });
  if (auto done = write_rows(rows, first, into); !done) return done;
  return write_rows(rows, second, into);
}

result<segment_meta> sqlite_store::write_one(segment_view& rows, const bitmap& keep, std::uint64_t id) {
  auto made = write_segment(rows, keep, id, *writer_);
  if (!made) return made;
  auto insert = sql::statement<sql::params<std::int64_t, sql::blob_view>, sql::columns<>>::prepare(writer_->database(), "INSERT INTO segment (id, meta) VALUES (?, ?)");
  const chunk_bytes meta = made->encode();
  auto inserted = insert ? insert->run(static_cast<std::int64_t>(id), meta) : std::unexpected(insert.error());
  if (!inserted) return std::unexpected(inserted.error());
  return made;
}

result<void> sqlite_store::write_positions(const positions& at, const std::map<std::uint32_t, std::uint64_t>& lost) {
  auto put = sql::statement<sql::params<std::int64_t, std::int64_t, std::int64_t, std::int64_t, std::int64_t>, sql::columns<>>::prepare(
      writer_->database(), "INSERT OR REPLACE INTO position (stream, segment, offset, records, dropped) VALUES (?, ?, ?, ?, ?)");
  if (!put) return std::unexpected(put.error());
  const auto i64 = [](std::uint64_t v) { return static_cast<std::int64_t>(v); };
  for (const auto& [stream, c] : at) {
    const auto also = lost.find(stream);
    const auto dropped = c.dropped + (also == lost.end() ? 0 : also->second);
    if (auto done = put->run(stream, i64(c.next.segment), i64(c.next.offset), i64(c.records), i64(dropped)); !done) return done;
  }
  auto fact = sql::statement<sql::params<std::int64_t>, sql::columns<>>::prepare(writer_->database(), "INSERT OR REPLACE INTO fact (name, value) VALUES (1, ?)");
  return fact ? fact->run(i64(sequence_)) : std::unexpected(fact.error());
}

/// Readers pin their snapshot under the shared lock, so the files and the list in memory change together for them.
result<void> sqlite_store::commit_and(const std::function<void()>& then) {
  const std::unique_lock lock(mutex_);
  if (auto done = writer_->run("COMMIT"); !done) return done;
  then();
  return {};
}

void sqlite_store::replace(const segment_meta* old, std::optional<segment_meta> by) {
  auto list = std::make_shared<segment_list>(*sealed_);
  if (old != nullptr) std::erase_if(*list, [&](const auto& s) { return s.get() == old; });
  if (by) list->push_back(std::make_shared<const segment_meta>(std::move(*by)));
  sealed_ = std::move(list);
}

result<void> sqlite_store::drop_chunks(std::uint64_t id) {
  auto chunks = sql::statement<sql::params<std::int64_t, std::int64_t>, sql::columns<>>::prepare(writer_->database(), "DELETE FROM chunk WHERE id >= ? AND id < ?");
  auto done = chunks ? chunks->run(static_cast<std::int64_t>(id << 24), static_cast<std::int64_t>((id + 1) << 24)) : std::unexpected(chunks.error());
  if (!done) return done;
  auto segment = sql::statement<sql::params<std::int64_t>, sql::columns<>>::prepare(writer_->database(), "DELETE FROM segment WHERE id = ?");
  return segment ? segment->run(static_cast<std::int64_t>(id)) : std::unexpected(segment.error());
}

result<std::uint64_t> sqlite_store::remove_from(const std::shared_ptr<const segment_meta>& segment, const bitmap& rows) {
  const std::uint32_t removed = rows.count();
  if (auto begun = writer_->run("BEGIN IMMEDIATE"); !begun) return std::unexpected(begun.error());
  const auto rewrite = [&]() -> result<void> {
    std::optional<segment_meta> made;
    if (removed < segment->rows) {
      sealed_view view(*segment, *writer_);
      bitmap keep = rows;
      keep.flip();
      auto written = write_one(view, keep, sealed_->back()->id + 1);
      if (!written) return std::unexpected(written.error());
      made = std::move(*written);
    }
    if (auto done = drop_chunks(segment->id); !done) return done;
    return commit_and([&] { replace(segment.get(), std::move(made)); });
  };
  if (auto done = rewrite(); !done) {
    (void)writer_->run("ROLLBACK");
    return std::unexpected(done.error());
  }
  return removed;
}

result<std::uint64_t> sqlite_store::remove(const filter& where, const scope& visible, const patience& wait) {
  if (auto ready = check_files(); !ready) return std::unexpected(ready.error());
  std::uint64_t removed = 0;
  if (tail_.live() > 0) {
    tail_view view(tail_);
    const auto rows = evaluate(where.root, visible, view);
    if (!rows) return std::unexpected(rows.error());
    if (!rows->none()) {
      removed += rows->count();
      {
        const std::unique_lock lock(mutex_);
        tail_.remove(*rows);
      }
      if (auto done = seal(); !done) return std::unexpected(done.error());
    }
  }
  const auto segments = sealed_;
  for (const auto& segment : *segments) {
    if (auto over = exhausted(wait)) return std::unexpected(*over);
    sealed_view view(*segment, *writer_);
    const auto rows = evaluate(where.root, visible, view);
    if (!rows) return std::unexpected(noted(rows.error()));
    if (rows->none()) continue;
    const auto done = remove_from(segment, *rows);
    if (!done) return std::unexpected(noted(done.error()));
    removed += *done;
  }
  if (removed > 0) (void)writer_->run("PRAGMA wal_checkpoint(TRUNCATE)");
  return removed;
}

std::vector<position> sqlite_store::oldest_needed() const {
  const std::shared_lock lock(mutex_);
  std::map<std::uint32_t, position> oldest;
  const auto take = [&](const position& p) {
    const auto [at, fresh] = oldest.try_emplace(p.stream, p);
    if (!fresh) at->second = std::min(at->second, p);
  };
  for (const auto& segment : *sealed_) std::ranges::for_each(segment->oldest, take);
  std::ranges::for_each(tail_.positions(), take);
  std::vector<position> out;
  for (const auto& [stream, at] : oldest) out.push_back(at);
  return out;
}

store_status sqlite_store::status() const {
  const std::shared_lock lock(mutex_);
  store_status out;
  for (const auto& segment : *sealed_) out.durable_rows += segment->rows;
  out.rows = out.durable_rows + tail_.live();
  out.sequence = sequence_;
  out.duplicates = duplicates_;
  for (const auto& [stream, rows] : lost_) out.lost += rows;
  out.segments = sealed_->size();
  out.memory_bytes = tail_.memory();
  out.rebuilding = rebuilding_;
  out.why_rebuilding = why_rebuilding_;
  std::error_code failed;
  for (const char* suffix : {"", "-wal", "-shm"}) {
    const auto bytes = std::filesystem::file_size(file().string() + suffix, failed);
    if (!failed) out.disk_bytes += bytes;
  }
  return out;
}

}  // namespace andon::ledger
