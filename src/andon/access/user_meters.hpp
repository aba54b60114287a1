#pragma once
// Meters of users and tags: callers name them freely, so their number is bounded by construction.
//
// Both tables are set-associative: a fixed number of entries, mapped once as untouched pages (memory is used only as
// sets are), 16 to a set, one spin lock per set held for tens of nanoseconds. An entry that a ticket holds is pinned
// and never evicted.
#include <atomic>
#include <cstdint>

#include "andon/access/lazy_sets.hpp"
#include "andon/access/meters.hpp"

namespace andon::access {

/// Limits of users. When a set is full, an idle entry (full buckets, nothing in flight) makes place, which loses nothing;
/// if there is none, the one soonest idle does, which is counted: at most its minute of use is forgotten. When all 16 are
/// pinned, the call is refused as overloaded.
class user_limit_table {
public:
  struct entry {
    std::uint64_t id = 0;  ///< under the set's lock; 0: free
    std::atomic<std::uint32_t> pins{0};
    limit_state state;
  };
  explicit user_limit_table(std::size_t capacity) : sets_(capacity) {}

  entry* pin(std::uint64_t id, bucket_time now) noexcept;  ///< null: all of the set is in use
  static void unpin(entry* e) noexcept { e->pins.fetch_sub(1, std::memory_order_release); }
  [[nodiscard]] std::uint64_t evicted_active() const noexcept { return evicted_active_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t capacity() const noexcept { return sets_.capacity(); }
  [[nodiscard]] std::size_t used() const noexcept { return used_.load(std::memory_order_relaxed); }

private:
  lazy_sets<entry> sets_;
  std::atomic<std::uint64_t> evicted_active_{0};
  std::atomic<std::size_t> used_{0};
};

/// Budgets of users and tags. When a set is full, an entry whose period is over makes place; if there is none, the one
/// with the least spent does, and the newcomer inherits its amount (Space-Saving, Metwally 2005): an account may then
/// show more than was spent, never less, so no budget is overrun; such evictions are counted.
class user_budget_table {
public:
  struct entry {
    std::uint64_t tag = 0;  ///< of account and period; 0: free
    std::int64_t end = 0;   ///< of the period, seconds since 1970
    std::int64_t committed = 0;
    std::int64_t spent = 0;
    std::uint32_t pins = 0;
  };
  explicit user_budget_table(std::size_t capacity) : sets_(capacity) {}

  enum class outcome : std::uint8_t { taken, exceeded, full };
  /// `taken` pins the entry until settle.
  outcome reserve(std::uint64_t id, period in, wall_time now, nano_usd estimate, nano_usd limit, nano_usd& committed, entry*& held) noexcept;
  /// Reserves more in an entry that is pinned; a negative amount gives it back. False: the limit does not allow it.
  bool raise(std::uint64_t id, period in, entry* held, nano_usd more, nano_usd limit, nano_usd& committed) noexcept;
  void settle(std::uint64_t id, period in, entry* held, nano_usd reserved, nano_usd actual) noexcept;
  void restore(std::uint64_t id, period in, wall_time now, nano_usd spent) noexcept;  ///< raises to `spent`, never lowers
  [[nodiscard]] budget_account::reading read(std::uint64_t id, period in) const noexcept;
  [[nodiscard]] std::uint64_t evicted_active() const noexcept { return evicted_active_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t capacity() const noexcept { return sets_.capacity(); }

private:
  entry* place(lazy_sets<entry>::set& in, std::uint64_t tag, period when, wall_time now) noexcept;
  mutable lazy_sets<entry> sets_;
  std::atomic<std::uint64_t> evicted_active_{0};
};

}  // namespace andon::access
