#pragma once
// A log line about one thing at most once a minute, with how many were left out, and no more than sixty a minute about
// all things together. For faults that every call meets.
// One thread.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "andon/base/clock.hpp"

namespace andon::gateway {

class complaint_pace {
public:
  static constexpr nanoseconds pause = std::chrono::minutes{1};
  static constexpr std::size_t max_things = 1'024;   ///< then all are forgotten
  static constexpr std::size_t max_lines = 60;       ///< within a pause

  /// How many complaints about `what` it stands for, itself included; nothing: not now.
  [[nodiscard]] std::optional<std::uint64_t> due(std::string_view what, mono_time now) {
    if (things_.size() >= max_things) things_.clear();
    if (!began_ || now - *began_ >= pause) began_ = now, lines_ = 0;
    auto& one = things_[std::string(what)];
    ++one.waiting;
    if ((one.told && now - *one.told < pause) || lines_ >= max_lines) return std::nullopt;
    ++lines_;
    one.told = now;
    return std::exchange(one.waiting, 0);
  }

private:
  struct entry {
    std::optional<mono_time> told;
    std::uint64_t waiting = 0;
  };
  std::unordered_map<std::string, entry> things_;
  std::optional<mono_time> began_;  ///< the pause that lines are counted of
  std::size_t lines_ = 0;
};

}  // namespace andon::gateway
