#include "andon/route/settings.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace andon::route {
namespace {

constexpr std::array<std::string_view, 7> strategies{"priority", "weighted", "round_robin", "least_busy", "latency", "cost", "usage"};
constexpr std::array<std::string_view, 8> kinds{"connect", "timeout", "429", "5xx", "reset", "bad_reply", "credential", "none"};

}  // namespace

result<strategy> parse_strategy(std::string_view text) {
  std::string plain{text};
  std::ranges::replace(plain, '-', '_');
  const auto* found = std::ranges::find(strategies, plain);
  if (found != strategies.end()) return static_cast<strategy>(found - strategies.begin());
  return fail(errc::invalid_argument, "unknown strategy '" + std::string{text} + "': use priority, weighted, round-robin, least-busy, latency, cost or usage");
}

std::string_view to_string(strategy which) { return strategies[static_cast<std::size_t>(which)]; }

result<fault_kind> parse_fault_kind(std::string_view text) {
  const auto* found = std::ranges::find(kinds, text);
  if (found != kinds.end() && *found != "none") return static_cast<fault_kind>(found - kinds.begin());
  return fail(errc::invalid_argument, "unknown kind of fault '" + std::string{text} + "': use connect, timeout, 429, 5xx, reset, bad_reply or credential");
}

std::optional<priority> parse_priority(std::string_view text) {
  constexpr std::array<std::string_view, priority_count> names{"low", "normal", "high"};
  const auto* found = std::ranges::find(names, text);
  if (found == names.end()) return std::nullopt;
  return static_cast<priority>(found - names.begin());
}

std::string_view to_string(fault_kind kind) { return kinds[static_cast<std::size_t>(kind)]; }

}  // namespace andon::route
