#pragma once
// New segment files within the quota: where a full disk is noticed and answered.
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#include "andon/base/clock.hpp"
#include "andon/base/error.hpp"
#include "andon/ledger/journal.hpp"
#include "andon/ledger/segment_directory.hpp"

namespace andon::ledger {

/// Thread-safe: cores call it when no spare is ready, the journal thread otherwise.
class segment_maker {
public:
  segment_maker(const journal_options& options, const clock& clk, const keyring* keys, segment_directory& directory)
      : options_(options), clock_(clk), keys_(keys), directory_(directory) {}

  /// A blank segment of `bytes` with all its blocks allocated and mapped. Under drop_oldest it makes room first.
  /// errc::disk_full, io_error.
  [[nodiscard]] result<std::shared_ptr<segment>> make(std::uint64_t bytes);

  /// Deletes the file of a segment; what maps it goes on.
  [[nodiscard]] result<void> remove(segment& s);

  void account(std::int64_t bytes) { disk_bytes_.fetch_add(static_cast<std::uint64_t>(bytes)); }
  [[nodiscard]] std::uint64_t disk_bytes() const { return disk_bytes_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool full() const { return full_.load(std::memory_order_relaxed); }
  void set_full(bool now) { full_.store(now, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t dropped_segments() const { return dropped_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool encrypting() const { return keys_ != nullptr; }

private:
  [[nodiscard]] result<std::shared_ptr<segment>> create(std::uint64_t bytes);
  [[nodiscard]] bool within_quota(std::uint64_t bytes) const;
  [[nodiscard]] bool drop_one();

  const journal_options& options_;
  const clock& clock_;
  const keyring* keys_;
  segment_directory& directory_;
  std::mutex mutex_;
  std::uint64_t next_spare_ = 0;
  std::atomic<std::uint64_t> disk_bytes_{0}, dropped_{0};
  std::atomic<bool> full_{false};
};

}  // namespace andon::ledger
