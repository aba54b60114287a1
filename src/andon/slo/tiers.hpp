#pragma once
// One series' sums in all its tiers: blocks of them in memory for as long as they are in use, read from the store on
// demand and written back when the owner saves. One thread.
#include <unordered_map>

#include "andon/base/varint.hpp"
#include "andon/slo/series_store.hpp"

namespace andon::slo {

/// `Cell`: counts or distribution.
template <class Cell>
class tiers {
public:
  tiers(series_store& store, series_id id) : store_(&store), id_(id) {}

  [[nodiscard]] series_id id() const { return id_; }
  /// The sum of the slot that holds `at`; empty if there is none.
  [[nodiscard]] const Cell& get(tier of, instant at) { return cell(block_of(of, at), of, at); }
  /// The same, to be changed.
  [[nodiscard]] Cell& change(tier of, instant at) {
    auto& found = block_of(of, at);
    found.dirty = true;
    return cell(found, of, at);
  }
  /// The sum over [from, to): whole hours from their tier, then minutes, then seconds where `to_the_second`; a minute or
  /// hour that only begins in it counts whole then.
  [[nodiscard]] Cell sum(instant from, instant to, bool to_the_second);
  /// Calls each(at, cell) for every slot of [from, to) that has something, ascending; reads much at once and keeps nothing.
  template <class F>
  result<void> each(tier of, instant from, instant to, F&& call);

  /// Writes what changed, within the owner's transaction; settled() when that is committed.
  result<void> save();
  void settled();
  /// Lets go of what nobody asked for since the call before.
  void forget();
  [[nodiscard]] std::size_t blocks_in_memory() const;

private:
  struct block {
    std::vector<Cell> cells;
    bool dirty = false, used = true;
  };
  using blocks = std::unordered_map<std::int64_t, block>;

  static std::size_t slots(tier of) { return static_cast<std::size_t>(block_length<Cell>(of) / about(of).slot); }
  static Cell& cell(block& in, tier of, instant at) {
    return in.cells[static_cast<std::size_t>((at - floor_to(at, block_length<Cell>(of))) / about(of).slot)];
  }
  block& block_of(tier of, instant at);
  static std::vector<Cell> decode(tier of, std::string_view bytes);
  static std::string encode(const block& from);
  void add_slots(Cell& out, tier of, instant from, instant to) {
    for (auto at = from; at < to; at += about(of).slot)
      if (const auto& one = get(of, at); !one.empty()) out.merge(one);
  }
  void add_minutes(Cell& out, instant from, instant to, bool to_the_second);

  series_store* store_;
  series_id id_;
  std::array<blocks, tier_count> in_memory_;
  std::array<std::pair<std::int64_t, block*>, tier_count> last_{};
};

template <class Cell>
typename tiers<Cell>::block& tiers<Cell>::block_of(tier of, instant at) {
  const auto which = static_cast<std::size_t>(of);
  const auto begin = floor_to(at, block_length<Cell>(of));
  const auto key = begin.time_since_epoch().count();
  auto& last = last_[which];
  if (last.second != nullptr && last.first == key) return *last.second;
  auto& all = in_memory_[which];
  auto found = all.find(key);
  if (found == all.end()) found = all.emplace(key, block{decode(of, store_->block(id_, of, begin))}).first;
  found->second.used = true;
  last = {key, &found->second};
  return found->second;
}

template <class Cell>
std::vector<Cell> tiers<Cell>::decode(tier of, std::string_view bytes) {
  std::vector<Cell> out(slots(of));
  std::uint64_t step = 0;
  for (std::size_t at = 0; !bytes.empty(); ++at) {
    if (!take_varint(bytes, step) || (at += step) >= out.size() || !Cell::decode(bytes, out[at])) break;
  }
  return out;
}

template <class Cell>
std::string tiers<Cell>::encode(const block& from) {
  std::string out;
  std::size_t next = 0;
  for (std::size_t i = 0; i < from.cells.size(); ++i) {
    if (from.cells[i].empty()) continue;
    put_varint(out, i - next);
    from.cells[i].encode(out);
    next = i + 1;
  }
  return out;
}

template <class Cell>
void tiers<Cell>::add_minutes(Cell& out, instant from, instant to, bool to_the_second) {
  using namespace std::chrono_literals;
  const auto first = to_the_second ? floor_to(from + 59s, 60s) : floor_to(from, 60s);
  const auto last = to_the_second ? floor_to(to, 60s) : floor_to(to + 59s, 60s);
  if (to_the_second && first > last) return add_slots(out, tier::second, from, to);
  if (to_the_second) add_slots(out, tier::second, from, first);
  add_slots(out, tier::minute, first, last);
  if (to_the_second) add_slots(out, tier::second, last, to);
}

template <class Cell>
Cell tiers<Cell>::sum(instant from, instant to, bool to_the_second) {
  using namespace std::chrono_literals;
  Cell out;
  if (from >= to) return out;
  const auto first = floor_to(from + 3'599s, 1h), last = floor_to(to, 1h);
  if (first >= last) {
    add_minutes(out, from, to, to_the_second);
    return out;
  }
  add_minutes(out, from, first, to_the_second);
  add_slots(out, tier::hour, first, last);
  add_minutes(out, last, to, to_the_second);
  return out;
}

template <class Cell>
template <class F>
result<void> tiers<Cell>::each(tier of, instant from, instant to, F&& call) {
  const auto first = floor_to(from, block_length<Cell>(of));
  auto stored = store_->blocks(id_, of, first, to);
  if (!stored) return std::unexpected(std::move(stored.error()));
  for (const auto& [key, one] : in_memory_[static_cast<std::size_t>(of)])
    if (const instant at{seconds{key}}; one.dirty && at >= first && at < to) (*stored)[at] = encode(one);
  for (const auto& [begin, bytes] : *stored) {
    const auto cells = decode(of, bytes);
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const auto at = begin + static_cast<std::int64_t>(i) * about(of).slot;
      if (!cells[i].empty() && at >= from && at < to) call(at, cells[i]);
    }
  }
  return {};
}

template <class Cell>
result<void> tiers<Cell>::save() {
  for (std::size_t which = 0; which < tier_count; ++which)
    for (auto& [key, one] : in_memory_[which])
      if (one.dirty)
        if (auto put = store_->put_block(id_, static_cast<tier>(which), instant{seconds{key}}, encode(one)); !put) return put;
  return {};
}

template <class Cell>
void tiers<Cell>::settled() {
  for (auto& all : in_memory_)
    for (auto& [key, one] : all) one.dirty = false;
}

template <class Cell>
void tiers<Cell>::forget() {
  for (auto& all : in_memory_) {
    std::erase_if(all, [](const auto& entry) { return !entry.second.dirty && !entry.second.used; });
    for (auto& [key, one] : all) one.used = false;
  }
  last_ = {};
}

template <class Cell>
std::size_t tiers<Cell>::blocks_in_memory() const {
  std::size_t out = 0;
  for (const auto& all : in_memory_) out += all.size();
  return out;
}

}  // namespace andon::slo
