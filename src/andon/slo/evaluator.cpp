#include "andon/slo/evaluator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace andon::slo {
namespace {

using namespace std::chrono_literals;

std::int64_t number(instant at) { return at.time_since_epoch().count(); }

std::string rate_text(const std::optional<double>& rate) { return rate ? fmt::format("{:.4g}", *rate) : "none"; }

/// Rounded out to whole units; stretches that touch then are one.
std::vector<excluded> rounded_out(std::vector<excluded> all, seconds unit) {
  for (auto& one : all) one = {floor_to(one.from, unit), floor_to(one.to + unit - 1s, unit)};
  std::ranges::sort(all, {}, &excluded::from);
  std::vector<excluded> out;
  for (const auto& one : all)
    if (!out.empty() && one.from <= out.back().to) out.back().to = std::max(out.back().to, one.to);
    else out.push_back(one);
  return out;
}

/// `name=1790000000;`: calls each(name, time).
void each_saved(std::string_view text, const auto& each) {
  while (!text.empty()) {
    const auto end = std::min(text.find(';'), text.size());
    const auto one = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const auto equals = one.rfind('=');
    if (equals == std::string_view::npos) continue;
    std::int64_t at = 0;
    const auto digits = one.substr(equals + 1);
    if (std::from_chars(digits.data(), digits.data() + digits.size(), at).ec == std::errc{}) each(one.substr(0, equals), instant{seconds{at}});
  }
}

}  // namespace

evaluator::evaluator(objective_spec what, std::vector<count_series*> members, std::unique_ptr<slice_series> slices)
    : what_(std::move(what)), members_(std::move(members)), slices_(std::move(slices)) {
  whole_ = watch(what_.over);
  hour_ = watch(rolling(slices_ ? std::max<seconds>(1h, what_.slice) : 1h));
  for (const auto& rule : what_.burns) {
    rules_.push_back({watch(rolling(rule.long_window)), watch(rolling(rule.short_window)), {}});
    if (std::ranges::find(alerts_, rule.severity, &alert::severity) == alerts_.end()) alerts_.push_back({rule.severity, {}});
  }
  if (!what_.absent_for) return;
  absence_.emplace(alert{what_.absent_severity, {}});
  quiet_ = watch(rolling(*what_.absent_for));
}

std::size_t evaluator::watch(const window& over) {
  for (std::size_t i = 0; i < windows_.size(); ++i)
    if (windows_[i].over == over) return i;
  watched_window made{over, {}, {}};
  if (!slices_) made.without = rounded_out(what_.maintenance, over.unit());  // slices left it out themselves
  if (slices_) made.parts.push_back({&slices_->series(), slices_->series().watch(over), 1, what_.budget()});
  else
    for (std::size_t i = 0; i < members_.size(); ++i) {
      const bool single = members_.size() == 1;
      made.parts.push_back(
          {members_[i], members_[i]->watch(over), single ? 1 : what_.members[i].weight, single ? what_.budget() : 1 - what_.members[i].target});
    }
  windows_.push_back(std::move(made));
  return windows_.size() - 1;
}

counts evaluator::counted(const watched_window& in, const watched& part) const {
  auto sum = part.series->in(part.window);
  const auto begin = part.series->begin_of(part.window), now = part.series->now();
  for (const auto& out : in.without)
    if (out.from < now && out.to > begin) sum -= part.series->between(std::max(out.from, begin), std::min(out.to, now));
  return sum;
}

evaluator::burn_value evaluator::value_of(std::size_t i) {
  burn_value out;
  for (const auto& part : windows_[i].parts) {
    const auto sum = counted(windows_[i], part);
    const auto bad = sum.bad_ratio();
    if (!bad) continue;
    out.rate = out.rate.value_or(0) + part.weight * *bad / part.budget;
    out.events += slices_ ? sum.total / counts::whole : sum.total;
  }
  return out;
}

evaluator::verdict evaluator::judge(std::size_t i) {
  const auto& rule = what_.burns[i];
  const auto wide = value_of(rules_[i].long_window);
  if (!wide.rate || wide.events < what_.min_events) return verdict::no;
  const auto above = [&](double rate) { return rule.or_equal ? rate >= rule.factor : rate > rule.factor; };
  if (!above(*wide.rate)) return verdict::no;
  const auto brief = value_of(rules_[i].short_window);
  if (!brief.rate) return verdict::unknown;
  return above(*brief.rate) ? verdict::yes : verdict::no;
}

bool evaluator::is_absent(instant now) {
  if (now - *first_ < *what_.absent_for) return absence_->firing.has_value();
  const auto& quiet = windows_[quiet_];
  const auto since = now - *what_.absent_for;
  if (std::ranges::any_of(what_.maintenance, [&](const excluded& out) { return out.from < now && out.to > since; })) return false;
  return std::ranges::all_of(quiet.parts, [&](const watched& part) { return part.series->in(part.window).empty(); });
}

