#include "andon/route/health_metrics.hpp"

namespace andon::route {

health_metrics::health_metrics(metrics::registry& registry, const health_table& table, const clock& time) : registry_(registry), table_(table), time_(time) {
  refresh();
}

void health_metrics::refresh() {
  for (const auto& [model, health] : table_.all())
    if (known_.insert(model).second) add(model, health);
}

void health_metrics::add(const model_name& model, const std::shared_ptr<target_health>& of) {
  const auto gauge = [&](const char* name, const char* help, const char* unit, auto read) {
    gauges_.push_back(registry_.observe({name, help, unit}, metrics::kind::gauge, {{"model", model.str()}}, std::move(read)));
  };
  const clock& time = time_;
  gauge("andon.target.cooling", "1 while the target is taken out after failures, else 0", "", [of, &time] { return of->cooling(time.mono()) ? 1.0 : 0.0; });
  gauge("andon.target.breaker_state", "The target's breaker: 0 closed, 1 half-open, 2 open", "", [of, &time] { return static_cast<double>(of->state(time.mono())); });
  gauge("andon.target.share", "Share of its usual calls that the target gets: below 1 while it starts slowly after a recovery", "1", [of, &time] { return of->share(time.mono()); });
  gauges_.push_back(registry_.observe({"andon.target.ejections", "Times the target was taken out because it was far from its peers", "{ejection}"}, metrics::kind::counter,
                                      {{"model", model.str()}}, [of] { return static_cast<double>(of->ejections()); }));
  for (const bool good : {true, false})
    gauges_.push_back(registry_.observe({"andon.target.health_checks", "Active health checks of the target", "{check}"}, metrics::kind::counter,
                                        {{"model", model.str()}, {"outcome", good ? "passed" : "failed"}}, [of, good] { return static_cast<double>(of->checks(good)); }));
  gauge("andon.target.in_flight", "Calls to the target under way", "{call}", [of] { return static_cast<double>(of->in_flight()); });
  gauge("andon.target.error_share", "Share of the target's calls in the last minute that failed by the provider's fault", "1", [of, &time] { return of->error_rate(time.mono()); });
  gauge("andon.target.latency", "Decaying peak average of the duration of the target's calls", "s", [of, &time] { return of->latency_nanos(false, time.mono()) / 1e9; });
}

}  // namespace andon::route
