#pragma once
// Where the sums lie: one SQLite file, <data>/watch.db. Sums are packed, a block of them a row, so that three years of
// hours of a thousand objectives stay small. How far the journal was read is written in the same transaction as the sums:
// nothing is lost or counted twice by a crash.
//
// Life cycle: open → used by one thread → destroy. The first failure to read stays in problem(), since sums that could
// not be read must not be overwritten: whoever sees it lets go of what it holds and opens again.
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "andon/base/clock.hpp"
#include "andon/ledger/journal_position.hpp"
#include "andon/slo/counts.hpp"

namespace andon::slo {

using series_id = std::int64_t;

/// Why an event was bad; empty parts are not known.
struct cause {
  std::string origin, error, model, key;
  auto operator<=>(const cause&) const = default;
};
/// How much each cause has to answer for.
using losses = std::map<cause, std::int64_t>;

struct known_series {
  series_id id = 0;
  bool filling = false;  ///< Records from before its beginning are still being read
};

class series_store {
public:
  static result<std::unique_ptr<series_store>> open(const std::filesystem::path& file, const clock& time);
  ~series_store();
  series_store(const series_store&) = delete;
  series_store& operator=(const series_store&) = delete;

  /// The series of this identity, made (and filling) if it is not there.
  result<known_series> series(std::string_view identity);
  /// Series whose identity begins so.
  result<std::vector<std::pair<std::string, series_id>>> names_beginning(std::string_view prefix);
  result<void> set_filling(series_id id, bool filling);
  result<void> erase(series_id id);         ///< its sums and losses, not its name
  /// Forgets series that are not among `used` and whose last sum is older than `before`.
  result<void> drop_unused(const std::vector<series_id>& used, instant before);

  /// A block's bytes, empty if it is not there.
  std::string block(series_id id, tier of, instant at);
  /// The blocks in [from, to), ascending.
  result<std::map<instant, std::string>> blocks(series_id id, tier of, instant from, instant to);
  /// The first block's time; nothing for a series without any.
  result<std::optional<instant>> first_block(series_id id, tier of);

  /// All or nothing: begin, then put (or erase, prune and whatever else writes), then commit; without commit nothing was done.
  result<void> begin();
  result<void> put_block(series_id id, tier of, instant at, std::string_view bytes);
  result<void> add_losses(series_id id, instant hour, const losses& more);
  result<void> put_positions(const std::vector<ledger::checkpoint>& reached, instant evaluated);
  /// Small values by name: alerts' states.
  result<void> put_note(std::string_view name, std::string_view text);
  result<void> commit();
  void roll_back();

  result<std::vector<ledger::checkpoint>> positions();
  result<std::optional<instant>> evaluated();   ///< the `evaluated` of the last put_positions
  result<std::optional<std::string>> note(std::string_view name);
  result<losses> losses_between(series_id id, instant from, instant to);

  /// Removes what is older than its tier keeps.
  result<void> prune(series_id id, instant now);
  [[nodiscard]] const std::optional<error>& problem() const;

private:
  struct state;
  explicit series_store(std::unique_ptr<state> s);
  std::unique_ptr<state> state_;
};

}  // namespace andon::slo
