#include "andon/app/serve/instance.hpp"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <future>
#include <set>
#include <thread>

#include "andon/alert/curl_sender.hpp"
#include "andon/app/plan/compile_cache.hpp"
#include "andon/app/plan/tighten.hpp"
#include "andon/app/serve/drill_places.hpp"
#include "andon/app/serve/inside_samples.hpp"
#include "andon/app/serve/load_samples.hpp"
#include "andon/app/serve/mask.hpp"
#include "andon/app/serve/set_aside.hpp"
#include "andon/app/serve/told_incidents.hpp"
#include "andon/app/serve/plan_history.hpp"
#include "andon/base/log.hpp"
#include "andon/base/memory.hpp"
#include "andon/base/time_text.hpp"
#include "andon/net/url.hpp"
#include "andon/telemetry/metric_names.hpp"

namespace andon::app {
namespace {

constexpr nanoseconds between_upkeeps = std::chrono::seconds{60};
constexpr std::size_t admin_core_index = 100;

std::size_t core_count(std::int64_t wanted) {
  if (wanted > 0) return static_cast<std::size_t>(wanted);
  return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, 15);
}

net::server_limits limits_of(const listen_settings& from) {
  net::server_limits out;
  out.max_head = static_cast<std::size_t>(from.max_headers.value());
  out.max_body = static_cast<std::size_t>(from.max_body.value());
  out.head_timeout = std::min<nanoseconds>(from.request_timeout, 15s);
  out.body_timeout = from.request_timeout;
  out.receive_timeout = 10 * from.request_timeout;
  out.idle_timeout = from.idle_timeout;
  out.write_timeout = from.write_timeout;
  out.max_connections = static_cast<std::size_t>(from.max_connections);
  out.http2 = from.http2;
  return out;
}

ledger::retention_policy retention_of(const settings& from) {
  ledger::retention_policy out;
  if (from.ledger.retention > nanoseconds{}) out.keep = from.ledger.retention;
  for (const auto& [name, project] : from.projects.entries)
    if (project.retention > nanoseconds{}) out.projects.push_back({project_id{name}, project.retention});
  return out;
}

ledger::ledger_options ledger_options_of(const settings& from, const std::string& data, std::size_t cores) {
  ledger::ledger_options out;
  out.data = data;
  out.cores = static_cast<std::uint32_t>(cores);
  out.segment_bytes = static_cast<std::uint64_t>(from.ledger.segment.value());
  out.max_disk_bytes = static_cast<std::uint64_t>(from.ledger.max_disk.value());
  out.when_full = from.ledger.on_full == full_choice::refuse ? ledger::full_policy::refuse : ledger::full_policy::drop_oldest;
  out.sync_interval = std::chrono::duration_cast<std::chrono::milliseconds>(from.ledger.sync_interval);
  out.index_lag = std::chrono::duration_cast<std::chrono::milliseconds>(from.ledger.index_lag);
  out.sync_always = from.ledger.sync == sync_mode::always;
  out.master_key = from.ledger.encryption;
  out.retention = retention_of(from);
  return out;
}

/// Runs a coroutine on a core and waits for it on this thread.
template <class Make>
void run_on(net::core& on, Make make) {
  std::promise<void> done;
  on.post([&] { make(done); });
  done.get_future().wait();
}

net::task<void> drain_core(core_unit& unit, deadline until, std::promise<void>& done) {
  const bool all_ended = co_await unit.listener->drain(until);
  if (!all_ended) log::warn("drain_deadline", {{"core", unit.on.index()}});
  co_await unit.handler->stop();
  unit.providers.reset();  // with every connection, whatever it still waits for: nothing keeps the core's loop running
  done.set_value();
}

}  // namespace

instance::instance(serve_options options, std::vector<local_engine> engines)
    : options_(std::move(options)), engines_(std::move(engines)), limits_(&metrics_), started_(time_.wall()), last_upkeep_(time_.mono()) {}

instance::~instance() { end_threads(); }

gateway::plan_ptr instance::plan() const {
  const std::lock_guard lock(reloading_);
  return plan_;
}

