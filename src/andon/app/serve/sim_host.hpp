#pragma once
// The built-in simulated providers: one loopback listener each, on a thread of their own, so that the gateway treats
// them like any other provider.
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "andon/base/clock.hpp"
#include "andon/llm/tokens.hpp"
#include "andon/net/core.hpp"
#include "andon/net/http_client.hpp"
#include "andon/sim/sim_server.hpp"

namespace andon::app {

/// Life cycle: add() providers (before or after start), start(), destroy. Its thread begins with the first provider. One
/// thread at a time.
class sim_host {
public:
  sim_host(const clock& time, const llm::token_counter& counter);
  ~sim_host();
  sim_host(const sim_host&) = delete;
  sim_host& operator=(const sim_host&) = delete;

  /// A provider's listener, made when it is new. A script that cannot be read is an error naming it.
  result<net::endpoint> add(const std::string& provider, const std::string& script_file);
  result<void> start();

private:
  result<void> run_where_needed();

  net::core on_;
  const llm::token_counter& counter_;
  std::map<std::string, std::unique_ptr<sim::sim_server>> servers_;
  bool started_ = false;
  std::thread thread_;
};

/// The engine's token count: the same vocabularies the gateway counts with.
sim::engine make_engine(sim::script script, const llm::token_counter& counter);

}  // namespace andon::app
