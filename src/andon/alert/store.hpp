#pragma once
// alerts.db: alerts, silences, the notification log, the outbox, incidents and overrides. What stands in it survives a
// power loss once the transaction that wrote it has returned.
//
// Threads: one owner.
#include <array>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "andon/alert/ballast.hpp"
#include "andon/alert/dispatcher.hpp"
#include "andon/alert/incident.hpp"
#include "andon/alert/outbox.hpp"
#include "andon/sql/database.hpp"

namespace andon::alert {

/// dropped: a dead one that people gave up; superseded: a later one tells all that it would have told.
enum class message_state : std::uint8_t { waiting, delivered, dead, dropped, superseded };
std::string_view to_string(message_state);
inline constexpr std::array message_states{message_state::waiting, message_state::delivered, message_state::dead, message_state::dropped, message_state::superseded};

using message_counts = std::array<std::int64_t, message_states.size()>;  ///< by message_state

/// A message of the outbox, for people.
struct message_row {
  std::int64_t id = 0;
  std::string receiver, channel, group_key, body;
  message_state state = message_state::waiting;
  wall_time made, due;
  std::optional<wall_time> ended;
  std::int64_t attempts = 0;
  std::string problem;
};

/// That an alert began or ended.
struct history_row {
  wall_time at;
  std::uint64_t fingerprint = 0;
  std::string what;  ///< fired, resolved
  label_set labels;
};

class alert_store {
public:
  /// Opens or makes the file (mode 0600) and migrates it. errc: locked, io_error, disk_full, corrupt.
  static result<std::unique_ptr<alert_store>> open(const std::filesystem::path& file, wall_time now);

  /// Everything that `work` writes, or nothing. With errc::disk_full the ballast has gone: try again.
  result<void> together(const std::function<result<void>()>& work);
  /// Takes back the room that the ballast keeps for pages about a full disk, where it was given up and there is room.
  void restore_ballast();

  result<void> put(const alert& one);
  result<void> erase_alert(std::uint64_t fingerprint);
  result<std::vector<alert>> alerts();
  result<void> put(const history_row& one);
  /// Whether its last entry says that it fired.
  result<label_set> labels_in_history(std::uint64_t fingerprint);  ///< none: it is not there any more
  result<bool> is_firing_in_history(std::uint64_t fingerprint);
  result<std::vector<history_row>> history(wall_time from, wall_time until);

  result<void> put(const silence& one);
  result<void> erase_silence(const std::string& id);
  result<std::vector<silence>> silences();

  result<void> put(const log_key& key, const log_entry& entry);
  result<void> erase_log_before(wall_time expiry);
  result<notification_log> log();

  /// `before`: the message that it supersedes, whose pause and age it takes over; may be null.
  result<pending> put_message(const notification& what, wall_time now, message_state as, const std::string& problem, const pending* before = nullptr);
  result<std::vector<pending>> waiting_messages();
  result<std::string> message_body(std::int64_t id);
  result<void> note_attempt(std::int64_t id, std::int64_t attempts, wall_time now);
  result<void> note_ending(std::int64_t id, const outbox::ending& how, wall_time now);
  result<void> note_superseded(std::int64_t id, std::int64_t by, wall_time now);
  /// Newest first.
  result<std::vector<message_row>> messages(std::optional<message_state> only, wall_time since, std::size_t most);
  /// Of one group, oldest first, without their bodies.
  result<std::vector<message_row>> messages_of(const std::string& group_key, std::size_t most);
  /// Made since then.
  result<message_counts> count_messages(wall_time since);
  result<std::optional<message_row>> message(std::int64_t id);
  /// A dead message waits again, its tries forgotten. False: it is not there or not dead.
  result<bool> revive(std::int64_t id, wall_time now);
  result<bool> drop(std::int64_t id, wall_time now);
  /// Removes what ended before.
  result<void> erase_ended_before(wall_time delivered, wall_time dead);
  /// Removes incidents with their events, and overrides, that were over before.
  result<void> erase_over_before(wall_time then);
  result<std::int64_t> count_dead();

  result<std::string> reference(const log_key& of);
  result<void> put_reference(const log_key& of, const std::string& reference);  ///< empty: removes it
  result<std::vector<log_key>> references();

  result<std::int64_t> next_incident();
  result<void> put(const incident& one);
  result<std::vector<incident>> incidents(wall_time open_or_since, std::size_t most);  ///< newest first
  result<std::optional<incident>> find_incident(std::int64_t number);
  result<void> put(const incident_event& one);
  result<std::vector<incident_event>> events(std::int64_t incident);

  result<std::int64_t> put_override(const schedule_override& one);
  result<bool> erase_override(std::int64_t id);
  result<std::vector<schedule_override>> overrides(wall_time ending_after);

  /// False: it was used before.
  result<bool> use_link(const std::string& hash, wall_time until);
  result<bool> is_link_used(const std::string& hash);
  result<std::string> link_key();  ///< 32 random bytes, made with the file

private:
  alert_store(sql::database db, const std::filesystem::path& file) : db_(std::move(db)), ballast_(file) {}
  sql::database db_;
  ballast ballast_;
};

}  // namespace andon::alert
