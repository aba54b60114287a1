#pragma once
// What one core runs: its client, its gateway, its listener.
#include <memory>

#include "andon/gateway/gateway.hpp"
#include "andon/net/http_server.hpp"

namespace andon::app {

struct core_unit {
  net::core& on;
  std::unique_ptr<net::http_client> providers;
  std::unique_ptr<telemetry::exchange_meter> meter;
  std::unique_ptr<gateway::gateway> handler;
  std::unique_ptr<net::http_server> listener;
};

}  // namespace andon::app
