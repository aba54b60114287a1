#pragma once
// The condition of every target as gauges: andon.target.cooling, .breaker_state, .share, .in_flight,
// .error_share and .latency, by model; andon.queue.waiting and what became of those who waited, by route.
//
// Life cycle: one per program, beside the health table and destroyed before it and the clock; refresh() after every new
// Plan. Threads: one thread at a time calls refresh(); the values are read by whoever renders the registry.
#include <memory>
#include <set>
#include <vector>

#include "andon/base/clock.hpp"
#include "andon/base/metrics.hpp"
#include "andon/route/target_health.hpp"

namespace andon::route {

class health_metrics {
public:
  health_metrics(metrics::registry&, const health_table&, const clock&);
  health_metrics(const health_metrics&) = delete;  // its gauges refer to the clock it was given
  health_metrics& operator=(const health_metrics&) = delete;
  /// Adds gauges for targets that are new since the last call.
  void refresh();

private:
  void add(const model_name&, const std::shared_ptr<target_health>&);

  metrics::registry& registry_;
  const health_table& table_;
  const clock& time_;
  void add(const route_name&, const std::shared_ptr<waiting_room>&);

  std::set<model_name> known_;
  std::set<route_name> known_rooms_;
  std::vector<std::shared_ptr<void>> gauges_;
};

}  // namespace andon::route
