#include "andon/app/serve/drill_places.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <set>

namespace andon::app {

drill::desk_limits limits_of(const drill_settings& from) { return {.enabled = from.enabled, .longest = from.longest, .settle = from.settle}; }

drill::places places_of(const gateway::plan& in, route::health_table& health, std::string_view target) {
  drill::places out;
  const bool is_model = std::ranges::any_of(in.models, [&](const auto& one) { return one->name.view() == target; });
  const auto meant = [&](const gateway::served_model& one) { return is_model ? one.name.view() == target : one.provider.view() == target; };
  for (const auto& one : in.models)
    if (meant(*one)) out.models.push_back({one->name.str(), health.of(one->name)});
  for (const auto& route : in.routes) {
    const auto& all = route->all_models();
    const auto here = std::ranges::count_if(all, [&](const auto* one) { return meant(*one); });
    if (here == 0) continue;
    out.routes.push_back(route->name.str());
    if (std::cmp_equal(here, all.size())) out.without_other.push_back(route->name.str());
  }
  return out;
}

std::vector<std::string> paging_alerts(const alert::board& board) {
  std::set<std::string> names;
  board.read([&](const alert::board_view& seen) {
    for (const auto& [key, one] : seen.book.all())
      if (!one.resolved(seen.now) && alert::label_value(one.labels, "severity") == "page") names.insert(std::string(alert::label_value(one.labels, "alertname")));
  });
  return {names.begin(), names.end()};
}

std::string supervisor_of(bool told) {
  if (told) return "a supervisor";
  std::ifstream in("/proc/" + std::to_string(getppid()) + "/comm");
  std::string parent;
  std::getline(in, parent);
  return parent == "systemd" ? parent : std::string{};
}

void tell_measures(const drill::drill& one, objective_watch& to) {
  const auto tell = [&](slo::measure what, const auto& value) {
    if (value) to.tell(what, static_cast<double>(*value));
  };
  tell(slo::measure::data_loss, one.got.data_loss);
  switch (one.asked.what) {
    case drill::kind::provider_down: tell(slo::measure::failover_time, one.got.failover_s); break;
    case drill::kind::store_down: tell(slo::measure::catch_up_time, one.got.recovery_s); break;
    case drill::kind::node_kill:
    case drill::kind::restore: tell(slo::measure::restore_time, one.got.recovery_s); break;
  }
}

void kill_this_process() { kill(getpid(), SIGKILL); }

}  // namespace andon::app
