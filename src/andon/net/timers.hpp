#pragma once
// Deadlines of one core: one timer wheel, three levels of 256 slots (1 ms, 256 ms, 65 s a slot).
//
// Arming, re-arming and disarming a deadline_timer are O(1), allocate nothing and make no system call (but the first
// arming earlier than everything armed so far reprograms the core's one timer). A timer that is re-armed later stays in
// its old slot and moves when that slot comes up, so the usual pattern of arming a long deadline for every request costs
// a few instructions. A timer fires never early and at most a millisecond plus the loop's delay late. While nothing is
// armed, nothing ticks.
//
// Threads: everything belongs to one core's thread.
#include <array>
#include <cstddef>
#include <cstdint>

#include "andon/base/clock.hpp"
#include "andon/net/list_link.hpp"

namespace andon::net {

class timer_wheel;

/// Calls back once when its deadline passes. Immovable: the wheel links it. Destroying it disarms it.
/// The callback may arm, disarm or destroy any timer, its own included.
///
///   deadline_timer timer_{core.timers(), deadline_timer::member<&connection::timed_out>(), this};
///   timer_.arm(deadline::after(core.now(), 2s));   …   timer_.disarm();
class deadline_timer : list_link {
public:
  using callback = void (*)(void* context);
  /// The callback that calls a member function without parameters on its context.
  template <auto Function>
  static constexpr callback member() {
    return [](void* context) { (static_cast<owner_of<decltype(Function)>*>(context)->*Function)(); };
  }

  deadline_timer(timer_wheel& wheel, callback call, void* context) : wheel_(&wheel), call_(call), context_(context) {}
  deadline_timer(const deadline_timer&) = delete;
  deadline_timer& operator=(const deadline_timer&) = delete;
  ~deadline_timer() { unlink(); }

  /// Replaces what was armed. A passed deadline fires at the next tick, never from within arm(). `never` disarms.
  void arm(deadline at);
  void disarm() { at_ = mono_time::max(); }
  [[nodiscard]] bool armed() const { return at_ != mono_time::max(); }
  [[nodiscard]] deadline at() const { return deadline{at_}; }

private:
  friend class timer_wheel;
  template <class>
  struct owner;
  template <class Result, class Class>
  struct owner<Result (Class::*)()> { using type = Class; };
  template <class Member>
  using owner_of = typename owner<Member>::type;

  mono_time at_ = mono_time::max();
  std::uint64_t slot_tick_ = 0;  ///< first tick of the slot that holds it
  timer_wheel* wheel_ = nullptr;
  callback call_ = nullptr;
  void* context_ = nullptr;
};

/// The wheel itself knows no event loop: its owner calls advance() at next_wake(). In tests, with a simulated clock,
/// the test does.
class timer_wheel {
public:
  using wake_changed = void (*)(void* context, mono_time at);

  /// `changed` is called when something is armed that needs an earlier advance() than asked for before.
  timer_wheel(mono_time now, wake_changed changed, void* context);
  timer_wheel(const timer_wheel&) = delete;
  timer_wheel& operator=(const timer_wheel&) = delete;
  ~timer_wheel();  ///< what is still linked is let go, never fired

  /// Fires everything due at `now`. Then next_wake() tells when to come again.
  void advance(mono_time now);
  /// Lets go of what is linked but disarmed. False: nothing is armed, and no advance() is wanted until something is.
  bool prune();
  /// mono_time::max() when nothing is linked; a disarmed timer may cause one call too many.
  [[nodiscard]] mono_time next_wake() const { return wake_; }

private:
  friend class deadline_timer;
  static constexpr unsigned level_bits = 8;
  static constexpr unsigned slots = 1u << level_bits;
  static constexpr unsigned levels = 3;
  static constexpr nanoseconds tick = std::chrono::milliseconds{1};

  [[nodiscard]] std::uint64_t tick_of(mono_time at) const;  ///< rounded up
  [[nodiscard]] mono_time time_of(std::uint64_t tick_number) const { return origin_ + tick * static_cast<std::int64_t>(tick_number); }
  void link(deadline_timer& timer);
  void run_slot(unsigned level, unsigned slot);
  [[nodiscard]] std::uint64_t next_busy_tick() const;  ///< max when there is none
  [[nodiscard]] unsigned distance_to_busy(unsigned level, unsigned from) const;  ///< 1 … 256 slots ahead; 0 for none

  mono_time origin_;
  std::uint64_t now_tick_ = 0;  ///< every tick up to this one has been run
  mono_time wake_ = mono_time::max();
  bool advancing_ = false;
  wake_changed changed_;
  void* context_;
  std::array<std::array<list_link, slots>, levels> lists_;  ///< heads, circular
  std::array<std::array<std::uint64_t, slots / 64>, levels> bits_{};
};

}  // namespace andon::net