result<void> instance::open(const loaded_settings& from) {
  settings_ = from.values;
  configuration_text_ = started_text_ = from.text;
  if (options_.gateway) {
    auto parsed = value_codec<address>::read(*options_.gateway);
    if (!parsed) return std::unexpected(std::move(parsed.error()));
    settings_.listen.gateway = *parsed;
  }
  if (options_.admin) {
    auto parsed = value_codec<address>::read(*options_.admin);
    if (!parsed) return std::unexpected(std::move(parsed.error()));
    settings_.listen.admin = *parsed;
  }
  if (auto opened = open_ledger(); !opened) return opened;
  if (auto opened = open_audit(); !opened) return opened;
  if (auto opened = open_alerts(); !opened) return opened;
  open_business();
  sims_ = std::make_unique<sim_host>(time_, counter_);
  if (auto opened = open_access(); !opened) return opened;
  open_decisions();
  if (auto began = start_plan(from); !began) return began;
  if (ledger_) {
    spending_ = std::make_unique<spend_watch>(*ledger_, *keys_, board_, limits_, time_, &metrics_);
    if (auto restored = spending_->restore(); !restored) return restored;
  }
  if (auto opened = open_objectives(); !opened) return opened;
  take_up_decisions();
  return open_drills();
}

/// What a file of before was rolled back to may not be servable any more: then the file is.
result<void> instance::start_plan(const loaded_settings& file) {
  const std::lock_guard lock(reloading_);
  const auto ways = plans_at_start(file);
  for (const auto& one : ways) {
    if (instead_ && &one == &ways.back()) instead_.reset();
    diagnostics found(file.name);
    const auto adopted = adopt(one.values, found);
    if (adopted) {
      in_force(one);
      return {};
    }
    if (&one == &ways.back()) return adopted;
    log::error("plan_not_servable", {{"plan", instead_->plan}, {"reason", adopted.error().message},
                                     {"meaning", &one + 1 == &ways.back() ? "the file is in force instead" : "keys, projects and alerting go back with it"}});
  }
  return {};
}

void instance::in_force(const loaded_settings& now) {
  configuration_text_ = now.text;
  plan_settings_ = now.values;
  kept_part_ = frozen_part(now.text, now.values);
}

result<void> instance::open_drills() {
  if (!ledger_) return {};
  integrity_ = std::make_unique<integrity_watch>(*ledger_, options_.data, time_, integrity_settings{settings_.ledger.verify_interval, static_cast<std::uint64_t>(settings_.ledger.verify_rate.value())});
  auto opened = drill::drill_desk::open({.time = time_, .records = ledger_.get(), .audit = audit_.get(), .data = options_.data, .configuration = options_.config,
                                         .master_key = settings_.ledger.encryption, .version = ANDON_VERSION, .supervisor = supervisor_of(options_.supervised),
                                         .find = [this](std::string_view target) { return places_of(*plan(), health_, target); }, .paging = [this] { return paging_alerts(*alerts_); },
                                         .told = [this](const drill::drill& one) { if (objectives_) tell_measures(one, *objectives_); }, .die = kill_this_process},
                                        limits_of(settings_.drills));
  if (!opened) return std::unexpected(std::move(opened.error()));
  drills_ = std::move(*opened);
  drills_->look_back();
  return {};
}

/// A store that cannot be opened keeps no call from being served: the watch tries again.
result<void> instance::open_objectives() {
  if (!ledger_) return {};
  objectives_ = std::make_unique<objective_watch>(*ledger_, options_.data, time_, metrics_);
  objectives_->on_signal([this](std::span<const slo::signal> all) { objective_alerts_->told(all, time_.wall()); });
  if (const auto opened = objectives_->open(watch_plan_); !opened) log::error("objectives_not_watched", {{"meaning", "budgets and alerts stand still; it is tried again"}, {"reason", opened.error().message}});
  return {};
}

void instance::open_business() {
  business_ = std::make_unique<business::desk>(options_.data, time_, business::desk_sources{
      .watch = [this] { return objectives_ ? objectives_->current() : nullptr; },
      .incidents = [this](slo::instant from, slo::instant to) { return told_incidents(*alerts_, from, to); }});
  clerk_ = std::make_unique<statement_clerk>(*business_, *audit_, time_);
}

