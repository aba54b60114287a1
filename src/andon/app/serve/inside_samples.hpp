#pragma once
// What a running gateway can tell of its reserves, of the age of what it relies on, and of its own console, as samples for the watch.
#include <functional>
#include <optional>
#include <vector>

#include "andon/admin/admin_times.hpp"
#include "andon/app/serve/integrity_watch.hpp"
#include "andon/app/serve/objective_watch.hpp"
#include "andon/gateway/plan.hpp"

namespace andon::app {

/// The share of its time that a worker has left, from how long it has worked since it began. One thread asks.
class idle_share {
public:
  idle_share(std::function<nanoseconds()> worked, const clock& time);
  std::optional<double> read();

private:
  std::function<nanoseconds()> worked_;
  const clock& time_;
  mono_time last_at_;
  nanoseconds last_worked_;
};

struct inside_sources {
  const clock& time;
  ledger::ledger& records;
  objective_watch& objectives;
  integrity_watch& integrity;
  admin::admin_times& console;
  std::size_t max_connections;   ///< of all cores
};
std::vector<live_sample> inside_samples(inside_sources from);

/// Connections of clients that the system lets the process have: each call may need one to its provider as well.
std::size_t connections_by_files();

}  // namespace andon::app
