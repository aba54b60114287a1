#include "andon/business/desk.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "andon/base/hashing.hpp"
#include "andon/business/statement_text.hpp"

namespace andon::business {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_causes = 20, most_incidents = 1'000;
constexpr int most_missed_months = 12;

/// What was bad in the times that count, by whole hours.
result<std::vector<std::pair<slo::cause, std::int64_t>>> causes_of(slo::watch& in, const std::string& objective, instant begin, instant until, const std::vector<excluded_time>& without) {
  slo::losses all;
  auto from = begin;
  const auto add = [&](instant to) -> result<void> {
    const auto last = slo::floor_to(to + 1h - 1s, 1h);
    if (from >= to) return {};
    const auto some = in.eaten(objective, from, last);
    if (!some) return std::unexpected(some.error());
    for (const auto& [why, bad] : *some) all[{why.origin, why.error, why.model, {}}] += bad;
    from = last;
    return {};
  };
  for (const auto& one : without) {
    if (auto done = add(one.from); !done) return std::unexpected(std::move(done.error()));
    from = std::max(from, one.to);
  }
  if (auto done = add(until); !done) return std::unexpected(std::move(done.error()));
  std::vector<std::pair<slo::cause, std::int64_t>> out(all.begin(), all.end());
  std::ranges::sort(out, [](const auto& a, const auto& b) { return std::pair(-a.second, a.first) < std::pair(-b.second, b.first); });
  if (out.size() <= most_causes) return out;
  std::int64_t rest = 0;
  for (auto i = most_causes; i < out.size(); ++i) rest += out[i].second;
  out.resize(most_causes);
  out.push_back({{{}, "all others", {}, {}}, rest});
  return out;
}

result<measured> measure(slo::watch& in, const agreement& of, const promise& agreed, const month& when, instant until, bool& moved) {
  const auto status = in.objective(agreed.objective);
  if (!status) return fail(errc::not_found, fmt::format("objective '{}' of the agreement is not watched", agreed.objective));
  measured out{.what = status->what, .pieces = {}, .causes = {}};
  const auto begin = when.begin(*of.zone);
  const auto without = excluded_of(of, out.what, begin, until);
  const auto wanted = cuts_of(when, *of.zone, until, without);
  auto cuts = wanted;
  const auto sums = in.sums_between(agreed.objective, cuts);
  if (!sums) return std::unexpected(sums.error());
  moved = moved || !std::ranges::equal(std::span(wanted).first(wanted.size() - 1), std::span(cuts).first(cuts.size() - 1));
  for (std::size_t i = 0; i < sums->size(); ++i)
    if (cuts[i] < cuts[i + 1]) out.pieces.push_back({cuts[i], cuts[i + 1], (*sums)[i]});
  auto causes = causes_of(in, agreed.objective, begin, until, without);
  if (!causes) return std::unexpected(std::move(causes.error()));
  out.causes = std::move(*causes);
  return out;
}

/// Calls under way are sampled every second while the gateway runs.
std::optional<std::int64_t> unwatched_hours(slo::watch& in, instant begin, instant until) {
  for (const auto& one : in.indicators()) {
    if (one.what.what.what != slo::measure::calls_open || one.what.what.good || !one.what.by.empty()) continue;
    const auto from = slo::floor_to(begin, 1h);
    const auto drawn = in.indicator_chart(one.what.name, {}, from, until, 1h);
    if (!drawn) return std::nullopt;
    return (until - from + 1h - 1s) / 1h - std::ssize(drawn->points);
  }
  return std::nullopt;
}

bool has_run(const statement& in) {
  if (in.unwatched_hours) return *in.unwatched_hours < in.hours;
  return std::ranges::any_of(in.lines, [](const promise_line& one) { return one.events.total > 0; });
}

/// The whole hours of a window, as one.
result<std::optional<double>> statistic_in(slo::watch& of, const kpi_part& what, const time_span& in) {
  const auto drawn = of.indicator_chart(what.indicator, {}, in.begin, in.end, 1h);
  if (!drawn) return std::unexpected(drawn.error());
  slo::distribution all;
  for (const auto& one : drawn->points) all.merge(one.of);
  if (all.empty()) return std::optional<double>{};
  return slo::value_of(what.of, all, in.end - in.begin);
}

}  // namespace

