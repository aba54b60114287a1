#pragma once
// One stream's writing side: the part that a core's thread owns and the part that it shares with the journal thread.
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "andon/base/clock.hpp"
#include "andon/ledger/journal.hpp"
#include "andon/ledger/journal_open_table.hpp"
#include "andon/ledger/segment_directory.hpp"
#include "andon/ledger/segment_maker.hpp"

namespace andon::ledger {

inline constexpr std::uint64_t least_reserve = 4096;

/// What all streams of a journal share.
struct journal_common {
  const journal_options& options;
  const clock& clk;
  segment_directory& directory;
  segment_maker& maker;
  std::atomic<std::uint64_t> serial{1};
};

/// Where a stream stands when it begins to write.
struct stream_start {
  std::uint32_t stream = 0;
  std::uint64_t next_sequence = 1;
  std::uint64_t records = 0;
  std::uint64_t previous_end = 0;
  std::vector<open_exchange> open;
};

class stream_log {
public:
  stream_log(journal_common& common, const stream_start& start);

  // The owner's thread only.
  [[nodiscard]] result<position> open_exchange_entry(const request_id& id, byte_span payload, std::uint64_t expected_bytes);
  enum class claim : std::uint8_t { unreserved, reserved };
  /// Appends a Record or another entry. `id` names the exchange that it closes, if any. errc::disk_full leaves the
  /// exchange open.
  [[nodiscard]] result<position> append(entry_kind kind, byte_span payload, const request_id& id);
  [[nodiscard]] std::optional<std::uint64_t> reserved_payload(const request_id& id) const;  ///< the largest that surely fits
  [[nodiscard]] std::size_t open_count() const { return open_.size(); }

  // Any thread.
  [[nodiscard]] std::uint32_t stream() const { return stream_; }
  [[nodiscard]] std::uint64_t records() const { return records_.load(std::memory_order_acquire); }
  [[nodiscard]] position next() const;
  [[nodiscard]] std::shared_ptr<segment> current() const;
  /// One moment's view: whatever lies before `reached` is in `current` or in `sealed`, or was taken earlier.
  struct unsynced {
    position reached;
    std::shared_ptr<segment> current;
    std::vector<std::shared_ptr<segment>> sealed;
  };
  [[nodiscard]] unsynced take_unsynced();
  void put_back_sealed(std::vector<std::shared_ptr<segment>> unsynced);
  void offer_spare(std::shared_ptr<segment> spare);
  [[nodiscard]] std::vector<std::shared_ptr<segment>> take_spares();  ///< at the end
  [[nodiscard]] std::uint64_t spare_bytes() const { return spare_bytes_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t wanted_spare_bytes() const { return wanted_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t open_exchanges() const { return open_published_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t oldest_open_segment() const { return oldest_open_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t truncated() const { return truncated_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t rotations() const { return rotations_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t rotations_on_core() const { return on_core_.load(std::memory_order_relaxed); }
  void count_truncated() { bump(truncated_); }

private:
  static void bump(std::atomic<std::uint64_t>& counter) { counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); }
  [[nodiscard]] position end_of(const std::shared_ptr<segment>& shown) const;
  [[nodiscard]] std::uint64_t total_bytes(std::uint64_t payload) const { return entry_bytes(payload + (cipher_bytes_)); }
  [[nodiscard]] std::uint64_t usable(const segment& spare) const;
  [[nodiscard]] std::uint64_t room(std::uint64_t active_left, std::size_t skip_spares) const;
  [[nodiscard]] result<void> place(std::uint64_t total, std::uint64_t mine);
  [[nodiscard]] bool place_in_spare(std::uint64_t total, std::uint64_t mine);
  [[nodiscard]] result<void> make_space(std::uint64_t total, std::uint64_t mine);
  [[nodiscard]] result<void> add_spare();
  void fetch_spares();
  [[nodiscard]] result<void> rotate(std::shared_ptr<segment> to);
  [[nodiscard]] bool start_cipher(segment& s);
  position put(entry_kind kind, byte_span payload);
  void publish_open();

  journal_common& common_;
  const std::uint32_t stream_;
  const std::uint64_t cipher_bytes_;
  const std::uint64_t first_sequence_;

  // owner's thread
  std::shared_ptr<segment> active_;
  std::optional<segment_cipher> cipher_;
  unsigned char* data_ = nullptr;
  std::uint64_t end_ = 0, capacity_ = 0, previous_end_ = 0;
  std::uint64_t next_sequence_;
  std::uint32_t entry_ = 0, record_ = 0;
  std::int64_t last_time_ = 0;
  open_table open_;
  std::uint64_t outstanding_ = 0, largest_reserve_ = least_reserve;
  std::deque<std::shared_ptr<segment>> spares_;

  // shared
  mutable std::mutex mutex_;
  std::shared_ptr<segment> shown_;
  std::vector<std::shared_ptr<segment>> sealed_, offered_;
  std::atomic<bool> has_offer_{false};
  std::atomic<std::uint64_t> records_, spare_bytes_{0}, wanted_{0}, open_published_{0}, refused_{0}, truncated_{0}, rotations_{0}, on_core_{0};
  std::atomic<std::uint64_t> oldest_open_{~std::uint64_t{0}};
};

}  // namespace andon::ledger
