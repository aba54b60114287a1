#include "andon/ledger/search_newest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace andon::ledger {
namespace {

cursor_key key_of(const summary& s) { return {s.started.time_since_epoch().count(), s.id}; }

bool take_hex(std::string_view& text, std::uint64_t& value) {
  if (text.size() < 16) return false;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + 16, value, 16);
  if (failed != std::errc{} || end != text.data() + 16) return false;
  text.remove_prefix(16);
  return true;
}

}  // namespace

std::string format_cursor(const cursor_key& key) {
  return fmt::format("{:016x}{:016x}{:016x}", static_cast<std::uint64_t>(key.started), key.id.high(), key.id.low());
}

result<std::optional<cursor_key>> parse_cursor(std::string_view text) {
  if (text.empty()) return std::optional<cursor_key>{};
  std::uint64_t started = 0, high = 0, low = 0;
  if (!take_hex(text, started) || !take_hex(text, high) || !take_hex(text, low) || !text.empty()) {
    return fail(errc::invalid_argument, "the cursor is not one that a page gave; pass `next` unchanged", "cursor");
  }
  return std::optional(cursor_key{static_cast<std::int64_t>(started), request_id::from_words(high, low)});
}

bool newest_rows::wants(zone started) const {
  if (after_ && started.low > after_->started) return false;
  return started.high >= floor();
}

result<void> newest_rows::take(const bitmap& matches, segment_view& rows) {
  const auto started = rows.numbers(number::started);
  if (!started) return std::unexpected(started.error());
  struct candidate { std::int64_t started; std::uint32_t row; };
  std::vector<candidate> candidates;
  const std::int64_t least = floor();
  std::size_t wanted = limit_ + 1;
  matches.each([&](std::uint32_t row) {
    const std::int64_t at = started->at(row);
    if (at < least || (after_ && at > after_->started)) return;
    if (after_ && at == after_->started) ++wanted;  // the id decides on which side of the cursor
    candidates.push_back({at, row});
  });
  const auto newer = [](const candidate& a, const candidate& b) { return a.started > b.started; };
  if (candidates.size() > wanted) {
    std::ranges::nth_element(candidates, candidates.begin() + static_cast<std::ptrdiff_t>(wanted - 1), newer);
    const std::int64_t last = candidates[wanted - 1].started;
    std::erase_if(candidates, [&](const candidate& c) { return c.started < last; });
  }
  std::ranges::sort(candidates, {}, &candidate::row);
  for (const candidate& c : candidates) {
    summary row;
    if (auto done = rows.read_row(c.row, row); !done) return done;
    if (!after_ || key_of(row) < *after_) best_.push_back(std::move(row));
  }
  std::ranges::sort(best_, std::ranges::greater{}, key_of);
  if (best_.size() > limit_ + 1) best_.resize(limit_ + 1);
  return {};
}

page newest_rows::finish() {
  page out;
  const bool more = best_.size() > limit_;
  if (more) best_.resize(limit_);
  if (more) out.next = format_cursor(key_of(best_.back()));
  out.rows = std::move(best_);
  return out;
}

}  // namespace andon::ledger
