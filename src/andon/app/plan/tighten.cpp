#include "andon/app/plan/tighten.hpp"

#include <algorithm>
#include <set>

namespace andon::app {
namespace {

/// Whether the targets are asked in the order of the list (route::route).
bool goes_by_list(const route_settings& of) {
  return of.strategy == "priority" && std::ranges::all_of(of.targets, [](const auto& one) { return one.priority <= 0; });
}

void avoid(route_settings& of, const std::set<std::string>& models) {
  const auto is_avoided = [&](const target_settings& one) { return models.contains(one.model); };
  if (std::ranges::all_of(of.targets, is_avoided)) return;
  if (goes_by_list(of)) {
    std::vector<target_settings> ordered;
    for (const bool last : {false, true}) std::ranges::copy_if(of.targets, std::back_inserter(ordered), [&](const auto& one) { return is_avoided(one) == last; });
    of.targets = std::move(ordered);
    return;
  }
  std::int64_t last = 0;
  for (const auto& one : of.targets) last = std::max(last, one.priority);
  for (auto& one : of.targets)
    if (is_avoided(one)) one.priority = last + 1;
}

void tighten_one(route_settings& of, const slo::tightening& how) {
  if (how.attempts) of.retry.attempts = std::min(of.retry.attempts, *how.attempts);
  if (how.queue) of.queue.size = std::min(of.queue.size, *how.queue);
  if (how.no_hedging) of.hedge = {};
}

}  // namespace

void tighten(settings& of, std::span<const slo::tightening> how) {
  for (auto& [name, route] : of.routes.entries) {
    std::set<std::string> avoided;
    for (const auto& one : how) {
      if (!one.routes.empty() && std::ranges::find(one.routes, name) == one.routes.end()) continue;
      tighten_one(route, one);
      avoided.insert(one.avoid.begin(), one.avoid.end());
    }
    if (!avoided.empty()) avoid(route, avoided);
  }
}

}  // namespace andon::app