void instance::start_objectives() {
  if (!objectives_) return;
  auto samples = load_samples({cores_, time_, limits_, health_, *ledger_, [this] { return plan(); }, static_cast<std::size_t>(settings_.listen.max_connections) * cores_.size()});
  samples.push_back({slo::measure::propagation, [told = propagation_]() -> std::optional<double> {
                       const auto took = told->exchange(-1);
                       return took < 0 ? std::nullopt : std::optional(static_cast<double>(took) / 1e9);
                     }});
  std::ranges::move(inside_samples({time_, *ledger_, *objectives_, *integrity_, console_times_, static_cast<std::size_t>(settings_.listen.max_connections) * cores_.size()}), std::back_inserter(samples));
  const auto refused = [this](errc why) -> metrics::counter& {
    const auto& family = telemetry::families::rejections;
    return metrics_.make_counter({std::string(family.name), std::string(family.help), std::string(family.unit)}, {{"reason", std::string(kind_of(why).name)}});
  };
  const auto& overload = telemetry::families::refusals;
  auto& shed = metrics_.make_counter({std::string(overload.name), std::string(overload.help), std::string(overload.unit)}, {{"scope", "load"}, {"reason", std::string(kind_of(errc::overloaded).name)}});
  objectives_->sample(std::move(samples), [&none = refused(errc::missing_key), &wrong = refused(errc::invalid_key)] { return none.value() + wrong.value(); }, [&shed] { return shed.value(); });
  objectives_->start();
}

result<void> instance::open_ledger() {
  if (!settings_.ledger.enabled) {
    std::error_code ignored;
    std::filesystem::create_directories(options_.data, ignored);
    log::warn("ledger_off", {{"meaning", "no call is recorded"}});
    return {};
  }
  auto opened = ledger::ledger::open(ledger_options_of(settings_, options_.data, core_count(settings_.listen.threads)), time_, &metrics_);
  if (!opened) return std::unexpected(std::move(opened.error()));
  ledger_ = std::move(*opened);
  const auto& recovered = ledger_->recovered();
  if (!recovered.open.empty() || recovered.lost_entries > 0 || recovered.bad_segments > 0)
    log::warn("ledger_recovered", {{"interrupted", recovered.open.size()}, {"torn_tails", recovered.torn_tails},
                                   {"lost_records", recovered.lost_records}, {"bad_segments", recovered.bad_segments}});
  return {};
}

result<void> instance::open_audit() {
  auto opened = ledger::audit_log::open({.data = options_.data, .master_key = settings_.ledger.encryption}, time_, &metrics_);
  if (!opened) return std::unexpected(std::move(opened.error()));
  audit_ = std::move(*opened);
  return {};
}

result<void> instance::open_alerts() {
  const auto file = std::filesystem::path(options_.data) / "alerts.db";
  const auto open = [&] { return alert::board::open({.file = file, .send = alert::send_by_curl, .seed = secure_seed()}, time_, &metrics_); };
  auto opened = open();
  if (!opened && set_aside_if_damaged(file, opened.error(), "alerts, silences, incidents and messages on their way are gone; what holds is raised again")) opened = open();
  if (!opened) return std::unexpected(std::move(opened.error()));
  alerts_ = std::move(*opened);
  own_alerts_ = std::make_unique<own_alerts>(*alerts_, ledger_.get(), *audit_, options_.data);
  objective_alerts_ = std::make_unique<objective_alerts>(*alerts_);
  return {};
}

result<void> instance::open_access() {
  auto opened = access::keyring::open(options_.data, time_, board_);
  if (!opened) return std::unexpected(std::move(opened.error()));
  keys_ = std::move(*opened);
  admin_token_made_ = !std::filesystem::exists(admin_token_file());
  auto token = keys_->ensure_admin_token();
  if (!token) return std::unexpected(std::move(token.error()));
  admin_token_ = std::move(*token);
  return {};
}

