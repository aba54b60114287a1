#pragma once
// Where the calls of one route wait when every target has max_parallel calls: bounded, by priority, first come first
// served within one. A place that becomes free goes to exactly one waiter, already entered for it.
//
// Life cycle: one per route name, kept across Plans in the health table. Threads: any; one lock, taken only while
// somebody waits. A ticket belongs to the waiter, who stays until it is taken (woken) or leave() succeeded.
#include <array>
#include <atomic>
#include <cstdint>
#include <expected>
#include <list>
#include <mutex>

#include "andon/base/clock.hpp"
#include "andon/base/random.hpp"
#include "andon/route/facts.hpp"
#include "andon/route/settings.hpp"
#include "andon/route/target_health.hpp"

namespace andon::route {

class route;

class waiting_room {
public:
  enum class fate : std::uint8_t {
    waiting,
    granted,      ///< `index` and `taken` tell of the place, which the waiter now holds
    displaced,    ///< a call of higher priority came when the queue was full
    hopeless,     ///< no target is left that could ever free a place
  };
  struct ticket {
    // of the waiter
    const route* of = nullptr;
    const facts* about = nullptr;
    std::uint64_t targets = 0;                ///< mask of those it may go to
    priority rank = priority::normal;
    deadline until;
    void (*wake)(void* context) = nullptr;    ///< called once, under the lock, by whatever thread decides its fate
    void* context = nullptr;
    // what became of it
    fate now = fate::waiting;
    std::uint32_t index = 0;
    place taken;
    nanoseconds retry_after{};                ///< of a displaced one
  };

  void configure(std::uint32_t size) { size_.store(size, std::memory_order_relaxed); }

  /// Queues the ticket; its fate may be decided at once, then wake() is not called. An error: the queue is full, or the
  /// wait would not fit before `until`; the value is when to try again.
  std::expected<fate, nanoseconds> join(ticket&, mono_time now);
  /// Takes a ticket out. False: its fate has been decided, and wake() was called.
  [[nodiscard]] bool leave(ticket&);
  /// A call of this target ended. True when a waiter got its place.
  bool freed(const target_health&, mono_time now);
  /// Gives out whatever places there are beside those that freed() tells of (a target recovered, settings changed).
  /// At most ten times a second, whoever calls.
  void sweep(mono_time now);

  [[nodiscard]] std::size_t waiting() const noexcept { return waiting_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t count(fate what) const noexcept { return counts_[static_cast<std::size_t>(what)].load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t refused() const noexcept { return refused_.load(std::memory_order_relaxed); }

private:
  using queue = std::list<ticket*>;
  // nanoseconds until the next place comes free
  [[nodiscard]] double usual_interval(const route& of, mono_time now) const;
  [[nodiscard]] double interval(const route& of, mono_time now) const;
  [[nodiscard]] nanoseconds when_to_return(const route& of, mono_time now) const;
  [[nodiscard]] std::size_t ahead_of(priority rank) const;
  [[nodiscard]] bool make_room(priority rank, nanoseconds retry_after);
  void insert(ticket&);
  queue::iterator take_out(queue& from, queue::iterator at);
  void decide(ticket&, fate, const ticket* own);
  void distribute(mono_time now, const ticket* own);
  [[nodiscard]] fate try_grant(ticket&, mono_time now);
  void note_grant(mono_time now);

  mutable std::mutex mutex_;
  std::array<queue, priority_count> queues_;
  random_source lots_{1};
  mono_time last_grant_{};
  double interval_ = 0;                        // nanoseconds between two grants, smoothed; 0: none yet
  std::atomic<std::uint32_t> size_{0};
  std::atomic<std::size_t> waiting_{0};
  std::atomic<std::int64_t> next_sweep_{0};
  std::array<std::atomic<std::uint64_t>, 4> counts_{};
  std::atomic<std::uint64_t> refused_{0};
};

}  // namespace andon::route
