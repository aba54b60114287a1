// Incidents: opened and ended by notifications, worked on by their escalation chain.
#include <fmt/format.h>

#include <algorithm>

#include "andon/alert/board_state.hpp"
#include "andon/alert/words.hpp"
#include "andon/base/log.hpp"

namespace andon::alert {
namespace {

constexpr nanoseconds again_after_fault = std::chrono::seconds{5}, between_looks = std::chrono::seconds{15};
constexpr std::size_t most_seen = 10'000, most_looked_at = 10'000;

/// As it is told when an incident is over: everything has ended.
notification ended_notification(notification from, wall_time now) {
  for (auto& one : from.alerts) {
    if (!one.resolved) one.ends_at = now;
    one.resolved = true;
  }
  return from;
}

/// It outlives what fires now: the receiver's own title as it is, the usual one without its state.
std::string title_of(const way& to, const notification& what, const std::string& external_url) {
  return to.title.empty() ? subject_of(what) : words_for(to, what, external_url).title;
}

}  // namespace

std::string board::state::url_locked(const incident& one, link_action action, const std::string& who, wall_time now) const {
  if (settings->external_url.empty()) return {};
  return settings->external_url + "/alert/" + link_token({action, one.number, who, now + settings->link_lifetime}, link_key);
}

/// The incident that this notification belongs to, as it is now or as the transaction under way has changed it. One whose
/// chain has left the configuration belongs to whatever chain its group leads to.
std::optional<incident> board::state::incident_of_locked(const std::string& group_key, const std::string& chain, const std::vector<incident>& changed) const {
  const auto is_it = [&](const incident& one) { return one.group_key == group_key && (one.chain == chain || !settings->escalations.contains(one.chain)); };
  const auto latest = std::ranges::find_if(changed.rbegin(), changed.rend(), is_it);
  if (latest != changed.rend()) return latest->state == incident_state::resolved ? std::nullopt : std::optional(*latest);
  const auto found = std::ranges::find_if(open_incidents, [&](const auto& item) { return is_it(item.second); });
  return found == open_incidents.end() ? std::nullopt : std::optional(found->second);
}

result<void> board::state::move_locked(incident& one, const std::string& chain, wall_time now) {
  if (auto done = store->put(incident_event{one.number, now, "changed", "", fmt::format("the configuration has no escalation '{}' any more; '{}' goes on", one.chain, chain)}); !done) return done;
  one.chain = chain;
  if (one.state == incident_state::triggered) one.place = {.step = 0, .round = 0, .next = now};
  return {};
}

result<void> board::state::on_notification_locked(const notification& what, const std::set<std::uint64_t>& firing_now, const way& to, wall_time now, made_messages& made,
                                                  std::vector<incident>& changed) {
  auto known = incident_of_locked(what.group_key, to.escalation, changed);
  const bool fires = what.firing() > 0;
  if (!known && !fires) return {};
  incident one;
  if (known) {
    one = std::move(*known);
    const bool news = one.latest.firing_alerts() != what.firing_alerts();
    const bool unseen = !std::ranges::includes(one.seen, firing_now);
    if (fires) one.latest = what;
    if (one.seen.size() > most_seen) one.seen.clear();
    one.seen.insert(firing_now.begin(), firing_now.end());
    if (one.chain != to.escalation)
      if (auto done = move_locked(one, to.escalation, now); !done) return done;
    if (fires && unseen && one.state == incident_state::acknowledged) {  // whoever has acknowledged does not know of it
      one.state = incident_state::triggered;
      one.place = {.step = 0, .round = 0, .next = now};
      one.acknowledged.reset();
      if (auto done = store->put(incident_event{one.number, now, "triggered", "alerts", fmt::format("another alert fires; {} had acknowledged", one.acknowledged_by)}); !done) return done;
      one.acknowledged_by.clear();
    }
    // It still fires, and nobody has answered to the end of the chain: the repetition asks again.
    if (fires && one.state == incident_state::triggered && !one.place.next) one.place = {}, one.place.next = now;
    if (fires && news) {
      const auto words = title_of(to, what, settings->external_url);
      if (unseen) one.title = words;  // what has ended is still what the incident is about
      if (auto done = store->put(incident_event{one.number, now, "changed", "alerts", words}); !done) return done;
    }
    if (!fires)
      if (auto done = end_locked(one, "alerts", now, made); !done) return done;
  } else {
    const auto number = store->next_incident();
    if (!number) return std::unexpected(number.error());
    one.number = *number;
    one.group_key = what.group_key;
    one.chain = to.escalation;
    one.title = title_of(to, what, settings->external_url);
    one.severity = severity_of(what);
    one.opened = now;
    one.place.next = now;
    one.latest = what;
    one.seen = firing_now;
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
    what.group_key = std::string(incident::messages_prefix) + one.id();
    what.at = now;
    what.incident = one.id();
    what.who = who;
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
  const auto in_force = overrides_in_force(overrides, settings->people);
  for (const auto& target : targets_of(step, one.number, one.place.round)) {
    auto who = target.name;
    if (target.what == escalation_target::kind::schedule) {
      const auto found = settings->schedules.find(target.name);
      who = found == settings->schedules.end() ? std::string{} : on_call(found->second, target.name, in_force, now);
    }
    const auto note = fmt::format("Incident {}, escalation '{}', step {}: {}", one.id(), one.chain, one.place.step, target.text() + (who == target.name ? "" : who.empty() ? ", nobody is on call" : ", " + who));
    const auto before = told;
    if (target.what == escalation_target::kind::receiver) {
      if (auto done = tell(target.name, target.name, note); !done) return std::unexpected(std::move(done.error()));
    } else if (const auto person = settings->people.find(who); person != settings->people.end()) {
      for (const auto& receiver : person->second.receivers)
        if (auto done = tell(receiver, who, note); !done) return std::unexpected(std::move(done.error()));
    }
    const auto event = told > before ? incident_event{one.number, now, "notified", who, note} : incident_event{one.number, now, "unreached", who, note + "; nobody was told"};
    if (auto done = store->put(event); !done) return std::unexpected(std::move(done.error()));
  }
  return told > 0;
}

result<void> board::state::on_undelivered_locked(const pending& one, const std::string& problem, wall_time now, std::optional<incident>& hurried) {
  const auto number = incident::number_of_messages(one.group_key);
  if (!number) return {};
  if (auto done = store->put(incident_event{*number, now, "undelivered", one.receiver, fmt::format("by {}: {}", one.channel, problem)}); !done) return done;
  const auto found = open_incidents.find(*number);
  if (found == open_incidents.end() || found->second.state != incident_state::triggered || !found->second.place.next || *found->second.place.next <= now) return {};
  const auto chain = settings->escalations.find(found->second.chain);
  // The last step's wait is kept: who refuses for a minute must not use up all rounds in it.
  if (chain == settings->escalations.end() || found->second.place.step >= std::ssize(chain->second.steps)) return {};
  const auto all = store->messages_of(one.group_key, most_looked_at);
  if (!all) return std::unexpected(all.error());
  const auto step = std::ranges::max(*all, {}, &message_row::made).made;
  const bool hope = std::ranges::any_of(*all, [&](const message_row& m) { return m.made == step && m.state != message_state::dead; });
  if (one.made != step || hope) return {};
  hurried = found->second;
  hurried->place.next = now;
  return store->put(*hurried);
}

const std::string* board::state::chain_of_group_locked(const std::string& group_key) const {
  for (const auto& [id, group] : groups->groups()) {
    if (group.key != group_key) continue;
    const auto receiver = settings->receivers.find(group.route->options.receiver);
    if (receiver == settings->receivers.end()) continue;
    for (const auto& to : receiver->second.ways)
      if (to.kind->render == nullptr && settings->escalations.contains(to.escalation)) return &to.escalation;
  }
  return nullptr;
}

/// Everything that fires in its group is silenced or inhibited.
bool board::state::is_quiet_locked(const incident& one, wall_time now) const {
  bool fires = false;
  for (const auto& [id, group] : groups->groups()) {
    if (group.key != one.group_key) continue;
    for (const auto fingerprint : group.alerts) {
      const auto* known = book.find(fingerprint);
      if (known == nullptr || known->resolved(now)) continue;
      if (!silences.silences(known->labels, now) && !groups->inhibition().inhibits(known->labels, now)) return false;
      fires = true;
    }
  }
  return fires;
}

void board::state::escalate_locked(wall_time now) {
  std::vector<incident> changed;
  for (auto& [number, kept] : open_incidents) {
    if (kept.state != incident_state::triggered || !kept.place.next) continue;
    const auto chain = settings->escalations.find(kept.chain);
    if (chain != settings->escalations.end()) bound_wait(chain->second, kept.place, now);
    if (*kept.place.next > now) continue;
    if (is_quiet_locked(kept, now)) {
      if (quiet.insert(number).second)
        if (auto noted = store->put(incident_event{number, now, "quiet", "", "its alerts are silenced or inhibited; the chain goes on when they are not any more"}); !noted) not_kept.add();
      kept.place.next = now + between_looks;
      continue;
    }
    quiet.erase(number);
    auto one = kept;
    made_messages made;
    const auto done = store->together([&]() -> result<void> {
      if (chain == settings->escalations.end()) {
        const auto* instead = chain_of_group_locked(one.group_key);
        if (instead != nullptr) {
          if (auto moved = move_locked(one, *instead, now); !moved) return moved;
          return store->put(one);
        }
        log::error("escalation_gone", {{"incident", one.id()}, {"escalation", one.chain}, {"meaning", "the configuration has it no more, and nothing in its place: nobody else is told"}});
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
      if (!one.place.next) {
        if (one.told.empty()) log::error("page_reached_nobody", {{"incident", one.id()}, {"title", one.title}, {"escalation", one.chain}});
        if (auto put = store->put(incident_event{number, now, "exhausted", "", fmt::format("escalation '{}' is at its end{}", one.chain, one.told.empty() ? ", and nobody was told" : "")}); !put) return put;
      }
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
