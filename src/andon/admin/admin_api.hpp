#pragma once
// The admin HTTP API: a request handler for the admin port. Every path stands in one table with the permission it needs
// (route_table.hpp); a path without one cannot exist. Work that blocks (disk, search) runs on the API's own threads.
//
// Life cycle: construct with services that outlive it, hand it to a listener, stop() before they go.
// Threads: handle() on the admin core's thread.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "andon/access/admission.hpp"
#include "andon/access/keyring.hpp"
#include "andon/alert/board.hpp"
#include "andon/base/metrics.hpp"
#include "andon/gateway/plan.hpp"
#include "andon/ledger/audit_log.hpp"
#include "andon/ledger/ledger.hpp"
#include "andon/net/core.hpp"
#include "andon/net/http_server.hpp"
#include "andon/route/target_health.hpp"

namespace andon::slo { class watch; }
namespace andon::business { class desk; }

namespace andon::admin {

/// What the API acts on. The functions may be called from any thread.
struct services {
  const clock& time;
  metrics::registry& metrics;
  access::keyring& keys;
  const access::directory_board& callers;
  access::admission& limits;
  ledger::ledger* records;                       ///< null: the ledger is switched off
  ledger::audit_log* audit;                      ///< null: acts go to the program's log only
  route::health_table& health;
  std::function<gateway::plan_ptr()> plan;       ///< in force
  std::function<result<void>()> reload;          ///< reads the configuration file again
  std::function<std::string()> configuration;    ///< in force, as YAML, secrets masked
  std::function<void()> drain;                   ///< begins the graceful end of the program
  std::function<bool()> ready;
  wall_time started;
  std::string version;
  std::string gateway_address;                   ///< with its scheme
  std::vector<std::string> host_names{};         ///< that Host may hold beside IP addresses and localhost
  std::function<bool()> draining = [] { return false; };
  std::function<std::shared_ptr<slo::watch>()> objectives{};  ///< the watch over objectives; null: it is not there now
  alert::board* alerts = nullptr;                ///< null: there is none
  business::desk* business = nullptr;            ///< agreements and KPIs; null: there is none
};

class admin_api final : public net::request_handler {
public:
  admin_api(net::core& on, services with);
  ~admin_api() override;
  admin_api(const admin_api&) = delete;  // its threads refer to it
  admin_api& operator=(const admin_api&) = delete;

  net::task<void> handle(net::incoming_call& call) override;
  void refused(const error& why, std::string_view peer_address) override;
  net::refusal_answer describe(const error& why) override;
  /// Waits for work under way; new calls are refused.
  void stop();

private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace andon::admin
