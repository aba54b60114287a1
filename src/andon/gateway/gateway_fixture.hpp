#pragma once
// A whole gateway on one core in the test's process: the simulated provider behind it, a client before it, a ledger in
// a temporary directory. For tests only.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <future>
#include <thread>

#include "andon/access/budget_book.hpp"
#include "andon/access/keyring.hpp"
#include "andon/base/testing_place.hpp"
#include "andon/gateway/gateway.hpp"
#include "andon/ledger/journal_file.hpp"
#include "andon/ledger/store.hpp"
#include "andon/net/resolver.hpp"
#include "andon/net/url.hpp"
#include "andon/sim/sim_server.hpp"

namespace andon::gateway::testing {

using namespace std::chrono_literals;

struct answer {
  int status = 0;
  std::string body, request_id, retry_after, should_retry, served_by, allow, type;
  std::vector<std::pair<std::string, std::string>> headers;
  error broken{errc::none, {}};   ///< why reading it ended early
};

inline std::string header_of(const answer& from, std::string_view name) {
  for (const auto& [key, value] : from.headers)
    if (net::header_equals(key, name)) return value;
  return {};
}

struct ask {
  std::string method = "POST", path = "/v1/chat/completions", body;
  std::string key;                ///< empty: the fixture's
  std::string header_name = "authorization";
  std::vector<net::header> more;  ///< further headers
  std::size_t leave_after = 0;    ///< closes the connection after so many bytes of the body; 0: reads to the end
};

constexpr const char* nobody = "none";   ///< as ask::key: sends none

/// A file system that is full, or does not keep what is written, when told so.
class bad_disk final : public ledger::file_operations {
public:
  std::atomic<bool> full{false}, forgetful{false};
  std::atomic<bool> throws{false};   ///< on the core's thread; the journal's own meets a full disk
  result<void> allocate(int fd, std::uint64_t bytes) override {
    if (throws && !on_journal_thread()) throw std::bad_alloc{};
    if (full) return fail(errc::disk_full, "made to be full");
    return file_operations::allocate(fd, bytes);
  }
  result<void> sync(int fd) override {
    if (forgetful) return fail(errc::io_error, "made to fail");
    return file_operations::sync(fd);
  }

private:
  static bool on_journal_thread() {
    char name[16] = {};
    ::pthread_getname_np(::pthread_self(), name, sizeof name);
    return std::string_view{name} == "journal";
  }
};

struct target {
  std::string script;             ///< of its own simulated provider
  std::string upstream_model = "m";
};

struct setup {
  std::vector<target> targets{{}};
  route::strategy choose = route::strategy::priority;
  route::deadline_settings deadlines{2s, 2s, 2s, 5s};
  std::vector<access::limit_rule> limits;
  std::vector<access::budget_rule> budgets;
  std::vector<llm::price_override> prices;
  std::uint32_t attempts = 3;
  std::optional<nanoseconds> check_every{};   ///< active health checks of every target
  std::uint64_t body_memory = 256u << 20;
  std::function<void(route::route_settings&)> adjust{};  ///< the route's rules
  std::function<void(plan&, route::health_table&)> amend{};  ///< the Plan, before it is sealed
  std::uint64_t segment_bytes = 1u << 20;
  ledger::file_operations* files = nullptr;
  bool wait_durable = false;
  access::unknown_price on_unknown_price = access::unknown_price::allow;
  net::server_limits server{.max_body = 1u << 20};
  std::string provider = "sim", flavour = "custom";
  cache::route_policy cache;
  std::optional<target> embedder{};   ///< of the semantic cache
};

class running_gateway {
public:
  explicit running_gateway(setup with) : directory_(fresh_directory()) {
    open_ledger(with);
    open_keys(with);
    make_plan(with);
    handler_ = std::make_unique<gateway>(gateway_parts{on_, *providers_, board_, limits_, ledger_.get(), with.wait_durable, counter_, meter_, nullptr, telemetry::sampler(0), &replies_});
    handler_->adopt(plan_);
    handler_->set_ready(true);
    listener_ = std::make_unique<net::http_server>(on_, *handler_, with.server);
    port_ = listener_->listen("127.0.0.1", 0).value();
    thread_ = std::thread([this] { on_.run(); });
  }

