// What is done once a minute: incidents end whose alerts are no more, what is old goes.
#include <algorithm>

#include "andon/alert/board_state.hpp"
#include "andon/base/log.hpp"

namespace andon::alert {
namespace {

using namespace std::chrono_literals;

constexpr nanoseconds kept_alert = 15min, kept_delivered = std::chrono::days{8}, kept_dead = std::chrono::days{30}, kept_incident = std::chrono::days{400};

}  // namespace

/// Its alerts have left their groups, in silence perhaps, so that no notification said so. An alert that has ended and
/// still is in its group may fire again before that is told.
bool board::state::is_over_locked(const incident& one) const {
  if (one.is_manual()) return false;
  if (one.latest.truncated > 0 && std::ranges::any_of(groups->groups(), [&](const auto& item) { return item.second.key == one.group_key; })) return false;
  return std::ranges::none_of(one.latest.alerts, [&](const notified_alert& a) { return groups->is_grouped(a.fingerprint); });
}

void board::state::end_over_locked(wall_time now) {
  std::vector<incident> over;
  for (const auto& [number, one] : open_incidents)
    if (is_over_locked(one)) over.push_back(one);
  for (auto& one : over) {
    made_messages made;
    notification_log told;  // as if nothing had been told of the group: what fires next is news
    for (auto at = log.lower_bound({one.group_key, {}, {}}); at != log.end() && at->first.group_key == one.group_key; ++at)
      if (at->first.channel == "escalation") told[at->first] = {at->second.at, at->second.expires, {}, {}};
    const auto kept = store->together([&]() -> result<void> {
      if (auto done = end_locked(one, "alerts", now, made); !done) return done;
      for (const auto& [key, entry] : told)
        if (auto done = store->put(key, entry); !done) return done;
      return store->put(one);
    });
    if (!kept) {
      not_kept.add();
      log::error("incident_end_not_kept", {{"meaning", "the incident stays open; it is tried again"}, {"reason", kept.error().message}});
      continue;
    }
    for (const auto& [key, entry] : told) log[key] = entry;
    take_up_locked(made);
    take_up_locked(std::vector{one});
  }
}

void board::state::upkeep_locked(wall_time now) {
  last_upkeep = now;
  end_over_locked(now);
  std::vector<std::uint64_t> over;
  for (const auto& [fingerprint, one] : book.all())
    if (one.ends_at + kept_alert < now && !groups->is_grouped(fingerprint)) over.push_back(fingerprint);
  const auto ended = silences.prune(now);
  std::erase_if(log, [&](const auto& item) { return item.second.expires < now; });
  std::erase_if(overrides, [&](const auto& one) { return one.until < now; });
  const auto done = store->together([&]() -> result<void> {
    for (const auto one : over)
      if (auto erased = store->erase_alert(one); !erased) return erased;
    for (const auto& id : ended)
      if (auto erased = store->erase_silence(id); !erased) return erased;
    if (auto erased = store->erase_log_before(now); !erased) return erased;
    if (auto erased = erase_stale_references_locked(); !erased) return erased;
    if (auto erased = store->erase_over_before(now - kept_incident); !erased) return erased;
    return store->erase_ended_before(now - kept_delivered, now - kept_dead);
  });
  if (!done) log::warn("alert_upkeep_failed", {{"reason", done.error().message}});
  else store->restore_ballast();
  for (const auto one : over) book.forget(one);
  count_locked(now);
}

/// What fires next there is another matter. One whose group is silent is none: it may be told again.
result<void> board::state::erase_stale_references_locked() {
  const auto all = store->references();
  if (!all) return std::unexpected(all.error());
  std::set<std::string> present;
  for (const auto& [id, group] : groups->groups()) present.insert(group.key);
  for (const auto& key : *all) {
    if (present.contains(key.group_key) || goes_on_locked(key) || messages.has(key.receiver, key.channel, key.group_key)) continue;
    if (auto erased = store->put_reference(key, {}); !erased) return erased;
  }
  return {};
}

void board::state::count_locked(wall_time now) {
  waiting.set(static_cast<double>(messages.waiting()));
  if (const auto count = store->count_dead()) dead.set(static_cast<double>(*count));
  firing.set(static_cast<double>(std::ranges::count_if(book.all(), [&](const auto& item) { return !item.second.resolved(now); })));
}

}  // namespace andon::alert
