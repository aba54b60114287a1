#pragma once
// Memory that calls share, counted: who takes a part gives it back by destroying the share. Lock-free; any thread.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <utility>

namespace andon::access {

class byte_pool {
public:
  /// Move-only. Empty: nothing was taken.
  class share {
  public:
    share() = default;
    share(share&& other) noexcept : from_(std::exchange(other.from_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
    share& operator=(share&& other) noexcept {
      if (this == &other) return *this;
      give_back();
      from_ = std::exchange(other.from_, nullptr);
      bytes_ = std::exchange(other.bytes_, 0);
      return *this;
    }
    ~share() { give_back(); }

    [[nodiscard]] explicit operator bool() const noexcept { return from_ != nullptr; }
    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
    /// Gives back what is beyond so many bytes.
    void shrink(std::uint64_t to) noexcept {
      if (from_ == nullptr || to >= bytes_) return;
      from_->used_.fetch_sub(bytes_ - to, std::memory_order_relaxed);
      bytes_ = to;
    }
    void give_back() noexcept {
      shrink(0);
      from_ = nullptr;
    }

  private:
    friend class byte_pool;
    share(byte_pool* from, std::uint64_t bytes) noexcept : from_(from), bytes_(bytes) {}
    byte_pool* from_ = nullptr;
    std::uint64_t bytes_ = 0;
  };

  /// So many bytes, or an empty share when more than `limit` were then taken together. One call alone always passes,
  /// however large, so that a low limit slows and never blocks.
  [[nodiscard]] share take(std::uint64_t bytes, std::uint64_t limit) noexcept {
    auto used = used_.load(std::memory_order_relaxed);
    do {
      if (used > 0 && bytes > 0 && (used > limit || bytes > limit - used)) return {};
    } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
    return {this, bytes};
  }
  [[nodiscard]] std::uint64_t used() const noexcept { return used_.load(std::memory_order_relaxed); }

private:
  alignas(64) std::atomic<std::uint64_t> used_{0};
};

}  // namespace andon::access
