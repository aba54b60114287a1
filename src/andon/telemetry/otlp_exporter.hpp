#pragma once
// Sends spans and metrics to an OTLP/HTTP collector, from a thread and a loop of its own.
//
// Life cycle: construct with settings (nothing happens), start(), … stop() (one last batch of each within `patience`,
// then the thread ends). Threads: offer() from any thread: it never blocks and never waits for the collector. What does
// not fit the queue is dropped and counted in andon_telemetry_dropped_spans_total; memory is bounded by queue_exchanges
// exchanges plus one batch.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "andon/base/clock.hpp"
#include "andon/base/metrics.hpp"
#include "andon/base/secret.hpp"
#include "andon/net/http_client.hpp"
#include "andon/telemetry/delivery.hpp"
#include "andon/telemetry/exchange_facts.hpp"
#include "andon/telemetry/otlp_encode.hpp"

namespace andon::telemetry {

struct exporter_settings {
  net::endpoint to;                                ///< the collector; usual port 4318
  std::string base_path;                           ///< before /v1/traces and /v1/metrics, without a final slash
  std::vector<std::pair<std::string, secret>> headers;   ///< such as authorization
  bool traces = true;
  bool metrics = true;
  bool gzip = true;
  nanoseconds metrics_every = std::chrono::seconds{30};
  nanoseconds timeout = std::chrono::seconds{10};  ///< of one POST
  std::size_t queue_exchanges = 4'096;
  delivery_settings delivery;
  resource who;
};

class otlp_exporter {
public:
  otlp_exporter(exporter_settings, metrics::registry&, const clock&);
  ~otlp_exporter();  ///< as stop(0)
  otlp_exporter(const otlp_exporter&) = delete;  // its thread refers to it
  otlp_exporter& operator=(const otlp_exporter&) = delete;

  void start();
  void stop(nanoseconds patience);

  /// Takes a finished exchange; does nothing unless it is sampled. False: dropped because the queue is full.
  bool offer(const exchange_facts&);

private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace andon::telemetry