result<void> instance::adopt(const settings& from, diagnostics& found) {
  compile_context in{health_, [this](const std::string& provider, const std::string& script) { return sims_->add(provider, script); },
                     time_.wall(), plan_version_ + 1};
  auto tightened = from;
  if (auto* decided = desk()) tighten(tightened, decided->tightenings());
  auto made = compile(tightened, in, found);
  if (!made) {
    return fail(errc::invalid_argument, found.text());
  }
  if (made->alerting->sends())
    if (auto loaded = alert::load_curl(); !loaded) return fail(errc::unavailable, "alerting.receivers: nobody could be told, install Debian's libcurl4: " + loaded.error().message);
  if (auto declared = keys_->declare(std::move(made->access)); !declared) return declared;
  plan_version_ = in.version;
  health_readings_.refresh();
  if (ledger_) ledger_->set_retention(retention_of(from));
  replies_.kept.set_limits(store_limits_of(from.cache));
  replies_.questions.set_max_entries(static_cast<std::size_t>(from.cache.max_questions));
  plan_ = std::move(made->plan);
  watch_plan_ = std::move(made->watch);
  policies_ = std::move(made->policies);
  if (objectives_) objectives_->adopt(watch_plan_);
  if (drills_) drills_->limit(limits_of(from.drills));
  alerts_->adopt(std::move(made->alerting));
  business_->adopt(std::move(made->business));
  for (auto& unit : cores_) unit.handler->adopt(plan_);
  watch_provider_files();
  const auto left = std::make_shared<std::atomic<std::size_t>>(cores_.size());
  for (auto& unit : cores_)
    unit.on.post([left, told = propagation_, began = time_.mono(), &time = time_] { if (--*left == 0) *told = (time.mono() - began).count(); });
  for (const auto& model : plan_->models)
    if (!model->to.verify && model->to.tls) log::warn("certificate_not_checked", {{"model", model->name.view()}, {"address", model->address}});
  return {};
}

telemetry::otlp_exporter* instance::make_exporter() {
  const auto& from = settings_.telemetry;
  if (from.otlp_endpoint.empty()) return nullptr;
  const auto base = net::parse_base_url(from.otlp_endpoint);
  if (!base) {
    log::error("otlp_endpoint_invalid", {{"reason", base.error().message}});
    return nullptr;
  }
  telemetry::exporter_settings to;
  to.to = base->to;
  to.base_path = base->path;
  for (const auto& [name, value] : from.headers) to.headers.emplace_back(name, value);
  to.traces = from.traces;
  to.metrics = from.metrics;
  to.metrics_every = from.metrics_interval;
  to.who.attributes = {{"service.name", "andon"}, {"service.version", ANDON_VERSION}};
  exporter_ = std::make_unique<telemetry::otlp_exporter>(std::move(to), metrics_, time_);
  exporter_->start();
  return exporter_.get();
}

result<void> instance::start_core(net::core& on, std::uint16_t& port) {
  on.post([slot = on.index() + 1] { metrics::use_slot(slot); });
  auto* exporter = exporter_.get();
  core_unit unit{on, std::make_unique<net::http_client>(on, resolver_), std::make_unique<telemetry::exchange_meter>(metrics_), nullptr, nullptr};
  unit.handler = std::make_unique<gateway::gateway>(gateway::gateway_parts{
      on, *unit.providers, board_, limits_, ledger_.get(), settings_.ledger.sync == sync_mode::always, counter_, *unit.meter,
      exporter, telemetry::sampler(settings_.telemetry.sample_ratio), &replies_, settings_.ledger.encryption.has_value()});
  unit.handler->adopt(plan_);
  unit.listener = std::make_unique<net::http_server>(on, *unit.handler, limits_of(settings_.listen));
  unit.listener->use_tls(gateway_certificate_);
  const auto bound = unit.listener->listen(settings_.listen.gateway.host, port, cores_.empty() ? net::http_server::place::first : net::http_server::place::beside_own);
  if (!bound) return std::unexpected(bound.error());
  port = *bound;
  cores_.push_back(std::move(unit));
  return {};
}

result<void> instance::load_certificates() {
  gateway_tls_.emplace("listen.gateway_tls", settings_.listen.gateway_tls, settings_.listen.http2, time_);
  admin_tls_.emplace("listen.admin_tls", settings_.listen.admin_tls, settings_.listen.http2, time_);
  auto gateway = gateway_tls_->load();
  if (!gateway) return std::unexpected(std::move(gateway.error()));
  auto admin = admin_tls_->load();
  if (!admin) return std::unexpected(std::move(admin.error()));
  gateway_certificate_ = std::move(*gateway);
  admin_certificate_ = std::move(*admin);
  return {};
}

void instance::watch_provider_files() {
  std::set<std::string> names;
  for (const auto& model : plan_->models)
    for (const auto* file : {&model->to.ca_file, &model->to.certificate_file, &model->to.key_file})
      if (!file->empty()) names.insert(*file);
  const std::lock_guard lock(certificates_);
  provider_files_.clear();
  for (const auto& name : names) provider_files_.emplace_back(name);
}