  ~running_gateway() {
    std::promise<void> done;
    on_.post([&] { on_.spawn(end(done)); });
    done.get_future().wait();
    on_.request_stop();
    thread_.join();
    client_.reset();
    providers_.reset();
    listener_.reset();
    sims_.clear();
    if (ledger_) EXPECT_TRUE(ledger_->stop());
    ledger_.reset();
    std::filesystem::remove_all(directory_);
  }

  answer send(ask what) {
    if (what.key.empty()) what.key = key_;
    std::promise<answer> done;
    on_.post([&] { on_.spawn(call(what, done)); });
    return done.get_future().get();
  }
  /// All at once.
  std::vector<answer> send_all(std::vector<ask> all) {
    std::vector<std::promise<answer>> done(all.size());
    for (auto& one : all)
      if (one.key.empty()) one.key = key_;
    on_.post([&] {
      for (std::size_t i = 0; i < all.size(); ++i) on_.spawn(call(all[i], done[i]));
    });
    std::vector<answer> out;
    for (auto& one : done) out.push_back(one.get_future().get());
    return out;
  }
  [[nodiscard]] std::vector<access::budget_reading> budgets() const { return access::read_budgets(*board_.current(), time_.wall()); }
  answer chat(const std::string& model = "r", const std::string& extra = "") {
    return send({.body = R"({"model":")" + model + R"(","messages":[{"role":"user","content":"Say something nice"}])" + extra + "}"});
  }

