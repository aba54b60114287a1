#pragma once
// The attempts of one exchange as a small state machine. The gateway drives it and does the waiting:
//
//   attempt_plan plan{route, facts, clock.mono(), random};
//   for (;;) {
//     auto step = plan.next(clock.mono());
//     if (!step) -> answer with plan.last_error() and stop            // errc of step.error()
//     wait until step->not_before;  call step->target within step->deadlines;
//     if (ok) { plan.succeeded({…}, clock.mono()); break; }
//     auto effect = plan.failed({…}, clock.mono());                   // log, count, alarm by the effect
//   }
//
// A target counts as busy from next() to succeeded(), failed(), abandoned() or destruction.
// Threads: belongs to the exchange's core. The route and the facts' texts must outlive it.
#include <array>
#include <cstdint>
#include <expected>

#include "andon/base/clock.hpp"
#include "andon/base/error.hpp"
#include "andon/base/random.hpp"
#include "andon/route/route.hpp"

namespace andon::route {

struct attempt_deadlines {
  deadline connect;
  deadline first_byte;
  deadline total;
  nanoseconds idle{};
};

struct attempt_step {
  std::uint32_t index = 0;            ///< of the target in its route
  const target* to = nullptr;
  std::uint32_t number = 1;           ///< 1 is the first attempt
  bool retry = false;                 ///< the same target as before
  bool failover = false;              ///< another target than before
  bool while_cooling = false;
  bool probe = false;                 ///< its result decides about the target's breaker
  mono_time not_before{};             ///< back-off or Retry-After; now for a first try
};

struct attempt_failure {
  errc code = errc::upstream_error;
  int http_status = 0;                ///< the provider's; 0: none arrived
  nanoseconds retry_after{};          ///< parse_retry_after(); zero: not given
  std::uint64_t bytes_to_client = 0;  ///< once any byte has gone to the client there is no second attempt
  tokens used{};                      ///< consumed nevertheless
  bool other_key = false;             ///< it was the credential's fault and another one is ready: no fault of the target
};

struct attempt_success {
  nanoseconds latency{};              ///< of this attempt, whole
  nanoseconds first_token{};          ///< zero: not a stream
  tokens used{};                      ///< input and output
  nanoseconds answer{};               ///< until the reply's head, of a stream until its first token; zero: not measured
};

struct failure_effect {
  fault_kind kind = fault_kind::none;
  bool cooled = false;                ///< the target was taken out by this failure …
  nanoseconds cooldown{};             ///< … for this long
  bool alarm = false;                 ///< credential or model name refused: a matter for an operator
};

/// Why there is no next step.
enum class stop_reason : std::uint8_t { final_error, attempts_used, retry_budget, no_time, no_match, all_cooling, all_busy };
std::string_view to_string(stop_reason);

/// Why no second target is asked beside the one that is silent.
/// attempts: this exchange has hedged, or may not try once more; target: no other one is left that is well; busy: those
/// have as many calls as they take, or others wait for their places; budget: the route's share of hedges is used up.
enum class no_hedge : std::uint8_t { attempts, target, busy, budget };
std::string_view to_string(no_hedge);

class attempt_plan {
public:
  attempt_plan(const route&, const facts&, mono_time started, random_source&);
  ~attempt_plan() {
    release();
    release_beside(seen_);
  }
  attempt_plan(const attempt_plan&) = delete;  // holds a place in its target's count of calls in flight
  attempt_plan& operator=(const attempt_plan&) = delete;

  /// Shortens the exchange's total deadline: what the client itself allows.
  void limit(deadline until) { total_ = total_.earlier(until); }
  /// Leaves these targets out; before the first next().
  void without(target_mask these) { excluded_ |= these; }
  /// The next attempt, or why there is none. Call it again only after failed().
  std::expected<attempt_step, stop_reason> next(mono_time now);
  /// The limits of the attempt that starts now (after the wait).
  [[nodiscard]] attempt_deadlines deadlines(mono_time now) const;

  /// After stop_reason::all_busy: who may be waited for, and the step with a place that a waiting room gave.
  [[nodiscard]] target_mask busy_targets() const { return busy_among_; }
  [[nodiscard]] const facts& about() const { return facts_; }
  attempt_step granted(std::uint32_t index, place taken, mono_time now) { return started({index, false}, taken, now); }

  failure_effect failed(const attempt_failure&, mono_time now);
  /// True when it closed the target's breaker.
  bool succeeded(const attempt_success&, mono_time now);
  /// Ended for reasons that say nothing of the target: the client left.
  void abandoned(tokens used, mono_time now);

  /// Another target beside the one under way, once in an exchange: one that was not tried yet, closed and not busy. It
  /// holds a place of its own until outrun(), drop_hedge() or, after turn(), one of the functions above.
  std::expected<attempt_step, no_hedge> hedge(mono_time now);
  [[nodiscard]] bool hedged() const { return hedged_; }
  /// The two change places: what is said from now on of the attempt is said of the hedge, and the other way round.
  void turn();
  /// The one beside was cancelled because the other answered first.
  void outrun(nanoseconds so_far, mono_time now);
  /// The one beside ended for reasons that say nothing of its target.
  void drop_hedge(tokens used, mono_time now);

  [[nodiscard]] std::uint32_t attempts() const { return attempts_; }
  [[nodiscard]] std::uint32_t retries() const { return retries_; }
  [[nodiscard]] std::uint32_t failovers() const { return failovers_; }
  [[nodiscard]] deadline total() const { return total_; }
  /// What the client is told when next() stops: the last attempt's error; no_target before any.
  [[nodiscard]] errc last_error() const { return last_.code; }

private:
  std::expected<attempt_step, stop_reason> again(mono_time now);
  std::expected<attempt_step, stop_reason> begin(target_mask among, mono_time at);
  std::unexpected<stop_reason> all_busy(target_mask among);
  attempt_step started(choice, place, mono_time not_before);
  [[nodiscard]] bool may_repeat(std::uint32_t index) const;
  [[nodiscard]] target_mask repeatable() const;
  [[nodiscard]] nanoseconds backoff();
  void release();
  void release_beside(mono_time now);

  const route& route_;
  facts facts_;
  random_source& random_;
  deadline total_;
  target_mask matching_ = 0, excluded_ = 0;
  target_mask tried_ = 0;
  std::array<std::uint8_t, max_targets> tries_{};
  attempt_failure last_{errc::no_target};
  fault_kind last_kind_ = fault_kind::none;
  std::uint32_t current_ = 0;
  std::uint32_t attempts_ = 0, retries_ = 0, failovers_ = 0;
  place held_;                        // in the current target, while busy
  target_mask busy_among_ = 0;
  mono_time seen_{};                  // the latest moment told
  bool same_again_ = false;           // with another credential
  bool busy_ = false;
  std::uint32_t beside_ = 0;          // index of the other one's target, where there is one
  place beside_held_;
  bool beside_busy_ = false;
  bool hedged_ = false;
};

}  // namespace andon::route