void instance::look_at_certificates(bool again) {
  const std::lock_guard lock(certificates_);
  if (!gateway_tls_ || !ready_) return;
  if (const auto fresh = gateway_tls_->look(again))
    for (auto& unit : cores_) unit.on.post([&unit, fresh] { unit.listener->use_tls(fresh); });
  if (const auto fresh = admin_tls_->look(again)) admin_core_->post([this, fresh] { admin_listener_->use_tls(fresh); });
  for (auto& file : provider_files_) again = file.look() == file_change::changed || again;
  if (!again) return;
  for (auto& unit : cores_)
    unit.on.post([&unit] {
      unit.providers->renew_trust([](const net::endpoint& to, const error& why) {
        log::error("provider_certificate_refused", {{"host", to.host}, {"meaning", "what was in force stays so"}, {"reason", why.message}});
      });
    });
}

result<void> instance::start() {
  if (auto loaded = load_certificates(); !loaded) return loaded;
  make_exporter();
  if (auto started = sims_->start(); !started) return started;
  reactor_ = std::make_unique<net::reactor>(core_count(settings_.listen.threads), time_, secure_seed());
  auto port = settings_.listen.gateway.port;
  for (std::size_t i = 0; i < reactor_->size(); ++i)
    if (auto started = start_core(reactor_->at(i), port); !started) return started;
  gateway_address_ = to_string(address{settings_.listen.gateway.host, port});
  if (auto started = start_admin(); !started) return started;
  if (auto written = write_address("gateway-address", (gateway_tls_->wanted() ? "https://" : "") + gateway_address_); !written) return written;
  if (auto written = write_address("admin-address", (admin_tls_->wanted() ? "https://" : "") + admin_address_); !written) return written;
  auto first = keys_->ensure_first_key();  // it is shown once: not before it is sure that somebody sees it
  if (!first) return std::unexpected(std::move(first.error()));
  first_key_ = std::move(*first);
  reactor_->start();
  admin_thread_ = std::thread([this] { admin_core_->run(); });
  pthread_setname_np(admin_thread_.native_handle(), "admin");
  if (spending_) spending_->start();
  alerts_->start();
  start_objectives();
  if (integrity_) integrity_->start();
  for (auto& unit : cores_) unit.handler->set_ready(true);
  ready_ = true;
  if (drills_) drills_->is_ready();
  give_back_memory();  // what reading the configuration took
  log::info("ready", {{"gateway", gateway_address_}, {"admin", admin_address_}, {"cores", cores_.size()}, {"routes", plan()->routes.size()}});
  return {};
}

result<void> instance::start_admin() {
  admin_core_ = std::make_unique<net::core>(admin_core_index, time_, secure_seed());
  admin_api_ = std::make_unique<admin::admin_api>(*admin_core_, admin_services());
  auto limits = limits_of(settings_.listen);
  limits.max_body = std::min<std::size_t>(limits.max_body, 4u << 20);
  limits.max_connections = 1'000;
  admin_listener_ = std::make_unique<net::http_server>(*admin_core_, *admin_api_, limits);
  admin_listener_->use_tls(admin_certificate_);
  const auto bound = admin_listener_->listen(settings_.listen.admin.host, settings_.listen.admin.port);
  if (!bound) return std::unexpected(bound.error());
  admin_address_ = to_string(address{settings_.listen.admin.host, *bound});
  return {};
}

admin::services instance::admin_services() {
  return {.time = time_, .metrics = metrics_, .keys = *keys_, .callers = board_, .limits = limits_, .records = ledger_.get(), .audit = audit_.get(),
          .health = health_, .plan = [this] { return plan(); }, .reload = [this](const admin::change_cause& why) { return reload(why); },
          .configuration = [this] { const std::lock_guard lock(reloading_); return mask_secrets(configuration_text_); },
          .drain = [this] { drain_asked_ = true; }, .ready = [this] { return ready_.load(); }, .started = started_,
          .version = ANDON_VERSION, .gateway_address = (gateway_tls_->wanted() ? "https://" : "http://") + gateway_address_, .host_names = settings_.listen.admin_hosts, .draining = [this] { return draining_.load(); },
          .objectives = [this] { return objectives_ ? objectives_->current() : nullptr; }, .alerts = alerts_.get(), .business = business_.get(), .needs_restart = [this] { return needs_restart(); }, .policies = policy_services(), .times = &console_times_,
          .verified = [this](const std::string& damage) { if (integrity_) integrity_->found(time_.wall(), damage); }, .drills = drills_.get()};
}

