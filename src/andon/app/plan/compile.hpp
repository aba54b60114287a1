#pragma once
// Settings into what the program runs on: the gateway's Plan and the declarations of access. All complaints at once,
// each with its place in the file; nothing is made when there is one.
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "andon/access/settings.hpp"
#include "andon/alert/configuration.hpp"
#include "andon/app/config/settings.hpp"
#include "andon/business/desk.hpp"
#include "andon/gateway/plan.hpp"
#include "andon/route/target_health.hpp"
#include "andon/slo/policy.hpp"
#include "andon/slo/watch.hpp"

namespace andon::app {

/// What a compilation needs of the running program.
struct compile_context {
  route::health_table& health;                               ///< kept across Plans
  /// Where the simulated provider of this name and script listens.
  std::function<result<net::endpoint>(const std::string& provider, const std::string& script)> sim;
  wall_time now;
  std::uint64_t version = 1;
};

struct compiled {
  std::shared_ptr<gateway::plan> plan;
  access::declared_access access;
  slo::watch_plan watch;
  business::business_plan business;
  alert::configuration_ptr alerting;
  std::vector<slo::policy_spec> policies;
};

/// Empty when `found` got complaints.
std::optional<compiled> compile(const settings& from, compile_context& in, diagnostics& found);

/// The part that concerns who may call and what it may cost.
access::declared_access compile_access(const settings& from, diagnostics& found);
/// Models and routes, without wiring: names, references, conditions, prices.
std::shared_ptr<gateway::plan> compile_plan(const settings& from, compile_context& in, diagnostics& found);

}  // namespace andon::app
