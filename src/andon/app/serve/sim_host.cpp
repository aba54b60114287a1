#include "andon/app/serve/sim_host.hpp"

#include <fmt/format.h>
#include <pthread.h>

#include <future>
#include <system_error>

namespace andon::app {
namespace {

constexpr std::size_t sim_core = 1000;  // its index is only a name

result<sim::script> read_script(const std::string& file) {
  if (file.empty()) return sim::script{};
  return sim::load_script(file);
}

}  // namespace

sim::engine make_engine(sim::script script, const llm::token_counter& counter) {
  return sim::engine(std::move(script), [&counter](std::string_view model, std::string_view text) {
    return static_cast<std::uint64_t>(counter.count(llm::token_profile_of(model), text).value());
  });
}

sim_host::sim_host(const clock& time, const llm::token_counter& counter) : on_(sim_core, time, secure_seed()), counter_(counter) {}

sim_host::~sim_host() {
  if (thread_.joinable()) {
    on_.post([this] {
      for (auto& [name, server] : servers_) server->stop();
      on_.request_stop();
    });
    thread_.join();
  }
}

result<net::endpoint> sim_host::add(const std::string& provider, const std::string& script_file) {
  const auto key = provider + '\n' + script_file;
  auto found = servers_.find(key);
  if (found == servers_.end()) {
    auto script = read_script(script_file);
    if (!script) return std::unexpected(std::move(script.error()));
    auto server = std::make_unique<sim::sim_server>(on_, make_engine(std::move(*script), counter_));
    result<void> listening;
    if (!thread_.joinable()) {
      listening = server->listen();
    } else {
      std::promise<result<void>> done;
      on_.post([&] { done.set_value(server->listen()); });
      listening = done.get_future().get();
    }
    if (!listening) return std::unexpected(std::move(listening.error()));
    found = servers_.emplace(key, std::move(server)).first;
    if (auto running = run_where_needed(); !running) return std::unexpected(std::move(running.error()));
  }
  return net::endpoint{.host = "127.0.0.1", .port = found->second->port()};
}

result<void> sim_host::start() {
  started_ = true;
  return run_where_needed();
}

result<void> sim_host::run_where_needed() {
  if (!started_ || servers_.empty() || thread_.joinable()) return {};
  try {
    thread_ = std::thread([this] { on_.run(); });
  } catch (const std::system_error& failed) {
    return fail(errc::unavailable, fmt::format("the simulated provider cannot run: the system gives no thread ({})", failed.what()));
  }
  pthread_setname_np(thread_.native_handle(), "sim");
  return {};
}

}  // namespace andon::app
