#include "andon/gateway/gateway.hpp"

#include <array>
#include <exception>

#include "andon/base/log.hpp"
#include "andon/gateway/path.hpp"
#include "andon/gateway/stages.hpp"
#include "andon/llm/dialect/openai_error.hpp"

namespace andon::gateway {
namespace {

constexpr std::size_t max_spare = 256;
constexpr nanoseconds patience_for_end = std::chrono::seconds{1};
constexpr net::header json_type{"content-type", "application/json"};
constexpr net::header text_type{"content-type", "text/plain; charset=utf-8"};

net::task<void> answer(net::incoming_call& call, int status, net::header type, std::string_view body) {
  const std::array lines{type};
  (void)co_await call.respond(status, lines, body);
}

net::task<void> refuse(net::incoming_call& call, error why, std::string_view allow) {
  const auto body = llm::openai::error_body(why);
  std::vector<net::header> lines{json_type, {"x-should-retry", "false"}};
  if (!allow.empty()) lines.push_back({"allow", allow});
  (void)co_await call.respond(kind_of(why.code).http_status, lines, body);
}

/// Aborts a reply that takes too long to end.
void abort_reply(void* reply) { static_cast<net::client_reply*>(reply)->abort(); }

net::task<void> read_to_end(net::core& on, net::reply_ptr reply, net::gate::pass inside) {
  net::deadline_timer limit(on.timers(), &abort_reply, reply.get());
  limit.arm(deadline::after(on.now(), patience_for_end));
  for (;;) {
    const auto part = co_await reply->read_some();
    if (!part || part->empty()) break;
  }
  limit.disarm();
}

}  // namespace

gateway::gateway(gateway_parts parts)
    : parts_(parts),
      journal_(parts.records ? &parts.records->writer(static_cast<std::uint16_t>(parts.on.index())) : nullptr),
      callers_(parts.callers) {}

gateway::~gateway() = default;

void gateway::adopt(plan_ptr next) {
  parts_.on.post([this, next = std::move(next)]() mutable { plan_ = std::move(next); });
}

bool gateway::may_complain() {
  if (complained_ != mono_time{} && now() - complained_ < std::chrono::seconds{1}) return false;
  complained_ = now();
  return true;
}

net::task<void> gateway::stop() { co_await work_.close_and_wait(); }

void gateway::finish_reading(net::reply_ptr reply) {
  if (auto inside = work_.enter()) parts_.on.spawn(read_to_end(parts_.on, std::move(reply), std::move(inside)));
}

std::unique_ptr<exchange> gateway::take() {
  if (spare_.empty()) return std::make_unique<exchange>();
  auto one = std::move(spare_.back());
  spare_.pop_back();
  return one;
}

void gateway::give_back(std::unique_ptr<exchange> done) {
  if (spare_.size() >= max_spare) return;
  done->recycle();
  spare_.push_back(std::move(done));
}

void gateway::refused(const error& why, std::string_view peer_address) {
  parts_.meter.rejected(why.code);
  log::debug("request_refused", {{"reason", kind_of(why.code).name}, {"peer", peer_address}});
}

net::task<void> gateway::handle(net::incoming_call& call) {
  auto asked = llm::openai::match_path(call.path());
  if (!asked) return answer_health(call, call.path());
  return serve(call, std::move(*asked));
}

net::task<void> gateway::serve(net::incoming_call& call, llm::openai::endpoint_match asked) {
  if (call.method() != asked.method) {
    parts_.meter.rejected(errc::method_not_allowed);
    co_await refuse(call, {errc::method_not_allowed, "This path takes " + std::string(asked.method) + "."}, asked.method);
    co_return;
  }
  auto x = take();
  x->begin(call, plan_, request_id::make(wall(), parts_.on.random()), now(), wall());
  x->asked = std::move(asked);
  std::exception_ptr fault;
  try {
    co_await run_path(*this, *x);
  } catch (...) {  // a bug, or no memory: the exchange still closes, then the connection ends with the exception
    fault = std::current_exception();
  }
  if (fault) {
    x->account.outcome = errc::internal;
    x->account.http_status = 500;
    (void)close_now(*this, *x, nullptr);
    std::rethrow_exception(fault);
  }
  give_back(std::move(x));
}

net::task<void> gateway::answer_health(net::incoming_call& call, std::string_view path) {
  const bool ready = ready_.load(std::memory_order_relaxed) && !draining();
  const std::string_view state = ready ? R"({"status":"ready"})" : draining() ? R"({"status":"draining"})" : R"({"status":"starting"})";
  if (path == "/healthz") return answer(call, 200, json_type, R"({"status":"ok"})");
  if (path == "/readyz" || path == "/health/readiness") return answer(call, ready ? 200 : 503, json_type, state);
  if (path == "/health/liveliness" || path == "/health/liveness") return answer(call, 200, json_type, "\"I'm alive!\"");
  if (path == "/") return answer(call, 200, text_type, "Andon gateway. Set your client's base URL to this address followed by /v1.\n");
  parts_.meter.rejected(errc::unknown_path);
  return refuse(call, {errc::unknown_path, "Unknown path '" + std::string(path.substr(0, 200)) + "'. Clients' base URL ends in /v1; see GET /v1/models."}, {});
}

}  // namespace andon::gateway
