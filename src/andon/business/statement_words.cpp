#include <fmt/format.h>

#include "andon/business/statement_text.hpp"

namespace andon::business {

std::string statement_words::title(const statement& of) {
  return fmt::format("{}: statement of {}", of.of.title.empty() ? of.of.name : of.of.title, of.when.text());
}

std::string statement_words::state(const statement& of) {
  if (of.preliminary)
    return of.until < of.end ? fmt::format("Preliminary: counted until {}; the month is not over.", local_text(of.until, *of.of.zone))
                             : std::string("Preliminary: the month is over, but this statement was not issued yet.");
  if (of.revision > 1) return fmt::format("Revision {}: {}", of.revision, of.reason);
  return "Revision 1, as it was issued.";
}

std::string statement_words::verdict(const promise_line& of) { return !of.kept ? "no data" : *of.kept ? "kept" : "missed"; }

std::string statement_words::attained(const promise_line& of) { return of.events.empty() ? "no data" : attained_text(of.events) + " %"; }

std::string statement_words::count(std::int64_t n, std::int64_t unit) {
  if (unit == 1 || n % unit == 0) return std::to_string(n / unit);
  auto out = fmt::format("{}.{:06}", n / unit, n % unit);
  while (out.ends_with('0')) out.pop_back();
  return out;
}

std::string statement_words::silence(const promise_line& of) {
  if (of.hours == 0) return {};
  if (of.silent_hours == 0) return fmt::format("none: each of the {} hours that count had events", of.hours);
  return fmt::format("{} of {} hours that count had no event; they say neither that the promise was kept nor that it was missed", of.silent_hours, of.hours);
}

statement_words::rows statement_words::facts(const statement& of) {
  rows out{{"Agreement", of.of.name}, {"Counterparty", of.of.counterparty}, {"Month", fmt::format("{} in {}: {} until {}", of.when.text(), of.of.zone_name, local_text(of.begin, *of.of.zone), local_text(of.end, *of.of.zone))}};
  out.emplace_back("Made", local_text(of.made, *of.of.zone));
  out.emplace_back("Credit", percent_text(of.credit) + " %: the highest of the promises below; credits are not added up");
  if (of.of.fee && of.owed) out.emplace_back("Owed", fmt::format("{} of {}", money_text(*of.owed), money_text(*of.of.fee)));
  if (of.unwatched_hours) out.emplace_back("Not watched", fmt::format("{} of {} hours, in which the gateway did not run", *of.unwatched_hours, of.hours));
  return out;
}

statement_words::rows statement_words::numbers(const promise_line& of) {
  rows out{{"promised", percent_text(of.promised) + " %"}, {"attained", attained(of) + (of.kept ? ", " + verdict(of) : std::string())}};
  out.emplace_back("good", fmt::format("{} of {} {}", count(of.events.good, of.unit), count(of.events.total, of.unit), of.by_slices ? "slices of time" : "events"));
  out.emplace_back("bad", count(of.events.bad(), of.unit));
  if (!of.excluded.empty()) out.emplace_back("not counted", fmt::format("{}, of which {} bad", count(of.excluded.total, of.unit), count(of.excluded.bad(), of.unit)));
  if (auto silent = silence(of); !silent.empty()) out.emplace_back("silence", std::move(silent));
  out.emplace_back("credit", percent_text(of.credit) + " %");
  out.emplace_back("measured", of.measure + (of.bound.empty() ? "" : " " + of.bound) + (of.filter.empty() ? ", of all calls" : ", of " + of.filter) + (of.good_filter.empty() ? "" : "; good: " + of.good_filter));
  out.emplace_back("own target", percent_text(of.objective_target) + " %, which the objective's alerts follow");
  return out;
}

std::string statement_words::cause(const slo::cause& why) {
  std::string out = why.error;
  if (!why.origin.empty()) out += " (" + why.origin + ")";
  if (!why.model.empty()) out += ", model " + why.model;
  return out;
}

}  // namespace andon::business