desk::desk(const std::filesystem::path& data, const clock& time, desk_sources from, ledger::file_operations& files)
    : data_(data), time_(time), from_(std::move(from)), archive_(data / "statements", files) {}
desk::~desk() = default;

void desk::adopt(business_plan plan) {
  const std::lock_guard hold(lock_);
  plan_ = std::move(plan);
}

std::vector<agreement> desk::agreements() const {
  const std::lock_guard hold(lock_);
  return plan_.agreements;
}

result<agreement> desk::agreement_of(std::string_view name) const {
  const std::lock_guard hold(lock_);
  const auto found = std::ranges::find(plan_.agreements, name, &agreement::name);
  if (found == plan_.agreements.end()) return fail(errc::not_found, fmt::format("no agreement is named '{}'; GET /api/v1/agreements lists them", name));
  return *found;
}

std::vector<kpi_spec> desk::kpis() const {
  const std::lock_guard hold(lock_);
  return plan_.kpis;
}

result<kpi_spec> desk::kpi_of(std::string_view name) const {
  const std::lock_guard hold(lock_);
  const auto found = std::ranges::find(plan_.kpis, name, &kpi_spec::name);
  if (found == plan_.kpis.end()) return fail(errc::not_found, fmt::format("no KPI is named '{}'; GET /api/v1/kpis lists them", name));
  return *found;
}

result<std::shared_ptr<slo::watch>> desk::watching() const {
  if (auto watch = from_.watch()) return watch;
  return fail(errc::unavailable, "objectives are not watched now: the ledger is switched off, or <data>/watch.db cannot be opened (see the log)");
}

result<statement> desk::preliminary(std::string_view name, const month& when) {
  auto of = agreement_of(name);
  if (!of) return std::unexpected(std::move(of.error()));
  const auto watch = watching();
  if (!watch) return std::unexpected(watch.error());
  const auto now = (*watch)->now();
  const auto begin = when.begin(*of->zone);
  if (begin >= now) return fail(errc::invalid_argument, fmt::format("{} has not begun", when.text()), "month");
  if (begin < now - about(slo::tier::hour).keep) return fail(errc::invalid_argument, fmt::format("{} is too long ago: sums are kept for three years", when.text()), "month");
  const auto whole_minute = slo::floor_to(now, 1min);  // what is told of is what is counted: the present minute comes later
  statement_input in{.when = when, .until = std::clamp(whole_minute, begin, when.end(*of->zone)), .made = std::chrono::floor<seconds>(time_.wall()), .counted = {}, .incidents = {},
                     .unwatched_hours = {}, .remarks = {}};
  bool moved = false;
  for (const auto& one : of->promises) {
    auto counted = measure(**watch, *of, one, when, in.until, moved);
    if (!counted) return std::unexpected(std::move(counted.error()));
    in.counted.push_back(std::move(*counted));
  }
  if (moved) in.remarks.emplace_back("Sums by the minute are kept for a month only. Times that begin or end within an hour are told by whole hours here: an hour that is excluded in part does not count.");
  in.remarks.emplace_back("What was bad is told by whole hours: an hour that is excluded in part is told of as a whole. Objectives are as they are declared now, over the whole month.");
  in.unwatched_hours = unwatched_hours(**watch, begin, in.until);
  auto incidents = from_.incidents(begin, in.until);
  if (!incidents) return std::unexpected(std::move(incidents.error()));
  for (auto& one : *incidents)  // a counterparty is not told what has nothing to do with it
    if (in.incidents.size() < most_incidents && std::ranges::any_of(of->promises, [&](const promise& made) { return one.objectives.contains(made.objective); })) in.incidents.push_back(std::move(one));
  return make_statement(std::move(*of), std::move(in));
}

