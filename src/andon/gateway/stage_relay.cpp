#include "andon/gateway/stages.hpp"
#include "andon/llm/dialect/openai_error.hpp"
#include "andon/llm/dialect/openai_reply.hpp"
#include "andon/route/fault.hpp"

namespace andon::gateway {
namespace {

constexpr std::size_t max_error_body = 1u << 20;

relayed failed(error why, int status, std::optional<nanoseconds> retry_after = {}) {
  return {relayed::end::failed_before_client, std::move(why), status, retry_after};
}

std::optional<nanoseconds> retry_after_of(gateway& on, const net::client_reply& reply) {
  const auto lines = reply.headers();
  return llm::openai::parse_retry_after(net::find_header(lines, "retry-after"), net::find_header(lines, "retry-after-ms"), on.wall());
}

std::string describe(const served_model& model, const llm::provider_error& what) {
  std::string out = "The provider " + model.provider.str() + " refused the call";
  if (what.status > 0) out += " with status " + std::to_string(what.status);
  return out + (what.message.empty() ? "." : ": " + what.message);
}

/// What a provider's refusal means, and whether the client gets it as it is.
relayed refused(gateway& on, exchange& x, const served_model& model, const net::client_reply& reply, std::string_view body) {
  const auto what = llm::openai::parse_error(reply.status(), body);
  auto code = route::error_of_status(reply.status());  // 409 and 425 are tried again, as official clients do
  if (code == errc::upstream_rejected) code = llm::openai::to_errc(what.what);
  const bool credential = route::fault_of(route::error_of_status(reply.status()), reply.status()) == route::fault_kind::credential;
  if (credential) code = errc::upstream_error;
  x.upstream_error_body.clear();
  x.provider_said = what.what;
  if (credential) {
    return failed({code, "The provider " + model.provider.str() + " refused the gateway's own credential or model name (status " +
                             std::to_string(reply.status()) + "); an operator has to mend the configuration."}, reply.status());
  }
  if (body.starts_with('{')) {
    x.upstream_error_body = body;
    x.upstream_error_type = "application/json";
    x.upstream_error_status = reply.status();
  }
  return failed({code, describe(model, what)}, reply.status(), retry_after_of(on, reply));
}

/// A redirection and the like: no model's answer, and no fault of the caller.
error not_an_answer(const served_model& model, int status) {
  return {errc::upstream_bad_reply, "The provider " + model.provider.str() + " answered with status " + std::to_string(status) + ", which is no answer to a call; check its url."};
}

void take_usage(gateway& on, exchange& x, const served_model& model, const llm::reply_facts& facts, std::string_view body) {
  auto& account = x.account;
  x.billed = true;
  if (facts.use) {
    account.use = *facts.use;
    return;
  }
  account.use = {};
  account.use.input = x.input_estimate;
  if (x.asked.op != llm::operation::embeddings) account.use.output = on.parts().counter.count(*model.profile, body);
  account.use.estimated = true;
}

}  // namespace

net::task<void> answer_not_durable(exchange& x) {
  const error why{errc::ledger_unavailable, "The reply could not be recorded durably: the disk refuses writes. The call was made; do not repeat it blindly."};
  const auto body = llm::openai::error_body(why);
  (void)co_await x.call->respond(kind_of(why.code).http_status, x.headers.lines(), body);
}

net::task<relayed> take_refusal(gateway& on, exchange& x, running_attempt& run) {
  const auto began = on.now();
  const auto body = co_await run.reply->read_all(max_error_body);
  run.waited += on.now() - began;
  if (!body) co_return failed(body.error(), run.reply->status());
  const int status = run.reply->status();
  auto how = status < 400 ? failed(not_an_answer(*run.model, status), status) : refused(on, x, *run.model, *run.reply, *body);
  run.reply.reset();
  co_return how;
}

net::task<relayed> relay_whole(gateway& on, exchange& x, running_attempt& run) {
  auto& reply = run.reply;
  const auto& model = *run.model;
  const auto began = on.now();
  const int status = reply->status();
  const auto body = co_await reply->read_all(x.under->limits.max_reply);
  const auto received = on.now();
  x.account.upstream += received - began;
  if (!body) co_return failed(body.error(), status);

  x.enter(ledger::stage::encode, received);
  auto facts = llm::openai::scan_reply(x.asked.op, *body);
  if (!facts) {
    reply->abort();  // where the body ends may be wrong too: the rest of it must not be taken for the next call's reply
    co_return failed(std::move(facts.error()), status);
  }
  if (facts->failure) x.provider_said = facts->failure->what;
  if (facts->failure) co_return failed({llm::openai::to_errc(facts->failure->what), describe(model, *facts->failure)}, status);

  auto& account = x.account;
  take_usage(on, x, model, *facts, *body);
  if (x.facts.stream && x.asked.op != llm::operation::embeddings)
    co_return failed({errc::upstream_bad_reply, "The provider " + model.provider.str() + " answered a streamed call with a reply that is no stream."}, status);
  account.upstream_model = std::move(facts->model);
  x.service_tier = facts->service_tier.substr(0, max_service_tier);
  if (on.tells_spans(x)) x.response_id = facts->id.substr(0, max_response_id);
  account.finish_reason = std::move(facts->finish_reason);
  account.http_status = static_cast<std::uint16_t>(status);
  account.content_type = "application/json";
  account.reply_body = *body;
  account.reply_bytes = body->size();
  account.delivered = ledger::delivery::complete;
  x.upstream_error_body.clear();
  price_exchange(x, &model);
  add_common_headers(on, x, &model);
  const auto type = net::find_header(reply->headers(), "content-type");
  x.headers.add_copy("content-type", type.empty() ? "application/json" : type);
  reply.reset();  // the connection is free before the client is served
  x.answered = true;
  if (!co_await close(on, x, &model)) {
    co_await answer_not_durable(x);
    co_return relayed{};
  }
  const auto written = co_await x.call->respond(status, x.headers.lines(), account.reply_body);
  (void)written;  // a client that left after the last byte was ready has nothing to be told; the Record stands
  co_return relayed{};
}

}  // namespace andon::gateway
