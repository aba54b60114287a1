#include "andon/cache/store.hpp"

#include <algorithm>
#include <cstring>

namespace andon::cache {
namespace {

/// Nodes of list and table, the table's bucket, the shared pointer's counts, and what the allocator adds to each.
constexpr std::size_t bookkeeping = 224;
constexpr std::size_t inside_string = 15;

std::size_t held(const std::string& text) { return text.capacity() > inside_string ? text.capacity() + 1 : 0; }

}  // namespace

std::size_t reply::bytes() const {
  return sizeof(reply) + bookkeeping + held(content_type) + held(body) + held(assembled) + held(model.str()) + held(provider.str()) +
         held(upstream_model) + held(finish_reason);
}

std::size_t store::key_hash::operator()(const digest& key) const noexcept {
  std::size_t out = 0;
  std::memcpy(&out, key.data(), sizeof out);
  return out;
}

void store::set_limits(store_limits limits) {
  memory_ = limits.memory;
  max_entry_ = std::min(limits.max_entry, limits.memory);
  shrink();
}

store_limits store::limits() const { return {memory_.load(), max_entry_.load()}; }

void store::note_oldest(shard& in) {
  in.oldest.store(in.recent.empty() ? nothing : in.recent.back().used, std::memory_order_relaxed);
}

reply_ptr store::find(const digest& key, nanoseconds max_age, mono_time now) {
  auto& in = shard_of(key);
  reply_ptr over;  // freed after the lock
  const std::lock_guard guard(in.lock);
  const auto found = in.by_key.find(key);
  if (found == in.by_key.end()) return nullptr;
  const auto& one = *found->second->one;
  const auto age = now - one.made;
  if (age >= one.keep) {
    over = std::move(found->second->one);
    in.recent.erase(found->second);
    in.by_key.erase(found);
    note_oldest(in);
    bytes_.fetch_sub(static_cast<std::int64_t>(over->bytes()), std::memory_order_relaxed);
    entries_.fetch_sub(1, std::memory_order_relaxed);
    expired_.fetch_add(1, std::memory_order_relaxed);
    return nullptr;
  }
  if (age > max_age) return nullptr;
  in.recent.splice(in.recent.begin(), in.recent, found->second);
  found->second->used = uses_.fetch_add(1, std::memory_order_relaxed);
  note_oldest(in);
  return found->second->one;
}

bool store::put(reply_ptr one) {
  const auto size = one->bytes();
  if (size > max_entry_.load(std::memory_order_relaxed)) {
    too_large_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  auto& in = shard_of(one->key);
  reply_ptr before;
  {
    const std::lock_guard guard(in.lock);
    const auto [at, fresh] = in.by_key.try_emplace(one->key);
    if (!fresh) {
      before = std::move(at->second->one);
      in.recent.erase(at->second);
    }
    in.recent.push_front({std::move(one), uses_.fetch_add(1, std::memory_order_relaxed)});
    at->second = in.recent.begin();
    note_oldest(in);
    bytes_.fetch_add(static_cast<std::int64_t>(size) - static_cast<std::int64_t>(before ? before->bytes() : 0), std::memory_order_relaxed);
    if (fresh) entries_.fetch_add(1, std::memory_order_relaxed);
  }
  stored_.fetch_add(1, std::memory_order_relaxed);
  if (bytes_.load(std::memory_order_relaxed) > static_cast<std::int64_t>(memory_.load(std::memory_order_relaxed))) shrink();
  return true;
}

reply_ptr store::evict_one(shard& from) {
  const std::lock_guard guard(from.lock);
  if (from.recent.empty()) return nullptr;
  auto out = std::move(from.recent.back().one);
  from.recent.pop_back();
  from.by_key.erase(out->key);
  note_oldest(from);
  bytes_.fetch_sub(static_cast<std::int64_t>(out->bytes()), std::memory_order_relaxed);
  entries_.fetch_sub(1, std::memory_order_relaxed);
  evicted_.fetch_add(1, std::memory_order_relaxed);
  return out;
}

/// Takes what was used longest ago, of all shards, until the rest fits.
void store::shrink() {
  while (bytes_.load(std::memory_order_relaxed) > static_cast<std::int64_t>(memory_.load(std::memory_order_relaxed))) {
    const auto oldest = std::ranges::min_element(shards_, {}, [](const shard& s) { return s.oldest.load(std::memory_order_relaxed); });
    if (oldest->oldest.load(std::memory_order_relaxed) == nothing) return;
    (void)evict_one(*oldest);
  }
}

void store::clear() {
  for (auto& one : shards_) {
    order gone;
    const std::lock_guard guard(one.lock);
    gone.swap(one.recent);
    one.by_key.clear();
    note_oldest(one);
    for (const auto& entry : gone) bytes_.fetch_sub(static_cast<std::int64_t>(entry.one->bytes()), std::memory_order_relaxed);
    entries_.fetch_sub(gone.size(), std::memory_order_relaxed);
  }
}

void store::charge(std::int64_t bytes) {
  bytes_.fetch_add(bytes, std::memory_order_relaxed);
  if (bytes > 0) shrink();
}

store_counts store::counts() const {
  const auto bytes = bytes_.load(std::memory_order_relaxed);
  return {stored_.load(std::memory_order_relaxed), evicted_.load(std::memory_order_relaxed), expired_.load(std::memory_order_relaxed),
          too_large_.load(std::memory_order_relaxed), entries_.load(std::memory_order_relaxed), bytes > 0 ? static_cast<std::uint64_t>(bytes) : 0};
}

}  // namespace andon::cache