result<document> desk::get(std::string_view name, const month& when, std::int64_t revision, form as) {
  if (!archive::is_good_name(name)) return fail(errc::not_found, fmt::format("no agreement is named '{}'", name));
  const auto known = archive_.revisions(name, when);
  if (known > 0 || revision > 0) {
    const auto which = revision > 0 ? revision : known;
    auto bytes = archive_.read(name, when, which, as);
    if (!bytes) return std::unexpected(std::move(bytes.error()));
    return document{std::move(*bytes), as, true, which};
  }
  const auto made = preliminary(name, when);
  if (!made) return std::unexpected(made.error());
  auto text = statement_json(*made);
  if (as == form::json) return document{std::move(text), as};
  const auto digest = to_hex(sha256(text));
  if (as == form::html) return document{statement_html(*made, digest), as};
  auto pdf = statement_pdf(*made, digest);
  if (!pdf) return std::unexpected(std::move(pdf.error()));
  return document{std::move(*pdf), as};
}

result<void> desk::is_over(const agreement& of, const month& when) {
  const auto watch = watching();
  if (!watch) return std::unexpected(watch.error());
  if ((*watch)->now() < when.end(*of.zone))
    return fail(errc::conflict, fmt::format("{} is not over, or not counted to its end: it ends at {}, counted is until {}", when.text(), local_text(when.end(*of.zone), *of.zone),
                                            local_text((*watch)->now(), *of.zone)));
  for (const auto& one : of.promises)
    if (const auto status = (*watch)->objective(one.objective); status && status->filling)
      return fail(errc::conflict, fmt::format("Records of the past are still being counted for objective '{}'; try again when it is no longer filling", one.objective));
  return {};
}

result<desk::issuance> desk::issue(std::string_view name, const month& when, const std::string& reason) {
  const auto of = agreement_of(name);
  if (!of) return std::unexpected(of.error());
  const auto known = archive_.revisions(name, when);
  if (known > 0 && reason.empty()) return issuance{known, false};
  if (known == 0 && !reason.empty())
    return fail(errc::conflict, fmt::format("there is no statement of {} for {} to issue again: leave the reason out", when.text(), name), "reason");
  if (auto over = is_over(*of, when); !over) return std::unexpected(std::move(over.error()));
  auto made = preliminary(name, when);
  if (!made) return std::unexpected(std::move(made.error()));
  made->preliminary = false;
  made->revision = known + 1;
  made->reason = reason;
  issued_files files{.json = statement_json(*made), .html = {}, .pdf = {}};
  const auto digest = to_hex(sha256(files.json));
  files.html = statement_html(*made, digest);
  auto pdf = statement_pdf(*made, digest);
  if (!pdf) return std::unexpected(std::move(pdf.error()));
  files.pdf = std::move(*pdf);
  const auto put = archive_.issue(name, when, known + 1, files);
  if (!put && put.error().code == errc::already_exists && reason.empty()) return issuance{known + 1, false};  // somebody else was faster
  if (!put) return std::unexpected(put.error());
  return issuance{known + 1, true};
}

/// Months that should be issued and are not, oldest first.
std::vector<month> desk::due(const agreement& of, instant now) const {
  std::vector<month> out;
  if (of.issue_after <= nanoseconds{}) return out;
  auto when = month::of(now - std::chrono::ceil<seconds>(of.issue_after), *of.zone).previous();
  for (int i = 0; i < most_missed_months; ++i, when = when.previous())
    if (archive_.revisions(of.name, when) == 0) out.push_back(when);
  std::ranges::reverse(out);
  return out;
}

