#include "andon/access/user_meters.hpp"

#include <algorithm>

namespace andon::access {
namespace {

bucket_time busy_for(const limit_state& s, bucket_time now) {
  return std::max(s.requests.until_full(now), s.tokens.until_full(now));
}

void clear(limit_state& s) {
  s.requests.reset();
  s.tokens.reset();
  s.parallel.store(0, std::memory_order_relaxed);
}

std::uint64_t tag_of(std::uint64_t id, period in) {
  auto tag = id ^ (static_cast<std::uint64_t>(in.begin.time_since_epoch().count()) * 0x9e3779b97f4a7c15ULL);
  tag = (tag ^ (tag >> 32U)) * 0xd6e8feb86659fd93ULL;
  tag ^= tag >> 32U;
  return tag == 0 ? 1 : tag;
}

}  // namespace

user_limit_table::entry* user_limit_table::pin(std::uint64_t id, bucket_time now) noexcept {
  if (id == 0) id = 1;
  auto& set = sets_.of(id);
  const lazy_sets<entry>::guard lock(set);
  entry* victim = nullptr;
  bucket_time victim_busy = 0;
  for (auto& e : set) {
    if (e.id == id) {
      e.pins.fetch_add(1, std::memory_order_relaxed);
      return &e;
    }
    if (e.pins.load(std::memory_order_acquire) != 0) continue;
    const auto busy = e.id == 0 ? -1 : busy_for(e.state, now);
    if (victim == nullptr || busy < victim_busy) {
      victim = &e;
      victim_busy = busy;
    }
  }
  if (victim == nullptr) return nullptr;
  if (victim_busy > 0) evicted_active_.fetch_add(1, std::memory_order_relaxed);
  if (victim->id == 0) used_.fetch_add(1, std::memory_order_relaxed);
  clear(victim->state);
  victim->id = id;
  victim->pins.store(1, std::memory_order_relaxed);
  return victim;
}

user_budget_table::entry* user_budget_table::place(lazy_sets<entry>::set& in, std::uint64_t tag, period when, wall_time now) noexcept {
  const auto second = std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count();
  entry* victim = nullptr;
  auto worth = [&](const entry& e) { return e.tag == 0 ? std::int64_t{-2} : e.end <= second ? std::int64_t{-1} : std::max<std::int64_t>(e.committed, 0); };
  for (auto& e : in) {
    if (e.tag == tag) return &e;
    if (e.pins == 0 && (victim == nullptr || worth(e) < worth(*victim))) victim = &e;
  }
  if (victim == nullptr) return nullptr;
  const auto inherited = std::max<std::int64_t>(worth(*victim), 0);
  if (worth(*victim) >= 0) evicted_active_.fetch_add(1, std::memory_order_relaxed);
  *victim = {tag, when.end.time_since_epoch().count(), inherited, inherited, 0};
  return victim;
}

user_budget_table::outcome user_budget_table::reserve(std::uint64_t id, period in, wall_time now, nano_usd estimate, nano_usd limit, nano_usd& committed,
                                                      entry*& held) noexcept {
  const auto tag = tag_of(id, in);
  auto& set = sets_.of(tag);
  const lazy_sets<entry>::guard lock(set);
  auto* e = place(set, tag, in, now);
  if (e == nullptr) return outcome::full;
  const auto amount = std::max<std::int64_t>(estimate.value(), 0);
  committed = nano_usd{e->committed};
  if (e->committed >= limit.value() || amount > limit.value() - std::max<std::int64_t>(e->committed, 0)) return outcome::exceeded;
  e->committed += amount;
  ++e->pins;
  held = e;
  return outcome::taken;
}

bool user_budget_table::raise(std::uint64_t id, period in, entry* held, nano_usd more, nano_usd limit, nano_usd& committed) noexcept {
  auto& set = sets_.of(tag_of(id, in));
  const lazy_sets<entry>::guard lock(set);
  committed = nano_usd{held->committed};
  if (more.value() > 0 && more.value() > limit.value() - std::max<std::int64_t>(held->committed, 0)) return false;
  held->committed += more.value();
  return true;
}

void user_budget_table::settle(std::uint64_t id, period in, entry* held, nano_usd reserved, nano_usd actual) noexcept {
  auto& set = sets_.of(tag_of(id, in));
  const lazy_sets<entry>::guard lock(set);
  held->committed += actual.value() - reserved.value();
  held->spent += actual.value();
  --held->pins;
}

void user_budget_table::restore(std::uint64_t id, period in, wall_time now, nano_usd spent) noexcept {
  const auto tag = tag_of(id, in);
  auto& set = sets_.of(tag);
  const lazy_sets<entry>::guard lock(set);
  auto* e = place(set, tag, in, now);
  if (e == nullptr) return;
  const auto more = std::max<std::int64_t>(spent.value() - e->spent, 0);
  e->committed += more;
  e->spent += more;
}

budget_account::reading user_budget_table::read(std::uint64_t id, period in) const noexcept {
  const auto tag = tag_of(id, in);
  auto& set = sets_.of(tag);
  const lazy_sets<entry>::guard lock(set);
  for (auto& e : set)
    if (e.tag == tag) return {nano_usd{e.spent}, nano_usd{std::max<std::int64_t>(e.committed - e.spent, 0)}};
  return {};
}

}  // namespace andon::access
