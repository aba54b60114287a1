#pragma once
// The order in which messages go out: one at a time for each group and way, a few at a time for each receiver, no more in
// a minute than its bound, again with growing pauses after a fault, dead when nothing helps. The rows themselves are in the
// store; this is what is still to do.
//
// Threads: one owner. Time is an argument.
#include <map>
#include <optional>
#include <set>
#include <string>

#include "andon/alert/receiver.hpp"
#include "andon/base/clock.hpp"
#include "andon/base/random.hpp"

namespace andon::alert {

struct pending {
  std::int64_t id = 0;
  std::string receiver, channel, group_key;
  wall_time made, due;
  std::int64_t attempts = 0;
  nanoseconds wait{};  ///< of `due` from the last try: a clock that is set back does not stretch it
  wall_time since = made;  ///< since when its receiver could not be told, by it or by those that it superseded
};

struct outbox_bounds {
  nanoseconds first_pause = std::chrono::seconds{1}, longest_pause = std::chrono::minutes{5};
  nanoseconds give_up_after = std::chrono::hours{24};
  std::int64_t per_minute = 60;        ///< messages to one receiver
  std::size_t parallel = 2;            ///< at the same time to one receiver
  std::size_t most_waiting = 10'000;   ///< for one receiver; what comes beyond is dead at once
};

class outbox {
public:
  outbox(outbox_bounds bounds, random_source random) : bounds_(bounds), random_(random) {}

  void bound(outbox_bounds bounds) { bounds_ = bounds; }
  void add(pending one);
  [[nodiscard]] bool is_full(const std::string& receiver) const;
  /// The newest message of this receiver, channel and group, where it waits and is not under way; else null.
  [[nodiscard]] const pending* newest_waiting(const std::string& receiver, const std::string& channel, const std::string& group_key) const;
  [[nodiscard]] bool has(const std::string& receiver, const std::string& channel, const std::string& group_key) const { return lanes_.contains({receiver, channel, group_key}); }
  /// Forgets one that waits.
  void remove(std::int64_t id);
  /// What may go out now; it is under way from then on. Counts the attempt.
  std::optional<pending> take(wall_time now);
  /// How it ended. `again`: it waits for the returned moment; dead when it is too old by then.
  struct ending {
    verdict what = verdict::delivered;
    wall_time due;
    std::string problem;
  };
  ending finish(std::int64_t id, const judged& how, wall_time now);
  [[nodiscard]] std::optional<wall_time> next(wall_time now) const;
  [[nodiscard]] std::size_t waiting() const { return rows_.size(); }
  [[nodiscard]] std::size_t under_way() const { return under_way_.size(); }
  [[nodiscard]] const std::map<std::int64_t, pending>& rows() const { return rows_; }

private:
  using lane = std::tuple<std::string, std::string, std::string>;
  struct receiver_state {
    std::size_t under_way = 0, waiting = 0;
    double tokens = 0;
    wall_time filled;
    bool known = false;
  };
  static lane lane_of(const pending& one) { return {one.receiver, one.channel, one.group_key}; }
  bool may_send(receiver_state& to, wall_time now) const;
  nanoseconds pause_after(std::int64_t attempts);
  void forget(std::map<std::int64_t, pending>::iterator one);

  outbox_bounds bounds_;
  random_source random_;
  std::map<std::int64_t, pending> rows_;  ///< by age
  std::set<std::int64_t> under_way_;
  std::map<lane, std::set<std::int64_t>> lanes_;  ///< the first of each is the one that may go
  std::map<std::string, receiver_state> receivers_;
};

}  // namespace andon::alert
