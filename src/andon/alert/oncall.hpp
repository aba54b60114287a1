#pragma once
// Who is on call when: people, schedules with rotations in a zone of their own, overrides, escalation chains. Immutable
// once made; time is an argument.
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "andon/alert/time_interval.hpp"

namespace andon::alert {

struct person {
  std::string name;                    ///< for people; the key in the configuration names it
  std::vector<std::string> receivers;  ///< through which the person is told
};

/// People in turn. The hand-over is at the same local time of day, also across changes of summer time.
struct rotation {
  std::vector<std::string> people;
  std::chrono::local_seconds start{};  ///< of the first person's first turn, in the schedule's zone
  std::chrono::seconds every = std::chrono::days{7};
  std::optional<time_interval> only{}; ///< within these spans
};

struct schedule {
  std::string zone = "UTC";
  std::shared_ptr<const time_zone> offsets;
  std::vector<rotation> rotations;     ///< a later one goes before an earlier where both hold
};

/// Somebody takes over for a time.
struct schedule_override {
  std::int64_t id = 0;
  std::string schedule, person;
  wall_time from, until;
  std::string by;
};

/// Those of people who are there: who has left does not hide the rotation.
std::vector<schedule_override> overrides_in_force(const std::vector<schedule_override>& all, const std::map<std::string, person>& people);

/// Who of this schedule is on call; empty: nobody. The override made last goes before all.
std::string on_call(const schedule& of, const std::string& name, const std::vector<schedule_override>& overrides, wall_time at);

struct shift {
  std::string person;                  ///< empty: a gap
  wall_time from, until;
};
/// What lies between two moments, hand-overs to the second; a shift of less than a quarter of an hour may be missed.
std::vector<shift> shifts(const schedule& of, const std::string& name, const std::vector<schedule_override>& overrides, wall_time from, wall_time until);

/// `alice`, `schedule:primary`, `receiver:ops-chat`.
struct escalation_target {
  enum class kind : std::uint8_t { person, schedule, receiver } what = kind::person;
  std::string name;
  static escalation_target parse(const std::string& text);
  [[nodiscard]] std::string text() const;
};

struct escalation_step {
  std::vector<escalation_target> notify;
  nanoseconds wait = std::chrono::minutes{5};  ///< before the next step
  bool round_robin = false;                    ///< one of the targets, in turn from incident to incident
  std::optional<time_interval> only{};         ///< skipped outside these spans
};

struct escalation {
  std::vector<escalation_step> steps;
  std::int64_t repeat = 0;                     ///< how often it begins again when nobody has acknowledged
};

/// Where an incident stands in its chain.
struct escalation_place {
  std::int64_t step = 0, round = 0;
  std::optional<wall_time> next;               ///< absent: it is over
};
/// The step that is due, if one is, and the place behind it. Steps outside their spans are passed over at once.
const escalation_step* take_step(const escalation& chain, escalation_place& at, wall_time now);
/// To be called before: a clock that was set back does not stretch the wait beyond what the step before asks for.
void bound_wait(const escalation& chain, escalation_place& at, wall_time now);
/// Whom the step tells, for the incident of this number.
std::vector<escalation_target> targets_of(const escalation_step& step, std::int64_t number, std::int64_t round);

}  // namespace andon::alert
