#include "andon/alert/board.hpp"

#include <algorithm>

#include "andon/alert/board_state.hpp"
#include "andon/base/log.hpp"
#include "andon/base/threads.hpp"

namespace andon::alert {
namespace {

using namespace std::chrono_literals;

constexpr nanoseconds between_upkeeps = 1min, longest_sleep = 1s, shortest_sleep = 20ms;
constexpr std::size_t most_together = 100;  ///< groups of one transaction

template <class T>
result<void> without_value(const result<T>& from) {
  if (!from) return std::unexpected(from.error());
  return {};
}

}  // namespace

board::state::state(board_options with, const clock& clock_, metrics::registry* registry)
    : options(std::move(with)), time(clock_), book(options.most_alerts), silences(random_source(options.seed)), messages({}, random_source(options.seed + 1)),
      metrics(registry != nullptr ? *registry : own_metrics),
      posted(metrics.make_counter({"andon.alert.posted", "Alerts that were posted and taken", "{alert}"})),
      refused(metrics.make_counter({"andon.alert.refused", "Posted alerts that were not valid", "{alert}"})),
      not_kept(metrics.make_counter({"andon.alert.not_kept", "Times that the store of alerts could not be written; what was to be done is tried again", "{fault}"})),
      waiting(metrics.make_gauge({"andon.alert.outbox_waiting", "Messages that wait to be delivered", "{message}"})),
      dead(metrics.make_gauge({"andon.alert.outbox_dead", "Messages that could not be delivered and are not tried any more", "{message}"})),
      firing(metrics.make_gauge({"andon.alert.firing", "Alerts that fire", "{alert}"})) {}

board::board(std::unique_ptr<state> s) : state_(std::move(s)) {}
board::~board() { stop(); }

result<std::unique_ptr<board>> board::open(board_options options, const clock& time, metrics::registry* metrics) {
  auto made = std::make_unique<state>(std::move(options), time, metrics);
  auto store = alert_store::open(made->options.file, time.wall());
  if (!store) return std::unexpected(std::move(store.error()));
  made->store = std::move(*store);
  if (auto loaded = made->load(time.wall()); !loaded) return std::unexpected(std::move(loaded.error()));
  return std::unique_ptr<board>(new board(std::move(made)));
}

result<void> board::state::load(wall_time now) {
  auto key = store->link_key();
  auto kept_alerts = store->alerts();
  auto kept_silences = store->silences();
  auto kept_log = store->log();
  auto kept_messages = store->waiting_messages();
  auto kept_incidents = store->incidents(wall_time::max(), 10'000);
  auto kept_overrides = store->overrides(now);
  for (const auto& one : {without_value(key), without_value(kept_alerts), without_value(kept_silences), without_value(kept_log), without_value(kept_messages),
                          without_value(kept_incidents), without_value(kept_overrides)})
    if (!one) return one;
  link_key = std::move(*key);
  for (auto& one : *kept_alerts) {
    // Its source promised to say it again by then, and nobody was here to listen: it has its time once more.
    if (one.ends_at <= now && one.ends_at > one.updated_at) {
      const auto fires = store->is_firing_in_history(one.fingerprint);
      if (!fires) return std::unexpected(fires.error());
      if (*fires) one.ends_at = now + settings->resolve_timeout, one.times_out = true;
    }
    book.restore(std::move(one));
  }
  for (auto& one : *kept_silences) silences.restore(std::move(one));
  log = std::move(*kept_log);
  for (auto& one : *kept_messages) messages.add(std::move(one));
  for (auto& one : *kept_incidents) {
    if (one.seen.empty()) one.seen = one.latest.firing_alerts();
    open_incidents.emplace(one.number, std::move(one));
  }
  overrides = std::move(*kept_overrides);
  rebuild_locked(now);
  return {};
}

void board::state::rebuild_locked(wall_time now) {
  groups = std::make_unique<dispatcher>(dispatcher::rules{*settings->routes, settings->channels, settings->intervals, settings->inhibit}, book, silences, log);
  for (const auto& [fingerprint, one] : book.all())
    if (!one.resolved(now) || is_end_untold_locked(fingerprint)) groups->insert(one, now);
}

/// An alert has ended, and somebody believes that it fires, or its end stands in no history yet.
bool board::state::is_end_untold_locked(std::uint64_t fingerprint) const {
  if (std::ranges::any_of(log, [&](const auto& item) { return item.second.firing.contains(fingerprint); })) return true;
  const auto fires = store->is_firing_in_history(fingerprint);
  return !fires || *fires;
}

void board::adopt(configuration_ptr settings) {
  state_->expect_tries(*settings);
  const std::lock_guard lock(state_->mutex);
  auto before = std::exchange(state_->settings, std::move(settings));  // the groups refer to it until they are made anew
  state_->messages.bound(state_->settings->bounds);
  state_->rebuild_locked(state_->time.wall());
  state_->wake_decider.notify_one();
}

configuration_ptr board::settings() const {
  const std::lock_guard lock(state_->mutex);
  return state_->settings;
}

void board::read(const std::function<void(const board_view&)>& look) const {
  const std::lock_guard lock(state_->mutex);
  auto& s = *state_;
  look({s.time.wall(), *s.settings, s.book, s.silences, *s.groups, *s.store, s.messages, s.open_incidents, s.overrides});
}

post_outcome board::post(std::span<const posted_alert> alerts, wall_time now, poster from_whom) {
  post_outcome out;
  auto& s = *state_;
  const std::lock_guard lock(s.mutex);
  std::vector<const alert*> taken;
  std::vector<history_row> began;
  for (const auto& from : alerts) {
    auto labels = from.labels;
    std::erase_if(labels, [](const auto& pair) { return pair.second.empty(); });
    const auto* known = s.book.find(fingerprint_of(labels));
    const bool fired_before = known != nullptr && !known->resolved(now);
    const auto got = s.book.post(from, s.settings->resolve_timeout, now, from_whom);
    if (!got) {
      out.problems.push_back(labels_text(labels) + ": " + got.error().message);
      continue;
    }
    taken.push_back(*got);
    if (!fired_before && !(*got)->resolved(now)) began.push_back({now, (*got)->fingerprint, "fired", (*got)->labels});
  }
  const auto kept = s.store->together([&]() -> result<void> {
    for (const auto* one : taken)
      if (auto done = s.store->put(*one); !done) return done;
    for (const auto& one : began)
      if (auto done = s.store->put(one); !done) return done;
    return {};
  });
  if (!kept) {
    s.not_kept.add();
    out.not_kept = kept.error();
  }
  for (const auto* one : taken) s.groups->insert(*one, now);
  out.taken = taken.size();
  s.posted.add(taken.size());
  s.refused.add(out.problems.size());
  s.wake_decider.notify_one();
  return out;
}

result<silence_book::changed> board::state::change_silences_locked(const std::function<result<silence_book::changed>(silence_book&)>& change) {
  auto wanted = silences;
  auto done = change(wanted);
  if (!done) return done;
  const auto kept = store->together([&]() -> result<void> {
    for (const auto& one : done->now)
      if (auto put = store->put(one); !put) return put;
    return {};
  });
  if (!kept) return std::unexpected(kept.error());
  silences = std::move(wanted);
  return done;
}

result<silence_book::changed> board::set_silence(silence wanted, wall_time now) {
  const std::lock_guard lock(state_->mutex);
  return state_->change_silences_locked([&](silence_book& of) { return of.set(std::move(wanted), now); });
}

result<silence_book::changed> board::expire_silence(const std::string& id, wall_time now) {
  const std::lock_guard lock(state_->mutex);
  return state_->change_silences_locked([&](silence_book& of) { return of.expire(id, now); });
}

bool board::state::keep_locked(std::span<const flush> some, wall_time now) {
  made_messages made;
  std::vector<incident> changed;
  const auto kept = store->together([&]() -> result<void> {
    for (const auto& one : some)
      if (auto done = write_locked(one, now, made, changed); !done) return done;
    return {};
  });
  if (!kept && some.size() > 1) return false;
  for (const auto& one : some) groups->settle(one, kept ? dispatcher::outcome::kept : dispatcher::outcome::not_kept, now);
  if (!kept) {
    not_kept.add();
    log::error("alert_not_kept", {{"meaning", "nothing was sent; it is tried again"}, {"reason", kept.error().message}});
    return false;
  }
  take_up_locked(made);
  take_up_locked(changed);
  return true;
}

result<void> board::state::write_locked(const flush& one, wall_time now, made_messages& made, std::vector<incident>& changed) {
  for (const auto& d : one.decisions) {
    if (auto done = store->put(d.key, d.entry); !done) return done;
    if (!d.send) {  // the end of all, which this way does not tell
      if (auto done = store->put_reference(d.key, {}); !done) return done;
      continue;
    }
    const auto* to = settings->find_way(d.key.receiver, d.key.channel);
    auto done = to != nullptr && to->kind->render == nullptr ? on_notification_locked(*d.send, d.entry.firing, *to, now, made, changed) : put_message_locked(*d.send, now, made);
    if (!done) return done;
  }
  for (const auto fingerprint : one.ended) {
    const auto* known = book.find(fingerprint);
    const auto fired = store->is_firing_in_history(fingerprint);  // its source may post the end again and again
    if (!fired) return std::unexpected(fired.error());
    if (known == nullptr || !*fired) continue;
    if (auto done = store->put(history_row{known->ends_at, fingerprint, "resolved", known->labels}); !done) return done;
  }
  return {};
}

void board::state::decide_locked(wall_time now) {
  const auto due = groups->take_due(now);
  for (std::size_t at = 0; at < due.size(); at += most_together) {
    const auto some = std::span(due).subspan(at, std::min(most_together, due.size() - at));
    if (keep_locked(some, now) || some.size() == 1) continue;
    for (const auto& one : some) keep_locked(std::span(&one, 1), now);  // what cannot be written keeps nobody else back
  }
  escalate_locked(now);
  if (now - last_upkeep >= between_upkeeps || now < last_upkeep) upkeep_locked(now);
}

std::optional<wall_time> board::state::next_locked(wall_time now) const {
  auto out = groups->next();
  for (const auto& [number, one] : open_incidents)
    if (one.state == incident_state::triggered && one.place.next && (!out || *one.place.next < *out)) out = one.place.next;
  const auto upkeep = last_upkeep + between_upkeeps;
  return std::max(now, out ? std::min(*out, upkeep) : upkeep);
}

std::optional<wall_time> board::tick(wall_time now) {
  const std::lock_guard lock(state_->mutex);
  state_->decide_locked(now);
  return state_->next_locked(now);
}

void board::state::run_decider() {
  std::unique_lock lock(mutex);
  while (!stopping) {
    const auto now = time.wall();
    decide_locked(now);
    waiting.set(static_cast<double>(messages.waiting()));
    wake_decider.wait_for(lock, std::clamp<nanoseconds>(next_locked(now).value_or(now + longest_sleep) - now, shortest_sleep, longest_sleep));
  }
}

void board::start() {
  auto& s = *state_;
  const std::lock_guard lock(s.mutex);
  s.threads.emplace_back([&s] {
    name_this_thread("alert");
    yield_to_cores();
    s.run_decider();
  });
  s.run_sender = [this] { run_sender(); };
  s.begin_sender_locked();  // whatever happens later, somebody sends
  if (s.messages.waiting() > 0) s.begin_senders_locked();
}

void board::state::begin_sender_locked() {
  threads.emplace_back([run = run_sender, i = senders] {
    name_this_thread("alert-send-" + std::to_string(i));
    yield_to_cores();
    run();
  });
  ++senders;
}

/// Where the system gives no thread, those that run do the work; it is asked again with the next message.
void board::state::begin_senders_locked() {
  if (!run_sender || stopping) return;
  try {
    while (senders < options.senders) begin_sender_locked();
  } catch (const std::system_error& failed) {
    log::warn("alert_sender_not_begun", {{"running", senders}, {"reason", failed.what()}});
  }
}

void board::stop() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->wake_decider.notify_all();
  state_->wake_senders.notify_all();
  for (auto& one : state_->threads) one.join();
  state_->threads.clear();
}

}  // namespace andon::alert
