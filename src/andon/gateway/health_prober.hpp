#pragma once
// Active health checks: asks every provider or model that has a `health_check` at its interval, on one core for the
// whole program, and tells the targets' breakers. Without a client's call a dead target is found after
// `unhealthy_after` checks and a recovered one after `healthy_after`.
//
// Life cycle: adopt() each Plan; stop() before the core's client goes. Threads: the core's thread only.
#include <memory>
#include <vector>

#include "andon/gateway/plan.hpp"
#include "andon/net/core.hpp"
#include "andon/net/gate.hpp"
#include "andon/net/http_client.hpp"

namespace andon::gateway {

class health_prober {
public:
  health_prober(net::core& on, net::http_client& providers) : on_(on), providers_(providers) {}
  health_prober(const health_prober&) = delete;  // its coroutines refer to it
  health_prober& operator=(const health_prober&) = delete;
  ~health_prober();

  /// Ends the checks of the Plan before and begins those of this one.
  void adopt(const plan_ptr& next);
  /// Waits until every check has ended.
  net::task<void> stop();

private:
  struct watch;

  net::task<void> run(std::shared_ptr<watch> one, net::gate::pass inside);
  net::task<result<void>> ask(watch& one);
  void take(watch& one, const result<void>& found);
  void end_all();

  net::core& on_;
  net::http_client& providers_;
  std::vector<std::shared_ptr<watch>> watches_;
  net::gate work_;
};

}  // namespace andon::gateway
