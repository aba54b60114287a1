#pragma once
// The admin API on a real port over a data directory of its own, and a plain blocking client.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <filesystem>
#include <future>
#include <string>
#include <thread>

#include "andon/admin/admin_api.hpp"
#include "andon/base/testing_place.hpp"
#include "andon/business/desk.hpp"
#include "andon/slo/decision_store.hpp"
#include "andon/drill/drill_desk.hpp"
#include "andon/slo/watch.hpp"

namespace andon::admin::testing_support {

struct answer {
  int status = 0;
  std::string head, body;
  [[nodiscard]] boost::json::value json() const { return boost::json::parse(body); }
};

/// Everything that the API acts on, and the listener.
class admin_server {
public:
  admin_server()
      : directory(andon::testing_support::testing_place() / ("andon-admin-" + std::to_string(::getpid()))), core_(0, time, 1) {
    std::filesystem::remove_all(directory);
    auto opened = access::keyring::open(directory, time, board);
    EXPECT_TRUE(opened) << (opened ? "" : opened.error().message);
    keys = std::move(*opened);
    EXPECT_TRUE(keys->declare({.projects = {}, .keys = {}, .routes = {{.name = route_name{"chat"}, .limits = {}, .budgets = {}}}, .limits = {}, .budgets = {}}));
    admin_token = std::string(keys->ensure_admin_token()->reveal());
    for (const auto* name : {"shop", "bank"}) EXPECT_TRUE(keys->create_project({.id = project_id{name}}));
    auto book = ledger::ledger::open({.data = directory, .cores = 1, .segment_bytes = 1u << 20}, time, nullptr);
    EXPECT_TRUE(book) << (book ? "" : book.error().message);
    records = std::move(*book);
    auto acts = ledger::audit_log::open({.data = directory}, time, &registry);
    EXPECT_TRUE(acts) << (acts ? "" : acts.error().message);
    audit = std::move(*acts);
    watch_calls();
    auto made = alert::board::open({.file = directory / "alerts.db", .send = [](const alert::outgoing&) -> result<alert::answer> { return alert::answer{403, "no", {}}; }, .seed = 3}, time, &registry);
    EXPECT_TRUE(made) << (made ? "" : made.error().message);
    alerts = std::move(*made);
    alerts->adopt(alert_settings());
    business.adopt(agreed());
    decisions = std::move(*slo::decision_store::open(directory / "decisions.db", time.wall()));
    open_drills();
    api = std::make_unique<admin_api>(core_, parts());
    listener_ = std::make_unique<net::http_server>(core_, *api, net::server_limits{});
    port = listener_->listen("127.0.0.1", 0).value_or(std::uint16_t{0});
    thread_ = std::thread([this] { core_.run(); });
  }
  ~admin_server() {
    api->stop();
    std::promise<void> stopped;
    core_.post([&] { listener_->stop(); stopped.set_value(); });
    stopped.get_future().wait();
    core_.request_stop();
    thread_.join();
    listener_.reset();
    api.reset();
    drills.reset();
    alerts.reset();
    audit.reset();
    EXPECT_TRUE(records->stop());
    records.reset();
    keys.reset();
    std::filesystem::remove_all(directory);
  }

  /// A key of this role; its text.
  std::string key(access::role role, const std::string& project, const std::string& name) {
    access::key_settings settings;
    settings.name = name;
    settings.project = project_id{project};
    settings.role = role;
    auto made = keys->create_key(settings);
    EXPECT_TRUE(made) << (made ? "" : made.error().message);
    last_id = made->id;
    return std::string(made->text.reveal());
  }

  void record_call(const std::string& project, const std::string& prompt, bool wait = true, key_id by = {}, errc outcome = errc::none) {
    ledger::record r;
    r.started = time.wall();
    r.id = request_id::make(r.started, random_);
    r.project = project_id{project};
    r.key = std::move(by);
    r.op = ledger::operation::chat;
    r.method = "POST";
    r.outcome = outcome;
    r.http_status = static_cast<std::uint16_t>(outcome == errc::none ? 200 : kind_of(outcome).http_status);
    r.request_body = R"({"messages":[{"role":"user","content":")" + prompt + R"("}]})";
    r.request_bytes = r.request_body.size();
    EXPECT_TRUE(records->writer(0).append_record(r));
    if (wait) EXPECT_TRUE(records->wait_indexed(std::chrono::seconds{5}));
    last_record = r.id;
  }

