#include "andon/gateway/gateway.hpp"

#include <algorithm>
#include <array>
#include <exception>

#include "andon/base/log.hpp"
#include "andon/gateway/embedding_batch.hpp"
#include "andon/gateway/expected_series.hpp"
#include "andon/gateway/feedback.hpp"
#include "andon/gateway/path.hpp"
#include "andon/gateway/server_refusals.hpp"
#include "andon/gateway/stages.hpp"

namespace andon::gateway {
namespace {

constexpr std::size_t max_spare = 256;
constexpr nanoseconds patience_for_end = std::chrono::seconds{1};
constexpr nanoseconds between_looks_for_space = std::chrono::milliseconds{100};
constexpr std::size_t records_a_look = 64;
constexpr net::header json_type{"content-type", "application/json"};
constexpr net::header text_type{"content-type", "text/plain; charset=utf-8"};

net::task<void> answer(net::incoming_call& call, int status, net::header type, std::string_view body) {
  const std::array lines{type};
  (void)co_await call.respond(status, lines, body);
}

/// Paths of the gateway's own, which answer GET and HEAD to anyone.
constexpr std::array<std::string_view, 6> own_paths{"/", "/healthz", "/readyz", "/health/readiness", "/health/liveliness", "/health/liveness"};
constexpr std::string_view takes_get = "GET, HEAD, OPTIONS";
constexpr std::string_view takes_post = "POST, OPTIONS";
constexpr std::string_view takes_any = "GET, HEAD, POST, OPTIONS";

bool is_get(std::string_view method) { return method == "GET" || method == "HEAD"; }

bool fits(std::string_view method, std::string_view wanted) { return method == wanted || (method == "HEAD" && wanted == "GET"); }

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
      late_records_(parts.on.timers(), net::deadline_timer::member<&gateway::write_unwritten>(), this),
      callers_(parts.callers),
      batches_(std::make_unique<batcher>(*this)) {
  if (parts.on.index() == 0) prober_.emplace(parts.on, parts.providers);
}

gateway::~gateway() = default;

void gateway::adopt(plan_ptr next) {
  parts_.on.post([this, next = std::move(next)]() mutable {
    plan_ = std::move(next);
    load_.configure(plan_->limits.shed);
    expect_series(parts_.meter, *plan_);
    if (prober_) prober_->adopt(plan_);
  });
}

bool gateway::has_time_for(route::priority rank) {
  if (load_.wants_sample(now())) {
    parts_.on.post([this, posted = now()] {
      if (!load_.sampled(now() - posted, now())) return;
      const double lag = std::chrono::duration<double>(load_.lag()).count();
      if (load_.level() == 0) log::info("shedding_ended", {{"core", parts_.on.index()}, {"lag_s", lag}});
      else log::warn("shedding", {{"core", parts_.on.index()}, {"level", load_.level()}, {"lag_s", lag}});
    });
  }
  return load_.takes(rank);
}

bool gateway::may_complain() {
  if (complained_ != mono_time{} && now() - complained_ < std::chrono::seconds{1}) return false;
  complained_ = now();
  return true;
}

void gateway::write_later() {
  if (!late_records_.armed()) late_records_.arm(deadline::after(now(), between_looks_for_space));
}

void gateway::write_unwritten() {
  if (unwritten_.waiting() == 0) return;
  write_later();
  try {
    unwritten_.write(*journal_, records_a_look);
  } catch (const std::exception& fault) {  // no memory: they wait on
    if (may_complain()) log::error("records_wait", {{"count", unwritten_.waiting()}, {"reason", fault.what()}});
  }
  if (unwritten_.waiting() == 0) late_records_.disarm();
}

net::task<void> gateway::stop() {
  late_records_.disarm();
  if (prober_) co_await prober_->stop();
  co_await work_.close_and_wait();
  if (journal_ == nullptr || unwritten_.waiting() == 0) co_return;
  unwritten_.write(*journal_, record_backlog::max_waiting);
  if (const auto lost = unwritten_.waiting(); lost > 0) {
    parts_.meter.unrecorded(lost);
    log::error("records_lost", {{"count", lost}, {"reason", "there is still no space for them"}});
  }
}

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

net::refusal_answer gateway::describe(const error& why) {
  const auto id = failing_ ? *failing_ : request_id::make(wall(), parts_.on.random());
  failing_.reset();
  return answer_of(why, id);
}

net::task<void> gateway::handle(net::incoming_call& call) {
  const auto method = call.method();
  auto asked = llm::openai::match_path(call.path());
  if (asked && fits(method, asked->method)) return serve(call, std::move(*asked));
  const bool feedback = is_feedback_path(call.path());
  if (feedback && method == "POST") return serve(call, {}, errand::feedback);
  const bool own = std::ranges::find(own_paths, call.path()) != own_paths.end();
  if (own && is_get(method)) return answer_health(call, call.path());
  std::string_view allow;
  if (asked) allow = asked->method == "POST" ? takes_post : takes_get;
  else if (feedback) allow = takes_post;
  else if (own) allow = takes_get;
  else if (call.path() == "*") allow = takes_any;
  const auto what = allow.empty() ? errand::unknown_path : method == "OPTIONS" ? errand::options : errand::wrong_method;
  return serve(call, asked ? std::move(*asked) : llm::openai::endpoint_match{}, what, allow);
}

net::task<void> gateway::serve(net::incoming_call& call, llm::openai::endpoint_match asked, errand what, std::string_view allow) {
  auto x = take();
  const auto arrived = wall();
  x->begin(call, plan_, request_id::make(arrived, parts_.on.random()), now(), arrived);
  x->asked = std::move(asked);
  x->account.op = static_cast<ledger::operation>(x->asked.op);
  x->what = what;
  x->allow = allow;
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
    failing_ = x->account.id;
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
  return answer(call, 200, text_type, "Andon gateway. Set your client's base URL to this address followed by /v1.\n");
}

}  // namespace andon::gateway