void evaluator::evaluate(instant now, const signal_sink& sink) {
  if (!first_) first_ = now;
  if (slices_) slices_->move_to(now);
  if (std::ranges::any_of(members_, &count_series::incomplete)) return;
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    auto& since = rules_[i].since;
    if (since && *since > now) since = now;  // the clock was set back
    const auto before = since;
    switch (judge(i)) {
      case verdict::no: since.reset(); break;
      case verdict::yes: since = since.value_or(now); break;
      case verdict::unknown: break;
    }
    changed_ = changed_ || since != before;
  }
  for (auto& one : alerts_) {
    bool fires = false;
    for (std::size_t i = 0; i < rules_.size(); ++i)
      fires = fires || (what_.burns[i].severity == one.severity && rules_[i].since && now - *rules_[i].since >= what_.burns[i].wait);
    set(one, fires, now, sink);
  }
  if (absence_) set(*absence_, is_absent(now), now, sink);
}

void evaluator::set(alert& of, bool fires, instant now, const signal_sink& sink) {
  if (fires == of.firing.has_value()) return;
  changed_ = true;
  if (fires) {
    of.firing = now;
    return sink(told(of));
  }
  auto over = told(of);
  over.resolved = now;
  of.firing.reset();
  sink(over);
}

signal evaluator::told(const alert& of) {
  const bool absent = absence_ && &of == &*absence_;
  signal out{.name = absent ? "ObjectiveAbsent" : "ObjectiveBurn",
             .severity = of.severity,
             .labels = what_.labels,
             .annotations = what_.annotations,
             .since = *of.firing,
             .resolved = {}};
  out.labels.emplace_back("objective", what_.name);
  if (!what_.service.empty()) out.labels.emplace_back("service", what_.service);
  if (absent) {
    out.annotations.emplace_back("summary", fmt::format("{}: no events for {}", what_.name, length_text(*what_.absent_for)));
    return out;
  }
  std::string rates;
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    const auto& rule = what_.burns[i];
    if (rule.severity != of.severity) continue;
    rates += fmt::format("{}over {} {}, over {} {}, alert above {:g}", rates.empty() ? "" : "; ", length_text(rule.long_window),
                         rate_text(value_of(rules_[i].long_window).rate), length_text(rule.short_window), rate_text(value_of(rules_[i].short_window).rate),
                         rule.factor);
  }
  out.annotations.emplace_back("summary", fmt::format("{} burns its error budget too fast", what_.title.empty() ? what_.name : what_.title));
  if (const auto spent = value_of(whole_).rate)
    out.annotations.emplace_back("budget_burned", fmt::format("{:.1f} % of the error budget of {}", 100 * *spent, what_.over.text()));
  out.annotations.emplace_back("description", fmt::format("burn rate {}; target {:.6g} over {}", rates, what_.target, what_.over.text()));
  return out;
}

counts evaluator::tallied() const {
  if (slices_) return slices_->series().tallied();
  counts out;
  for (const auto* one : members_) out += one->tallied();
  return out;
}

std::vector<signal> evaluator::firing() {
  std::vector<signal> out;
  for (const auto& one : alerts_)
    if (one.firing) out.push_back(told(one));
  if (absence_ && absence_->firing) out.push_back(told(*absence_));
  return out;
}

budget_report evaluator::report(instant now) {
  budget_report out{.at = now,
                    .begin = what_.over.begin(now),
                    .end = what_.over.end(now),
                    .events = {},
                    .good_ratio = {},
                    .spent = value_of(whole_).rate,
                    .burn_rate = value_of(hour_).rate,
                    .hours_left = {},
                    .burns = {}};
  for (const auto& part : windows_[whole_].parts) out.events += counted(windows_[whole_], part);
  out.good_ratio = out.events.good_ratio();
  const auto period = static_cast<double>(what_.over.period(now).count()) / 3600;
  if (out.exhausted()) out.hours_left = 0;
  else if (out.spent && out.burn_rate && *out.burn_rate > 0) out.hours_left = (1 - *out.spent) * period / *out.burn_rate;
  for (const auto& rule : rules_)
    for (const auto i : {rule.short_window, rule.long_window}) out.burns.emplace_back(windows_[i].over.length, value_of(i).rate);
  return out;
}

std::string evaluator::name_of(std::size_t i) const {
  const auto& rule = what_.burns[i];
  return fmt::format("rule:{}:{}:{}:{:g}", rule.severity, rule.long_window.count(), rule.short_window.count(), rule.factor);
}

std::string evaluator::save() {
  changed_ = false;
  std::string out;
  for (std::size_t i = 0; i < rules_.size(); ++i)
    if (rules_[i].since) out += fmt::format("{}={};", name_of(i), number(*rules_[i].since));
  for (const auto& one : alerts_)
    if (one.firing) out += fmt::format("firing:{}={};", one.severity, number(*one.firing));
  if (absence_ && absence_->firing) out += fmt::format("absent={};", number(*absence_->firing));
  return out;
}

void evaluator::restore(std::string_view saved) {
  each_saved(saved, [&](std::string_view name, instant at) {
    for (std::size_t i = 0; i < rules_.size(); ++i)
      if (name == name_of(i)) rules_[i].since = at;
    for (auto& one : alerts_)
      if (name == "firing:" + one.severity) one.firing = at;
    if (absence_ && name == "absent") absence_->firing = at;
  });
}

}  // namespace andon::slo