  /// Reads a little of the reply and goes.
  void ask_and_leave(const std::string& target, const std::string& token) const {
    const int fd = connect_socket();
    const auto text = "GET " + target + " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + token + "\r\n\r\n";
    EXPECT_EQ(::send(fd, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
    char first = 0;
    EXPECT_EQ(::recv(fd, &first, 1, 0), 1);
    ::close(fd);
  }
  /// Answered so far, whatever the status.
  std::uint64_t api_calls(const std::string& pattern) {
    return registry.make_counter({"andon.admin.requests", "Requests to the admin API.", "{request}"}, {{"path", pattern}, {"status", "200"}}).value();
  }
  [[nodiscard]] int connect_socket() const {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);  // NOLINT
    return fd;
  }

  answer ask(const std::string& method, const std::string& target, const std::string& token = {}, const std::string& body = {}, const std::string& more = {}) const {
    std::string text = method + " " + target + " HTTP/1.1\r\n";
    if (more.find("Host:") == std::string::npos) text += "Host: 127.0.0.1:" + std::to_string(port) + "\r\n";
    if (!token.empty()) text += "Authorization: Bearer " + token + "\r\n";
    text += more + "Connection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    const int fd = connect_socket();
    EXPECT_EQ(::send(fd, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
    std::string got;
    char buffer[16384];
    for (ssize_t n = 0; (n = ::recv(fd, buffer, sizeof buffer, 0)) > 0;) got.append(buffer, static_cast<std::size_t>(n));
    ::close(fd);
    answer out;
    const auto end = got.find("\r\n\r\n");
    out.head = got.substr(0, end);
    out.body = end == std::string::npos ? "" : got.substr(end + 4);
    out.status = out.head.size() > 12 ? std::stoi(out.head.substr(9, 3)) : 0;
    return out;
  }

  std::filesystem::path directory;
  system_clock time;
  metrics::registry registry;
  access::directory_board board;
  access::admission limits{nullptr};
  route::health_table health;
  std::unique_ptr<access::keyring> keys;
  std::unique_ptr<ledger::ledger> records;
  std::unique_ptr<ledger::audit_log> audit;
  std::shared_ptr<slo::watch> watch;
  std::string past_month = business::month::of(std::chrono::floor<std::chrono::seconds>(time.wall()), time_zone::utc()).previous().text();
  /// One agreement, `acme`, over `calls`; one KPI, `churn`, from outside.
  business::desk business{directory, time, {[this] { return watch; }, [](auto, auto) { return std::vector<business::told_incident>{}; }}};
  std::unique_ptr<alert::board> alerts;  ///< without threads; its one receiver, `ops`, refuses everything
  std::unique_ptr<slo::decision_store> decisions;
  std::atomic<bool> frozen{false};
  std::unique_ptr<drill::drill_desk> drills;  ///< knows one target, `m0`, which nobody calls
  std::unique_ptr<admin_api> api;
  std::string admin_token;
  key_id last_id;
  request_id last_record;
  std::uint16_t port = 0;
  std::atomic<int> drains{0}, reloads{0};
  std::string reload_problem;  ///< what the next reloads complain of
  std::atomic<bool> is_draining{false};

private:
  services parts() {
    return {.time = time, .metrics = registry, .keys = *keys, .callers = board, .limits = limits, .records = records.get(), .audit = audit.get(), .health = health,
            .plan = [this] { return plan_; }, .reload = [this](const change_cause&) -> result<void> { ++reloads; if (!reload_problem.empty()) return fail(errc::invalid_argument, reload_problem); return {}; },
            .configuration = [] { return std::string("providers: {}\n"); }, .drain = [this] { ++drains; }, .ready = [] { return true; },
            .started = time.wall(), .version = "test", .gateway_address = "http://127.0.0.1:4000", .host_names = {}, .draining = [this] { return is_draining.load(); },
            .objectives = [this] { return watch; }, .alerts = alerts.get(), .business = &business, .policies = policies(), .drills = drills.get()};
  }
  /// Decisions without a policy behind them.
  policy_desk policies() {
    return {.store = [this] { return decisions.get(); },
            .may_change = [this](const change_cause& why, const std::string& what) -> result<void> {
              if (frozen && why.override_reason.empty()) return fail(errc::plan_frozen, what + " may not change");
              return {};
            },
            .end = [this](std::int64_t number, const std::string& who, const std::string& why) -> result<slo::decision> {
              EXPECT_TRUE(decisions->end(number, slo::instant{}, who, why, true));
              return **decisions->find(number);
            },
            .roll_back = [](std::int64_t plan, const std::string& who, const std::string& why) -> result<slo::decision> {
              slo::decision out{.number = 99, .at = {}, .who = who, .act = slo::decision_act::roll_back, .subject = "plan " + std::to_string(plan)};
              out.reason = why;
              return out;
            },
            .standing = [this] { return plan_standing{.entry = 1, .apart = {}, .frozen = frozen ? "dec_1" : ""}; },
            .difference = [](const std::string& before, const std::string& after) -> result<std::string> { return before + " " + after; },
            .text = [](const slo::plan_entry& of) { return of.text; }};
  }
  void open_drills() {
    auto desk = drill::drill_desk::open({.time = time, .records = records.get(), .audit = audit.get(), .data = directory, .configuration = {}, .master_key = {}, .version = "test", .supervisor = {},
                                         .find = [this](std::string_view name) { return name == "m0" ? drill::places{.models = {{"m0", health.of(model_name{"m0"})}}, .routes = {}, .without_other = {}} : drill::places{}; },
                                         .paging = [] { return std::vector<std::string>{}; }, .told = {}, .die = [] {}},
                                        {});
    EXPECT_TRUE(desk) << (desk ? "" : desk.error().message);
    drills = std::move(*desk);
  }
  /// One objective, `calls`, and one indicator, `latency`, over all calls.
  void watch_calls() {
    auto opened = slo::watch::open(directory / "watch.db", time, [](std::span<const slo::signal>) {});
    EXPECT_TRUE(opened) << (opened ? "" : opened.error().message);
    watch = std::move(*opened);
    slo::watch_plan plan;
    plan.objectives.push_back({.name = "calls"});
    plan.objectives[0].target = 0.99;
    plan.objectives[0].over = slo::rolling(std::chrono::days{30});
    plan.objectives[0].members.emplace_back().target = 0.99;
    plan.objectives[0].burns = slo::derive_burns(std::chrono::days{30}, true, true);
    plan.indicators.push_back({.name = "latency", .description = {}, .what = {}, .by = {}});
    plan.indicators[0].what.what = slo::measure::latency;
    EXPECT_TRUE(watch->adopt(std::move(plan)));
    watch->past_is_complete();
    EXPECT_TRUE(watch->tick(std::chrono::floor<std::chrono::seconds>(time.wall()), {}));
  }
  static alert::configuration_ptr alert_settings() {
    auto out = std::make_shared<alert::configuration>();
    alert::way hook;
    hook.kind = alert::find_kind("webhook");
    hook.url = secret("http://127.0.0.1:1/");
    out->external_url = "https://andon.example";
    out->receivers["ops"].ways = {hook};
    out->route.receiver = "ops";
    out->people["alice"] = {"Alice", {"ops"}};
    out->schedules["primary"] = {.zone = "UTC", .offsets = std::make_shared<const time_zone>(time_zone::utc()), .rotations = {{.people = {"alice"}}}};
    out->escalations["primary"].steps.push_back({.notify = {alert::escalation_target::parse("schedule:primary")}});
    out->intake_keys.push_back(secret("routing-key-of-tests"));
    out->bounds.per_minute = 10'000;
    out->seal();
    return out;
  }
  static business::business_plan agreed() {
    business::business_plan out;
    out.agreements.push_back({.name = "acme", .counterparty = "Acme <Ltd>"});
    out.agreements[0].promises.push_back({"calls", business::share_of_percent(99), {{business::share_of_percent(99), business::share_of_percent(10)}}});
    out.kpis.push_back({.name = "churn", .how = slo::comparison::lte, .target = 3, .over = slo::rolling(std::chrono::days{30}), .objectives = {"calls"}});
    return out;
  }
  /// One route, `chat`, with one model, `m0`, that nobody calls.
  gateway::plan_ptr make_plan() {
    auto made = std::make_shared<gateway::plan>(llm::price_table::make({}).value());
    auto model = std::make_unique<gateway::served_model>();
    model->name = model_name{"m0"};
    model->provider = provider_name{"sim"};
    auto served = std::make_unique<gateway::served_route>();
    served->name = route_name{"chat"};
    served->models.push_back(model.get());
    route::route_settings rules;
    rules.name = served->name;
    rules.targets.push_back({.model = model->name, .provider = model->provider});
    served->choice = route::route::compile(rules, health).value();
    made->models.push_back(std::move(model));
    made->routes.push_back(std::move(served));
    made->seal();
    return made;
  }
  gateway::plan_ptr plan_ = make_plan();
  random_source random_{5};
  net::core core_;
  std::unique_ptr<net::http_server> listener_;
  std::thread thread_;
};

}  // namespace andon::admin::testing_support
