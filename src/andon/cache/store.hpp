#pragma once
// Replies by key, in memory. One budget in bytes covers everything that is kept: keys, bodies, bookkeeping, and what
// others charge to it (the semantic cache's vectors). When it is spent, what was used longest ago goes.
//
// Life cycle: one per program, outlives its users. Threads: any; a shard's lock is held for a table operation, never
// while memory of bodies is freed, and never two at once.
#include <array>
#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "andon/cache/reply.hpp"

namespace andon::cache {

struct store_limits {
  std::size_t memory = 64u << 20;      ///< bytes, everything
  std::size_t max_entry = 1u << 20;    ///< bytes of one reply with its bookkeeping; larger ones are not kept
};

struct store_counts {
  std::uint64_t stored = 0, evicted = 0, expired = 0, too_large = 0;
  std::uint64_t entries = 0, bytes = 0;
};

class store {
public:
  explicit store(store_limits limits = {}) { set_limits(limits); }
  store(const store&) = delete;  // shards hold locks
  store& operator=(const store&) = delete;

  /// Takes effect at once; a smaller budget evicts.
  void set_limits(store_limits limits);
  [[nodiscard]] store_limits limits() const;

  /// The reply, if it is at most `max_age` old and its own time is not over. Null otherwise. A reply whose own time is
  /// over is removed.
  reply_ptr find(const digest& key, nanoseconds max_age, mono_time now);
  /// Keeps it, in place of an older one of its key. False: larger than max_entry.
  bool put(reply_ptr one);
  void clear();

  /// Counts memory that is held elsewhere on the cache's behalf; negative gives back. May evict.
  void charge(std::int64_t bytes);
  [[nodiscard]] store_counts counts() const;

private:
  struct key_hash {
    std::size_t operator()(const digest& key) const noexcept;
  };
  struct node {
    reply_ptr one;
    std::uint64_t used = 0;   ///< the store's count of uses then
  };
  using order = std::list<node>;  ///< most recent first
  static constexpr std::uint64_t nothing = ~std::uint64_t{0};
  struct alignas(64) shard {
    std::mutex lock;
    std::atomic<std::uint64_t> oldest{nothing};  ///< use of the last in `recent`
    order recent;
    std::unordered_map<digest, order::iterator, key_hash> by_key;
  };
  static constexpr std::size_t shard_count = 16;

  shard& shard_of(const digest& key) { return shards_[key[31] % shard_count]; }
  static void note_oldest(shard& in);
  void shrink();
  reply_ptr evict_one(shard& from);

  std::array<shard, shard_count> shards_;
  std::atomic<std::size_t> memory_{0}, max_entry_{0};
  std::atomic<std::int64_t> bytes_{0};
  std::atomic<std::uint64_t> uses_{0}, entries_{0}, stored_{0}, evicted_{0}, expired_{0}, too_large_{0};
};

}  // namespace andon::cache