result<void> instance::write_address(const char* file, const std::string& address) const {
  const auto path = std::filesystem::path(options_.data) / file;
  const auto fresh = path.string() + ".new";
  {
    std::ofstream out(fresh, std::ios::trunc);
    if (!(out << address << '\n') || !out.flush()) return fail(errc::io_error, "cannot write " + path.string());
  }
  std::error_code failed;
  std::filesystem::rename(fresh, path, failed);
  if (failed) return fail(errc::io_error, "cannot write " + path.string() + ": " + failed.message());
  return {};
}

result<void> instance::reload(const admin::change_cause& why) {
  look_at_certificates(true);
  const std::lock_guard lock(reloading_);
  diagnostics found(options_.config.empty() ? "embedded defaults" : options_.config);
  const auto fresh = load_settings(options_.config, engines_, found);
  if (found.empty() && instead_ && why.override_reason.empty() && plan_hash(fresh.text) == instead_->against) {
    log::info("file_not_in_force", {{"plan", instead_->plan}, {"meaning", "the file is the one that was rolled back; it takes force again when it is edited"}});
    return adopt(plan_settings_, found);
  }
  std::int64_t by = 0;
  result<void> done;
  if (found.empty()) {
    const auto may = frozen_part(fresh.text, fresh.values) == kept_part_ ? result<std::int64_t>{0} : may_change(why, "the configuration");
    if (!may) {
      if (may.error().code == errc::plan_frozen) refused_hash_ = plan_hash(fresh.text), reloads_frozen_.add();
      log::error("reload_frozen", {{"meaning", "the configuration before it stays in force"}, {"reason", may.error().message}});
      return std::unexpected(may.error());
    }
    by = *may;
    done = adopt(fresh.values, found);
  }
  if (by != 0) note_decisions(desk()->carried_out(by, done ? "the configuration is in force" : "the configuration was refused: " + done.error().message.substr(0, 500)));
  if (!found.empty() || !done) {
    const auto all = done ? found.text() : done.error().message;
    reloads_refused_.add();
    refused_fault_ = all.substr(0, std::min<std::size_t>(all.find('\n'), 300));
    log::error("reload_refused", {{"meaning", "the configuration before it stays in force"}, {"reason", all}});
    return fail(errc::invalid_argument, all);
  }
  for (const auto& name : restart_needed(started_text_, fresh.text)) log::warn("needs_restart", {{"setting", name}, {"meaning", "changed in the file; takes effect at the next start"}});
  in_force(fresh);
  refused_hash_.clear();
  refused_fault_.clear();
  if (instead_ && desk() != nullptr) {
    note_decisions(desk()->store().file_in_force());
    (void)desk()->end(instead_->decision, why.who, "the file is in force again", true);  // a person's roll-back is over since it was made
  }
  instead_.reset();
  note_plan(fresh, why.who);
  reloads_.add();
  log::info("reloaded", {{"plan", plan_number()}, {"routes", plan_->routes.size()}});
  return {};
}

/// After a reload that somebody asked for, the file's new date says nothing new.
bool instance::is_in_force(const std::string& file) {
  const std::lock_guard lock(reloading_);
  diagnostics found(file);
  const auto there = load_settings(file, engines_, found);
  if (!found.empty() || instead_ || !refused_hash_.empty() || there.text != configuration_text_) return false;
  refused_fault_.clear();
  return true;
}

std::vector<std::string> instance::needs_restart() {
  const std::lock_guard lock(reloading_);
  return restart_needed(started_text_, configuration_text_);
}

result<void> instance::reload_because(std::string_view cause) {
  if (cause == "file" && is_in_force(options_.config)) return {};
  ledger::audit_entry act{.began = time_.wall(), .key = {}, .role = std::string(cause), .action = "reload", .target = "configuration"};
  (void)audit_->begin(act);
  const auto before = plan_number();
  const auto done = reload({.who = std::string(cause), .override_reason = {}});
  act.took = time_.wall() - act.began;
  act.before = fmt::format(R"({{"plan":{}}})", before);
  act.after = fmt::format(R"({{"plan":{}}})", plan_number());
  act.status = static_cast<std::uint16_t>(done ? 200 : kind_of(done.error().code).http_status);
  if (!done) act.reason = done.error().message.substr(0, 500);
  (void)audit_->end(act);
  return done;
}

