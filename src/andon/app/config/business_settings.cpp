#include "andon/app/config/business_settings.hpp"

namespace andon::app {
namespace {

schema<credit_settings> credit() {
  using s = credit_settings;
  schema<s> out;
  out.value("below", &s::below, "When less than this share is attained, in percent; exactly this share is not less.", between(0.0, 100.0)).required();
  out.value("percent", &s::percent, "This part of the fee is given back.", between(0.0, 100.0)).required();
  return out;
}

schema<promise_settings> promise() {
  using s = promise_settings;
  schema<s> out;
  out.value("objective", &s::objective, "Name of an objective.").required();
  out.value("target", &s::target, "The share that is promised, in percent; left out: the objective's own target. Less than that leaves room to act before a promise is broken.", between(0.0, 100.0));
  out.items("credits", &s::credits, credit(), nullptr, "Credits for this promise instead of the agreement's.");
  return out;
}

schema<exclusion_settings> exclusion() {
  using s = exclusion_settings;
  schema<s> out;
  out.value("from", &s::from, "When it begins: 2026-01-31T22:00:00Z or with an offset; whole minutes.").required();
  out.value("to", &s::to, "When it ends.").required();
  out.value("reason", &s::reason, "Why it does not count: the statement says so.").required();
  return out;
}

schema<fee_settings> fee() {
  using s = fee_settings;
  schema<s> out;
  out.value("amount", &s::amount, "What is paid for a month: 1200 or 99.50.").required();
  out.value("currency", &s::currency, "ISO 4217 code, such as EUR.");
  return out;
}

}  // namespace

schema<agreement_settings> agreement_schema() {
  using s = agreement_settings;
  schema<s> out;
  out.value("title", &s::title, "For people.");
  out.value("description", &s::description, "For people.");
  out.value("counterparty", &s::counterparty, "With whom it was agreed.").required();
  out.value("notes", &s::notes, "Stand at the end of each statement: the contract's number, to whom claims go.");
  out.items("objectives", &s::objectives, promise(), +[](std::string name) { return promise_settings{.objective = std::move(name), .target = {}, .credits = {}}; },
            "What is promised: names of objectives, or each with its own target and credits.");
  out.value("time_zone", &s::time_zone, "IANA name of the zone whose calendar months are told of.");
  out.items("credits", &s::credits, credit(), nullptr, "What is given back, by tiers: each below the one before it, and more. The highest credit of all promises counts; they are not added up.");
  out.items("exclusions", &s::exclusions, exclusion(), nullptr, "Times that do not count, beside the maintenance of the objectives.");
  out.group("fee", &s::fee, fee(), "What is paid for a month; with it, statements tell credits in money.");
  out.value("issue_after", &s::issue_after, "So long after a month's end its statement is issued by itself; Records that come later are not in it. 0s: only when asked.", between<nanoseconds>(0s, 27 * 24h));
  return out;
}

schema<kpi_settings> kpi_schema() {
  using s = kpi_settings;
  schema<s> out;
  out.value("title", &s::title, "For people.");
  out.value("description", &s::description, "For people.");
  out.value("owner", &s::owner, "Who answers for it.");
  out.value("unit", &s::unit, "Of its values, for people: %, USD, points.");
  out.value("indicator", &s::indicator, "What it is measured from: an entry of `indicators`, or a measure. Left out: values come from outside, by POST /api/v1/kpis/NAME/values or `andon kpi set`.");
  out.value("statistic", &s::statistic, "Of the indicator: good, bad, rate, good_rate, count, good_count, sum, mean, p50, p90, p95 or p99; left out: the one usual for the measure.");
  out.value("per", &s::per, "Divided by another indicator: cost per resolved conversation is `indicator: cost, statistic: sum, per: resolved, per_statistic: good_count`.");
  out.value("per_statistic", &s::per_statistic, "Of that indicator; left out: the one usual for its measure.");
  out.value("fold", &s::fold, "For values from outside: which one a window has that got several.");
  out.value("at_least", &s::at_least, "The target, where more is better.");
  out.value("at_most", &s::at_most, "The target, where less is better.");
  out.value("window", &s::window, "Over which time, up to now; whole hours.", between<nanoseconds>(1h, 150 * 24h));
  out.value("calendar", &s::calendar, "Over the present day, week, month, quarter or year instead.");
  out.value("time_zone", &s::time_zone, "IANA name of the calendar's zone; the gateway's when left out.");
  out.list("objectives", &s::objectives, "Objectives that it depends on: shown beside it with their state.");
  return out;
}

}  // namespace andon::app
