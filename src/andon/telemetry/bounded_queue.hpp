#pragma once
#include <atomic>
#include <bit>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

namespace andon::telemetry {

/// A bounded queue for many producers and one consumer that never blocks and never allocates after its construction
/// (Vyukov's array queue: each place carries the turn in which it may be written or read). Capacity is rounded up to a
/// power of two.
template <class T>
class bounded_queue {
public:
  explicit bounded_queue(std::size_t capacity) : places_(std::make_unique<place[]>(std::bit_ceil(capacity))), mask_(std::bit_ceil(capacity) - 1) {
    for (std::size_t i = 0; i <= mask_; ++i) places_[i].turn.store(i, std::memory_order_relaxed);
  }

  /// False when full; `item` is then untouched. Any thread.
  bool push(T&& item) {
    std::size_t at = head_.load(std::memory_order_relaxed);
    for (;;) {
      place& p = places_[at & mask_];
      const std::size_t turn = p.turn.load(std::memory_order_acquire);
      if (turn == at) {
        if (!head_.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) continue;
        p.item = std::move(item);
        p.turn.store(at + 1, std::memory_order_release);
        return true;
      }
      if (turn < at) return false;
      at = head_.load(std::memory_order_relaxed);
    }
  }

  /// The oldest item. The consumer's thread.
  std::optional<T> pop() {
    place& p = places_[tail_ & mask_];
    if (p.turn.load(std::memory_order_acquire) != tail_ + 1) return std::nullopt;
    std::optional<T> item{std::move(p.item)};
    p.item = T{};
    p.turn.store(tail_ + mask_ + 1, std::memory_order_release);
    ++tail_;
    return item;
  }

private:
  struct place {
    std::atomic<std::size_t> turn{0};
    T item{};
  };
  std::unique_ptr<place[]> places_;
  std::size_t mask_;
  alignas(64) std::atomic<std::size_t> head_{0};
  alignas(64) std::size_t tail_ = 0;
};

}  // namespace andon::telemetry
