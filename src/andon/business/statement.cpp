#include "andon/business/statement.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "andon/base/time_text.hpp"

namespace andon::business {
namespace {

using namespace std::chrono_literals;

bool counts_in_parts(const slo::objective_spec& what) {
  return slo::unit_of(what) != 1;
}

std::string shell_word(std::string_view text) {
  std::string out = "'";
  for (const char c : text) c == '\'' ? out.append("'\\''") : out += c;
  return out + "'";
}

std::string time_text(instant at) { return format_rfc3339(wall_time{at}).substr(0, 19) + "Z"; }

/// Each stretch that counts, by one command: what does not count lies between them.
std::vector<std::string> recount_of(const slo::objective_spec& what, instant begin, instant until, const std::vector<excluded_time>& without) {
  std::vector<std::string> out;
  const auto add = [&](instant from, instant to) {
    if (from >= to) return;
    if (what.method == slo::budgeting::occurrences)
      out.push_back(fmt::format("andon objective recount {} --since {} --until {}", shell_word(what.name), time_text(from), time_text(to)));
    else out.push_back(fmt::format("andon objective series {} --since {} --until {} --step 1h", shell_word(what.name), time_text(from), time_text(to)));
  };
  auto from = begin;
  for (const auto& one : without) {
    add(from, one.from);
    from = std::max(from, one.to);
  }
  add(from, until);
  return out;
}

bool is_without(const std::vector<excluded_time>& without, const piece& of) {
  return std::ranges::any_of(without, [&](const excluded_time& one) { return one.from < of.to && one.to > of.from; });
}

void count(promise_line& into, const std::vector<piece>& pieces, const std::vector<excluded_time>& without, const month& when, const time_zone& zone, bool by_hour) {
  const auto days = days_of(when, zone);
  std::map<instant, std::pair<bool, std::size_t>> hours;  // that count: had an event, of which day
  std::size_t day = 0;
  for (const auto& one : pieces) {
    while (day + 1 < days.size() && one.from >= days[day].end) ++day;
    while (into.days.size() <= day) into.days.push_back({.date = days[into.days.size()].date, .events = {}, .excluded = {}});
    auto& line = into.days[day];
    if (is_without(without, one)) {
      line.excluded += one.events;
      into.excluded += one.events;
      continue;
    }
    line.events += one.events;
    into.events += one.events;
    auto& hour = hours.try_emplace(slo::floor_to(one.from, 1h), false, day).first->second;
    hour.first = hour.first || !one.events.empty();
  }
  if (!by_hour) return;
  into.hours = std::ssize(hours);
  for (const auto& [at, of] : hours)
    if (!of.first) ++into.silent_hours, ++into.days[of.second].silent_hours;
}

/// Up to where a number is good; empty for what is good or bad by itself.
std::string bound_of(const slo::series_spec& what) {
  const auto said = [&]() -> std::string_view {
    switch (what.how) {
      case slo::comparison::none: return {};
      case slo::comparison::lte: return "at most";
      case slo::comparison::gte: return "at least";
      case slo::comparison::lt: return "less than";
      case slo::comparison::gt: return "more than";
    }
    return {};
  }();
  if (said.empty()) return {};
  const auto& about = slo::about(what.what);
  const auto unit = about.kind == slo::measure_kind::ratio ? "s" : about.unit;  // of shares only a time can be bounded
  return fmt::format("{} {}{}{}", said, what.bound, unit.empty() ? "" : " ", unit);
}

promise_line line_of(const promise& agreed, const measured& from, const statement& in, const std::vector<excluded_time>& without) {
  promise_line out{.objective = agreed.objective, .title = from.what.title, .description = from.what.description};
  out.method = slo::to_string(from.what.method);
  out.by_slices = from.what.method != slo::budgeting::occurrences;
  for (const auto& one : from.what.members) {
    const auto more = [](std::string& to, std::string_view text) { if (!text.empty()) to.append(to.empty() ? "" : " | ").append(text); };
    more(out.measure, slo::about(one.what.what).name);
    more(out.bound, bound_of(one.what));
    more(out.filter, one.what.filter_text);
    more(out.good_filter, one.what.good_text);
    more(out.identity, one.what.identity());
  }
  out.promised = agreed.promised;
  out.objective_target = share_of_percent(from.what.target * 100);
  out.unit = counts_in_parts(from.what) ? slo::counts::whole : 1;
  out.tiers = agreed.credits;
  count(out, from.pieces, without, in.when, *in.of.zone, from.what.method == slo::budgeting::occurrences || from.what.slice <= 1h);
  if (!out.events.empty()) out.kept = reaches(out.events, out.promised);
  out.credit = credit_for(out.events, out.tiers);
  out.causes = from.causes;
  out.recount = recount_of(from.what, in.begin, in.until, without);
  return out;
}

}  // namespace

std::vector<excluded_time> excluded_of(const agreement& of, const slo::objective_spec& what, instant begin, instant until) {
  std::vector<excluded_time> out;
  const auto add = [&](const slo::excluded& when, std::string reason, std::string whose) {
    const auto from = std::max(when.from, begin), to = std::min(when.to, until);
    if (from < to) out.push_back({from, to, std::move(reason), std::move(whose)});
  };
  for (const auto& one : of.exclusions) add(one.when, one.reason, {});
  for (const auto& one : what.maintenance) add(one, "planned maintenance", what.name);
  std::ranges::sort(out, [](const auto& a, const auto& b) { return std::pair(a.from, a.to) < std::pair(b.from, b.to); });
  return out;
}

std::vector<instant> cuts_of(const month& when, const time_zone& zone, instant until, const std::vector<excluded_time>& without) {
  const auto begin = when.begin(zone);
  std::vector<instant> out{begin, until};
  for (auto at = slo::floor_to(begin, 1h) + 1h; at < until; at += 1h) out.push_back(at);
  for (const auto& day : days_of(when, zone))
    if (day.begin > begin && day.begin < until) out.push_back(day.begin);
  for (const auto& one : without)
    for (const auto at : {one.from, one.to})
      if (at > begin && at < until) out.push_back(at);
  std::ranges::sort(out);
  out.erase(std::ranges::unique(out).begin(), out.end());
  return out;
}

statement make_statement(agreement of, statement_input from) {
  statement out;
  out.of = std::move(of);
  out.when = from.when;
  out.begin = from.when.begin(*out.of.zone);
  out.end = from.when.end(*out.of.zone);
  out.until = std::min(from.until, out.end);
  out.made = from.made;
  out.hours = (out.until - out.begin + 59min + 59s) / 1h;
  out.unwatched_hours = from.unwatched_hours;
  out.incidents = std::move(from.incidents);
  out.remarks = std::move(from.remarks);
  for (const auto& one : out.of.exclusions)
    if (const auto begin = std::max(one.when.from, out.begin), end = std::min(one.when.to, out.until); begin < end) out.excluded.push_back({begin, end, one.reason, {}});
  for (std::size_t i = 0; i < out.of.promises.size() && i < from.counted.size(); ++i) {
    const auto without = excluded_of(out.of, from.counted[i].what, out.begin, out.until);
    std::ranges::copy_if(without, std::back_inserter(out.excluded), [](const excluded_time& one) { return !one.objective.empty(); });
    out.lines.push_back(line_of(out.of.promises[i], from.counted[i], out, without));
    out.credit = std::max(out.credit, out.lines.back().credit);
  }
  if (out.of.fee) out.owed = part_of(*out.of.fee, out.credit);
  return out;
}

}  // namespace andon::business
