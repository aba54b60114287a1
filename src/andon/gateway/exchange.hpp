#pragma once
// One request in flight, with everything known of it so far. It belongs to one core and one coroutine, goes through the
// stages of path.cpp, and ends as its Record.
//
// Life cycle: taken from the core's pool (so that strings keep their capacity), begun with a call, recycled after close.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "andon/access/admission.hpp"
#include "andon/gateway/given_time.hpp"
#include "andon/gateway/plan.hpp"
#include "andon/gateway/recall.hpp"
#include "andon/gateway/reply_headers.hpp"
#include "andon/gateway/running_attempt.hpp"
#include "andon/ledger/record.hpp"
#include "andon/llm/dialect/openai_paths.hpp"
#include "andon/llm/request.hpp"
#include "andon/net/http_client.hpp"
#include "andon/net/http_server.hpp"
#include "andon/net/core.hpp"
#include "andon/telemetry/trace_context.hpp"

namespace andon::gateway {

/// As the Record has it.
inline ledger::http_version noted(net::spoken_http spoken) {
  switch (spoken) {
    case net::spoken_http::http_1_0: return ledger::http_version::http_1_0;
    case net::spoken_http::http_1_1: return ledger::http_version::http_1_1;
    case net::spoken_http::http_2: return ledger::http_version::http_2;
  }
  return ledger::http_version::none;
}

/// What the request line asks for: a call that this gateway serves, or what it only answers.
enum class errand : std::uint8_t { call, feedback, options, wrong_method, unknown_path };

class embedding_batch;

class exchange {
public:
  // what came
  net::incoming_call* call = nullptr;
  plan_ptr under;                              ///< the Plan of this exchange
  llm::openai::endpoint_match asked;
  errand what = errand::call;
  std::string_view allow;                      ///< methods of the path, where they are to be told
  std::string_view body;                       ///< as received; lives in the connection until the answer is finished
  llm::request_facts facts;
  access::caller who;                          ///< also of a key that may not be used: its refusals have Records too
  std::vector<std::string> tags;
  std::optional<nanoseconds> client_limit;     ///< the client's own time limit
  route::priority rank = route::priority::normal;       ///< where calls have to wait
  std::optional<route::priority> asked_rank;            ///< by the client; counts where its key may ask
  telemetry::trace_id trace{};
  telemetry::span_id span{}, parent{};
  bool sampled = false;
  std::string_view trace_state;                ///< lives in the request's head

  // what was decided
  const served_route* route = nullptr;
  const served_route* at = nullptr;            ///< whose targets are asked: the route's own, or a fallback's
  tokens input_estimate, output_estimate;
  access::ticket held;
  access::byte_pool::share body_share;         ///< of the memory that all bodies may take
  std::optional<access::refusal> refused;
  bool opened = false;
  bool streaming = false;                      ///< in the gauge of open streams
  bool litellm = false;                        ///< the client speaks LiteLLM's headers
  bool counted = false;                        ///< in the gauge of calls in flight

  // what is going on
  running_attempt first;                       ///< the attempt under way …
  std::unique_ptr<running_attempt> beside;     ///< … and a hedge, where one was asked beside it
  running_attempt* running = &first;           ///< the one that the client waits for
  bool gone = false;                           ///< the client left
  bool plain_attempt = false;                  ///< one of its attempts went over the network in the clear
  bool answered = false;                       ///< a head, or a whole answer, has been given to the connection
  bool billed = false;                         ///< account.use says what a provider consumed for it
  std::vector<telemetry::span_id> attempt_spans;
  std::uint32_t retries = 0, failovers = 0;
  std::optional<nanoseconds> retry_after;      ///< of the last failure, for the client
  std::string upstream_error_body;             ///< a provider's own refusal, to be passed on as it is
  std::string upstream_error_type;
  llm::failure_class provider_said = llm::failure_class::none;   ///< what the last attempt's provider reported, by whatever means
  std::string service_tier;                    ///< that the provider says served it; empty: it does not say
  std::string response_id;                     ///< the provider's, where a span will tell of it
  int upstream_error_status = 0;
  llm::usage failed_use;                       ///< what attempts that did not serve the client consumed, estimated
  nano_usd failed_cost;
  nano_usd covered_cost;                       ///< what has been added to the reservation for it; ahead of it while a hedge runs
  bool failed_unpriced = false;
  llm::usage delivered_use;                    ///< what earlier providers consumed for parts of the stream that the client has got
  const served_model* failed_model = nullptr;  ///< the last of those attempts' model
  net::wait_point pause;                       ///< where the exchange waits between two attempts

  embedding_batch* joins = nullptr;            ///< it is the joined call of this batch: no client's, without a Record
  recall_state recalled;                       ///< its dealings with the cache

  // what it becomes
  ledger::record account;
  bool closed = false;
  bool priced = false;
  reply_headers headers;

  /// Starts the clock of the next stage and books the time of the one before.
  void enter(ledger::stage next, mono_time now);
  [[nodiscard]] mono_time arrived() const { return arrived_; }
  /// What the caller said that it would wait, for in_time().
  [[nodiscard]] given_time given() const { return {.total = {}, .by_caller = client_limit, .arrived = arrived_}; }

  /// Forgets what an attempt left behind that another one shall follow.
  void forget_attempt();
  void begin(net::incoming_call& from, plan_ptr in_force, request_id id, mono_time now, wall_time wall);
  void recycle();

private:
  mono_time arrived_{};
  mono_time stage_began_{};
  ledger::stage at_ = ledger::stage::receive;
};

}  // namespace andon::gateway
