#include <array>

#include "andon/base/hashing.hpp"
#include "andon/base/log.hpp"
#include "andon/gateway/attempt.hpp"
#include "andon/gateway/dispatch_queue.hpp"
#include "andon/gateway/hedge.hpp"
#include "andon/gateway/stages.hpp"
#include "andon/gateway/stream_relay.hpp"
#include "andon/gateway/told_error.hpp"
#include "andon/llm/dialect/openai_error.hpp"
#include "andon/llm/dialect/openai_request.hpp"
#include "andon/route/attempt_plan.hpp"
#include "andon/route/fault.hpp"

namespace andon::gateway {
namespace {

constexpr std::array<std::string_view, 3> operation_names{"chat", "completion", "embeddings"};
}  // namespace

std::string own_idempotency_key(const access::directory& in, std::string_view project, std::string_view given) {
  std::string text = "idempotency-key\n";
  text.append(project).append("\n").append(given);
  return to_hex(in.keyed_hash(text));
}

route::facts facts_of(const exchange& x) {
  return {.project = x.account.project.view(), .user = x.account.user, .model = x.facts.model,
          .operation = operation_names[static_cast<std::size_t>(x.asked.op)], .tags = x.tags, .metadata = x.account.metadata,
          .request_size = byte_count{static_cast<std::int64_t>(x.body.size())}, .input = x.input_estimate,
          .output = x.output_estimate, .stream = x.facts.stream};
}

std::string_view body_for(const exchange& x, running_attempt& run) {
  const auto& model = *run.model;
  llm::json_edit edit(x.body);
  llm::openai::set_model(edit, x.facts, model.upstream_model);
  if (llm::openai::lacks_usage_option(x.facts) && model.flavour->departs.stream_usage_option) llm::openai::ask_for_usage(edit, x.facts);
  llm::openai::remove_gateway_fields(edit, x.facts);
  return edit.apply(run.body);
}

namespace {

/// The attempt's headers, and its span.
void headers_for(gateway& on, exchange& x, running_attempt& run) {
  const auto& model = *run.model;
  run.traceparent = telemetry::make_traceparent(x.trace, x.attempt_spans.emplace_back(telemetry::make_span_id(on.parts().on.random())), x.sampled);
  auto& lines = run.lines;
  lines.clear();
  lines.push_back({"content-type", "application/json"});
  lines.push_back({"accept", x.facts.stream ? "text/event-stream" : "application/json"});
  lines.push_back({"accept-encoding", "identity"});
  lines.push_back({"user-agent", "andon"});
  for (const auto& line : model.headers) lines.push_back({line.name, line.value});
  if (model.keys) lines.push_back({model.credentials[run.key].name, model.credentials[run.key].value});
  lines.push_back({"traceparent", {run.traceparent.data(), run.traceparent.size()}});
  if (!x.trace_state.empty()) lines.push_back({"tracestate", x.trace_state});
  for (const auto& line : x.call->headers()) {
    if (net::header_equals(line.name, "openai-beta")) lines.push_back({"openai-beta", line.value});
    if (!net::header_equals(line.name, "idempotency-key") || !x.who) continue;
    run.idempotency_key = own_idempotency_key(*x.who.in(), x.account.project.view(), line.value);
    lines.push_back({"idempotency-key", run.idempotency_key});
  }
}

}  // namespace

std::optional<error> staged_refusal(gateway& on, const served_model& model) {
  if (!model.health || !model.health->staged().on(on.now()) || !model.health->staged().refuses(on.now(), on.parts().on.random().unit())) return std::nullopt;
  return error{errc::connect_failed, std::string(route::outage::message)};
}

void note_head(exchange& x, running_attempt& run, const net::client_reply& reply) {
  auto& attempt = x.account.attempts[run.number];
  attempt.http_status = static_cast<std::uint16_t>(reply.status());
  attempt.http = noted(reply.spoken());
  attempt.connect = reply.timings().connect;
  attempt.first_byte = reply.timings().first_byte;
  attempt.upstream_request_id = net::find_header(reply.headers(), "x-request-id").substr(0, 128);
  run.waited += reply.timings().first_byte;
  if (reply.timings().renewed) attempt.error_message = "The kept-alive connection had been closed; the request was sent again on a new one.";
}

bool is_event_stream(const net::client_reply& reply) {
  constexpr std::string_view wanted = "text/event-stream";
  return net::header_equals(net::find_header(reply.headers(), "content-type").substr(0, wanted.size()), wanted);
}

void begin_attempt(gateway& on, exchange& x, running_attempt& run, const served_model& model) {
  run.model = &model;
  run.number = x.account.attempts.size();
  run.stop.emplace();
  run.waited = run.answer = {};
  run.reply.reset();
  run.stream.reset();
  auto& attempt = x.account.attempts.emplace_back();
  attempt.model = model.name;
  attempt.provider = model.provider;
  attempt.upstream_model = model.upstream_model;
  attempt.address = model.address;
  attempt.started = on.now() - x.arrived();
  x.plain_attempt |= !model.encrypted;
  if (model.keys) {
    run.key = model.keys->pick(on.now());
    attempt.key = static_cast<std::uint16_t>(run.key + 1);
  }
  headers_for(on, x, run);
}

mono_time finish_attempt(gateway& on, exchange& x, const running_attempt& run, const relayed& how) {
  const auto now = on.now();
  auto& attempt = x.account.attempts[run.number];
  attempt.total = now - x.arrived() - attempt.started;
  attempt.outcome = how.why.code;
  if (!how.why.message.empty()) attempt.error_message = how.why.message;
  return now;
}

route::attempt_failure failure_of(const exchange& x, const relayed& how) {
  return {.code = how.why.code, .http_status = how.status, .retry_after = how.retry_after.value_or(nanoseconds{}),
          .bytes_to_client = x.answered ? 1u : 0u, .used = x.billed ? x.account.use.total() : tokens{}};
}

void note_failure(gateway& on, const served_model& model, const relayed& how, const route::failure_effect& effect) {
  if (effect.cooled) {
    on.parts().meter.cooled(model.name.view());
    log::warn(effect.kind == route::fault_kind::rate_limit ? "target_limited" : "breaker_open", {{"model", model.name.view()}, {"reason", kind_of(how.why.code).name}, {"detail", how.why.message}, {"seconds", std::chrono::duration<double>(effect.cooldown).count()}});
  }
  if (effect.alarm) {
    on.parts().meter.credential_refused(model.name.view());
    if (const auto turn = on.credential_complaints().due(model.provider.view(), on.now()))
      log::error("provider_refuses_credential", {{"model", model.name.view()}, {"provider", model.provider.view()}, {"status", how.status}, {"calls", turn->times}});
  }
}

namespace {

void review_peers(gateway& on, const served_route& at, mono_time now) {
  const auto out = at.choice->review(now, on.parts().on.random().unit());
  if (!out) return;
  const auto model = at.models[out->index]->name.view();
  on.parts().meter.cooled(model);
  log::warn("target_ejected", {{"model", model}, {"by", route::to_string(out->by)}, {"seconds", std::chrono::duration<double>(out->span).count()}});
}

/// Whether a provider worked for an attempt that failed: it had the request, and did not refuse it.
bool consumed(const relayed& how) {
  switch (how.why.code) {
    case errc::client_gone:
    case errc::cancelled:
    case errc::first_token_timeout:
    case errc::idle_timeout:
    case errc::total_timeout: return true;
    case errc::upstream_reset:
    case errc::upstream_bad_reply:
    case errc::stream_truncated: return how.status >= 200 && how.status < 300;
    default: return false;
  }
}

}  // namespace

void book_failed(exchange& x, const served_model& model, const relayed& how) {
  if (!x.billed && !consumed(how)) return;
  auto use = x.billed ? x.account.use : llm::usage{};
  if (!x.billed) use.input = x.input_estimate;
  const auto price = cost_of(x, model, use);
  x.failed_unpriced |= price.state == llm::price_state::unknown;
  x.failed_cost += price.amount;
  x.failed_use.input += use.input;
  x.failed_use.output += use.output;
  x.failed_use.estimated = true;
  x.failed_model = &model;
  x.billed = false;
}

net::task<relayed> open(gateway& on, exchange& x, running_attempt& run, route::attempt_deadlines limits) {
  const net::outgoing_request request{"POST", run.model->paths[static_cast<std::size_t>(x.asked.op)], run.lines, body_for(x, run)};
  const net::call_deadlines until{limits.connect, limits.first_byte, limits.total, limits.idle};
  const auto began = on.now();
  if (auto refused = staged_refusal(on, *run.model)) co_return relayed{relayed::end::failed_before_client, std::move(*refused), 0, std::nullopt};
  auto reply = co_await on.parts().providers.send(run.model->to, request, until, &*run.stop);
  if (!reply) {
    run.waited += on.now() - began;
    co_return relayed{relayed::end::failed_before_client, in_time(std::move(reply.error()), {.total = limits.total}, on.now()), 0, std::nullopt};
  }
  run.reply = std::move(*reply);
  note_head(x, run, *run.reply);
  const int status = run.reply->status();
  if (status < 200 || status >= 300) co_return co_await take_refusal(on, x, run);
  relayed how;
  if (x.facts.stream && status == 200 && is_event_stream(*run.reply)) how = co_await open_stream(on, x, run);
  run.answer = run.waited;
  co_return how;
}

namespace {

/// One try of one target, with another one beside it where the route hedges and the target is silent.
net::task<relayed> try_target(gateway& on, exchange& x, const served_route& at, route::attempt_plan& attempts, const route::attempt_step& step) {
  x.forget_attempt();
  begin_attempt(on, x, x.first, *at.models[step.index]);
  x.running = &x.first;
  const auto now = on.now();
  if (!attempts.hedged())
    if (const auto after = at.choice->hedge_after(step.index, attempts.about(), now)) return open_hedged(on, x, at, attempts, *after);
  return open(on, x, x.first, attempts.deadlines(now));
}

net::task<relayed> relay(gateway& on, exchange& x, running_attempt& run) { return run.stream ? relay_stream(on, x, run) : relay_whole(on, x, run); }

route::attempt_success success_of(const exchange& x, const running_attempt& run) {
  const auto& attempt = x.account.attempts[run.number];
  return {attempt.total, x.account.stream ? attempt.first_byte : nanoseconds{}, x.account.use.total(), run.answer};
}

error no_target(const exchange& x) {
  return {errc::no_target, "No target of '" + x.facts.model + "' can serve this call at present: all are paused after failures or excluded by their conditions."};
}

/// Makes the key of a failed attempt rest where the fault is the key's. True when another one is ready.
bool rest_key(gateway& on, exchange& x, const running_attempt& run, relayed& how) {
  const auto& model = *run.model;
  if (!model.keys || x.answered) return false;
  const bool limited = how.why.code == errc::upstream_rate_limited;
  if (!limited && how.status != 401 && how.status != 402) return false;
  const auto span = limited ? how.retry_after.value_or(route::key_ring::rest_of_limited) : route::key_ring::rest_of_refused;
  const bool other = model.keys->rest(run.key, span, on.now());
  log::warn(limited ? "provider_key_limited" : "provider_key_refused", {{"provider", model.provider.view()}, {"key", run.key + 1}, {"seconds", std::chrono::duration<double>(span).count()}});
  if (!other) how.retry_after = std::max(model.keys->rests_until(model.keys->pick(on.now())) - on.now(), nanoseconds{1});
  return other;
}

}  // namespace

void blame_target(gateway& on, exchange& x, const served_route& at, route::attempt_plan& attempts, const running_attempt& run, relayed& how) {
  const bool other_key = rest_key(on, x, run, how);
  auto failure = failure_of(x, how);
  failure.other_key = other_key;
  const auto now = on.now();
  note_failure(on, *run.model, how, attempts.failed(failure, now));
  review_peers(on, at, now);
}

namespace {

net::task<void> wait_before_retry(gateway& on, exchange& x, mono_time until) {
  net::deadline_timer alarm(on.parts().on.timers(), [](void* at) { static_cast<net::wait_point*>(at)->wake(); }, &x.pause);
  alarm.arm(deadline{until});
  while (!x.gone && on.now() < until) co_await x.pause.wait();
}

class gone_watch {
public:
  explicit gone_watch(exchange& x) : call_(x.call) {
    call_->on_client_gone([&x] {
      x.gone = true;
      if (x.pause.waiting()) return x.pause.wake();
      if (x.running->stop) x.running->stop->cancel();  // may end the exchange: nothing of it may be touched after this
    });
  }
  ~gone_watch() { call_->on_client_gone(nullptr); }
  gone_watch(const gone_watch&) = delete;
  gone_watch& operator=(const gone_watch&) = delete;

private:
  net::incoming_call* call_;
};

/// The next attempt, with a place for it, when its time has come.
net::task<result<route::attempt_step>> next_step(gateway& on, exchange& x, const served_route& at, route::attempt_plan& attempts, error& last) {
  auto now = on.now();
  auto step = attempts.next(now);
  if (!step && step.error() == route::stop_reason::all_busy) {
    auto waited = co_await wait_for_place(on, x, at, attempts);
    if (!waited) co_return std::unexpected(std::move(waited.error()));
    step = *waited;
    now = on.now();
  }
  if (!step) co_return std::unexpected(std::move(last));
  if (step->not_before > now) co_await wait_before_retry(on, x, step->not_before);
  if (x.gone) co_return fail(errc::client_gone, "The client left while the call waited to be tried.");
  if (step->probe && !step->while_cooling) log::info("breaker_half_open", {{"model", at.models[step->index]->name.view()}, {"meaning", "this call is the probe"}});
  co_return *step;
}

/// The attempts on the targets of one route.
net::task<result<void>> dispatch_on(gateway& on, exchange& x, const served_route& at, deadline& until) {
  route::attempt_plan attempts(*at.choice, facts_of(x), x.arrived(), on.parts().on.random());
  attempts.limit(until);
  until = attempts.total();
  const auto retries = x.retries, failovers = x.failovers;
  error last = no_target(x);
  for (;;) {
    auto step = co_await next_step(on, x, at, attempts, last);
    if (!step) co_return std::unexpected(std::move(step.error()));
    if (auto covered = cover_failed(on, x); !covered) co_return std::unexpected(std::move(covered.error()));
    x.retries = retries + attempts.retries();
    x.failovers = failovers + attempts.failovers();
    auto how = co_await try_target(on, x, at, attempts, *step);
    auto& run = *x.running;
    const auto& model = *run.model;
    x.account.upstream += run.waited;
    if (how.how == relayed::end::done) how = co_await relay(on, x, run);
    run.reply.reset();
    if (x.gone && how.how != relayed::end::done) how.why = {errc::client_gone, "The client closed the connection; the call to the provider was cancelled."};
    const auto ended = finish_attempt(on, x, run, how);
    if (how.how == relayed::end::done) {
      if (attempts.succeeded(success_of(x, run), ended)) log::info("breaker_closed", {{"model", model.name.view()}});
      review_peers(on, at, ended);
      co_return result<void>{};
    }
    if (x.gone) {
      attempts.abandoned(x.billed ? x.account.use.total() : tokens{}, on.now());
    } else {
      blame_target(on, x, at, attempts, run, how);
    }
    if (how.how == relayed::end::failed_after_client) {  // the target's place is free and its fault is told: the rest may take long
      co_await go_on_elsewhere(on, x, model, *run.stream, attempts.total(), std::move(how.why));
      co_return result<void>{};
    }
    book_failed(x, model, how);
    if (x.gone) co_return std::unexpected(std::move(how.why));
    last = told_error(model, std::move(how.why));
    x.retry_after = how.retry_after;
  }
}

const served_route* fallback_for(const exchange& x, const served_route& at, const error& why) {
  if (x.account.attempts.empty()) return nullptr;
  const auto kind = fallback_of(why.code, x.provider_said);
  return kind ? at.fallbacks[static_cast<std::size_t>(*kind)] : nullptr;
}

}  // namespace

net::task<result<void>> dispatch(gateway& on, exchange& x) {
  const gone_watch watch(x);
  auto until = x.client_limit ? deadline::after(x.arrived(), *x.client_limit) : deadline{};
  const auto* at = x.route;
  for (;;) {
    x.at = at;
    auto done = co_await dispatch_on(on, x, *at, until);
    if (done || x.gone || until.passed(on.now())) co_return done;
    const auto* next = fallback_for(x, *at, done.error());
    if (next == nullptr) co_return done;
    log::info("route_fallback", {{"from", at->name.view()}, {"to", next->name.view()}, {"reason", kind_of(done.error().code).name}});
    at = next;
    ++x.failovers;
  }
}

}  // namespace andon::gateway
