// Messages: into the outbox, out to the receivers.
#include <fmt/format.h>

#include <algorithm>

#include "andon/alert/board_state.hpp"
#include "andon/alert/words.hpp"
#include "andon/base/log.hpp"

namespace andon::alert {
namespace {

using namespace std::chrono_literals;

constexpr nanoseconds shortest_sleep = 100ms, longest_sleep = 1s, nothing_to_do = 30s;  // whoever adds a message wakes
constexpr std::size_t most_of_a_group = 10'000;

judged dead(std::string problem) { return {verdict::dead, std::move(problem), std::nullopt}; }

notification trial(const std::string& receiver, const way& to, wall_time now) {
  label_set labels{{"alertname", "AndonTest"}, {"severity", "info"}, {"source", "andon"}};
  notified_alert one{labels, {{"summary", "A trial of this receiver; nothing is wrong."}}, now, now, false, {}, fingerprint_of(labels)};
  return {.receiver = receiver, .channel = std::string(to.kind->name), .group_key = fmt::format("test/{}/{}", receiver, now.time_since_epoch().count()),
          .group_labels = {{"alertname", "AndonTest"}}, .alerts = {std::move(one)}, .at = now, .repeat_interval = 1h};
}

}  // namespace

result<void> board::state::put_message_locked(const notification& what, wall_time now, made_messages& made) {
  const auto before = superseded_by_locked(what);
  if (!before) return std::unexpected(before.error());
  // Pages about an incident are few, and nobody is to miss one because others talk too much.
  const bool full = *before == nullptr && what.incident.empty() && messages.is_full(what.receiver);
  auto one = store->put_message(what, now, full ? message_state::dead : message_state::waiting, full ? "too many messages wait for this receiver" : "", *before);
  if (!one) return std::unexpected(std::move(one.error()));
  if (full) {
    log::error("alert_not_delivered", {{"receiver", what.receiver}, {"channel", what.channel}, {"message", one->id}, {"reason", "too many messages wait for this receiver"}});
    return {};
  }
  made_message fresh{std::move(*one), {}};
  if (*before != nullptr) {
    fresh.supersedes = (*before)->id;
    if (auto done = store->note_superseded((*before)->id, fresh.one.id, now); !done) return done;
  }
  made.push_back(std::move(fresh));
  return {};
}

result<const pending*> board::state::superseded_by_locked(const notification& what) {
  const auto* before = messages.newest_waiting(what.receiver, what.channel, what.group_key);
  if (before == nullptr) return nullptr;
  const auto body = store->message_body(before->id);
  if (!body) return std::unexpected(body.error());
  const auto told = parse_notification(*body);
  return told && tells_all_of(what, *told) ? before : nullptr;
}

/// Whether what a ticket was made for goes on, so that later messages belong to it.
bool board::state::goes_on_locked(const log_key& key) const {
  if (const auto number = incident::number_of_messages(key.group_key)) return open_incidents.contains(*number);
  const auto told = log.find(key);
  return told != log.end() && !told->second.firing.empty();
}

void board::state::take_up_locked(const made_messages& made) {
  for (const auto& [one, supersedes] : made) {
    if (supersedes) messages.remove(*supersedes);
    messages.add(one);
  }
  if (made.empty()) return;
  begin_senders_locked();
  wake_senders.notify_all();
}

verdict board::state::finish_locked(const pending& one, const notification* what, const way* to, const judged& how, const answer* got, wall_time now) {
  const auto ending = messages.finish(one.id, how, now);
  const log_key key{one.group_key, one.receiver, one.channel};
  std::optional<incident> hurried;
  const auto write = [&]() -> result<void> {
    if (auto done = store->note_ending(one.id, ending, now); !done) return done;
    if (ending.what == verdict::dead) {
      if (what != nullptr && what->firing() == 0)  // what fires next is another matter
        if (auto done = store->put_reference(key, {}); !done) return done;
      return on_undelivered_locked(one, ending.problem, now, hurried);
    }
    if (ending.what != verdict::delivered || what == nullptr || to == nullptr || to->kind->reference == nullptr) return {};
    if (what->firing() == 0) return store->put_reference(key, {});
    const auto reference = got != nullptr ? to->kind->reference(*got) : std::string{};
    const auto known = store->reference(key);
    if (!known) return std::unexpected(known.error());
    return known->empty() && !reference.empty() && goes_on_locked(key) ? store->put_reference(key, reference) : result<void>{};
  };
  auto kept = store->together(write);
  if (!kept && kept.error().code == errc::disk_full) kept = store->together(write);  // with the room that was given up
  if (kept && hurried) {
    take_up_locked(std::vector{*hurried});
    wake_decider.notify_one();
  }
  if (!kept) {
    not_kept.add();
    log::error("alert_outcome_not_kept", {{"meaning", "after a restart the message goes out again"}, {"reason", kept.error().message}});
  }
  if (ending.what == verdict::dead) {
    log::error("alert_not_delivered", {{"receiver", one.receiver}, {"channel", one.channel}, {"message", one.id}, {"reason", ending.problem}});
    if (const auto count = store->count_dead()) this->dead.set(static_cast<double>(*count));
  } else if (ending.what == verdict::again && one.attempts == 1) {
    log::warn("alert_delivery_delayed", {{"receiver", one.receiver}, {"channel", one.channel}, {"message", one.id}, {"reason", ending.problem}});
  }
  return ending.what;
}

void board::state::count_try(const pending& one, verdict how) const {
  tries_of(one.receiver, one.channel, how).add();
}

metrics::counter& board::state::tries_of(const std::string& receiver, const std::string& channel, verdict how) const {
  const auto outcome = how == verdict::delivered ? "delivered" : how == verdict::dead ? "dead" : "again";
  return metrics.make_counter({"andon.alert.messages", "Tries to deliver a message", "{message}"}, {{"receiver", receiver}, {"channel", channel}, {"outcome", outcome}});
}

void board::state::expect_tries(const configuration& of) const {
  for (const auto& [name, receiver] : of.receivers)
    for (const auto& way : receiver.ways)
      if (way.kind->render != nullptr)
        for (const auto how : {verdict::delivered, verdict::again, verdict::dead}) tries_of(name, std::string(way.kind->name), how);
}

bool board::send_one(wall_time now) {
  auto& s = *state_;
  std::unique_lock lock(s.mutex);
  const auto one = s.messages.take(now);
  if (!one) return false;
  if (const auto noted = s.store->note_attempt(one->id, one->attempts, now); !noted) s.not_kept.add();
  const auto body = s.store->message_body(one->id);
  auto what = body ? parse_notification(*body) : result<notification>(std::unexpected(body.error()));
  const auto settings = s.settings;
  const auto* to = settings->find_way(one->receiver, one->channel);
  const auto known = s.store->reference({one->group_key, one->receiver, one->channel});
  if ((!body && body.error().code != errc::not_found && body.error().code != errc::corrupt) || !known) {  // the store may be better soon
    const auto ended = s.finish_locked(*one, nullptr, nullptr, {verdict::again, (!body ? body.error() : known.error()).message, std::nullopt}, nullptr, now);
    lock.unlock();
    s.count_try(*one, ended);
    return true;
  }
  if (!what || to == nullptr) {
    const auto ended = s.finish_locked(*one, nullptr, nullptr, dead(what ? fmt::format("the configuration has no receiver '{}' with {} any more", one->receiver, one->channel) : what.error().message), nullptr, now);
    lock.unlock();
    s.count_try(*one, ended);
    return true;
  }
  const auto& reference = *known;
  lock.unlock();
  const auto words = words_for(*to, *what, settings->external_url);
  const auto key = fmt::format("{:x}-{}", one->made.time_since_epoch().count(), one->id);
  auto message = to->kind->render({*to, *what, words, settings->external_url, reference, key});
  judged how;
  result<answer> got = answer{};
  if (!message) how = dead(message.error().message);
  else if (*message) how = judge(**message, got = s.options.send(**message));
  lock.lock();
  if (how.what == verdict::dead && got && (got->status == 404 || got->status == 410) && !reference.empty()) {  // the next try makes another
    if (const auto forgotten = s.store->put_reference({one->group_key, one->receiver, one->channel}, {})) how = {verdict::again, "the ticket is gone: " + how.problem, std::nullopt};
  }
  const auto ended = s.finish_locked(*one, &*what, to, how, got ? &*got : nullptr, s.time.wall());
  lock.unlock();
  s.count_try(*one, ended);
  return true;
}

void board::run_sender() {
  while (!state_->over()) {
    if (send_one(state_->time.wall())) continue;
    std::unique_lock lock(state_->mutex);
    const auto now = state_->time.wall();
    const auto next = state_->messages.next(now);
    if (!state_->stopping) state_->wake_senders.wait_for(lock, next ? std::clamp<nanoseconds>(*next - now, shortest_sleep, longest_sleep) : nothing_to_do);
  }
}

bool board::state::over() const {
  const std::lock_guard lock(mutex);
  return stopping;
}

result<std::vector<std::int64_t>> board::test(const std::string& receiver, wall_time now) {
  auto& s = *state_;
  const std::lock_guard lock(s.mutex);
  const auto found = s.settings->receivers.find(receiver);
  if (found == s.settings->receivers.end()) return fail(errc::not_found, fmt::format("no receiver is named '{}' in the configuration", receiver));
  state::made_messages made;
  const auto kept = s.store->together([&]() -> result<void> {
    for (const auto& to : found->second.ways)
      if (to.kind->render != nullptr)
        if (auto done = s.put_message_locked(trial(receiver, to, now), now, made); !done) return done;
    return {};
  });
  if (!kept) return std::unexpected(kept.error());
  s.take_up_locked(made);
  std::vector<std::int64_t> out;
  for (const auto& one : made) out.push_back(one.one.id);
  return out;
}

result<void> board::revive(std::int64_t message, wall_time now) {
  auto& s = *state_;
  const std::lock_guard lock(s.mutex);
  const auto letter = s.store->message(message);
  if (!letter) return std::unexpected(letter.error());
  if (*letter && (*letter)->state == message_state::dead) {
    const auto all = s.store->messages_of((*letter)->group_key, most_of_a_group);
    if (!all) return std::unexpected(all.error());
    const auto later = std::ranges::find_if(*all, [&](const message_row& one) {
      return one.id > message && one.receiver == (*letter)->receiver && one.channel == (*letter)->channel && (one.state == message_state::waiting || one.state == message_state::delivered);
    });
    if (later != all->end())
      return fail(errc::conflict, fmt::format("message {} told '{}' later how this group stands ({}); what this letter says is out of date: drop it", later->id, later->receiver, to_string(later->state)));
  }
  const auto done = s.store->revive(message, now);
  if (!done) return std::unexpected(done.error());
  const auto row = s.store->message(message);
  if (!row) return std::unexpected(row.error());
  if (!*done || !*row) return fail(errc::not_found, fmt::format("there is no dead letter {}", message));
  s.take_up_locked(state::made_messages{{{message, (*row)->receiver, (*row)->channel, (*row)->group_key, (*row)->made, now, 0, {}, now}, {}}});
  s.count_locked(now);
  return {};
}

result<void> board::drop(std::int64_t message, wall_time now) {
  const std::lock_guard lock(state_->mutex);
  const auto done = state_->store->drop(message, now);
  if (!done) return std::unexpected(done.error());
  if (!*done) return fail(errc::not_found, fmt::format("there is no dead letter {}", message));
  state_->count_locked(now);
  return {};
}

}  // namespace andon::alert
