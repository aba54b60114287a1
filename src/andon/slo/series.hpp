#pragma once
// Series that objectives look at: sums of events over sliding windows, kept up to date by adding what enters and taking
// away what leaves, so that a second costs the same however long the windows are.
//
// Life cycle: construct over a store, add() Records as they are read, move_to() the time, ask in(). One thread.
#include <vector>

#include "andon/slo/tiers.hpp"
#include "andon/slo/window.hpp"

namespace andon::slo {

class slice_series;

class count_series {
public:
  /// `second`: events at seconds, windows end at the present second. `minute`: slices, which are added when they are over.
  enum class grain : std::uint8_t { second, minute };

  count_series(series_store& store, series_id id, grain of, instant now) : sums_(store, id), grain_(of), now_(now) {}
  count_series(const count_series&) = delete;  // windows are asked for by their place
  count_series& operator=(const count_series&) = delete;

  /// The window's place for in(); the same for an equal window.
  std::size_t watch(const window& over);
  void forget_windows() { windows_.clear(); }
  /// Events that were over at `at`, which may be long ago, or later than the present second.
  void add(instant at, const counts& more);
  /// Any step forward or back.
  void move_to(instant now);
  /// Events in [begin_of(i), now).
  [[nodiscard]] const counts& in(std::size_t i) const { return windows_[i].sum; }
  [[nodiscard]] instant begin_of(std::size_t i) const { return windows_[i].begin; }
  /// Events in [from, to), where both are whole minutes or lie within the last hour.
  [[nodiscard]] counts between(instant from, instant to) { return sums_.sum(from, to, grain_ == grain::second); }

  [[nodiscard]] instant now() const { return now_; }
  /// Counters since the start, for those who count themselves: they only grow.
  void tally(const counts& more) { tallied_ += more; }
  [[nodiscard]] const counts& tallied() const { return tallied_; }
  /// Records from its past are still missing: its sums tell of a part only.
  [[nodiscard]] bool incomplete() const { return incomplete_; }
  void set_incomplete(bool incomplete) { incomplete_ = incomplete; }
  [[nodiscard]] tiers<counts>& sums() { return sums_; }
  void tell(slice_series& of_changes) { listeners_.push_back(&of_changes); }
  void tell_no_more(const slice_series& gone) { std::erase(listeners_, &gone); }

private:
  struct sliding {
    window over;
    instant begin{};
    instant valid_until{};  ///< of a calendar window: the end of its period
    counts sum;
  };
  [[nodiscard]] instant begin_now(sliding& one) const;
  void start(sliding& one, instant begin);
  void leave(sliding& one, instant to);

  tiers<counts> sums_;
  grain grain_;
  bool incomplete_ = false;
  counts tallied_;
  instant now_;
  std::vector<sliding> windows_;
  std::vector<slice_series*> listeners_;
};

/// What makes a slice of time good.
enum class slice_rule : std::uint8_t {
  all_good,   ///< Timeslices: every member that had events reached the slice target
  ratios,     ///< RatioTimeslices: good in the part that the members' summed shortfalls leave
};

/// A stretch of time that does not count, in whole minutes.
struct excluded {
  instant from, to;
  bool operator==(const excluded&) const = default;
};

/// Slices of time of one or several series, as a series of its own: each slice is one event (counts::whole) at its first
/// minute. A slice without events is no event. A late Record changes the slice that it belongs to.
class slice_series {
public:
  struct member {
    count_series* of = nullptr;
    double weight = 1;
    double slice_target = 1;
  };
  /// `closed`: slices that ended by then are in the store already.
  slice_series(series_store& store, series_id id, seconds slice, slice_rule rule, std::vector<member> members, std::vector<excluded> without, instant closed);
  ~slice_series();
  slice_series(const slice_series&) = delete;  // members tell it of changes
  slice_series& operator=(const slice_series&) = delete;

  /// Call after the members were moved.
  void move_to(instant now);
  void changed(instant at);
  [[nodiscard]] count_series& series() { return own_; }
  [[nodiscard]] seconds slice() const { return slice_; }

private:
  [[nodiscard]] counts judge(instant begin);
  void put(instant begin);
  void take_back(instant first);

  count_series own_;
  seconds slice_;
  slice_rule rule_;
  std::vector<member> members_;
  std::vector<excluded> without_;
  instant closed_;
};

}  // namespace andon::slo
