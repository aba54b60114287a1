#include "andon/app/serve/told_incidents.hpp"

#include <ranges>

namespace andon::app {
namespace {

constexpr std::size_t most_read = 100'000, most_alerts = 200;

slo::instant second_of(wall_time at) { return std::chrono::floor<slo::seconds>(at); }

/// Of all alerts that fired in it: the last message tells only of those that fired then.
std::set<std::string> objectives_of(const alert::incident& one, alert::alert_store& store) {
  std::set<std::string> out;
  const auto add = [&](const alert::label_set& labels) {
    if (const auto of = alert::label_value(labels, "objective"); !of.empty()) out.emplace(of);
  };
  for (const auto& fired : one.latest.alerts) add(fired.labels);
  for (const auto fingerprint : one.seen | std::views::take(most_alerts)) add(store.labels_in_history(fingerprint).value_or(alert::label_set{}));
  return out;
}

}  // namespace

result<std::vector<business::told_incident>> told_incidents(const alert::board& board, slo::instant from, slo::instant to) {
  result<std::vector<business::told_incident>> out;
  board.read([&](const alert::board_view& in) {
    const auto all = in.store.incidents(wall_time{from}, most_read);
    if (!all) return void(out = std::unexpected(all.error()));
    for (const auto& one : *all | std::views::reverse)
      if (second_of(one.opened) < to && !(one.resolved && second_of(*one.resolved) < from))
        out->push_back({one.id(), one.title, one.severity, std::string(to_string(one.state)), second_of(one.opened), one.resolved ? std::optional(second_of(*one.resolved)) : std::nullopt,
                        objectives_of(one, in.store)});
  });
  return out;
}

}  // namespace andon::app
