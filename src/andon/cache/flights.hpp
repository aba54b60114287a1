#pragma once
// Identical calls under way: one works, the others wait for its reply.
//
// A seat is one call's place in a flight. The first to join a key leads: it does the work and lands. Others wait. When
// the leader lands with a reply, all who wait get it; when it lands with nothing, exactly one of them, the one that has
// waited longest, leads next. Who leaves while waiting is forgotten; a leader that leaves lands with nothing, and so
// does one whose seat is destroyed, so that nobody waits for ever.
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

#include "andon/cache/reply.hpp"

namespace andon::cache {

class flights;

class seat {
public:
  enum class state : std::uint8_t { free, waiting, leading, served };
  seat() = default;
  seat(const seat&) = delete;  // flights point to it
  seat& operator=(const seat&) = delete;
  virtual ~seat();

  /// Something has changed: this seat leads now, has been served, or leads and the last one who waited has left.
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
  flights* in_ = nullptr;
};
using seat_ptr = std::shared_ptr<seat>;

class flights {
public:
  flights() = default;
  flights(const flights&) = delete;
  flights& operator=(const flights&) = delete;

  /// `leading` or `waiting`. A seat is in one flight at a time.
  seat::state join(const digest& key, const seat_ptr& who);
  /// The leader's end. Null: it failed, or its reply is for its own caller alone. Nothing happens for a seat that does
  /// not lead.
  void land(seat& leader, reply_ptr with);
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
  };
  struct shard {
    mutable std::mutex lock;
    std::unordered_map<digest, flight, key_hash> by_key;
  };
  using woken = std::vector<seat_ptr>;
  static constexpr std::size_t shard_count = 16;

  shard& shard_of(const digest& key) { return shards_[key[31] % shard_count]; }
  [[nodiscard]] const shard& shard_of(const digest& key) const { return shards_[key[31] % shard_count]; }
  void land_locked(shard& in, seat& leader, const reply_ptr& with, woken& out);
  void leave_locked(shard& in, seat& who, woken& out);

  std::array<shard, shard_count> shards_;
  std::atomic<std::size_t> waiting_{0};
};

}  // namespace andon::cache
