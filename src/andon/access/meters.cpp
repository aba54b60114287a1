#include "andon/access/meters.hpp"

#include <algorithm>

namespace andon::access {
namespace {

constexpr bucket_time longest_debt = 60 * ticks_per_minute;

bucket_time ticks_of(const bucket_rate& rate, std::int64_t units) {
  bucket_time ticks = 0;
  if (__builtin_mul_overflow(rate.cost, units, &ticks)) return longest_debt;
  return ticks;
}

}  // namespace

bucket_rate bucket_rate::per_minute(std::int64_t limit) {
  if (limit <= 0) return {ticks_per_minute, 0};
  return {(ticks_per_minute + limit - 1) / limit, limit};
}

bool bucket::take(const bucket_rate& rate, std::int64_t units, bucket_time now, bucket_time& retry) noexcept {
  if (!rate.limited()) return true;
  units = std::max<std::int64_t>(units, 0);
  if (units > rate.limit || rate.limit == 0) {
    retry = -1;
    return false;
  }
  const auto need = units * rate.cost;
  auto full_at = full_at_.load(std::memory_order_relaxed);
  for (;;) {
    const auto next = std::max(full_at, now) + need;
    if (next - now > rate.burst()) {
      retry = next - now - rate.burst();
      return false;
    }
    if (full_at_.compare_exchange_weak(full_at, next, std::memory_order_relaxed)) return true;
  }
}

void bucket::give_back(const bucket_rate& rate, std::int64_t units, bucket_time now) noexcept {
  if (!rate.limited() || units == 0) return;
  if (units > 0) {
    full_at_.fetch_sub(ticks_of(rate, units), std::memory_order_relaxed);
    return;
  }
  const auto debt = std::min(units == INT64_MIN ? longest_debt : ticks_of(rate, -units), longest_debt);
  auto full_at = full_at_.load(std::memory_order_relaxed);
  while (!full_at_.compare_exchange_weak(full_at, std::max(full_at, now) + debt, std::memory_order_relaxed)) {}
}

bucket_time bucket::until_full(bucket_time now) const noexcept {
  return std::max<bucket_time>(full_at_.load(std::memory_order_relaxed) - now, 0);
}

std::int64_t bucket::remaining(const bucket_rate& rate, bucket_time now) const noexcept {
  if (!rate.limited()) return INT64_MAX;
  return std::max<std::int64_t>((rate.burst() - until_full(now)) / rate.cost, 0);
}

budget_account::slot* budget_account::find(period in) const noexcept {
  const auto begin = in.begin.time_since_epoch().count();
  for (auto& s : slots_)
    if (s.begin.load(std::memory_order_acquire) == begin) return &s;
  return nullptr;
}

budget_account::slot& budget_account::slot_of(period in) noexcept {
  const auto begin = in.begin.time_since_epoch().count();
  if (auto* s = current_.load(std::memory_order_acquire); s != nullptr && s->begin.load(std::memory_order_acquire) == begin) return *s;
  const std::lock_guard lock(turning_);
  auto* s = find(in);
  if (s == nullptr) {
    s = std::ranges::min_element(slots_, {}, &slot::used);
    s->begin.store(INT64_MIN, std::memory_order_relaxed);
    s->committed.store(0, std::memory_order_relaxed);
    s->spent.store(0, std::memory_order_relaxed);
    s->begin.store(begin, std::memory_order_release);
  }
  s->used = ++turns_;
  current_.store(s, std::memory_order_release);
  return *s;
}

bool budget_account::reserve(period in, nano_usd estimate, nano_usd limit, nano_usd& committed) noexcept {
  auto& s = slot_of(in);
  const auto amount = std::max<std::int64_t>(estimate.value(), 0);
  auto now = s.committed.load(std::memory_order_relaxed);
  for (;;) {
    committed = nano_usd{now};
    if (now >= limit.value() || amount > limit.value() - std::max<std::int64_t>(now, 0)) return false;
    if (s.committed.compare_exchange_weak(now, now + amount, std::memory_order_relaxed)) return true;
  }
}

void budget_account::settle(period in, nano_usd reserved, nano_usd actual) noexcept {
  const auto begin = in.begin.time_since_epoch().count();
  auto* s = current_.load(std::memory_order_acquire);
  if (s == nullptr || s->begin.load(std::memory_order_acquire) != begin) s = find(in);
  if (s == nullptr) return;  // four periods ago: over, and nothing depends on it
  s->committed.fetch_add(actual.value() - reserved.value(), std::memory_order_relaxed);
  s->spent.fetch_add(actual.value(), std::memory_order_relaxed);
}

void budget_account::restore(period in, nano_usd spent) noexcept {
  auto& s = slot_of(in);
  auto before = s.spent.load(std::memory_order_relaxed);
  do {
    if (before >= spent.value()) return;
  } while (!s.spent.compare_exchange_weak(before, spent.value(), std::memory_order_relaxed));
  s.committed.fetch_add(spent.value() - before, std::memory_order_relaxed);
}

budget_account::reading budget_account::read(period in) const noexcept {
  const auto* s = find(in);
  if (s == nullptr) return {};
  const auto spent = s->spent.load(std::memory_order_relaxed);
  const auto committed = s->committed.load(std::memory_order_relaxed);
  return {nano_usd{spent}, nano_usd{std::max<std::int64_t>(committed - spent, 0)}};
}

}  // namespace andon::access
