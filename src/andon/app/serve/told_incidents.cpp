#include "andon/app/serve/told_incidents.hpp"

#include <ranges>

namespace andon::app {
namespace {

constexpr std::size_t most_read = 100'000, most_told = 1'000;

slo::instant second_of(wall_time at) { return std::chrono::floor<slo::seconds>(at); }

}  // namespace

result<std::vector<business::told_incident>> told_incidents(const alert::board& board, slo::instant from, slo::instant to) {
  result<std::vector<alert::incident>> all;
  board.read([&](const alert::board_view& in) { all = in.store.incidents(wall_time{from}, most_read); });
  if (!all) return std::unexpected(std::move(all.error()));
  std::vector<business::told_incident> out;
  for (const auto& one : *all | std::views::reverse) {
    if (second_of(one.opened) >= to || (one.resolved && second_of(*one.resolved) < from) || out.size() >= most_told) continue;
    out.push_back({one.id(), one.title, one.severity, std::string(to_string(one.state)), second_of(one.opened), one.resolved ? std::optional(second_of(*one.resolved)) : std::nullopt, {}});
    for (const auto& fired : one.latest.alerts)
      if (const auto of = alert::label_value(fired.labels, "objective"); !of.empty()) out.back().objectives.emplace(of);
  }
  return out;
}

}  // namespace andon::app