void instance::tick() {
  look_at_certificates(false);
  if (ready_) own_alerts_->look(time_.wall(), {objectives_ ? objectives_->problem() : std::string{}, decisions_problem(), file_apart(), integrity_ ? integrity_->damage() : std::string{}, clerk_->problem()});
  if (ready_ && objectives_)
    if (const auto watch = objectives_->current()) objective_alerts_->look([&watch] { return watch->firing(); }, time_.wall());
  if (ready_) look_at_policies();
  if (time_.mono() - last_upkeep_ < between_upkeeps) return;
  last_upkeep_ = time_.mono();
  give_back_memory();
  if (ready_) clerk_->look();
  if (const auto flushed = keys_->flush_last_used(); !flushed) log::warn("last_used_not_saved", {{"reason", flushed.error().message}});
}

void instance::drain() {
  log::info("draining", {{"seconds", std::chrono::duration<double>(settings_.listen.drain_timeout).count()}});
  draining_ = true;
  ready_ = false;
  for (auto& unit : cores_) {
    unit.handler->set_ready(false);
    unit.handler->set_draining(true);
  }
  const auto until = deadline::after(time_.mono(), settings_.listen.drain_timeout);
  while (limits_.open_tickets() > 0 && !until.passed(time_.mono())) std::this_thread::sleep_for(10ms);  // the port answers 503 meanwhile
  std::vector<std::promise<void>> ended(cores_.size());
  for (std::size_t i = 0; i < cores_.size(); ++i)
    cores_[i].on.post([this, i, until, &ended] { cores_[i].on.spawn(drain_core(cores_[i], until, ended[i])); });
  for (auto& one : ended) one.get_future().wait();
  end_threads();
  if (exporter_) exporter_->stop(2s);
  if (drills_) drills_->end_threads();
  if (integrity_) integrity_->stop();
  if (spending_) spending_->stop();
  if (objectives_) objectives_->stop();
  alerts_->stop();
  tick();
  if (const auto flushed = keys_->flush_last_used(); !flushed) log::warn("last_used_not_saved", {{"reason", flushed.error().message}});
  if (ledger_)
    if (const auto stopped = ledger_->stop(); !stopped) log::error("ledger_not_flushed", {{"reason", stopped.error().message}});
  log::info("stopped", {});
}

void instance::end_threads() {
  if (admin_thread_.joinable()) {
    admin_api_->stop();
    run_on(*admin_core_, [this](std::promise<void>& done) { admin_listener_->stop(); done.set_value(); });
    admin_core_->request_stop();
    admin_thread_.join();
  }
  if (reactor_) {
    reactor_->request_stop();
    if (!reactor_->join(5s)) log::warn("cores_did_not_end", {});
  }
  for (auto& unit : cores_) unit.providers.reset();  // before the gateways that its connections' waiters refer to
}

std::filesystem::path instance::admin_token_file() const { return std::filesystem::path(options_.data) / "admin-token"; }

std::string instance::greeting(reader to) const {
  const auto in_force = plan();
  const std::string gateway = (gateway_tls_->wanted() ? "https://" : "http://") + gateway_address_;
  const bool with_token = to == reader::person || admin_token_made_;
  std::string out = "\nAndon is ready.\n  gateway  " + gateway + "/v1\n  admin    " + (admin_tls_->wanted() ? "https://" : "http://") + admin_address_ + "/";
  out += with_token ? "#token=" + std::string(admin_token_.reveal()) + "\n" : "   (the token is in " + admin_token_file().string() + ")\n";
  if (first_key_) {
    const std::string key(first_key_->text.reveal());
    const auto chats = std::ranges::find_if(in_force->routes, [](const auto& one) { return one->name.view().find("embed") == std::string_view::npos; });
    const auto model = in_force->find("sim") != nullptr ? std::string("sim") : (chats != in_force->routes.end() ? *chats : in_force->routes.front())->name.str();
    out += "  key      " + key + "   (shown once; more with: andon key create --project default --name NAME)\n\nTry it:\n  curl " + gateway +
           "/v1/chat/completions -H 'Authorization: Bearer " + key + "' -H 'Content-Type: application/json' \\\n    -d '{\"model\":\"" + model +
           "\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}'\n  andon ledger search hello" + (options_.data == serve_options{}.data ? std::string{} : " --data " + options_.data) + "\n";
  }
  return out + "\n";
}

}  // namespace andon::app
