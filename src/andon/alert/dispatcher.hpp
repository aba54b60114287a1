#pragma once
// Groups of alerts and the moments at which they are told: group_wait, group_interval, repeat_interval; what inhibition,
// silences and time intervals hold back; what the notification log says was told already. Source of the rules:
// Alertmanager (dispatch/dispatch.go, notify/notify.go).
//
// Life cycle: make for a configuration → insert() every alert → take_due() → settle() each of what came.
// Threads: one owner. Time is an argument; nothing happens between calls.
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "andon/alert/inhibitor.hpp"
#include "andon/alert/notification.hpp"
#include "andon/alert/silence_book.hpp"

namespace andon::alert {

/// What was told last to one way of one receiver about one group.
struct log_entry {
  wall_time at, expires;
  std::set<std::uint64_t> firing, resolved;
};
struct log_key {
  std::string group_key, receiver, channel;
  auto operator<=>(const log_key&) const = default;
};
using notification_log = std::map<log_key, log_entry>;

/// A way of a receiver, as far as grouping has to know it.
struct channel {
  std::string name;
  bool send_resolved = true;
};

/// One decision: the entry of the log, and what is to be sent with it (nothing where only the log changes).
struct decision {
  log_key key;
  log_entry entry;
  std::optional<notification> send;
};

struct flush {
  std::string group;                     ///< for settle()
  std::vector<decision> decisions;
  std::vector<std::uint64_t> ended;      ///< alerts that leave the group with it
};

class dispatcher {
public:
  struct rules {
    const route_tree& routes;
    const std::map<std::string, std::vector<channel>>& receivers;
    const std::map<std::string, time_interval>& intervals;
    std::vector<inhibit_rule> inhibit;
  };
  dispatcher(rules with, const alert_book& book, const silence_book& silences, notification_log& log);
  dispatcher(const dispatcher&) = delete;  // its parts refer to each other
  dispatcher& operator=(const dispatcher&) = delete;

  void insert(const alert& one, wall_time now);
  /// Groups whose time has come.
  std::vector<flush> take_due(wall_time now);
  /// `kept`: its decisions are safe and go into the log; otherwise the group comes again soon.
  enum class outcome : std::uint8_t { kept, not_kept };
  void settle(const flush& done, outcome how, wall_time now);
  [[nodiscard]] std::optional<wall_time> next() const;

  struct group {
    const route_tree::node* route = nullptr;
    label_set labels;
    std::string key;                     ///< route and labels: `{}/{a="b"}:{alertname="x"}`
    std::set<std::uint64_t> alerts;
    wall_time next;
    bool flushed = false;
  };
  [[nodiscard]] const std::map<std::string, group>& groups() const { return groups_; }
  [[nodiscard]] inhibitor& inhibition() { return inhibitor_; }
  /// Names of the intervals that keep this route quiet now; `inactive` for one that is outside its active intervals.
  [[nodiscard]] std::vector<std::string> muted_by(const route_tree::node& route, wall_time now) const;
  [[nodiscard]] bool is_grouped(std::uint64_t fingerprint) const { return membership_.contains(fingerprint); }

private:
  void look_at(const group& one, const std::string& id, wall_time now, std::vector<flush>& out);
  void decide(const group& one, const std::vector<const alert*>& told, const channel& way, wall_time now, flush& into) const;
  void leave(group& from, std::uint64_t fingerprint);

  rules with_;
  const alert_book& book_;
  const silence_book& silences_;
  notification_log& log_;
  inhibitor inhibitor_;
  std::map<std::string, group> groups_;                 ///< by route index and labels
  std::map<std::uint64_t, std::size_t> membership_;     ///< in how many groups an alert is
};

/// Whether the receiver has to be told, given what it was told last (null: nothing yet).
bool needs_telling(const log_entry* last, const std::set<std::uint64_t>& firing, const std::set<std::uint64_t>& resolved, bool send_resolved, nanoseconds repeat, wall_time now);

}  // namespace andon::alert
