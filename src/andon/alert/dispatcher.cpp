#include "andon/alert/dispatcher.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace andon::alert {
namespace {

constexpr nanoseconds again_after_fault = std::chrono::seconds{5};

bool is_subset(const std::set<std::uint64_t>& part, const std::set<std::uint64_t>& whole) { return std::ranges::includes(whole, part); }

notified_alert as_told(const alert& from, wall_time now) {
  return {from.labels, from.annotations, from.starts_at, from.ends_at, from.resolved(now), from.generator_url, from.fingerprint};
}

}  // namespace

bool needs_telling(const log_entry* last, const std::set<std::uint64_t>& firing, const std::set<std::uint64_t>& resolved, bool send_resolved, nanoseconds repeat, wall_time now) {
  if (last == nullptr) return !firing.empty();
  if (!is_subset(firing, last->firing)) return true;
  // The end of everything is always noted, so that what fires next is news.
  if (firing.empty()) return !last->firing.empty();
  if (send_resolved && !is_subset(resolved, last->resolved)) return true;
  return last->at < now - repeat || last->at > now;  // the clock was set back: better twice than not for as long as that
}

dispatcher::dispatcher(rules with, const alert_book& book, const silence_book& silences, notification_log& log)
    : with_(std::move(with)), book_(book), silences_(silences), log_(log), inhibitor_(with_.inhibit, book) {}

void dispatcher::insert(const alert& one, wall_time now) {
  for (const auto* route : with_.routes.match(one.labels)) {
    auto labels = route_tree::group_labels(*route, one.labels);
    const auto text = labels_text(labels);
    auto [at, fresh] = groups_.try_emplace(fmt::format("{}:{}", route->index, text));
    auto& group = at->second;
    if (fresh) {
      group.route = route;
      group.labels = std::move(labels);
      group.key = route->key + ":" + text;
      group.next = now + route->options.group_wait;
    }
    if (group.alerts.insert(one.fingerprint).second) ++membership_[one.fingerprint];
    if (!group.flushed && one.starts_at + route->options.group_wait < now) group.next = std::min(group.next, now);
  }
}

std::vector<std::string> dispatcher::muted_by(const route_tree::node& route, wall_time now) const {
  const auto holds = [&](const std::string& name) {
    const auto found = with_.intervals.find(name);
    return found != with_.intervals.end() && found->second.contains(now);
  };
  std::vector<std::string> out;
  const auto& active = route.options.active_intervals;
  if (!active.empty() && std::ranges::none_of(active, holds)) out.emplace_back("inactive");
  for (const auto& name : route.options.mute_intervals)
    if (holds(name)) out.push_back(name);
  return out;
}

void dispatcher::decide(const group& one, const std::vector<const alert*>& told, const channel& way, wall_time now, flush& into) const {
  std::set<std::uint64_t> firing, resolved;
  for (const auto* a : told) (a->resolved(now) ? resolved : firing).insert(a->fingerprint);
  decision out{{one.key, one.route->options.receiver, way.name}, {}, std::nullopt};
  const auto& repeat = one.route->options.repeat_interval;
  const auto last = log_.find(out.key);
  if (!needs_telling(last == log_.end() ? nullptr : &last->second, firing, resolved, way.send_resolved, repeat, now)) return;
  if (!firing.empty() || way.send_resolved) {
    notification send{.receiver = one.route->options.receiver, .channel = way.name, .group_key = one.key, .group_labels = one.labels, .at = now, .repeat_interval = repeat};
    for (const auto* a : told) {
      if (!way.send_resolved && a->resolved(now)) continue;
      if (send.alerts.size() < notification::most_alerts) send.alerts.push_back(as_told(*a, now));
      else ++send.truncated;
    }
    out.send = std::move(send);
  }
  out.entry = {now, now + 2 * repeat, std::move(firing), std::move(resolved)};
  into.decisions.push_back(std::move(out));
}

void dispatcher::look_at(const group& one, const std::string& id, wall_time now, std::vector<flush>& out) {
  flush made{id, {}, {}};
  std::vector<const alert*> told;
  const bool muted = !muted_by(*one.route, now).empty();
  for (const auto fingerprint : one.alerts) {
    const auto* known = book_.find(fingerprint);
    if (known == nullptr || known->resolved(now)) made.ended.push_back(fingerprint);
    if (known == nullptr || muted || inhibitor_.inhibits(known->labels, now) || silences_.silences(known->labels, now)) continue;
    told.push_back(known);
  }
  // Firing first, then the oldest: what is cut from a large group is what matters least.
  std::ranges::sort(told, [now](const alert* a, const alert* b) {
    return std::tuple(a->resolved(now), a->starts_at, a->fingerprint) < std::tuple(b->resolved(now), b->starts_at, b->fingerprint);
  });
  const auto receiver = with_.receivers.find(one.route->options.receiver);
  if (!told.empty() && receiver != with_.receivers.end())
    for (const auto& way : receiver->second) decide(one, told, way, now, made);
  out.push_back(std::move(made));
}

std::vector<flush> dispatcher::take_due(wall_time now) {
  std::vector<flush> out;
  for (auto& [id, one] : groups_) {
    const auto& waits = one.route->options;
    one.next = std::min(one.next, now + std::max(waits.group_wait, waits.group_interval));  // the clock may have been set back
    if (one.next > now) continue;
    one.next = now + waits.group_interval;
    one.flushed = true;
    look_at(one, id, now, out);
  }
  return out;
}

void dispatcher::leave(group& from, std::uint64_t fingerprint) {
  if (from.alerts.erase(fingerprint) == 0) return;
  const auto found = membership_.find(fingerprint);
  if (found != membership_.end() && --found->second == 0) membership_.erase(found);
}

void dispatcher::settle(const flush& done, outcome how, wall_time now) {
  const auto found = groups_.find(done.group);
  if (how == outcome::not_kept) {
    if (found != groups_.end()) found->second.next = now + again_after_fault;
    return;
  }
  for (const auto& one : done.decisions) log_[one.key] = one.entry;
  if (found == groups_.end()) return;
  for (const auto fingerprint : done.ended) {
    const auto* known = book_.find(fingerprint);
    if (known == nullptr || known->resolved(now)) leave(found->second, fingerprint);  // it may fire again meanwhile
  }
  if (found->second.alerts.empty()) groups_.erase(found);
}

std::optional<wall_time> dispatcher::next() const {
  std::optional<wall_time> out;
  for (const auto& [id, one] : groups_)
    if (!out || one.next < *out) out = one.next;
  return out;
}

}  // namespace andon::alert
