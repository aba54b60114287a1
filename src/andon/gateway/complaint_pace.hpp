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
  static constexpr std::size_t max_things = 1'024;   ///< of the last pause or with complaints that nobody was told of; then all are forgotten
  static constexpr std::size_t max_lines = 60;       ///< within a pause

  struct turn {
    std::uint64_t times;      ///< complaints about this thing that the line stands for, this one included
    std::uint64_t held_back;  ///< of all things, since the line before, for want of lines
    bool operator==(const turn&) const = default;
  };

  /// Nothing: no line now.
  [[nodiscard]] std::optional<turn> due(std::string_view what, mono_time now) {
    if (!began_ || now - *began_ >= pause) began_ = now, lines_ = 0;
    auto& one = entry_of(what, now);
    ++one.waiting;
    if (one.told && now - *one.told < pause) return std::nullopt;
    if (lines_ >= max_lines) {
      ++held_back_;
      return std::nullopt;
    }
    ++lines_;
    one.told = now;
    return turn{std::exchange(one.waiting, 0), std::exchange(held_back_, 0)};
  }

private:
  struct entry {
    std::optional<mono_time> told;
    std::uint64_t waiting = 0;
  };

  entry& entry_of(std::string_view what, mono_time now) {
    std::string name(what);
    if (things_.size() >= max_things && !things_.contains(name)) {
      std::erase_if(things_, [&](const auto& item) { return item.second.waiting == 0 && now - *item.second.told >= pause; });
      if (things_.size() >= max_things) things_.clear();
    }
    return things_[std::move(name)];
  }

  std::unordered_map<std::string, entry> things_;
  std::optional<mono_time> began_;  ///< the pause that lines are counted of
  std::size_t lines_ = 0;
  std::uint64_t held_back_ = 0;
};

}  // namespace andon::gateway
