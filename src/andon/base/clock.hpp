#pragma once
// Time, and nothing else reads it: everything takes a clock, so that tests run on a simulated one.
#include <algorithm>
#include <chrono>
#include <cstdint>

namespace andon {

using nanoseconds = std::chrono::nanoseconds;
using wall_time = std::chrono::sys_time<nanoseconds>;                               ///< for Records, budgets, expiry
using mono_time = std::chrono::time_point<std::chrono::steady_clock, nanoseconds>;  ///< for durations and deadlines

/// Thread-safe. Wall time may jump, mono time never goes back.
class clock {
public:
  virtual ~clock() = default;
  [[nodiscard]] virtual wall_time wall() const = 0;
  [[nodiscard]] virtual mono_time mono() const = 0;
};

/// The machine's clocks. The one implementation outside tests; it has no state.
class system_clock final : public clock {
public:
  [[nodiscard]] wall_time wall() const override { return std::chrono::time_point_cast<nanoseconds>(std::chrono::system_clock::now()); }
  [[nodiscard]] mono_time mono() const override { return std::chrono::time_point_cast<nanoseconds>(std::chrono::steady_clock::now()); }
};

/// A clock that moves only when told. One thread moves it; readers on other threads need their own ordering.
class simulated_clock final : public clock {
public:
  explicit simulated_clock(wall_time start = wall_time{std::chrono::seconds{1'760'000'000}}) : wall_(start) {}
  [[nodiscard]] wall_time wall() const override { return wall_; }
  [[nodiscard]] mono_time mono() const override { return mono_; }
  void advance(nanoseconds by) { wall_ += by; mono_ += by; }
  void jump_wall(nanoseconds by) { wall_ += by; }  ///< what an operator or NTP does

private:
  wall_time wall_;
  mono_time mono_{std::chrono::hours{1}};
};

/// The latest moment at which something is still worth waiting for. A value: pass it to every wait; a nested call gets
/// the earlier of its own limit and the caller's.
class deadline {
public:
  constexpr deadline() = default;  ///< never
  constexpr explicit deadline(mono_time at) : at_(at) {}
  [[nodiscard]] static constexpr deadline after(mono_time now, nanoseconds limit) {
    return limit > mono_time::max() - now ? deadline{} : deadline{now + limit};
  }
  [[nodiscard]] constexpr mono_time at() const { return at_; }
  [[nodiscard]] constexpr bool is_never() const { return at_ == mono_time::max(); }
  [[nodiscard]] constexpr bool passed(mono_time now) const { return now >= at_; }
  [[nodiscard]] constexpr nanoseconds remaining(mono_time now) const { return is_never() ? nanoseconds::max() : std::max(nanoseconds::zero(), at_ - now); }
  [[nodiscard]] constexpr deadline earlier(deadline other) const { return deadline{std::min(at_, other.at_)}; }
  constexpr auto operator<=>(const deadline&) const = default;

private:
  mono_time at_ = mono_time::max();
};

}  // namespace andon
