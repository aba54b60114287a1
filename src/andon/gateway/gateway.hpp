#pragma once
// One core's gateway: the request handler of its listener. It owns nothing shared: the Plan arrives by message, limits
// are atomics, the journal is a stream per core.
//
// Life cycle: construct on the wiring thread with what outlives it, adopt() a Plan, then hand it to a listener. Drain:
// set_draining(), drain the listener, then stop() waits for work that outlives its call (connections being read to their
// end). Threads: everything runs on the core's thread, but adopt() and set_draining(), which any thread may call.
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "andon/access/admission.hpp"
#include "andon/access/directory.hpp"
#include "andon/cache/shared_replies.hpp"
#include "andon/gateway/complaint_pace.hpp"
#include "andon/gateway/exchange.hpp"
#include "andon/gateway/plan.hpp"
#include "andon/gateway/health_prober.hpp"
#include "andon/gateway/record_backlog.hpp"
#include "andon/ledger/ledger.hpp"
#include "andon/llm/tokens.hpp"
#include "andon/net/core.hpp"
#include "andon/net/gate.hpp"
#include "andon/net/http_client.hpp"
#include "andon/net/http_server.hpp"
#include "andon/net/timers.hpp"
#include "andon/telemetry/exchange_meter.hpp"
#include "andon/telemetry/otlp_exporter.hpp"
#include "andon/telemetry/trace_context.hpp"

namespace andon::gateway {

struct gateway_parts {
  net::core& on;
  net::http_client& providers;
  const access::directory_board& callers;
  access::admission& limits;
  ledger::ledger* records;               ///< null: switched off
  bool wait_durable = false;             ///< a reply ends only when its Record is on the disk
  const llm::token_counter& counter;
  telemetry::exchange_meter& meter;      ///< this core's
  telemetry::otlp_exporter* exporter;    ///< null: no export
  telemetry::sampler sampling;
  cache::shared_replies* replies = nullptr;  ///< of all cores; null: no route has a cache
  bool stored_encrypted = false;         ///< the ledger encrypts what it holds
};

class batcher;

class gateway final : public net::request_handler {
public:
  explicit gateway(gateway_parts parts);
  ~gateway() override;
  gateway(const gateway&) = delete;
  gateway& operator=(const gateway&) = delete;

  void adopt(plan_ptr next);
  void set_draining(bool on) { draining_.store(on, std::memory_order_relaxed); }
  void set_ready(bool on) { ready_.store(on, std::memory_order_relaxed); }
  net::task<void> stop();

  net::task<void> handle(net::incoming_call& call) override;
  void refused(const error& why, std::string_view peer_address) override;
  net::refusal_answer describe(const error& why) override;

  // For the stages.
  [[nodiscard]] mono_time now() const { return parts_.on.now(); }
  [[nodiscard]] wall_time wall() const { return parts_.on.time().wall(); }
  [[nodiscard]] const gateway_parts& parts() const { return parts_; }
  [[nodiscard]] access::directory_reader& callers() { return callers_; }
  [[nodiscard]] std::string& text_scratch() { return text_scratch_; }
  [[nodiscard]] bool draining() const { return draining_.load(std::memory_order_relaxed); }
  [[nodiscard]] ledger::journal_writer* journal() { return journal_; }
  [[nodiscard]] record_backlog& unwritten() { return unwritten_; }
  /// Sees to it that what waits in unwritten() is written once there is space, also when no further call comes.
  void write_later();
  /// The exchange's spans will be exported: what only they tell is worth copying.
  [[nodiscard]] bool tells_spans(const exchange& x) const { return x.sampled && parts_.exporter != nullptr; }
  /// True at most once a second: for log lines that a fault would otherwise write for every call.
  [[nodiscard]] bool may_complain();
  /// Of providers that refuse the gateway's credential, by provider.
  [[nodiscard]] complaint_pace& credential_complaints() { return credential_complaints_; }
  [[nodiscard]] complaint_pace& caller_complaints() { return caller_complaints_; }
  /// Whether the core has time for another call of this priority.
  [[nodiscard]] bool has_time_for(route::priority rank);
  [[nodiscard]] const load_guard& load() const { return load_; }
  [[nodiscard]] batcher& batches() { return *batches_; }
  /// For work that outlives the call it began with; empty once the gateway stops.
  [[nodiscard]] net::gate::pass enter() { return work_.enter(); }
  /// Reads a provider's connection to its end in the background, so that it can be used again.
  void finish_reading(net::reply_ptr reply);

private:
  net::task<void> serve(net::incoming_call& call, llm::openai::endpoint_match asked, errand what = errand::call, std::string_view allow = {});
  net::task<void> answer_health(net::incoming_call& call, std::string_view path);
  void write_unwritten();
  std::unique_ptr<exchange> take();
  void give_back(std::unique_ptr<exchange> done);

  gateway_parts parts_;
  ledger::journal_writer* journal_ = nullptr;
  record_backlog unwritten_;
  net::deadline_timer late_records_;     ///< armed while any wait
  access::directory_reader callers_;
  plan_ptr plan_;
  std::string text_scratch_;
  mono_time complained_{};
  complaint_pace credential_complaints_;
  complaint_pace caller_complaints_;
  std::optional<request_id> failing_;   ///< of the exchange that the server answers for, because it threw
  std::vector<std::unique_ptr<exchange>> spare_;
  load_guard load_;
  std::unique_ptr<batcher> batches_;
  net::gate work_;
  std::optional<health_prober> prober_;  ///< on the first core only
  std::atomic<bool> draining_{false};
  std::atomic<bool> ready_{false};
};

}  // namespace andon::gateway
