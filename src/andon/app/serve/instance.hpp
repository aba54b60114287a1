#pragma once
// A running gateway: all rooms, wired.
//
// Life cycle: open() recovers and compiles, start() listens, then reload() as often as asked, drain() ends it.
// Threads: made and used by the main thread; reload() may come from the admin API's threads as well.
#include <atomic>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>

#include "andon/access/admission.hpp"
#include "andon/access/keyring.hpp"
#include "andon/admin/admin_api.hpp"
#include "andon/app/plan/compile.hpp"
#include "andon/app/serve/objective_alerts.hpp"
#include "andon/app/serve/own_alerts.hpp"
#include "andon/app/serve/configuration.hpp"
#include "andon/app/serve/decision_desk.hpp"
#include "andon/app/serve/core_unit.hpp"
#include "andon/app/serve/integrity_watch.hpp"
#include "andon/app/serve/listener_tls.hpp"
#include "andon/app/serve/objective_watch.hpp"
#include "andon/app/serve/serve.hpp"
#include "andon/app/serve/sim_host.hpp"
#include "andon/app/serve/spend_watch.hpp"
#include "andon/app/serve/statement_clerk.hpp"
#include "andon/base/metrics.hpp"
#include "andon/business/desk.hpp"
#include "andon/drill/drill_desk.hpp"
#include "andon/ledger/audit_log.hpp"
#include "andon/ledger/ledger.hpp"
#include "andon/net/resolver.hpp"
#include "andon/route/health_metrics.hpp"
#include "andon/telemetry/otlp_exporter.hpp"

namespace andon::app {

class instance {
public:
  /// `engines` are the local engines that the embedded defaults offer.
  instance(serve_options options, std::vector<local_engine> engines);
  ~instance();
  instance(const instance&) = delete;  // everything in it refers to it
  instance& operator=(const instance&) = delete;

  /// Settings, ledger, keys, Plan. Nothing listens yet.
  result<void> open(const loaded_settings& from);
  /// Listens and serves.
  result<void> start();
  /// Reads the configuration again; a bad one leaves the Plan in force and says so. errc::plan_frozen.
  result<void> reload(const admin::change_cause& why = {});
  /// The same, for what is no request of the admin API (`signal`, `file`): with an entry of its own in the audit log.
  result<void> reload_because(std::string_view cause);
  /// No new work, running calls end within the configured time, everything is flushed.
  void drain();
  /// Ends the threads of whatever was started; idempotent.
  void end_threads();
  /// What has to happen now and then; call about once a second.
  void tick();

  [[nodiscard]] bool drain_asked() const { return drain_asked_.load(); }
  /// Who reads the greeting: a person at a terminal, or whatever keeps the program's output.
  enum class reader : std::uint8_t { person, file };
  /// First key and login link. Only a person, or the start that has made it, gets the admin token; others its file's name.
  [[nodiscard]] std::string greeting(reader to) const;

private:
  result<void> open_ledger();
  result<void> open_audit();
  result<void> open_alerts();
  void open_business();
  result<void> open_access();
  result<void> adopt(const settings& from, diagnostics& found);
  result<void> start_core(net::core& on, std::uint16_t& port);
  result<void> start_admin();
  result<void> open_objectives();
  result<void> open_drills();
  void start_objectives();
  result<void> load_certificates();
  void watch_provider_files();
  /// Takes up certificates that changed (`again`: reads them in any case).
  void look_at_certificates(bool again);
  result<void> write_address(const char* file, const std::string& address) const;
  admin::services admin_services();
  telemetry::otlp_exporter* make_exporter();
  [[nodiscard]] gateway::plan_ptr plan() const;
  [[nodiscard]] std::filesystem::path admin_token_file() const;

  // instance_policies.cpp: Decisions, and what they do to the plan. Those that say so are called with `reloading_` held.
  void open_decisions();
  [[nodiscard]] decision_desk* desk() const;
  /// What is in force from the start: the file, or what it was rolled back to.
  std::vector<loaded_settings> plans_of(const std::string& kept, const std::string& now, diagnostics& found) const;
  std::vector<loaded_settings> plans_at_start(const loaded_settings& file);
  result<void> start_plan(const loaded_settings& file);
  /// Held: this is what the plan is of.
  void in_force(const loaded_settings& now);
  /// Once the plan is in force: carries out what a crash left, and notes in the history what is in force.
  void take_up_decisions();
  void look_at_policies();
  void begin_step(const slo::step_begin& of, slo::watch& seen);
  slo::tightening resolved(const slo::tightening& from, const slo::losses& eaten) const;
  void end_step(const slo::step_end& of);
  /// The plan anew, with the tightenings in force.
  result<void> compile_again();
  result<slo::decision> end_decision(std::int64_t number, const std::string& who, const std::string& why);
  /// The number of the Decision by which it may; 0: nothing keeps it from being changed. errc::plan_frozen.
  result<std::int64_t> may_change(const admin::change_cause& why, const std::string& what);
  /// `one` is filled in but for what it does; errc: not_found, conflict (it cannot be served any more, or is in force).
  result<slo::decision> roll_back(slo::decision one, std::int64_t to);
  /// In the history of plans, of the one in force; 0: it is not kept.
  [[nodiscard]] std::int64_t plan_number() const;
  /// Held: a configuration came into force.
  void note_plan(const loaded_settings& from, const std::string& who);
  [[nodiscard]] slo::plan_entry present_entry(const std::string& text, const std::string& who) const;
  [[nodiscard]] admin::plan_standing standing() const;
  [[nodiscard]] std::string file_apart() const;   ///< why the file is not in force; empty: it is
  [[nodiscard]] result<std::string> plan_difference(const std::string& before, const std::string& after) const;
  admin::policy_desk policy_services();
  void note_decisions(const result<void>& done);
  bool is_in_force(const std::string& file);
  std::vector<std::string> needs_restart();
  [[nodiscard]] std::string decisions_problem() const;

