#pragma once
// The board's private side. Functions that end in _locked are called with the mutex held.
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "andon/alert/board.hpp"

namespace andon::alert {

struct board::state {
  state(board_options with, const clock& clock_, metrics::registry* registry);

  board_options options;
  const clock& time;
  std::unique_ptr<alert_store> store;
  std::string link_key;

  mutable std::mutex mutex;
  std::condition_variable wake_decider, wake_senders;
  bool stopping = false;
  std::vector<std::thread> threads;
  std::function<void()> run_sender;  ///< of the threads that send; empty: tests do without
  std::size_t senders = 0;           ///< that have begun: one at the start, the others with the first message

  configuration_ptr settings = empty_configuration();
  alert_book book;
  silence_book silences;
  notification_log log;
  std::unique_ptr<dispatcher> groups;
  outbox messages;
  std::map<std::int64_t, incident> open_incidents;
  std::vector<schedule_override> overrides;
  wall_time last_upkeep{};
  std::set<std::int64_t> quiet;  ///< incidents whose chain waits for a silence to end

  metrics::registry own_metrics;  ///< where none is given
  metrics::registry& metrics;
  metrics::counter& posted;
  metrics::counter& refused;
  metrics::counter& not_kept;
  metrics::gauge& waiting;
  metrics::gauge& dead;
  metrics::gauge& firing;

  result<void> load(wall_time now);
  void rebuild_locked(wall_time now);
  [[nodiscard]] bool is_end_untold_locked(std::uint64_t fingerprint) const;
  void decide_locked(wall_time now);
  /// In one transaction. False: nothing of it is kept.
  bool keep_locked(std::span<const flush> some, wall_time now);
  void upkeep_locked(wall_time now);
  bool is_over_locked(const incident& one) const;
  void end_over_locked(wall_time now);
  /// The book changes only when the store has kept it.
  result<silence_book::changed> change_silences_locked(const std::function<result<silence_book::changed>(silence_book&)>& change);
  result<void> erase_stale_references_locked();
  void count_locked(wall_time now);
  std::optional<wall_time> next_locked(wall_time now) const;
  void run_decider();
  void begin_sender_locked();
  void begin_senders_locked();
  bool over() const;

  // Messages. Each of these runs within a transaction; what it adds to `made` goes into the outbox after the commit.
  struct made_message {
    pending one;
    std::optional<std::int64_t> supersedes{};
  };
  using made_messages = std::vector<made_message>;
  result<void> put_message_locked(const notification& what, wall_time now, made_messages& made);
  void take_up_locked(const made_messages& made);
  /// The message that waits in the same lane, when this one tells all of it.
  result<const pending*> superseded_by_locked(const notification& what);
  [[nodiscard]] bool goes_on_locked(const log_key& key) const;
  verdict finish_locked(const pending& one, const notification* what, const way* to, const judged& how, const answer* got, wall_time now);
  result<void> write_locked(const flush& one, wall_time now, made_messages& made, std::vector<incident>& changed);
  /// Without the mutex: those who read metrics may hold locks that readers of the board want.
  void count_try(const pending& one, verdict how) const;
  metrics::counter& tries_of(const std::string& receiver, const std::string& channel, verdict how) const;
  /// The counters of all ways, at 0 before the first try. Without the mutex, too.
  void expect_tries(const configuration& of) const;

  // Incidents.
  /// `firing_now`: all of them, also those that the notification leaves out.
  result<void> on_notification_locked(const notification& what, const std::set<std::uint64_t>& firing_now, const way& to, wall_time now, made_messages& made, std::vector<incident>& changed);
  [[nodiscard]] std::optional<incident> incident_of_locked(const std::string& group_key, const std::string& chain, const std::vector<incident>& changed) const;
  result<void> move_locked(incident& one, const std::string& chain, wall_time now);
  [[nodiscard]] bool is_quiet_locked(const incident& one, wall_time now) const;
  void escalate_locked(wall_time now);
  result<bool> run_step_locked(incident& one, const escalation_step& step, wall_time now, made_messages& made);
  result<std::size_t> tell_locked(incident& one, const std::string& receiver, const std::string& who, const std::string& note, wall_time now, made_messages& made);
  /// A message of an incident was not delivered: when nothing else of its step was either, the next step of the round is
  /// due. `hurried`: the incident then, to be taken up after the commit.
  result<void> on_undelivered_locked(const pending& one, const std::string& problem, wall_time now, std::optional<incident>& hurried);
  /// The chain that the incident's group leads to by the configuration of now.
  [[nodiscard]] const std::string* chain_of_group_locked(const std::string& group_key) const;
  result<void> acknowledge_locked(incident& one, const std::string& who, wall_time now);
  result<void> end_locked(incident& one, const std::string& who, wall_time now, made_messages& made);
  void take_up_locked(const std::vector<incident>& changed);
  std::string url_locked(const incident& one, link_action action, const std::string& who, wall_time now) const;
  result<incident> open_one_locked(std::int64_t number);
  /// `token`: of the link that is followed, which is used up together with what it is for; else empty.
  result<incident> act_locked(const incident_link& what, std::string_view token, wall_time now);
  std::vector<alert> events_over_locked(const incident& one, wall_time now) const;
};

}  // namespace andon::alert
