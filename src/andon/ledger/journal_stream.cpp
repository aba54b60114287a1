#include "andon/ledger/journal_stream.hpp"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

namespace andon::ledger {

std::vector<unsigned char> encode_carry(const open_table& open) {
  std::vector<unsigned char> bytes(carry_bytes(open.size()));
  const std::uint64_t count = open.size();
  std::memcpy(bytes.data(), &count, sizeof count);
  auto* at = bytes.data() + 8;
  open.each([&](const open_exchange& x) {
    const std::array<std::uint64_t, 5> words{x.id.high(), x.id.low(), x.segment, x.offset, x.reserved};
    std::memcpy(at, words.data(), sizeof words);
    at += sizeof words;
  });
  return bytes;
}

bool decode_carry(byte_span payload, std::vector<open_exchange>& into) {
  std::uint64_t count = 0;
  if (payload.size() < 8) return false;
  std::memcpy(&count, payload.data(), sizeof count);
  if (count > payload.size() / carried_bytes || payload.size() != carry_bytes(count)) return false;
  for (std::uint64_t i = 0; i < count; ++i) {
    std::array<std::uint64_t, 5> words{};
    std::memcpy(words.data(), payload.data() + carry_bytes(i), sizeof words);
    into.push_back({.id = request_id::from_words(words[0], words[1]), .segment = words[2], .reserved = words[4], .offset = words[3]});
  }
  return true;
}

stream_log::stream_log(journal_common& common, const stream_start& start)
    : common_(common), stream_(start.stream), cipher_bytes_(common.maker.encrypting() ? segment_cipher::tag_bytes : 0),
      first_sequence_(start.next_sequence), previous_end_(start.previous_end), next_sequence_(start.next_sequence), records_(start.records) {
  for (const auto& x : start.open) {
    open_.insert(x);
    outstanding_ += x.reserved;
    largest_reserve_ = std::max(largest_reserve_, x.reserved);
    oldest_open_.store(std::min(oldest_open_.load(), x.segment));
  }
  publish_open();
}

position stream_log::end_of(const std::shared_ptr<segment>& shown) const {
  if (!shown) return {.stream = stream_, .segment = first_sequence_, .offset = segment_header_bytes};
  return {.stream = stream_, .segment = shown->sequence(), .offset = shown->committed.load(std::memory_order_acquire)};
}

position stream_log::next() const { return end_of(current()); }

std::shared_ptr<segment> stream_log::current() const {
  const std::lock_guard lock(mutex_);
  return shown_;
}

stream_log::unsynced stream_log::take_unsynced() {
  const std::lock_guard lock(mutex_);
  return {end_of(shown_), shown_, std::exchange(sealed_, {})};
}

void stream_log::put_back_sealed(std::vector<std::shared_ptr<segment>> unsynced) {
  const std::lock_guard lock(mutex_);
  sealed_.insert(sealed_.begin(), unsynced.begin(), unsynced.end());
}

void stream_log::offer_spare(std::shared_ptr<segment> spare) {
  const std::lock_guard lock(mutex_);
  spare_bytes_.fetch_add(spare->identity.bytes, std::memory_order_relaxed);
  offered_.push_back(std::move(spare));
  has_offer_.store(true, std::memory_order_release);
}

std::vector<std::shared_ptr<segment>> stream_log::take_spares() {
  fetch_spares();
  std::vector<std::shared_ptr<segment>> all(spares_.begin(), spares_.end());
  spares_.clear();
  spare_bytes_.store(0, std::memory_order_relaxed);
  return all;
}

void stream_log::fetch_spares() {
  if (!has_offer_.load(std::memory_order_acquire)) return;
  const std::lock_guard lock(mutex_);
  spares_.insert(spares_.end(), offered_.begin(), offered_.end());
  offered_.clear();
  has_offer_.store(false, std::memory_order_relaxed);
}

std::uint64_t stream_log::usable(const segment& spare) const {
  const auto overhead = segment_header_bytes + total_bytes(carry_bytes(open_.size() + 1)) + largest_reserve_;
  return spare.identity.bytes > overhead ? spare.identity.bytes - overhead : 0;
}

std::uint64_t stream_log::room(std::uint64_t active_left, std::size_t skip_spares) const {
  std::uint64_t sum = active_left > largest_reserve_ ? active_left - largest_reserve_ : 0;
  for (std::size_t i = skip_spares; i < spares_.size(); ++i) sum += usable(*spares_[i]);
  return sum;
}

// Greedy filling leaves less than the largest reserve unused in each segment, so `room` bytes hold all reserves.
result<void> stream_log::place(std::uint64_t total, std::uint64_t mine) {
  fetch_spares();
  const auto others = outstanding_ - mine;
  const auto left = capacity_ - end_;
  if (total <= left && (total <= mine || room(left - total, 0) >= others)) return {};
  if (total > left && place_in_spare(total, mine)) return {};
  return make_space(total, mine);
}

bool stream_log::place_in_spare(std::uint64_t total, std::uint64_t mine) {
  if (spares_.empty()) return false;
  const auto start = segment_header_bytes + total_bytes(carry_bytes(open_.size()));
  const auto bytes = spares_.front()->identity.bytes;
  if (start + total > bytes) return false;
  if (total > mine && room(bytes - start - total, 1) < outstanding_ - mine) return false;
  auto next = spares_.front();
  spares_.pop_front();
  spare_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  if (rotate(next)) return true;
  return false;
}

result<void> stream_log::make_space(std::uint64_t total, std::uint64_t mine) {
  if (common_.maker.full() && common_.options.when_full == full_policy::refuse) return fail(errc::disk_full, "the journal is full");
  const auto others = outstanding_ - mine;
  const auto start = segment_header_bytes + total_bytes(carry_bytes(open_.size()));
  const bool own = start + total > common_.options.segment_bytes;
  const auto bytes = own ? aligned(start + total + entry_header_bytes, page_bytes) : common_.options.segment_bytes;
  if (own) {
    while (room(0, 0) < others)
      if (auto more = add_spare(); !more) return more;
    auto made = common_.maker.make(bytes);
    if (!made) return std::unexpected(made.error());
    bump(on_core_);
    return rotate(std::move(*made));
  }
  for (;;) {
    if (auto more = add_spare(); !more) return more;
    const auto left = capacity_ - end_;
    if (total <= left && room(left - total, 0) >= others) return {};
    if (total > left && place_in_spare(total, mine)) return {};
  }
}

result<void> stream_log::add_spare() {
  auto made = common_.maker.make(common_.options.segment_bytes);
  if (!made) return std::unexpected(made.error());
  bump(on_core_);
  spare_bytes_.fetch_add((*made)->identity.bytes, std::memory_order_relaxed);
  spares_.push_back(std::move(*made));
  if (usable(*spares_.back()) == 0) return fail(errc::disk_full, "more exchanges are open than a segment can carry over");
  return {};
}

bool stream_log::start_cipher(segment& s) {
  auto made = common_.directory.cipher(s);
  if (!made) return false;
  cipher_ = std::move(*made);
  return true;
}

result<void> stream_log::rotate(std::shared_ptr<segment> to) {
  if (!start_cipher(*to)) return fail(errc::forbidden, "the current data key is not in the keyring");
  to->activation = {.stream = stream_, .sequence = next_sequence_, .base_records = records(),
                    .base_serial = common_.serial.load(std::memory_order_relaxed), .previous_end = active_ ? end_ : previous_end_,
                    .started = common_.clk.wall().time_since_epoch().count()};
  to->seed = seed_of(to->identity, to->activation);
  to->committed.store(segment_header_bytes, std::memory_order_release);
  write_activation(to->live->data(), to->identity, to->activation);
  if (active_) active_->sealed.store(true, std::memory_order_release);
  ++next_sequence_;
  data_ = to->live->data();
  capacity_ = to->identity.bytes;
  end_ = segment_header_bytes;
  entry_ = record_ = 0;
  auto old = std::exchange(active_, to);
  (void)put(entry_kind::carry, encode_carry(open_));
  common_.directory.add(to);
  bump(rotations_);
  std::uint64_t oldest = to->sequence();
  open_.each([&](const open_exchange& x) { oldest = std::min(oldest, x.segment); });
  oldest_open_.store(oldest, std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  if (old) sealed_.push_back(std::move(old));
  shown_ = std::move(to);
  return {};
}

position stream_log::put(entry_kind kind, byte_span payload) {
  const position at{.stream = stream_, .segment = active_->sequence(), .offset = end_};
  unsigned char* entry = data_ + end_;
  unsigned char* body = entry + entry_header_bytes;
  const std::uint64_t length = payload.size() + cipher_bytes_;
  last_time_ = std::max(last_time_ + 1, common_.clk.wall().time_since_epoch().count());
  entry_head head{.commit = commit_word(kind, static_cast<std::uint32_t>(length)), .serial = common_.serial.fetch_add(1, std::memory_order_relaxed),
                  .time = last_time_, .entry = entry_++, .record = record_};
  if (cipher_) {
    if (!cipher_->seal(end_, entry_binding{head}.bytes(), payload, body)) throw std::bad_alloc{};
  } else if (!payload.empty()) {
    std::memcpy(body, payload.data(), payload.size());
  }
  head.body = body_checksum({body, length}, active_->seed, end_);
  head.head = head_checksum(head, active_->seed, end_);
  std::memcpy(entry + 8, reinterpret_cast<const unsigned char*>(&head) + 8, sizeof head - 8);
  __atomic_store_n(reinterpret_cast<std::uint64_t*>(entry), head.commit, __ATOMIC_RELEASE);
  end_ += entry_bytes(length);
  if (kind == entry_kind::record) {
    ++record_;
    records_.store(records_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }
  active_->committed.store(end_, std::memory_order_release);
  return at;
}

result<position> stream_log::open_exchange_entry(const request_id& id, byte_span payload, std::uint64_t expected_bytes) {
  if (open_.find(id) != nullptr) return fail(errc::already_exists, fmt::format("{} is already open", id.str()));
  const auto most = std::max(least_reserve, common_.options.segment_bytes / 4);
  const auto reserve = std::min(most, std::max(least_reserve, aligned(expected_bytes + 1024)));
  const auto total = total_bytes(payload.size());
  const auto largest_before = largest_reserve_;
  largest_reserve_ = std::max({largest_reserve_, reserve, total});
  outstanding_ += reserve;
  if (auto placed = place(total, 0); !placed) {
    outstanding_ -= reserve;
    largest_reserve_ = largest_before;
    bump(refused_);
    publish_open();
    return std::unexpected(placed.error());
  }
  const auto at = put(entry_kind::opened, payload);
  open_.insert({.id = id, .segment = at.segment, .reserved = reserve, .offset = at.offset});
  publish_open();
  return at;
}

result<position> stream_log::append(entry_kind kind, byte_span payload, const request_id& id) {
  const auto* open = id.is_nil() ? nullptr : open_.find(id);
  const std::uint64_t mine = open == nullptr ? 0 : open->reserved;
  const auto total = total_bytes(payload.size());
  if (payload.size() > 0xffff0000u) return fail(errc::invalid_argument, "an entry is at most 4 GiB");
  if (auto placed = place(total, mine); !placed) {
    if (open == nullptr) bump(refused_);
    return std::unexpected(placed.error());
  }
  const auto at = put(kind, payload);
  if (open != nullptr) {
    outstanding_ -= mine;
    open_.erase(id);
    if (open_.size() == 0) largest_reserve_ = least_reserve;
    publish_open();
  }
  return at;
}

std::optional<std::uint64_t> stream_log::reserved_payload(const request_id& id) const {
  const auto* open = open_.find(id);
  if (open == nullptr) return std::nullopt;
  return open->reserved - entry_header_bytes - cipher_bytes_ - 8;
}

void stream_log::publish_open() {
  open_published_.store(open_.size(), std::memory_order_relaxed);
  wanted_.store(outstanding_ + outstanding_ / 4, std::memory_order_relaxed);
}

}  // namespace andon::ledger