  serve_options options_;
  std::vector<local_engine> engines_;
  settings settings_;
  std::string configuration_text_, started_text_;  ///< in force; that the program was started with
  system_clock time_;
  metrics::registry metrics_;
  metrics::counter& reloads_ = metrics_.make_counter({"andon.config.reloads", "Configurations that came into force by a reload", "{reload}"});
  metrics::counter& reloads_frozen_ = metrics_.make_counter({"andon.config.reloads_frozen", "Reloads refused because an error-budget policy freezes the plan; the one before stays in force", "{reload}"});
  metrics::counter& reloads_refused_ = metrics_.make_counter({"andon.config.reloads_refused", "Reloads refused because the configuration is wrong; the one before stays in force", "{reload}"});
  llm::token_counter counter_;
  cache::shared_replies replies_{metrics_};
  route::health_table health_;
  route::health_metrics health_readings_{metrics_, health_, time_};
  net::resolver resolver_;
  access::directory_board board_;
  access::admission limits_;
  std::unique_ptr<ledger::ledger> ledger_;
  std::unique_ptr<ledger::audit_log> audit_;
  std::unique_ptr<alert::board> alerts_;
  std::unique_ptr<own_alerts> own_alerts_;
  std::unique_ptr<objective_alerts> objective_alerts_;
  std::unique_ptr<decision_desk> decisions_;      ///< null: <data>/decisions.db cannot be opened; it is tried again
  std::unique_ptr<access::keyring> keys_;
  std::unique_ptr<spend_watch> spending_;
  std::unique_ptr<sim_host> sims_;
  std::unique_ptr<telemetry::otlp_exporter> exporter_;
  std::unique_ptr<net::reactor> reactor_;
  std::vector<core_unit> cores_;
  std::unique_ptr<business::desk> business_;       ///< asks objectives_ and alerts_
  std::unique_ptr<statement_clerk> clerk_;
  std::unique_ptr<objective_watch> objectives_;   ///< null: the ledger is switched off
  std::unique_ptr<integrity_watch> integrity_;   ///< null: the ledger is switched off
  admin::admin_times console_times_;
  std::unique_ptr<drill::drill_desk> drills_;     ///< null: the ledger is switched off
  std::unique_ptr<net::core> admin_core_;
  std::unique_ptr<admin::admin_api> admin_api_;
  std::unique_ptr<net::http_server> admin_listener_;
  std::thread admin_thread_;
  std::vector<std::shared_ptr<void>> readings_;   ///< registered metrics

  mutable std::mutex reloading_;
  gateway::plan_ptr plan_;
  std::uint64_t plan_version_ = 0;
  slo::watch_plan watch_plan_;
  settings plan_settings_;                        ///< of the plan in force, not tightened
  std::vector<slo::policy_spec> policies_;
  std::string kept_part_;                         ///< of the configuration in force: what a freeze keeps as it is
  std::optional<slo::rolled_back> instead_;       ///< of the file's
  std::string refused_hash_;                      ///< of a file that came while the plan was frozen; empty: none did
  std::string refused_fault_;                     ///< the first fault of a file that was refused for one
  std::mutex deciding_;                           ///< taken before reloading_
  mutable std::mutex desk_;                       ///< guards decisions_ and what follows
  std::string decisions_problem_;                 ///< why Decisions are not kept; empty: they are
  mono_time decisions_tried_{};
  std::shared_ptr<std::atomic<std::int64_t>> propagation_ = std::make_shared<std::atomic<std::int64_t>>(-1);  ///< ns until the last Plan was on every core; taken by a sample
  std::optional<access::new_key> first_key_;
  secret admin_token_;
  bool admin_token_made_ = false;   ///< at this start
  std::string gateway_address_, admin_address_;
  std::mutex certificates_;   ///< a signal and the admin API may both ask for a reload
  std::optional<listener_tls> gateway_tls_, admin_tls_;
  std::vector<file_watch> provider_files_;   ///< trust and own certificates towards providers
  listener_tls::context_ptr gateway_certificate_, admin_certificate_;
  wall_time started_;
  mono_time last_upkeep_{};
  std::atomic<bool> drain_asked_{false}, draining_{false}, ready_{false};
};

}  // namespace andon::app
