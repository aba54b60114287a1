#pragma once
// Identical calls under way: one works, the others wait for its reply.
//
// A seat is one call's place in a flight. The first to join a key leads: it does the work and lands. Others wait. When
// the leader lands with a reply, all who wait get it; when it lands with nothing, exactly one of them, the one that has
// waited longest, leads next. Who leaves while waiting is forgotten; a leader that leaves lands with nothing, and so
// does one whose seat is destroyed, so that nobody waits for ever.
//
// A leader whose reply is a stream may open it: those who wait, and those who come while its beginning is kept, then
// follow it as it comes. Who has given the first of it to its client (begin()) stays with it to its end, whatever that
// is; the others are treated as if they waited.
//
// Threads: any. wake() is called without locks, on the thread of whoever made the change: an implementation only posts
// to its own thread and looks there (seat::state). A seat's waiter keeps its own deadline; flights know no time.
#include <array>
#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "andon/cache/live_stream.hpp"
#include "andon/cache/reply.hpp"

namespace andon::cache {

class flights;

class seat {
public:
  enum class state : std::uint8_t { free, waiting, leading, following, served };
  seat() = default;
  seat(const seat&) = delete;  // flights point to it
  seat& operator=(const seat&) = delete;
  virtual ~seat();

  /// Something has changed: this seat leads or follows now, has been served, there is more of the stream that it follows,
  /// or it leads and the last one who waited has left.
  virtual void wake() = 0;

  [[nodiscard]] state is() const { return state_.load(std::memory_order_acquire); }
  [[nodiscard]] bool leads() const { return is() == state::leading; }
  /// Once served: the leader's reply. The owner's thread.
  [[nodiscard]] const reply_ptr& got() const { return got_; }

private:
  friend class flights;
  std::atomic<state> state_{state::free};
  digest key_{};
  reply_ptr got_;
  live_stream_ptr live_;
  bool begun_ = false;
  flights* in_ = nullptr;
};
using seat_ptr = std::shared_ptr<seat>;

class flights {
public:
  flights() = default;
  flights(const flights&) = delete;
  flights& operator=(const flights&) = delete;

  /// `leading`, `waiting` or `following`; `free`: the flight's stream cannot be followed from its beginning any more, so
  /// the call is made apart. A seat is in one flight at a time.
  seat::state join(const digest& key, const seat_ptr& who);
  /// The leader's reply is this stream.
  void open(seat& leader, live_stream_ptr live);
  /// The stream that the seat follows; null when it does not.
  [[nodiscard]] live_stream_ptr followed(const seat& who) const;
  /// The seat gives this stream to its client. False: it does not follow it any more, look at the seat again.
  [[nodiscard]] bool begin(seat& who, const live_stream_ptr& live);
  /// The leader's end; an open stream must have ended before. Null: it failed, or its reply is for its own caller alone. Nothing happens for a seat that does
  /// not lead.
  void land(seat& leader, reply_ptr with);
  /// The leader's reply is good and for its own caller alone, as the next one's would be: all who wait make their calls.
  void scatter(seat& leader);
  /// Stops waiting, or lands with nothing; a seat that is in no flight is left alone.
  void leave(seat& who);
  /// Whether anyone waits for this leader.
  [[nodiscard]] bool wanted(const seat& leader) const;
  /// Calls under way with a leader; calls that wait.
  [[nodiscard]] std::size_t under_way() const;
  [[nodiscard]] std::size_t waiting() const { return waiting_.load(std::memory_order_relaxed); }

private:
  struct key_hash {
    std::size_t operator()(const digest& key) const noexcept;
  };
  struct flight {
    seat* leader = nullptr;
    std::weak_ptr<seat> leader_alive;
    std::list<seat_ptr> queue;
    live_stream_ptr live;
  };
  struct shard {
    mutable std::mutex lock;
    std::unordered_map<digest, flight, key_hash> by_key;
  };
  using woken = std::vector<seat_ptr>;
  static constexpr std::size_t shard_count = 16;

  shard& shard_of(const digest& key) { return shards_[key[31] % shard_count]; }
  [[nodiscard]] const shard& shard_of(const digest& key) const { return shards_[key[31] % shard_count]; }
  static void attach(seat& who, const live_stream_ptr& live);
  void let_go_of_followers(flight& of, woken& out);
  void land_locked(shard& in, seat& leader, const reply_ptr& with, woken& out);
  void leave_locked(shard& in, seat& who, woken& out);

  std::array<shard, shard_count> shards_;
  std::atomic<std::size_t> waiting_{0};
};

}  // namespace andon::cache
