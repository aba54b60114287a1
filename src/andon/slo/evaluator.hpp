#pragma once
// One objective under observation: its sums, budget, burn rates and alerts, a second at a time.
//
// error ratio = bad / total; burn rate = error ratio / (1 - target); budget left = 1 - burn rate over the window.
// A composite's burn rate by occurrences is the sum of its members', each times its weight. Without events there is no
// burn rate, and an alert stays as it is: silence is no recovery. When the long window has emptied, it is over.
#include <memory>
#include <optional>

#include "andon/slo/objective.hpp"

namespace andon::slo {

struct budget_report {
  instant at, begin, end;                 ///< the window as of `at`
  counts events;                          ///< of the window, maintenance excluded; composites: of all members
  std::optional<double> good_ratio;       ///< the indicator over the window
  std::optional<double> spent;            ///< share of the budget that is gone; may be above 1
  std::optional<double> burn_rate;        ///< of the last hour
  std::optional<double> hours_left;       ///< until the budget is gone at that rate; 0: it is; nothing: it is not burning
  std::vector<std::pair<seconds, std::optional<double>>> burns;  ///< by window of the alerts
  [[nodiscard]] std::optional<double> left() const { return spent ? std::optional(1 - *spent) : std::nullopt; }
  /// Nothing is left, but for what a target's binary form rounds off.
  [[nodiscard]] bool exhausted() const { return spent && *spent >= 1 - 1e-9; }
};

class evaluator {
public:
  /// One series for each member, in order; slices where the method counts them. They outlive this.
  evaluator(objective_spec what, std::vector<count_series*> members, std::unique_ptr<slice_series> slices);

  /// After the members were moved: judges the alerts, and calls the sink for each that begins or ends.
  void evaluate(instant now, const signal_sink& sink);
  [[nodiscard]] budget_report report(instant now);
  [[nodiscard]] const objective_spec& what() const { return what_; }
  [[nodiscard]] const std::vector<count_series*>& members() const { return members_; }
  [[nodiscard]] slice_series* slices() const { return slices_.get(); }
  [[nodiscard]] counts tallied() const;
  [[nodiscard]] std::vector<signal> firing();

  /// The alerts' memory over a restart, as text.
  [[nodiscard]] std::string save();
  [[nodiscard]] bool changed() const { return changed_; }  ///< since the last save()
  void restore(std::string_view saved);

private:
  struct watched { count_series* series; std::size_t window; double weight, budget; };
  struct watched_window {
    window over;
    std::vector<watched> parts;     ///< one for the objective, or one for each member
    std::vector<excluded> without;  ///< in units that are kept for as long as the window reaches
  };
  struct burn_value { std::optional<double> rate; std::int64_t events = 0; };
  enum class verdict : std::uint8_t { no, yes, unknown };
  struct rule_state { std::size_t long_window, short_window; std::optional<instant> since; };
  struct alert { std::string severity; std::optional<instant> firing; };

  std::size_t watch(const window& over);
  [[nodiscard]] counts counted(const watched_window& in, const watched& part) const;
  [[nodiscard]] burn_value value_of(std::size_t i);
  [[nodiscard]] verdict judge(std::size_t rule);
  void set(alert& of, bool fires, instant now, const signal_sink& sink);
  [[nodiscard]] signal told(const alert& of);
  [[nodiscard]] bool is_absent(instant now);
  [[nodiscard]] std::string name_of(std::size_t rule) const;

  objective_spec what_;
  std::vector<count_series*> members_;
  std::unique_ptr<slice_series> slices_;
  std::vector<watched_window> windows_;
  std::vector<rule_state> rules_;
  std::vector<alert> alerts_;            ///< by severity
  std::optional<alert> absence_;
  std::size_t whole_ = 0, hour_ = 0, quiet_ = 0;
  std::optional<instant> first_;         ///< evaluated
  bool changed_ = false;
};

}  // namespace andon::slo