std::vector<desk::due_issue> desk::issue_due() {
  std::vector<due_issue> out;
  const auto watch = from_.watch();
  if (watch == nullptr) return out;
  for (const auto& of : agreements())
    for (const auto& when : due(of, watch->now())) {
      const auto begin = when.begin(*of.zone), end = when.end(*of.zone);
      if (const auto unwatched = unwatched_hours(*watch, begin, end); unwatched && *unwatched >= (end - begin) / 1h) continue;  // spares the rest, month by month
      const auto told = preliminary(of.name, when);
      if (told && !has_run(*told)) continue;
      auto done = told ? issue(of.name, when, {}) : result<issuance>(std::unexpected(told.error()));
      if (!done || done->made) out.push_back({of.name, when, std::move(done)});
    }
  return out;
}

result<kpi_store*> desk::store() {
  if (!store_) {
    auto opened = kpi_store::open(data_ / "kpi.db", time_.wall());
    if (!opened) return std::unexpected(std::move(opened.error()));
    store_ = std::move(*opened);
  }
  return store_.get();
}

result<std::vector<kpi_window>> desk::from_outside(const kpi_spec& what, const std::vector<time_span>& windows) {
  std::vector<kpi_window> out;
  const std::lock_guard hold(lock_);
  const auto known = store();
  if (!known) return std::unexpected(known.error());
  const auto values = (*known)->values(what.name, windows.back().begin, windows.front().end);
  if (!values) return std::unexpected(values.error());
  for (const auto& one : windows) out.push_back({one, folded(*values, one, what.fold)});
  return out;
}

result<kpi_report> desk::report_of(const kpi_spec& what, slo::watch* watch) {
  const auto now = std::chrono::floor<seconds>(time_.wall());
  const auto windows = windows_of(what.over, now, trend_windows + 1);
  std::vector<kpi_window> values;
  if (what.from_outside()) {
    auto told = from_outside(what, windows);
    if (!told) return std::unexpected(std::move(told.error()));
    values = std::move(*told);
  } else if (watch != nullptr) {
    for (const auto& one : windows) {
      const auto part = statistic_in(*watch, *what.part, one);
      const auto per = what.per ? statistic_in(*watch, *what.per, one) : std::optional<double>{};
      if (!part || !per) return std::unexpected(!part ? part.error() : per.error());
      values.push_back({one, quotient(*part, what.per.has_value(), *per)});
    }
  } else {
    return std::unexpected(watching().error());
  }
  auto out = make_report(what, std::move(values));
  for (const auto& name : what.objectives) {
    const auto status = watch == nullptr ? std::nullopt : watch->objective(name);
    out.objectives.emplace_back(name, status ? state_of(*status) : "not watched");
  }
  return out;
}

result<std::vector<kpi_report>> desk::reports() {
  std::vector<kpi_report> out;
  const auto watch = from_.watch();
  for (const auto& one : kpis()) {
    auto made = report_of(one, watch.get());
    if (!made) return std::unexpected(std::move(made.error()));
    out.push_back(std::move(*made));
  }
  return out;
}

result<kpi_report> desk::report(std::string_view name) {
  const auto what = kpi_of(name);
  if (!what) return std::unexpected(what.error());
  return report_of(*what, from_.watch().get());
}

result<std::optional<kpi_value>> desk::put_value(std::string_view name, kpi_value one) {
  const auto what = kpi_of(name);
  if (!what) return std::unexpected(what.error());
  if (!what->from_outside()) return fail(errc::conflict, fmt::format("KPI '{}' is measured from indicators: values from outside are for KPIs without `indicator`", name));
  one.given = std::chrono::floor<seconds>(time_.wall());
  if (one.at > one.given + 24h) return fail(errc::invalid_argument, "the value is of a time more than a day ahead", "at");
  const std::lock_guard hold(lock_);
  const auto known = store();
  if (!known) return std::unexpected(known.error());
  return (*known)->put(name, one);
}

}  // namespace andon::business
