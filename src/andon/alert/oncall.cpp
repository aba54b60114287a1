#include "andon/alert/oncall.hpp"

#include <algorithm>

namespace andon::alert {
namespace {

constexpr nanoseconds sampling = std::chrono::minutes{15}, between_rounds = std::chrono::minutes{1};
constexpr std::string_view schedule_prefix = "schedule:", receiver_prefix = "receiver:";

/// Empty before the first turn and outside the rotation's spans.
std::string turn(const rotation& of, const time_zone& zone, wall_time at) {
  if (of.people.empty() || (of.only && !of.only->contains(at))) return {};
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at);
  const std::chrono::local_seconds local{(seconds + zone.offset(seconds)).time_since_epoch()};
  if (local < of.start) return {};
  const auto turns = (local - of.start) / of.every;
  return of.people[static_cast<std::size_t>(turns) % of.people.size()];
}

}  // namespace

std::vector<schedule_override> overrides_in_force(const std::vector<schedule_override>& all, const std::map<std::string, person>& people) {
  auto out = all;
  std::erase_if(out, [&](const schedule_override& one) { return !people.contains(one.person); });
  return out;
}

std::string on_call(const schedule& of, const std::string& name, const std::vector<schedule_override>& overrides, wall_time at) {
  const schedule_override* last = nullptr;
  for (const auto& one : overrides)
    if (one.schedule == name && one.from <= at && at < one.until && (last == nullptr || one.id > last->id)) last = &one;
  if (last != nullptr) return last->person;
  for (auto one = of.rotations.rbegin(); one != of.rotations.rend(); ++one)
    if (auto who = turn(*one, *of.offsets, at); !who.empty()) return who;
  return {};
}

std::vector<shift> shifts(const schedule& of, const std::string& name, const std::vector<schedule_override>& overrides, wall_time from, wall_time until) {
  std::vector<shift> out;
  for (auto at = from; at < until; at += sampling) {
    auto who = on_call(of, name, overrides, at);
    const auto end = std::min(at + sampling, until);
    if (!out.empty() && out.back().person == who) {
      out.back().until = end;
      continue;
    }
    auto begin = at;
    if (!out.empty()) {  // between the sample before and this one: to the second
      auto before = at - sampling;
      while (begin - before > std::chrono::seconds{1}) {
        const auto middle = before + (begin - before) / 2;
        (on_call(of, name, overrides, middle) == out.back().person ? before : begin) = middle;
      }
      begin = std::chrono::floor<std::chrono::seconds>(begin);
      out.back().until = begin;
    }
    out.push_back({std::move(who), begin, end});
  }
  return out;
}

escalation_target escalation_target::parse(const std::string& text) {
  if (text.starts_with(schedule_prefix)) return {kind::schedule, text.substr(schedule_prefix.size())};
  if (text.starts_with(receiver_prefix)) return {kind::receiver, text.substr(receiver_prefix.size())};
  return {kind::person, text};
}

std::string escalation_target::text() const {
  return (what == kind::schedule ? std::string(schedule_prefix) : what == kind::receiver ? std::string(receiver_prefix) : std::string{}) + name;
}

const escalation_step* take_step(const escalation& chain, escalation_place& at, wall_time now) {
  if (!at.next || *at.next > now) return nullptr;
  const auto count = static_cast<std::int64_t>(chain.steps.size());
  while (at.step >= count && at.round < chain.repeat) {
    at.step = 0;
    ++at.round;
  }
  for (; at.step < count; ++at.step) {
    const auto& step = chain.steps[static_cast<std::size_t>(at.step)];
    if (step.only && !step.only->contains(now)) continue;
    ++at.step;
    at.next = now + step.wait;  // the last one waits for an answer, too, before it is over
    return &step;
  }
  // Nothing is left in this round. The next one waits, so that steps outside their spans do not use the rounds up at once.
  at.next = at.round < chain.repeat ? std::optional(now + between_rounds) : std::nullopt;
  return nullptr;
}

void bound_wait(const escalation& chain, escalation_place& at, wall_time now) {
  if (!at.next) return;
  nanoseconds longest{};  // before the first step there is none
  if (at.step > 0 && !chain.steps.empty()) {
    const auto count = static_cast<std::int64_t>(chain.steps.size());
    longest = chain.steps[static_cast<std::size_t>(std::min(at.step, count) - 1)].wait;
    if (at.step >= count) longest = std::max(longest, between_rounds);
  }
  at.next = std::min(*at.next, now + longest);
}

std::vector<escalation_target> targets_of(const escalation_step& step, std::int64_t number, std::int64_t round) {
  if (!step.round_robin || step.notify.empty()) return step.notify;
  return {step.notify[static_cast<std::size_t>(number + round) % step.notify.size()]};
}

}  // namespace andon::alert
