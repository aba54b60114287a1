#include "andon/slo/decision.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace andon::slo {
namespace {

constexpr std::array<std::string_view, 5> names{"notify", "freeze", "tighten", "roll-back", "override"};

}  // namespace

std::string_view to_string(decision_act which) { return names[static_cast<std::size_t>(which)]; }

std::optional<decision_act> parse_decision_act(std::string_view text) {
  const auto found = std::ranges::find(names, text);
  if (found == names.end()) return std::nullopt;
  return static_cast<decision_act>(found - names.begin());
}

std::optional<std::int64_t> decision::parse_id(std::string_view text) {
  if (text.starts_with("dec_")) text.remove_prefix(4);
  std::int64_t out = 0;
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, out);
  if (read.ec != std::errc{} || read.ptr != end || out < 1) return std::nullopt;
  return out;
}

}  // namespace andon::slo
