#pragma once
// A month of an agreement: what was counted, whether the promises were kept, what is owed, and how each number is counted
// again. Pure functions of what the watch counted; values; any thread.
//
// The month is cut into pieces at every hour, at every midnight of the zone and where a time that does not count begins or
// ends, so that each piece counts or does not as a whole. A month without events is neither 0 % nor 100 %: it has no share.
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "andon/business/agreement.hpp"
#include "andon/business/month.hpp"
#include "andon/slo/series_store.hpp"

namespace andon::business {

/// Events of [from, to).
struct piece {
  instant from, to;
  slo::counts events;
};

/// What was counted of one promise's objective.
struct measured {
  slo::objective_spec what;
  std::vector<piece> pieces;           ///< ascending, of the whole time that is told of
  std::vector<std::pair<slo::cause, std::int64_t>> causes;  ///< what was bad, most first
};

struct excluded_time {
  instant from, to;
  std::string reason;
  std::string objective;               ///< whose maintenance it is; empty: the agreement's
};

struct told_incident {
  std::string id, title, severity, state;
  instant opened;
  std::optional<instant> resolved;
  std::set<std::string> objectives{};  ///< that its alerts are of
};

struct day_line {
  std::string date;
  slo::counts events;                  ///< that count
  slo::counts excluded;
  std::int64_t silent_hours = 0;       ///< that count and had no event
};

struct promise_line {
  std::string objective, title, description, method, measure, bound, filter, good_filter, identity;  ///< bound: `at most 2 s` is good
  share promised, objective_target;
  std::int64_t unit = 1;               ///< that one event is counted as
  bool by_slices = false;              ///< events are slices of time
  slo::counts events, excluded;
  std::optional<bool> kept;            ///< nothing: there was no event
  std::vector<credit_tier> tiers;
  share credit;
  std::int64_t hours = 0, silent_hours = 0;   ///< that count; of them without any event
  std::vector<day_line> days;
  std::vector<std::pair<slo::cause, std::int64_t>> causes;
  std::vector<std::string> recount;    ///< commands that count the numbers again from the ledger
};

struct statement {
  agreement of;
  month when;
  instant begin, end, until;           ///< until: how far it was counted; the end for a month that is over
  instant made;
  bool preliminary = true;
  std::int64_t revision = 1;
  std::string reason;                  ///< of a revision after the first
  std::vector<excluded_time> excluded;
  std::vector<promise_line> lines;
  std::int64_t hours = 0;
  std::optional<std::int64_t> unwatched_hours;  ///< in which the gateway did not run; nothing: not known
  std::vector<told_incident> incidents;
  share credit;                        ///< the highest of the lines: credits are not added up
  std::optional<money> owed;           ///< where a fee was agreed
  std::vector<std::string> remarks;    ///< what limits the numbers
};

/// Times of the month that do not count for the promise, with whose they are, ascending and cut to [begin, until).
std::vector<excluded_time> excluded_of(const agreement& of, const slo::objective_spec& what, instant begin, instant until);
/// Where the pieces begin and end: `begin`, hours, midnights and bounds of `without`, `until`; ascending, each once.
std::vector<instant> cuts_of(const month& when, const time_zone& zone, instant until, const std::vector<excluded_time>& without);

struct statement_input {
  month when;
  instant until;                       ///< how far the watch has counted
  instant made;
  std::vector<measured> counted;       ///< one for each promise, in their order
  std::vector<told_incident> incidents;
  std::optional<std::int64_t> unwatched_hours;
  std::vector<std::string> remarks;
};
statement make_statement(agreement of, statement_input from);

}  // namespace andon::business
