#pragma once
// An error-budget policy: what happens as the budget goes. Pure judgement: from how objectives stand and from the steps
// in force, which steps begin and which end. It has no memory of its own; whoever keeps the steps in force over a restart
// keeps the judgement.
//
// A step begins when the budget left has come down to its bound and, where it has one, the burn rate up to the other. It
// ends when the budget left is above the bound by the policy's margin, or the burn rate below half of its bound, or the
// calendar's period is a new one; never before it was in force for the policy's least time. Without events nothing begins
// or ends: silence is no recovery, until what made the step begin has left the window.
#include <span>
#include <string>
#include <vector>

#include "andon/slo/decision.hpp"
#include "andon/slo/watch.hpp"

namespace andon::slo {

/// How routing is tightened. Empty: it is left as it is.
struct tightening {
  std::vector<std::string> routes;               ///< empty: all
  std::vector<std::string> avoid;                ///< models that are asked only when no other can
  bool avoid_worst = false;                      ///< the model that ate most of the budget, too
  std::optional<std::int64_t> attempts, queue;   ///< at most so many tries of a target, and calls that wait
  bool no_hedging = false;
  bool operator==(const tightening&) const = default;
};

struct policy_step {
  decision_act act = decision_act::notify;
  std::optional<double> left;                    ///< share of the budget
  std::optional<double> burn;                    ///< burn rate of the last hour
  std::string severity = "ticket";               ///< of the alert that tells of it
  tightening tighten;
  seconds within{24 * 3'600};                    ///< roll_back: how old the change may be
  /// `freeze at 25 % left`: tells a policy's steps apart, over restarts and changes of the policy.
  [[nodiscard]] std::string name() const;
};

struct policy_spec {
  std::string name;
  std::vector<std::string> objectives;
  std::vector<policy_step> steps;                ///< in the order in which they begin
  double margin = 0.05;                          ///< share of the budget
  seconds least{300};
  std::int64_t min_events = 50;                  ///< of the window, for a step to begin; not of slices
};

/// A step that has begun and whose condition is not over: a Decision in force, or one that a person waived.
struct step_in_force {
  std::int64_t decision = 0;
  std::string policy, objective, step;
  instant since{}, window_begin{};
  bool waived = false;
};

struct step_begin {
  const policy_spec* policy;
  const policy_step* step;
  const objective_status* objective;
};
struct step_end {
  std::int64_t decision = 0;
  std::string why;
  bool waived = false;   ///< it was ended before: from now on it may begin again
};
struct judgement {
  std::vector<step_begin> begins;  ///< by policy, objective and step
  std::vector<step_end> ends;      ///< what began last first
};

/// The results refer to the arguments.
judgement judge(std::span<const policy_spec> policies, std::span<const objective_status> objectives, std::span<const step_in_force> in_force, instant now);

/// Whether the window has the events that a step needs to begin.
bool has_enough_events(const policy_spec& policy, const objective_status& of);

/// One sentence: `objective chat has 18 % of its budget left over 30d (burn rate 12, 340 of 1,000 events bad)`.
std::string reason_of(const objective_status& of);
/// For people and programs, as a JSON object; the three causes that ate most.
std::string evidence_of(const objective_status& of, const losses& eaten);
/// The model that ate most, of those that `may` name; empty: none.
std::string worst_model(const losses& eaten, const std::function<bool(std::string_view model)>& may);

/// As JSON, and back; what is not readable is empty.
std::string to_json(const tightening&);
tightening tightening_of(std::string_view json);

}  // namespace andon::slo
