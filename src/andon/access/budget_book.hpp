#pragma once
// The budgets' memory: amounts recomputed from Records, so that they are exact after any restart.
//
// One owner (the thread that reads the ledger). It charges every Record once, in ledger order, and from time to time
// hands its rows with the ledger's positions to keyring::save_checkpoint; both are of the same moment by construction.
// At start: load() the checkpoint, charge() what the ledger has after its positions (calls interrupted by a crash come
// as Records too, closed by recovery with their estimate), then seed() the live accounts before serving.
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "andon/access/admission.hpp"
#include "andon/access/keyring.hpp"
#include "andon/base/metrics.hpp"

namespace andon::access {

/// What the book needs to know of a Record.
struct spend_facts {
  wall_time started;               ///< decides the period
  project_id project;
  key_id key;
  std::string_view route;
  std::string_view user;
  std::span<const std::string> tags{};
  nano_usd cost;                   ///< 0 when unknown
};

/// One line of `andon budgets` and of the alarms.
struct budget_reading {
  const bound_budget* rule = nullptr;
  period in;
  nano_usd spent, reserved;
  bool alarm = false;              ///< spent + reserved at or above the rule's alarm_percent
};

///
/// Bounded: `max_rows` accounts of users and tags, beside one of every rule that has a single account. When it is full,
/// rows of periods that are over make place for new ones; a period that is under way is never forgotten for another.
/// While there is no such row, what new users and tags spend is not kept over a restart (live budgets are not affected):
/// counted in andon_budget_book_forgotten, and an error in the log when it begins.
class budget_book {
public:
  static constexpr std::size_t default_max_rows = 1U << 20;
  explicit budget_book(std::size_t max_rows = default_max_rows, metrics::registry* metrics = nullptr);

  /// Charges every account that the rules in force give this call. Costs below 0 are ignored.
  void charge(const directory& in_force, const spend_facts& facts);
  /// Sets one account, for callers that aggregate by other means.
  void restore(std::uint64_t account, period in, nano_usd spent);
  void load(const checkpoint& from);
  [[nodiscard]] checkpoint take_checkpoint(std::vector<std::pair<std::string, std::uint64_t>> positions) const;
  /// Drops rows of periods that ended before `now` minus 32 days.
  void prune(wall_time now);
  /// Raises the live accounts of current periods to what the book says; never lowers, so it may also run after every
  /// change of rules. A rule that is new in the middle of a period starts from what the book was charged under it: replay
  /// the period's Records through charge() to have it count from the beginning.
  void seed(const directory& in_force, admission& live, wall_time now) const;

  [[nodiscard]] nano_usd spent(std::uint64_t account, period in) const;
  [[nodiscard]] std::size_t rows() const { return rows_.size(); }
  [[nodiscard]] std::uint64_t forgotten() const { return forgotten_.load(std::memory_order_relaxed); }  ///< charges for which there was no row

private:
  struct row_key { std::uint64_t id; std::int64_t begin; bool operator==(const row_key&) const = default; };
  struct row_hash { std::size_t operator()(const row_key& k) const noexcept { return k.id ^ (static_cast<std::uint64_t>(k.begin) * 0x9e3779b97f4a7c15ULL); } };
  struct row { std::int64_t end; nano_usd spent; };
  enum class need : std::uint8_t { always, if_there_is_room };
  void add(std::uint64_t id, period in, nano_usd cost, need room);
  bool make_room();
  void forget(nano_usd cost);

  std::unordered_map<row_key, row, row_hash> rows_;
  std::size_t max_rows_;
  std::int64_t latest_ = INT64_MIN;       ///< latest start of a call that was charged, seconds since 1970
  std::int64_t sweep_from_ = INT64_MIN;   ///< before this moment no row's period is over
  std::atomic<std::uint64_t> forgotten_{0};
  std::atomic<std::size_t> count_{0};     ///< of rows, for readers on other threads
  std::vector<std::shared_ptr<void>> observed_;
};

/// Readings of all static accounts (not of users and tags) of a directory.
std::vector<budget_reading> read_budgets(const directory& in_force, wall_time now);

}  // namespace andon::access
