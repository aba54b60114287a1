// Incidents: opened and ended by notifications, worked on by their escalation chain.
#include <fmt/format.h>

#include <algorithm>

#include "andon/alert/board_state.hpp"
#include "andon/alert/words.hpp"
#include "andon/base/log.hpp"

namespace andon::alert {
namespace {

constexpr nanoseconds again_after_fault = std::chrono::seconds{5};

/// As it is told when an incident is over: everything has ended.
notification ended_notification(notification from, wall_time now) {
  for (auto& one : from.alerts) {
    if (!one.resolved) one.ends_at = now;
    one.resolved = true;
  }
  return from;
}

std::set<std::uint64_t> firing_of(const notification& of) {
  std::set<std::uint64_t> out;
  for (const auto& one : of.alerts)
    if (!one.resolved) out.insert(one.fingerprint);
  return out;
}

}  // namespace

std::string board::state::url_locked(const incident& one, link_action action, const std::string& who, wall_time now) const {
  if (settings->external_url.empty()) return {};
  return settings->external_url + "/alert/" + link_token({action, one.number, who, now + settings->link_lifetime}, link_key);
}

result<void> board::state::on_notification_locked(const notification& what, const way& to, wall_time now, made_messages& made, std::vector<incident>& changed) {
  const auto found = std::ranges::find_if(open_incidents, [&](const auto& item) {
    return item.second.state != incident_state::resolved && item.second.group_key == what.group_key && item.second.chain == to.escalation;
  });
  const bool fires = what.firing() > 0;
  if (found == open_incidents.end() && !fires) return {};
  incident one;
  if (found != open_incidents.end()) {
    one = found->second;
    const bool news = firing_of(one.latest) != firing_of(what);
    if (fires) one.latest = what;
    // It still fires, and nobody has answered to the end of the chain: the repetition asks again.
    if (fires && one.state == incident_state::triggered && !one.place.next) one.place = {}, one.place.next = now;
    if (fires && news)
      if (auto done = store->put(incident_event{one.number, now, "changed", "alerts", words_for(to, what, settings->external_url).title}); !done) return done;
    if (!fires)
      if (auto done = end_locked(one, "alerts", now, made); !done) return done;
  } else {
    const auto number = store->next_incident();
    if (!number) return std::unexpected(number.error());
    one.number = *number;
    one.group_key = what.group_key;
    one.chain = to.escalation;
    one.title = words_for(to, what, settings->external_url).title;
    one.severity = severity_of(what);
    one.opened = now;
    one.place.next = now;
    one.latest = what;
    if (auto done = store->put(incident_event{one.number, now, "opened", "alerts", one.title}); !done) return done;
  }
  if (auto done = store->put(one); !done) return done;
  changed.push_back(std::move(one));
  return {};
}

void board::state::take_up_locked(const std::vector<incident>& changed) {
  for (const auto& one : changed) {
    if (one.state == incident_state::resolved) open_incidents.erase(one.number);
    else open_incidents[one.number] = one;
  }
}

result<std::size_t> board::state::tell_locked(incident& one, const std::string& receiver, const std::string& who, const std::string& note, wall_time now, made_messages& made) {
  const auto found = settings->receivers.find(receiver);
  if (found == settings->receivers.end()) return std::size_t{0};
  const bool over = one.state == incident_state::resolved;
  std::size_t told = 0;
  for (const auto& to : found->second.ways) {
    if (to.kind->render == nullptr || (over && !to.send_resolved)) continue;
    auto what = over ? ended_notification(one.latest, now) : one.latest;
    what.receiver = receiver;
    what.channel = to.kind->name;
    what.group_key = "incident/" + one.id();
    what.at = now;
    what.incident = one.id();
    what.note = note;
    if (!over) {
      what.ack_url = url_locked(one, link_action::acknowledge, who, now);
      what.resolve_url = url_locked(one, link_action::resolve, who, now);
    }
    if (auto done = put_message_locked(what, now, made); !done) return std::unexpected(std::move(done.error()));
    ++told;
  }
  if (told > 0 && !over) one.told.insert(receiver);
  return told;
}

result<bool> board::state::run_step_locked(incident& one, const escalation_step& step, wall_time now, made_messages& made) {
  std::size_t told = 0;
  const auto tell = [&](const std::string& receiver, const std::string& who, const std::string& note) -> result<void> {
    const auto count = tell_locked(one, receiver, who, note, now, made);
    if (!count) return std::unexpected(count.error());
    told += *count;
    return {};
  };
  auto overrides_of_known = overrides;  // who has left the configuration since does not hide the rotation
  std::erase_if(overrides_of_known, [&](const auto& of) { return !settings->people.contains(of.person); });
  for (const auto& target : targets_of(step, one.number, one.place.round)) {
    auto who = target.name;
    if (target.what == escalation_target::kind::schedule) {
      const auto found = settings->schedules.find(target.name);
      who = found == settings->schedules.end() ? std::string{} : on_call(found->second, target.name, overrides_of_known, now);
    }
    const auto note = fmt::format("Incident {}, escalation '{}', step {}: {}", one.id(), one.chain, one.place.step, target.text() + (who == target.name ? "" : who.empty() ? ", nobody is on call" : ", " + who));
    if (auto done = store->put(incident_event{one.number, now, "notified", who, note}); !done) return std::unexpected(std::move(done.error()));
    if (target.what == escalation_target::kind::receiver) {
      if (auto done = tell(target.name, target.name, note); !done) return std::unexpected(std::move(done.error()));
    } else if (const auto person = settings->people.find(who); person != settings->people.end()) {
      for (const auto& receiver : person->second.receivers)
        if (auto done = tell(receiver, who, note); !done) return std::unexpected(std::move(done.error()));
    }
  }
  return told > 0;
}

void board::state::escalate_locked(wall_time now) {
  std::vector<incident> changed;
  for (auto& [number, kept] : open_incidents) {
    if (kept.state != incident_state::triggered || !kept.place.next) continue;
    const auto chain = settings->escalations.find(kept.chain);
    if (chain != settings->escalations.end()) bound_wait(chain->second, kept.place, now);
    if (*kept.place.next > now) continue;
    auto one = kept;
    made_messages made;
    const auto done = store->together([&]() -> result<void> {
      if (chain == settings->escalations.end()) {
        one.place.next.reset();
        if (auto put = store->put(incident_event{number, now, "exhausted", "", fmt::format("the configuration has no escalation '{}'", one.chain)}); !put) return put;
        return store->put(one);
      }
      const auto* step = take_step(chain->second, one.place, now);
      if (step != nullptr) {
        const auto told = run_step_locked(one, *step, now, made);
        if (!told) return std::unexpected(told.error());
        const bool more = one.place.step < std::ssize(chain->second.steps);
        if (!*told && one.place.next && more) one.place.next = now;  // nobody was there to be told: go on; the next round waits all the same
      }
      if (!one.place.next)
        if (auto put = store->put(incident_event{number, now, "exhausted", "", fmt::format("escalation '{}' is at its end", one.chain)}); !put) return put;
      return store->put(one);
    });
    if (!done) {
      not_kept.add();
      kept.place.next = now + again_after_fault;
      log::error("escalation_not_kept", {{"meaning", "nobody was told; it is tried again"}, {"reason", done.error().message}});
      continue;
    }
    take_up_locked(made);
    changed.push_back(std::move(one));
  }
  take_up_locked(changed);
}

result<void> board::state::end_locked(incident& one, const std::string& who, wall_time now, made_messages& made) {
  one.state = incident_state::resolved;
  one.resolved = now;
  one.resolved_by = who;
  one.place.next.reset();
  if (auto done = store->put(incident_event{one.number, now, "resolved", who, who == "alerts" ? "all alerts have ended" : ""}); !done) return done;
  for (const auto& receiver : one.told)
    if (auto done = tell_locked(one, receiver, who, fmt::format("Incident {} is resolved ({})", one.id(), who), now, made); !done) return std::unexpected(std::move(done.error()));
  return {};
}

result<incident> board::state::open_one_locked(std::int64_t number) {
  const auto found = open_incidents.find(number);
  if (found != open_incidents.end()) return found->second;
  const auto kept = store->find_incident(number);
  if (!kept) return std::unexpected(kept.error());
  if (!*kept) return fail(errc::not_found, fmt::format("there is no incident inc_{}", number));
  return fail(errc::conflict, fmt::format("incident inc_{} was resolved by {}", number, (*kept)->resolved_by));
}

}  // namespace andon::alert
