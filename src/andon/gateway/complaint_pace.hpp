#pragma once
// A log line about one thing at most once a minute, with how many were left out. For faults that every call meets.
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

  /// How many complaints about `what` it stands for, itself included; nothing: not now.
  [[nodiscard]] std::optional<std::uint64_t> due(std::string_view what, mono_time now) {
    if (things_.size() >= max_things) things_.clear();
    auto [at, fresh] = things_.try_emplace(std::string(what), entry{now, 0});
    auto& one = at->second;
    ++one.waiting;
    if (!fresh && now - one.told < pause) return std::nullopt;
    one.told = now;
    return std::exchange(one.waiting, 0);
  }

private:
  struct entry {
    mono_time told;
    std::uint64_t waiting = 0;
  };
  std::unordered_map<std::string, entry> things_;
};

}  // namespace andon::gateway
