#include <algorithm>
#include <map>

#include "andon/ledger/query_eval.hpp"
#include "andon/ledger/query_groups.hpp"
#include "andon/ledger/search_newest.hpp"
#include "andon/ledger/store_sqlite.hpp"

namespace andon::ledger {
namespace {

zone started_of(const segment_meta& m) { return m.zones[static_cast<std::size_t>(number::started)]; }
zone sequence_of(const segment_meta& m) { return m.zones[static_cast<std::size_t>(number::sequence)]; }
bool apart(zone a, zone b) { return a.high < b.low || b.high < a.low; }

void newest_first(segment_list& list) {
  std::ranges::sort(list, std::ranges::greater{}, [](const auto& s) { return started_of(*s).high; });
}
void as_indexed(segment_list& list) {
  std::ranges::sort(list, {}, [](const auto& s) { return sequence_of(*s).low; });
}

}  // namespace

std::optional<error> sqlite_store::exhausted(const patience& wait) const {
  if (wait.stop.stop_requested()) return error{errc::cancelled, "search: cancelled"};
  if (!wait.until.is_never() && wait.until.passed(clock_.mono())) return error{errc::total_timeout, "search: not finished within its time limit; narrow it by time or field"};
  return std::nullopt;
}

result<sqlite_store::lease> sqlite_store::borrow() const {
  const std::uint64_t generation = generation_;
  {
    const std::lock_guard lock(pool_mutex_);
    if (!pool_.empty()) {
      auto chunks = std::move(pool_.back());
      pool_.pop_back();
      return lease{*this, std::move(chunks), generation};
    }
  }
  auto chunks = sqlite_chunks::open(file(), sql::open_mode::read_only, vfs());
  if (!chunks) return std::unexpected(chunks.error());
  return lease{*this, std::move(*chunks), generation};
}

void sqlite_store::give_back(std::unique_ptr<sqlite_chunks> chunks, std::uint64_t generation) const {
  chunks->end_read();
  const std::lock_guard lock(pool_mutex_);
  if (generation == generation_ && pool_.size() < options_.readers) pool_.push_back(std::move(chunks));
}

result<void> sqlite_store::visit(const patience& wait, const segment_order& arrange, const std::function<bool(const segment_meta&)>& skip, const view_visitor& see) const {
  std::shared_ptr<const segment_list> sealed;
  std::optional<lease> reader;
  {
    const std::shared_lock lock(mutex_);
    sealed = sealed_;
    if (!sealed->empty()) {
      auto borrowed = borrow();
      if (!borrowed) return std::unexpected(noted(borrowed.error()));
      reader.emplace(std::move(*borrowed));
      if (auto begun = reader->chunks().begin_read(); !begun) return std::unexpected(noted(begun.error()));
    }
    if (tail_.rows() > 0) {
      tail_view view(tail_);
      const auto more = see(view);
      if (!more) return std::unexpected(more.error());
      if (!*more) return {};
    }
  }
  segment_list list = *sealed;
  arrange(list);
  for (const auto& segment : list) {
    if (auto over = exhausted(wait)) return std::unexpected(*over);
    if (skip(*segment)) continue;
    sealed_view view(*segment, reader->chunks());
    const auto more = see(view);
    if (!more) return std::unexpected(noted(more.error()));
    if (!*more) break;
  }
  return {};
}

result<page> sqlite_store::search(const search_request& ask) const {
  const auto cursor = parse_cursor(ask.cursor);
  if (!cursor) return std::unexpected(cursor.error());
  if (ask.limit < 1 || ask.limit > 1000) return fail(errc::invalid_argument, "limit must be 1 to 1000", "limit");
  newest_rows newest(ask.limit, *cursor);
  const zone when = started_bounds(ask.where.root);
  const auto skip = [&](const segment_meta& m) { return apart(when, started_of(m)) || !newest.wants(started_of(m)); };
  auto done = visit(ask.wait, newest_first, skip, [&](segment_view& rows) -> result<bool> {
    const auto matches = evaluate(ask.where.root, ask.visible, rows);
    if (!matches) return std::unexpected(matches.error());
    if (matches->none()) return true;
    if (auto taken = newest.take(*matches, rows); !taken) return std::unexpected(taken.error());
    return true;
  });
  if (!done) return std::unexpected(done.error());
  page out = newest.finish();
  const std::shared_lock lock(mutex_);
  out.complete = !rebuilding_;
  return out;
}

result<aggregated> sqlite_store::aggregate(const aggregate_request& ask) const {
  auto groups = row_groups::make(ask);
  if (!groups) return std::unexpected(groups.error());
  const zone when = started_bounds(ask.where.root);
  auto done = visit(ask.wait, newest_first, [&](const segment_meta& m) { return apart(when, started_of(m)); }, [&](segment_view& rows) -> result<bool> {
    const auto matches = evaluate(ask.where.root, ask.visible, rows);
    if (!matches) return std::unexpected(matches.error());
    if (matches->none()) return true;
    if (auto taken = groups->take(*matches, rows); !taken) return std::unexpected(taken.error());
    return true;
  });
  if (!done) return std::unexpected(done.error());
  aggregated out = groups->finish();
  const std::shared_lock lock(mutex_);
  out.complete = !rebuilding_;
  return out;
}

std::uint64_t sqlite_store::follow_from() const {
  const std::shared_lock lock(mutex_);
  return sequence_;
}

result<followed> sqlite_store::follow(const follow_request& ask) const {
  std::map<std::int64_t, summary> found;
  const auto after = static_cast<std::int64_t>(ask.after);
  std::uint64_t seen = ask.after;
  const auto skip = [&](const segment_meta& m) { return sequence_of(m).high <= after; };
  auto done = visit(ask.wait, as_indexed, skip, [&](segment_view& rows) -> result<bool> {
    seen = std::max(seen, static_cast<std::uint64_t>(rows.zone_of(number::sequence).high));
    auto matches = evaluate(ask.where.root, ask.visible, rows);
    if (!matches) return std::unexpected(matches.error());
    const auto sequence = rows.numbers(number::sequence);
    if (!sequence) return std::unexpected(sequence.error());
    result<void> read;
    std::size_t taken = 0;
    matches->each([&](std::uint32_t row) {
      if (sequence->at(row) <= after || taken > ask.limit || !read) return;
      ++taken;
      read = rows.read_row(row, found[sequence->at(row)]);
    });
    if (!read) return std::unexpected(read.error());
    return true;
  });
  if (!done) return std::unexpected(done.error());
  followed out;
  out.next = seen;
  for (auto& [sequence, row] : found) {
    if (out.rows.size() == ask.limit) break;
    out.rows.push_back(std::move(row));
    if (out.rows.size() == ask.limit && found.size() > ask.limit) out.next = static_cast<std::uint64_t>(sequence);
  }
  return out;
}

result<summary> sqlite_store::find(request_id id, const scope& visible, const patience& wait) const {
  filter_node node;
  node.kind = node_kind::compare;
  node.which = field::id;
  node.id_high = id.high();
  node.id_low = id.low();
  const auto high = static_cast<std::int64_t>(id.high());
  const auto skip = [&](const segment_meta& m) { return apart({high, high}, m.zones[static_cast<std::size_t>(number::id_high)]); };
  std::optional<summary> found;
  auto done = visit(wait, newest_first, skip, [&](segment_view& rows) -> result<bool> {
    const auto matches = evaluate(node, visible, rows);
    if (!matches) return std::unexpected(matches.error());
    result<void> read;
    matches->each([&](std::uint32_t row) { read = rows.read_row(row, found.emplace()); });
    if (!read) return std::unexpected(read.error());
    return !found.has_value();
  });
  if (!done) return std::unexpected(done.error());
  if (!found) return fail(errc::not_found, "no Record has this id");
  return *found;
}

result<record> get_record(const store& index, const record_source& source, request_id id, const scope& visible, const patience& wait) {
  const auto found = index.find(id, visible, wait);
  if (!found) return std::unexpected(found.error());
  return source.read(found->at);
}

}  // namespace andon::ledger
