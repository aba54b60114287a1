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
#include "andon/admin/admin_times.hpp"
#include "andon/alert/board.hpp"
#include "andon/base/metrics.hpp"
#include "andon/gateway/plan.hpp"
#include "andon/ledger/audit_log.hpp"
#include "andon/ledger/ledger.hpp"
#include "andon/net/core.hpp"
#include "andon/net/http_server.hpp"
#include "andon/route/target_health.hpp"

namespace andon::drill { class drill_desk; }
namespace andon::business { class desk; }
namespace andon::slo {
class watch;
class decision_store;
struct decision;
struct plan_entry;
}  // namespace andon::slo

namespace andon::admin {

/// Who wants the plan changed, and why it has to be although it is frozen; empty: only if it is not.
struct change_cause {
  std::string who, override_reason;
};

/// How the plan in force stands to the configuration file.
struct plan_standing {
  std::int64_t entry = 0;        ///< in the history of plans; 0: it is not kept
  std::string apart;             ///< why it is not the file's; empty: it is
  std::string frozen;            ///< id of the Decision that freezes it; empty: none
};

/// What error-budget policies do and let people do. Any thread.
struct policy_desk {
  std::function<slo::decision_store*()> store;                                       ///< null: <data>/decisions.db cannot be opened
  std::function<result<void>(const change_cause&, const std::string& what)> may_change;  ///< errc::plan_frozen; with a reason a Decision
  std::function<result<slo::decision>(std::int64_t number, const std::string& who, const std::string& why)> end;
  std::function<result<slo::decision>(std::int64_t plan, const std::string& who, const std::string& why)> roll_back;
  std::function<plan_standing()> standing;
  std::function<result<std::string>(const std::string& before, const std::string& after)> difference;  ///< of two plans, by number or `file`; secrets masked
  std::function<std::string(const slo::plan_entry&)> text;                            ///< secrets masked
};

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
  std::function<result<void>(const change_cause&)> reload;  ///< reads the configuration file again; errc::plan_frozen
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
  std::function<std::vector<std::string>()> needs_restart = [] { return std::vector<std::string>{}; };  ///< top-level settings that changed since the start
  policy_desk policies{};                        ///< empty: there are none
  admin_times* times = nullptr;                  ///< filled in; null: nobody asks
  std::function<void(const std::string& damage)> verified = [](const std::string&) {};  ///< the journal was read whole; what is wrong with it
  drill::drill_desk* drills = nullptr;           ///< null: the ledger is switched off
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