  /// The Record of an exchange, from the ledger; waits until it is indexed.
  ledger::record record_of(const std::string& request_id) {
    const auto id = request_id::parse(request_id).value_or(andon::request_id{});
    const auto give_up = deadline::after(time_.mono(), 10s);
    while (!give_up.passed(time_.mono())) {
      (void)ledger_->wait_indexed(50ms);
      ledger::search_request q{.where = ledger::parse_filter("id:" + id.str(), time_.wall()).value()};
      q.wait.until = deadline::after(time_.mono(), 5s);
      if (auto page = ledger_->index().search(q); page && !page->rows.empty()) return ledger_->source().read(page->rows[0].at).value();
      std::this_thread::yield();
    }
    ADD_FAILURE() << "no record of " << request_id;
    return {};
  }
  /// Makes connections to a provider fail, or succeed again.
  void listening(std::size_t index, bool on) {
    std::promise<bool> done;
    on_.post([&] { done.set_value(sims_[index]->set_listening(on).has_value()); });
    EXPECT_TRUE(done.get_future().get());
  }
  [[nodiscard]] route::target_health& health(std::size_t index) { return *health_.of(model_name{"m" + std::to_string(index)}); }
  [[nodiscard]] mono_time now() const { return time_.mono(); }
  /// Waits until it holds, ten seconds at most.
  template <class Condition>
  bool becomes(const Condition& holds) {
    const auto give_up = deadline::after(time_.mono(), 10s);
    while (!holds() && !give_up.passed(time_.mono())) std::this_thread::yield();
    return holds();
  }
  [[nodiscard]] sim::sim_stats provider(std::size_t index) const { return sims_[index]->stats(); }
  [[nodiscard]] cache::shared_replies& replies() { return replies_; }
  [[nodiscard]] std::uint64_t body_bytes() { return limits_.bodies().used(); }
  [[nodiscard]] std::int64_t open_tickets() const { return limits_.open_tickets(); }
  [[nodiscard]] ledger::ledger& records() { return *ledger_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  gateway& handler() { return *handler_; }
  /// The value of a series as Prometheus sees it, `andon_x_total{a="b"}`; 0 when there is none.
  [[nodiscard]] double metric(const std::string& series) const {
    const auto text = "\n" + metrics_.render_prometheus();
    const auto at = text.find("\n" + series + " ");
    return at == std::string::npos ? 0.0 : std::stod(text.substr(at + series.size() + 2));
  }
  [[nodiscard]] std::string metrics_text() const { return metrics_.render_prometheus(); }
  /// What comes back for these bytes until the gateway closes.
  [[nodiscard]] std::string raw(std::string_view bytes) const {
    const int link = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port_);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval limit{10, 0};
    ::setsockopt(link, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    EXPECT_EQ(::connect(link, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
    if (!bytes.empty()) EXPECT_EQ(::send(link, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
    std::string all;
    char part[4096];
    for (ssize_t n = 0; (n = ::recv(link, part, sizeof part, 0)) > 0;) all.append(part, static_cast<std::size_t>(n));
    ::close(link);
    return all;
  }
  [[nodiscard]] const std::string& key() const { return key_; }
  access::keyring& keys() { return *keys_; }

private:
  static std::filesystem::path fresh_directory() {
    std::string pattern = (andon::testing_support::testing_place() / "andon-gateway-XXXXXX").string();
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    return pattern;
  }
  void open_ledger(const setup& with) {
    ledger::ledger_options options;
    options.data = directory_;
    options.segment_bytes = with.segment_bytes;
    options.files = with.files;
    options.sync_always = with.wait_durable;
    options.index_poll = 5ms;
    auto opened = ledger::ledger::open(options, time_, &metrics_);
    ASSERT_TRUE(opened) << opened.error().message;
    ledger_ = std::move(*opened);
  }
  void open_keys(const setup& with) {
    keys_ = access::keyring::open(directory_, time_, board_).value();
    access::declared_access declared;
    declared.projects.push_back({.id = project_id{"p"}, .title = {}, .limits = with.limits, .budgets = with.budgets, .on_unknown_price = with.on_unknown_price});
    declared.routes.push_back({.name = route_name{"r"}});
    declared.routes.push_back({.name = route_name{"hidden"}});
    const auto done = keys_->declare(std::move(declared));
    ASSERT_TRUE(done) << done.error().message;
    access::key_settings settings;
    settings.name = "test";
    settings.project = project_id{"p"};
    settings.routes = {route_name{"r"}};
    key_ = std::string(keys_->create_key(settings).value().text.reveal());
  }
  void make_plan(const setup& with) {
    providers_ = std::make_unique<net::http_client>(on_, names_);
    client_ = std::make_unique<net::http_client>(on_, names_);
    auto made = std::make_shared<plan>(llm::price_table::make(with.prices).value());
    made->limits.default_max_output = 200;
    made->limits.max_body = with.server.max_body;
    made->limits.body_memory = with.body_memory;
    route::route_settings rules;
    rules.name = route_name{"r"};
    rules.choose = with.choose;
    rules.deadlines = with.deadlines;
    rules.retry = {.attempts = with.attempts, .max_attempts = 6, .prefer = route::retry_settings::order::other_first, .backoff_base = 1ms};
    auto served = std::make_unique<served_route>();
    served->name = rules.name;
    for (std::size_t i = 0; i < with.targets.size(); ++i) add_target(*made, *served, rules, with.targets[i], "m" + std::to_string(i), with);
    served->cache = with.cache;
    if (with.embedder) add_embedder(*made, *served, *with.embedder, with);
    if (with.adjust) with.adjust(rules);
    served->choice = route::route::compile(rules, health_).value();
    auto hidden = std::make_unique<served_route>(*served);
    hidden->name = route_name{"hidden"};
    made->routes.push_back(std::move(served));
    made->routes.push_back(std::move(hidden));
    if (with.amend) with.amend(*made, health_);
    made->seal();
    plan_ = std::move(made);
  }
  /// Like a target's model, but of no route.
  void add_embedder(plan& into, served_route& served, const target& one, const setup& with) {
    served_route aside;
    route::route_settings ignored;
    add_target(into, aside, ignored, one, "embedder", with);
    served.embedder = aside.models.front();
  }
  void add_target(plan& into, served_route& served, route::route_settings& rules, const target& one, const std::string& name, const setup& with) {
    auto script = one.script.empty() ? sim::script{} : sim::parse_script(one.script).value();
    auto& sim = sims_.emplace_back(std::make_unique<sim::sim_server>(on_, sim::engine(std::move(script))));
    ASSERT_TRUE(sim->listen());
    auto model = std::make_unique<served_model>();
    model->name = model_name{name};
    model->provider = provider_name{with.provider};
    model->upstream_model = one.upstream_model;
    model->to = {.host = "127.0.0.1", .port = sim->port()};
    model->address = net::host_port(model->to);
    model->encrypted = true;
    model->region = "here";
    model->flavour = route::find_flavour(with.flavour);
    if (with.check_every) {
      auto& check = into.checks.emplace_back(std::make_unique<health_check>());
      *check = {.to = model->to, .path = "/v1/models", .interval = *with.check_every, .timeout = 500ms, .slow_start = 1ms, .feeds = {{model->name, health_.of(model->name)}}};
    }
    model->price_provider = "sim";
    model->paths = {"/v1/chat/completions", "/v1/completions", "/v1/embeddings"};
    model->profile = &llm::token_profile_of("gpt-4o");
    rules.targets.push_back({.model = model->name, .provider = model->provider});
    served.models.push_back(model.get());
    if (served.profiles.empty()) served.profiles.push_back(model->profile);
    into.models.push_back(std::move(model));
  }

  net::task<void> call(const ask& what, std::promise<answer>& done) {
    answer out;
    const net::endpoint to{.host = "127.0.0.1", .port = port_};
    const std::string credential = what.header_name == "authorization" ? "Bearer " + what.key : what.key;
    std::vector<net::header> lines{{"content-type", "application/json"}};
    if (what.key != nobody) lines.push_back({what.header_name, credential});
    lines.insert(lines.end(), what.more.begin(), what.more.end());
    const net::outgoing_request request{what.method, what.path, lines, what.body};
    const auto until = deadline::after(on_.now(), 20s);
    const net::call_deadlines limits{until, until, until, {}};
    auto reply = co_await client_->send(to, request, limits);
    if (reply) {
      note_head(**reply, out);
      co_await read(**reply, what.leave_after, out);
    } else {
      out.broken = reply.error();
    }
    done.set_value(std::move(out));
  }
  static void note_head(const net::client_reply& reply, answer& out) {
    out.status = reply.status();
    out.request_id = net::find_header(reply.headers(), "x-andon-request-id");
    out.retry_after = net::find_header(reply.headers(), "retry-after");
    out.should_retry = net::find_header(reply.headers(), "x-should-retry");
    out.served_by = net::find_header(reply.headers(), "x-andon-model");
    out.allow = net::find_header(reply.headers(), "allow");
    out.type = net::find_header(reply.headers(), "content-type");
    for (const auto& line : reply.headers()) out.headers.emplace_back(line.name, line.value);
  }
  static net::task<void> read(net::client_reply& reply, std::size_t leave_after, answer& out) {
    for (;;) {
      const auto part = co_await reply.read_some();
      if (!part) {
        out.broken = part.error();
        co_return;
      }
      if (part->empty()) co_return;
      out.body += *part;
      if (leave_after > 0 && out.body.size() >= leave_after) {
        reply.abort();
        co_return;
      }
    }
  }
  net::task<void> end(std::promise<void>& done) {
    client_->close_idle();
    (void)co_await listener_->drain(deadline::after(on_.now(), 3s));
    co_await handler_->stop();
    providers_->close_idle();
    for (auto& sim : sims_) sim->stop();
    done.set_value();
  }

  std::filesystem::path directory_;
  system_clock time_;
  metrics::registry metrics_;
  llm::token_counter counter_;
  cache::shared_replies replies_{metrics_};
  route::health_table health_;
  net::resolver names_;
  access::directory_board board_;
  access::admission limits_{nullptr};
  std::unique_ptr<ledger::ledger> ledger_;
  std::unique_ptr<access::keyring> keys_;
  telemetry::exchange_meter meter_{metrics_};
  net::core on_{0, time_, 7};
  std::vector<std::unique_ptr<sim::sim_server>> sims_;
  std::unique_ptr<net::http_client> providers_, client_;
  plan_ptr plan_;
  std::unique_ptr<gateway> handler_;
  std::unique_ptr<net::http_server> listener_;
  std::uint16_t port_ = 0;
  std::string key_;
  std::thread thread_;
};

}  // namespace andon::gateway::testing
