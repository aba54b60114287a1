#include "andon/net/timers.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

namespace andon::net {

void deadline_timer::arm(deadline until) {
  at_ = until.at();
  if (until.is_never()) return;
  if (linked() && slot_tick_ <= wheel_->tick_of(at_)) return;
  unlink();
  wheel_->link(*this);
}

timer_wheel::timer_wheel(mono_time now, wake_changed changed, void* context)
    : origin_(now), changed_(changed), context_(context) {
  for (auto& level : lists_)
    for (auto& head : level) head.next = head.prev = &head;
}

timer_wheel::~timer_wheel() {
  for (auto& level : lists_)
    for (auto& head : level)
      while (head.next != &head) head.next->unlink();
}

std::uint64_t timer_wheel::tick_of(mono_time at) const {
  if (at <= origin_) return 0;
  return static_cast<std::uint64_t>((at - origin_ - nanoseconds{1}) / tick) + 1;
}

void timer_wheel::link(deadline_timer& timer) {
  constexpr std::uint64_t reach = (std::uint64_t{1} << (levels * level_bits)) - 1;
  const std::uint64_t due = std::clamp(tick_of(timer.at_), now_tick_ + 1, now_tick_ + reach);
  unsigned level = 0;
  while (due - now_tick_ >= std::uint64_t{1} << ((level + 1) * level_bits)) ++level;
  const unsigned shift = level * level_bits;
  const unsigned slot = static_cast<unsigned>(due >> shift) % slots;
  timer.slot_tick_ = due >> shift << shift;
  timer.insert_before(lists_[level][slot]);
  bits_[level][slot / 64] |= std::uint64_t{1} << (slot % 64);
  if (advancing_ || time_of(timer.slot_tick_) >= wake_) return;
  wake_ = time_of(timer.slot_tick_);
  changed_(context_, wake_);
}

void timer_wheel::run_slot(unsigned level, unsigned slot) {
  bits_[level][slot / 64] &= ~(std::uint64_t{1} << (slot % 64));
  list_link& head = lists_[level][slot];
  if (head.next == &head) return;
  list_link due{head.next, head.prev};
  due.next->prev = due.prev->next = &due;
  head.next = head.prev = &head;
  while (due.next != &due) {
    auto& timer = *static_cast<deadline_timer*>(due.next);
    timer.unlink();
    if (!timer.armed()) continue;
    if (tick_of(timer.at_) > now_tick_) {
      link(timer);
      continue;
    }
    timer.disarm();
    timer.call_(timer.context_);
  }
}

void timer_wheel::advance(mono_time now) {
  if (now < origin_) return;
  const auto target = static_cast<std::uint64_t>((now - origin_) / tick);
  advancing_ = true;
  for (std::uint64_t next = next_busy_tick(); next <= target; next = next_busy_tick()) {
    now_tick_ = next;
    for (unsigned level = levels; level-- > 0;) {
      const unsigned shift = level * level_bits;
      if (next % (std::uint64_t{1} << shift) == 0) run_slot(level, static_cast<unsigned>(next >> shift) % slots);
    }
  }
  now_tick_ = std::max(now_tick_, target);
  advancing_ = false;
  const std::uint64_t next = next_busy_tick();
  wake_ = next == std::numeric_limits<std::uint64_t>::max() ? mono_time::max() : time_of(next);
}

bool timer_wheel::prune() {
  bool any = false;
  for (auto& level : lists_) {
    for (auto& head : level) {
      for (list_link* at = head.next; at != &head;) {
        auto& timer = *static_cast<deadline_timer*>(std::exchange(at, at->next));
        if (timer.armed()) any = true;
        else timer.unlink();
      }
    }
  }
  if (!any) wake_ = mono_time::max();
  return any;
}

unsigned timer_wheel::distance_to_busy(unsigned level, unsigned from) const {
  const auto& words = bits_[level];
  for (unsigned step = 1; step <= slots;) {
    const unsigned slot = (from + step) % slots;
    const std::uint64_t rest = words[slot / 64] >> (slot % 64);
    if (rest != 0) return std::min(step + static_cast<unsigned>(std::countr_zero(rest)), slots);
    step += 64 - slot % 64;
  }
  return 0;
}

std::uint64_t timer_wheel::next_busy_tick() const {
  std::uint64_t best = std::numeric_limits<std::uint64_t>::max();
  for (unsigned level = 0; level < levels; ++level) {
    const unsigned shift = level * level_bits;
    const std::uint64_t here = now_tick_ >> shift;
    if (const unsigned ahead = distance_to_busy(level, static_cast<unsigned>(here % slots)); ahead != 0)
      best = std::min(best, (here + ahead) << shift);
  }
  return best;
}

}  // namespace andon::net
