#pragma once
// The room's whole: takes alerts, decides who is told, sees to it that they are. Whatever it has accepted survives
// kill -9: alerts when post() returns, messages when they are decided upon.
//
// A message is written to the outbox, together with the entry of the notification log that keeps it from being decided
// upon twice, before anything is sent. After a crash the messages without an outcome go out: one that was under way at
// that moment may arrive twice, with the same Idempotency-Key (webhook), dedup_key (PagerDuty), alias (Opsgenie) or
// Message-ID (mail).
//
// Life cycle: open → adopt → start → stop → destroy. Threads: every function from any thread; `alert` decides, `alert-send-N`
// send. Tests do without threads: tick() and send_one().
#include <filesystem>
#include <functional>
#include <memory>
#include <span>

#include "andon/alert/configuration.hpp"
#include "andon/alert/incident.hpp"
#include "andon/alert/link.hpp"
#include "andon/alert/store.hpp"
#include "andon/base/metrics.hpp"

namespace andon::alert {

struct board_options {
  std::filesystem::path file;  ///< alerts.db
  sender send;
  std::uint64_t seed = 0;      ///< of silences' ids and pauses
  std::size_t senders = 4;
  std::size_t most_alerts = alert_book::default_most;
};

/// What became of a post: valid alerts are taken although others are not.
struct post_outcome {
  std::size_t taken = 0;
  std::vector<std::string> problems;   ///< one for each refused alert
  std::optional<error> not_kept{};     ///< they could not be written: post them again
};

/// What there is to read, under the board's lock: for the time of the call only.
struct board_view {
  wall_time now;
  const configuration& settings;
  const alert_book& book;
  const silence_book& silences;
  dispatcher& groups;
  alert_store& store;
  const outbox& messages;
  const std::map<std::int64_t, incident>& open_incidents;
  const std::vector<schedule_override>& overrides;
};

class board {
public:
  /// errc as alert_store::open.
  static result<std::unique_ptr<board>> open(board_options options, const clock& time, metrics::registry* metrics);
  ~board();
  board(const board&) = delete;  // its threads refer to it
  board& operator=(const board&) = delete;

  void adopt(configuration_ptr settings);
  [[nodiscard]] configuration_ptr settings() const;
  void start();
  void stop();

  /// `poster::own` is for the program itself: whoever posts from outside must not be able to say so.
  post_outcome post(std::span<const posted_alert> alerts, wall_time now, poster from = poster::outside);
  result<silence_book::changed> set_silence(silence wanted, wall_time now);
  result<silence_book::changed> expire_silence(const std::string& id, wall_time now);

  /// A trial alert to each way of a receiver, past all routes. Ids of its messages. errc::not_found.
  result<std::vector<std::int64_t>> test(const std::string& receiver, wall_time now);
  /// Sends a dead message after all. errc: not_found, conflict (a later one has told the receiver how the group stands).
  result<void> revive(std::int64_t message, wall_time now);
  result<void> drop(std::int64_t message, wall_time now);

  /// `who` for the timeline. errc: not_found, conflict (already so).
  result<incident> acknowledge(std::int64_t incident, const std::string& who, wall_time now);
  result<incident> resolve(std::int64_t incident, const std::string& who, wall_time now);
  result<void> add_note(std::int64_t incident, const std::string& who, const std::string& text, wall_time now);
  /// One that no alert raised. errc::not_found: no such chain.
  result<incident> open_incident(const std::string& chain, const std::string& title, const std::string& who, wall_time now);
  result<incident_link> read_link(std::string_view token, wall_time now) const;
  result<bool> is_link_used(std::string_view token) const;
  /// Does what the link is for; a second time it is a conflict.
  result<incident> follow_link(std::string_view token, wall_time now);

  result<std::int64_t> put_override(schedule_override one, wall_time now);  ///< errc: not_found, invalid_argument
  result<void> erase_override(std::int64_t id);

  void read(const std::function<void(const board_view&)>& look) const;

  /// Decides what is due. Returns when there is something to decide next.
  std::optional<wall_time> tick(wall_time now);
  /// Sends one message that is due. False: none is.
  bool send_one(wall_time now);

private:
  struct state;
  void run_sender();
  explicit board(std::unique_ptr<state> s);
  std::unique_ptr<state> state_;
};

}  // namespace andon::alert
