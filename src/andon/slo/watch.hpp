#pragma once
// The watch over objectives: counts Records into series, moves the time, judges objectives and rules, and keeps all of it
// in <data>/watch.db.
//
// Life cycle: open → adopt() a plan, again after each reload → count() Records and tick() each second → destroy. Records are
// fed and time is told by one thread (follower.hpp); questions may come from any thread.
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>

#include "andon/slo/evaluator.hpp"
#include "andon/slo/match_table.hpp"
#include "andon/slo/rule.hpp"

namespace andon::slo {

struct watch_plan {
  std::vector<objective_spec> objectives;
  std::vector<indicator_spec> indicators;
  std::vector<rule_spec> rules;
};

/// What is known of one objective.
struct objective_status {
  objective_spec what;
  budget_report budget;
  std::vector<signal> firing;
  bool filling = false;  ///< Records from before its beginning are still being counted
  counts tallied;        ///< counters since the start: of events, or of slices (counts::whole each)
};

/// In one word how it stands: filling, no data, exhausted, burning or kept.
std::string_view state_of(const objective_status& of);

/// One point of a chart: the events of [at, at + step).
struct chart_point {
  instant at;
  distribution of;
};
struct chart {
  seconds step{};        ///< may be longer than what was asked for: seconds are kept for an hour, minutes for a month
  std::vector<chart_point> points;  ///< ascending; steps without events are left out
};

struct indicator_status {
  indicator_spec what;
  std::vector<indicator::group> groups;
};

class watch {
public:
  /// The sink is called by whoever calls adopt() and tick(), without the watch's lock: questions may be asked meanwhile.
  static result<std::unique_ptr<watch>> open(const std::filesystem::path& file, const clock& time, signals_sink sink);
  ~watch();
  watch(const watch&) = delete;
  watch& operator=(const watch&) = delete;

  /// Takes up a plan that has no complaints; save() before it when another was in force, since sums that the new one does
  /// not use are let go of. Alerts whose objective or rule is gone are resolved. errc of the store, which is as before then;
  /// let go of the watch.
  result<void> adopt(watch_plan plan);

  /// A Record of the journal, in its order.
  result<void> count(const ledger::record_view& record);
  /// Records from before a series' beginning: while any series is being filled, those up to where count() began.
  [[nodiscard]] bool is_filling() const;
  result<void> count_past(const ledger::record_view& record);
  void past_is_complete();
  /// A number from elsewhere, of the present second.
  result<void> sample(measure what, double value);
  result<void> sample(measure what, const counts& events);

  /// Before counting, when the clock was set back: what is counted from now on is of the time before `now`.
  void step_back(instant now);
  /// The time is `now`: everything before it is judged. `reached` is how far count() has come; it is saved with the sums
  /// every few seconds and whenever an alert changed, after that was told. After an error of the store nothing is lost that the journal has:
  /// let go of the watch and open it again.
  result<void> tick(instant now, const std::vector<ledger::checkpoint>& reached);
  result<void> save(const std::vector<ledger::checkpoint>& reached);
  [[nodiscard]] result<std::vector<ledger::checkpoint>> saved_positions();

  // Questions; any thread.
  [[nodiscard]] std::vector<objective_status> objectives();
  [[nodiscard]] std::optional<objective_status> objective(std::string_view name);
  [[nodiscard]] std::vector<signal> firing();
  [[nodiscard]] std::vector<indicator_status> indicators();
  /// errc::not_found, invalid_argument (more than 20,000 points), io_error.
  [[nodiscard]] result<chart> objective_chart(std::string_view name, instant from, instant to, seconds step);
  [[nodiscard]] result<chart> indicator_chart(std::string_view name, const indicator::group& of, instant from, instant to, seconds step);
  /// What ate the budget in [from, to), by the hour; composites: of all members.
  [[nodiscard]] result<losses> eaten(std::string_view name, instant from, instant to);
  /// Sums between each two of `cuts` (ascending, at least two): one fewer than these. Cuts are moved down to what is still
  /// kept: whole minutes, or hours where they are older than a month. errc::not_found, invalid_argument (a composite that
  /// counts events: its parts weigh differently), io_error.
  [[nodiscard]] result<std::vector<counts>> sums_between(std::string_view name, std::vector<instant>& cuts);
  [[nodiscard]] instant now() const;
  /// How long the last tick took, and Records counted, for metrics.
  struct figures { nanoseconds tick{}; std::uint64_t records = 0, saves = 0; std::size_t series = 0, blocks = 0; };
  [[nodiscard]] figures read_figures() const;

private:
  struct state;
  explicit watch(std::unique_ptr<state> s);
  std::unique_ptr<state> state_;
};

}  // namespace andon::slo
