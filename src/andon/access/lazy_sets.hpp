#pragma once
// The storage of the user tables: sets of 16 entries in one private mapping. The kernel gives zeroed pages on first
// touch, so a large table costs nothing until it is used; a set constructs its entries when it is first locked.
#include <sched.h>
#include <sys/mman.h>

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>

namespace andon::access {

template <class Entry>
class lazy_sets {
  static_assert(std::is_trivially_destructible_v<Entry>);

public:
  static constexpr std::size_t ways = 16;

  class set {
  public:
    Entry* begin() { return std::launder(reinterpret_cast<Entry*>(bytes_.data())); }
    Entry* end() { return begin() + ways; }

  private:
    friend class lazy_sets;
    std::uint32_t lock_;
    std::uint32_t made_;
    alignas(Entry) std::array<std::byte, sizeof(Entry) * ways> bytes_;
  };

  /// Holds the set's lock.
  class guard {
  public:
    explicit guard(set& s) : set_(s) {
      const std::atomic_ref lock(s.lock_);
      while (lock.exchange(1, std::memory_order_acquire) != 0) wait(lock);
      if (s.made_ == 0) {
        std::uninitialized_value_construct_n(reinterpret_cast<Entry*>(s.bytes_.data()), ways);
        s.made_ = 1;
      }
    }
    ~guard() { std::atomic_ref(set_.lock_).store(0, std::memory_order_release); }
    guard(const guard&) = delete;
    guard& operator=(const guard&) = delete;

  private:
    static void wait(const std::atomic_ref<std::uint32_t>& lock) {
      for (int i = 0; lock.load(std::memory_order_relaxed) != 0; ++i)
        if (i % 64 == 63) ::sched_yield();
    }
    set& set_;
  };

  explicit lazy_sets(std::size_t capacity) : count_(std::bit_ceil((std::max<std::size_t>(capacity, ways) + ways - 1) / ways)) {
    void* at = ::mmap(nullptr, count_ * sizeof(set), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) throw std::bad_alloc{};
    ::madvise(at, count_ * sizeof(set), MADV_NOHUGEPAGE);
    sets_ = static_cast<set*>(at);
  }
  ~lazy_sets() { ::munmap(sets_, count_ * sizeof(set)); }
  lazy_sets(const lazy_sets&) = delete;
  lazy_sets& operator=(const lazy_sets&) = delete;

  [[nodiscard]] set& of(std::uint64_t hash) noexcept { return sets_[(hash >> 17U) & (count_ - 1)]; }
  [[nodiscard]] std::size_t capacity() const noexcept { return count_ * ways; }

private:
  set* sets_ = nullptr;
  std::size_t count_;
};

}  // namespace andon::access
