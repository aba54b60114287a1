#include "andon/cache/flights.hpp"

#include <algorithm>
#include <cstring>

namespace andon::cache {

seat::~seat() {
  if (const auto now = is(); now == state::leading || now == state::waiting || now == state::following) in_->leave(*this);
}

std::size_t flights::key_hash::operator()(const digest& key) const noexcept {
  std::size_t out = 0;
  std::memcpy(&out, key.data(), sizeof out);
  return out;
}

seat::state flights::join(const digest& key, const seat_ptr& who) {
  auto& in = shard_of(key);
  const std::lock_guard guard(in.lock);
  who->key_ = key;
  who->in_ = this;
  who->got_ = nullptr;
  who->live_ = nullptr;
  who->begun_ = false;
  auto& one = in.by_key[key];
  const bool first = one.leader == nullptr;
  if (!first && one.live && !one.live->from_start()) return seat::state::free;
  if (first) {
    one.leader = who.get();
    one.leader_alive = who;
  } else {
    one.queue.push_back(who);
    waiting_.fetch_add(1, std::memory_order_relaxed);
  }
  if (!first && one.live) {
    attach(*who, one.live);
    return seat::state::following;
  }
  const auto now = first ? seat::state::leading : seat::state::waiting;
  who->state_.store(now, std::memory_order_release);
  return now;
}

void flights::attach(seat& who, const live_stream_ptr& live) {
  who.live_ = live;
  who.state_.store(seat::state::following, std::memory_order_release);
}

void flights::open(seat& leader, live_stream_ptr live) {
  woken all;
  {
    auto& in = shard_of(leader.key_);
    const std::lock_guard guard(in.lock);
    const auto found = in.by_key.find(leader.key_);
    if (!leader.leads() || found == in.by_key.end() || found->second.leader != &leader) return;
    auto& one = found->second;
    one.live = std::move(live);
    for (const auto& who : one.queue) attach(*who, one.live);
    all.assign(one.queue.begin(), one.queue.end());
  }
  for (const auto& who : all) who->wake();
}

live_stream_ptr flights::followed(const seat& who) const {
  const std::lock_guard guard(shard_of(who.key_).lock);
  return who.is() == seat::state::following ? who.live_ : nullptr;
}

bool flights::begin(seat& who, const live_stream_ptr& live) {
  const std::lock_guard guard(shard_of(who.key_).lock);
  return who.begun_ = who.is() == seat::state::following && who.live_ == live;
}

/// Those who have begun read the stream to its end; the others wait again.
void flights::let_go_of_followers(flight& of, woken& out) {
  of.live = nullptr;
  for (auto at = of.queue.begin(); at != of.queue.end();) {
    auto& who = **at;
    if (!who.begun_) {
      who.live_ = nullptr;
      who.state_.store(seat::state::waiting, std::memory_order_release);
      out.push_back(*at++);
      continue;
    }
    who.state_.store(seat::state::free, std::memory_order_release);
    at = of.queue.erase(at);  // never the last owner: whoever has begun holds itself
    waiting_.fetch_sub(1, std::memory_order_relaxed);
  }
}

void flights::land_locked(shard& in, seat& leader, const reply_ptr& with, woken& out) {
  const auto found = in.by_key.find(leader.key_);
  leader.state_.store(seat::state::free, std::memory_order_release);
  if (found == in.by_key.end() || found->second.leader != &leader) return;
  auto& one = found->second;
  if (one.live) let_go_of_followers(one, out);
  if (with) {
    for (auto& who : one.queue) {
      who->got_ = with;
      who->state_.store(seat::state::served, std::memory_order_release);
      out.push_back(std::move(who));
    }
    waiting_.fetch_sub(one.queue.size(), std::memory_order_relaxed);
    one.queue.clear();
  }
  if (one.queue.empty()) {
    in.by_key.erase(found);
    return;
  }
  auto next = std::move(one.queue.front());
  one.queue.pop_front();
  waiting_.fetch_sub(1, std::memory_order_relaxed);
  one.leader = next.get();
  one.leader_alive = next;
  next->state_.store(seat::state::leading, std::memory_order_release);
  out.push_back(std::move(next));
}

void flights::land(seat& leader, reply_ptr with) {
  woken all;
  {
    auto& in = shard_of(leader.key_);
    const std::lock_guard guard(in.lock);
    if (leader.is() != seat::state::leading) return;
    land_locked(in, leader, with, all);
  }
  for (const auto& who : all) who->wake();
}

void flights::scatter(seat& leader) {
  woken all;
  {
    auto& in = shard_of(leader.key_);
    const std::lock_guard guard(in.lock);
    if (leader.is() != seat::state::leading) return;
    leader.state_.store(seat::state::free, std::memory_order_release);
    const auto found = in.by_key.find(leader.key_);
    if (found == in.by_key.end() || found->second.leader != &leader) return;
    auto& one = found->second;
    waiting_.fetch_sub(one.queue.size(), std::memory_order_relaxed);
    for (const auto& who : one.queue) {
      who->live_ = nullptr;
      who->state_.store(seat::state::free, std::memory_order_release);
    }
    all.assign(one.queue.begin(), one.queue.end());
    in.by_key.erase(found);
  }
  for (const auto& who : all) who->wake();
}

void flights::leave_locked(shard& in, seat& who, woken& out) {
  if (who.is() == seat::state::leading) return land_locked(in, who, nullptr, out);
  if (who.is() != seat::state::waiting && who.is() != seat::state::following) return;
  who.state_.store(seat::state::free, std::memory_order_release);
  const auto found = in.by_key.find(who.key_);
  if (found == in.by_key.end()) return;
  auto& one = found->second;
  const auto at = std::ranges::find(one.queue, &who, &seat_ptr::get);
  if (at == one.queue.end()) return;
  one.queue.erase(at);  // never the last owner: whoever leaves holds itself
  waiting_.fetch_sub(1, std::memory_order_relaxed);
  if (!one.queue.empty()) return;
  if (auto leader = one.leader_alive.lock()) out.push_back(std::move(leader));
}

void flights::leave(seat& who) {
  woken all;
  {
    auto& in = shard_of(who.key_);
    const std::lock_guard guard(in.lock);
    leave_locked(in, who, all);
  }
  for (const auto& one : all) one->wake();
}

bool flights::wanted(const seat& leader) const {
  const auto& in = shard_of(leader.key_);
  const std::lock_guard guard(in.lock);
  const auto found = in.by_key.find(leader.key_);
  return found != in.by_key.end() && found->second.leader == &leader && !found->second.queue.empty();
}

std::size_t flights::under_way() const {
  std::size_t out = 0;
  for (const auto& one : shards_) {
    const std::lock_guard guard(one.lock);
    out += one.by_key.size();
  }
  return out;
}

}  // namespace andon::cache
