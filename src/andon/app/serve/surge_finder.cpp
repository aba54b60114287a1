#include "andon/app/serve/surge_finder.hpp"

#include <algorithm>

namespace andon::app {

std::optional<slo::counts> surge_finder::add(std::uint64_t calls, std::uint64_t refused) {
  const auto before = std::exchange(last_, std::pair{calls, refused});
  if (!before || calls < before->first || refused < before->second) return std::nullopt;
  const auto now = calls - before->first, bad = std::min(refused - before->second, now);
  const bool known = seconds_.size() >= settled;
  const auto usual = seconds_.empty() ? 0 : static_cast<double>(sum_) / static_cast<double>(seconds_.size());
  seconds_.push_back(now);
  sum_ += now;
  if (seconds_.size() > remembered) {
    sum_ -= seconds_.front();
    seconds_.pop_front();
  }
  if (!known || now < least || static_cast<double>(now) < factor * usual) return std::nullopt;
  return slo::counts{static_cast<std::int64_t>(now - bad), static_cast<std::int64_t>(now)};
}

}  // namespace andon::app
