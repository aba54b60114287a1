// What people do: acknowledge and resolve, by name or by link, notes, incidents by hand, overrides.
#include <fmt/format.h>

#include <algorithm>

#include "andon/alert/board_state.hpp"
#include "andon/base/hashing.hpp"

namespace andon::alert {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t longest_words = 4096;

result<void> check_words(std::string_view what, const std::string& text) {
  if (text.empty() || text.size() > longest_words) return fail(errc::invalid_argument, fmt::format("{} must have 1 to {} bytes", what, longest_words), std::string(what));
  return {};
}

}  // namespace

/// The alerts that events of the intake raised, as ended: their sources do not post them again, so that nothing else would
/// end them soon.
std::vector<alert> board::state::events_over_locked(const incident& one, wall_time now) const {
  std::vector<alert> out;
  for (const auto& told : one.latest.alerts) {
    const auto* known = told.labels.contains("integration") ? book.find(told.fingerprint) : nullptr;
    if (known == nullptr || known->resolved(now)) continue;
    auto& over = out.emplace_back(*known);
    over.starts_at = std::min(over.starts_at, now);
    over.ends_at = over.updated_at = now;
    over.times_out = false;
  }
  return out;
}

result<incident> board::state::act_locked(const incident_link& what, std::string_view token, wall_time now) {
  auto one = open_one_locked(what.incident);
  if (!one) return one;
  made_messages made;
  const bool resolves = what.action == link_action::resolve;
  auto over = resolves ? events_over_locked(*one, now) : std::vector<alert>{};
  notification_log untold;  // an event that is triggered again is news, also before its end was told
  if (!over.empty())
    for (auto at = log.lower_bound({one->group_key, {}, {}}); at != log.end() && at->first.group_key == one->group_key; ++at) {
      if (at->first.channel != "escalation") continue;
      auto& entry = untold[at->first] = at->second;
      for (const auto& ended : over) entry.firing.erase(ended.fingerprint);
    }
  const auto kept = store->together([&]() -> result<void> {
    if (!token.empty()) {
      const auto fresh = store->use_link(to_hex(sha256(token)), what.until);
      if (!fresh) return std::unexpected(fresh.error());
      if (!*fresh) return fail(errc::conflict, "this link was used before");
    }
    for (const auto& ended : over)
      if (auto done = store->put(ended); !done) return done;
    for (const auto& [key, entry] : untold)
      if (auto done = store->put(key, entry); !done) return done;
    if (auto done = resolves ? end_locked(*one, what.who, now, made) : acknowledge_locked(*one, what.who, now); !done) return done;
    return store->put(*one);
  });
  if (!kept) return std::unexpected(kept.error());
  for (auto& ended : over) book.restore(std::move(ended));
  for (auto& [key, entry] : untold) log[key] = std::move(entry);
  take_up_locked(made);
  take_up_locked(std::vector{*one});
  return one;
}

result<void> board::state::acknowledge_locked(incident& one, const std::string& who, wall_time now) {
  if (one.state == incident_state::acknowledged) return fail(errc::conflict, fmt::format("incident {} was acknowledged by {}", one.id(), one.acknowledged_by));
  one.state = incident_state::acknowledged;
  one.acknowledged = now;
  one.acknowledged_by = who;
  one.place.next.reset();
  return store->put(incident_event{one.number, now, "acknowledged", who, ""});
}

result<incident> board::acknowledge(std::int64_t number, const std::string& who, wall_time now) {
  const std::lock_guard lock(state_->mutex);
  return state_->act_locked({link_action::acknowledge, number, who, {}}, {}, now);
}

result<incident> board::resolve(std::int64_t number, const std::string& who, wall_time now) {
  const std::lock_guard lock(state_->mutex);
  return state_->act_locked({link_action::resolve, number, who, {}}, {}, now);
}

result<void> board::add_note(std::int64_t number, const std::string& who, const std::string& text, wall_time now) {
  auto& s = *state_;
  if (auto good = check_words("text", text); !good) return good;
  const std::lock_guard lock(s.mutex);
  const auto known = s.store->find_incident(number);
  if (!known) return std::unexpected(known.error());
  if (!*known) return fail(errc::not_found, fmt::format("there is no incident inc_{}", number));
  return s.store->put(incident_event{number, now, "note", who, text});
}

result<incident> board::open_incident(const std::string& chain, const std::string& title, const std::string& who, wall_time now) {
  auto& s = *state_;
  if (auto good = check_words("title", title); !good) return std::unexpected(std::move(good.error()));
  const std::lock_guard lock(s.mutex);
  if (!s.settings->escalations.contains(chain)) return fail(errc::not_found, fmt::format("no escalation is named '{}' in the configuration", chain), "escalation");
  const auto number = s.store->next_incident();
  if (!number) return std::unexpected(number.error());
  incident one;
  one.number = *number;
  one.group_key = std::string(incident::manual_prefix) + one.id();
  one.chain = chain;
  one.title = title;
  one.severity = "error";
  one.opened = now;
  one.place.next = now;
  const label_set labels{{"alertname", "Incident"}, {"incident", one.id()}, {"severity", "error"}};
  one.latest = {.receiver = {}, .channel = {}, .group_key = one.group_key, .group_labels = {{"alertname", "Incident"}}, .alerts = {{labels, {{"summary", title}}, now, now, false, {}, fingerprint_of(labels)}}, .at = now, .repeat_interval = 4h};
  const auto kept = s.store->together([&]() -> result<void> {
    if (auto done = s.store->put(incident_event{one.number, now, "opened", who, title}); !done) return done;
    return s.store->put(one);
  });
  if (!kept) return std::unexpected(kept.error());
  s.take_up_locked(std::vector{one});
  s.wake_decider.notify_one();
  return one;
}

result<incident_link> board::read_link(std::string_view token, wall_time now) const { return andon::alert::read_link(token, state_->link_key, now); }

result<bool> board::is_link_used(std::string_view token) const {
  const std::lock_guard lock(state_->mutex);
  return state_->store->is_link_used(to_hex(sha256(token)));
}

result<incident> board::follow_link(std::string_view token, wall_time now) {
  const auto link = read_link(token, now);
  if (!link) return std::unexpected(link.error());
  const std::lock_guard lock(state_->mutex);
  return state_->act_locked(*link, token, now);
}

result<std::int64_t> board::put_override(schedule_override one, wall_time now) {
  auto& s = *state_;
  const std::lock_guard lock(s.mutex);
  if (!s.settings->schedules.contains(one.schedule)) return fail(errc::not_found, fmt::format("no schedule is named '{}' in the configuration", one.schedule), "schedule");
  if (!s.settings->people.contains(one.person)) return fail(errc::not_found, fmt::format("no person is named '{}' in the configuration", one.person), "person");
  if (one.from >= one.until || one.until <= now) return fail(errc::invalid_argument, "an override ends after it begins, and not in the past", "until");
  const auto id = s.store->put_override(one);
  if (!id) return id;
  one.id = *id;
  s.overrides.push_back(std::move(one));
  return id;
}

result<void> board::erase_override(std::int64_t id) {
  auto& s = *state_;
  const std::lock_guard lock(s.mutex);
  const auto done = s.store->erase_override(id);
  if (!done) return std::unexpected(done.error());
  if (!*done) return fail(errc::not_found, fmt::format("there is no override {}", id));
  std::erase_if(s.overrides, [&](const auto& one) { return one.id == id; });
  return {};
}

}  // namespace andon::alert
