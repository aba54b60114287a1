#include "andon/route/health_metrics.hpp"

#include "andon/route/waiting_room.hpp"

namespace andon::route {

health_metrics::health_metrics(metrics::registry& registry, const health_table& table, const clock& time) : registry_(registry), table_(table), time_(time) {
  refresh();
}

void health_metrics::refresh() {
  for (const auto& [model, health] : table_.all())
    if (known_.insert(model).second) add(model, health);
  for (const auto& [route, room] : table_.rooms())
    if (known_rooms_.insert(route).second) add(route, room);
}

void health_metrics::add(const route_name& route, const std::shared_ptr<waiting_room>& of) {
  const auto show = [&](const char* name, const char* help, metrics::kind what, metrics::labels more, auto read) {
    more.emplace_back("route", route.str());
    gauges_.push_back(registry_.observe({name, help, "{call}"}, what, more, std::move(read)));
  };
  show("andon.queue.waiting", "Calls that wait for a place", metrics::kind::gauge, {}, [of] { return static_cast<double>(of->waiting()); });
  const auto ended = [&](const char* how, auto read) { show("andon.queue.ended", "Calls that came to wait, by what became of them", metrics::kind::counter, {{"outcome", how}}, read); };
  ended("served", [of] { return static_cast<double>(of->count(waiting_room::fate::granted)); });
  ended("displaced", [of] { return static_cast<double>(of->count(waiting_room::fate::displaced)); });
  ended("refused", [of] { return static_cast<double>(of->refused()); });
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
