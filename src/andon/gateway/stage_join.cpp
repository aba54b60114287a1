#include <algorithm>

#include "andon/gateway/attempt.hpp"
#include "andon/gateway/embedding_batch_parts.hpp"

namespace andon::gateway {
namespace {

using fate = batch_member::fate;

void put_part(std::string& out, std::string_view text) { out.append(std::to_string(text.size())).append(":").append(text); }

/// Two calls with the same key differ in nothing but their inputs, and are their project's own.
std::string key_of(const exchange& x, const llm::openai::embedding_request& asked) {
  std::string out;
  put_part(out, x.account.project.view());
  put_part(out, x.route->name.view());
  put_part(out, std::to_string(x.under->version));
  put_part(out, asked.tokens ? "tokens" : "text");
  put_part(out, x.asked.azure ? "path" : "body");
  put_part(out, asked.options);
  if (!x.route->batch.by_caller) return out;
  put_part(out, x.account.user);
  for (const auto& tag : x.tags) put_part(out, tag);
  for (const auto& [name, value] : x.account.metadata) {
    put_part(out, "=");
    put_part(out, name);
    put_part(out, value);
  }
  return out;
}

/// A member's part of the joined call: its attempts, and what those of them cost that did not serve.
void take_attempts(exchange& x, embedding_batch& batch, const batch_member& me) {
  auto& j = batch.joined();
  const auto later = j.arrived() - x.arrived();
  for (auto one : j.account.attempts) {
    one.started += later;
    one.error_message += std::string(one.error_message.empty() ? "" : " ") + "One call for " + std::to_string(batch.calls()) + " that arrived together.";
    x.account.attempts.push_back(std::move(one));
  }
  x.attempt_spans.insert(x.attempt_spans.end(), j.attempt_spans.begin(), j.attempt_spans.end());
  x.account.upstream += j.account.upstream;
  x.plain_attempt |= j.plain_attempt;
  x.retries += j.retries;
  x.failovers += j.failovers;
  x.covered_cost += me.raised;
  if (j.failed_model == nullptr) return;
  x.failed_cost += nano_usd{batch.shares(j.failed_cost.value())[me.slot]};
  x.failed_use.input += tokens{batch.shares(j.failed_use.input.value())[me.slot]};
  x.failed_use.output += tokens{batch.shares(j.failed_use.output.value())[me.slot]};
  x.failed_use.estimated = true;
  x.failed_unpriced |= j.failed_unpriced;
  x.failed_model = j.failed_model;
}

/// The provider tells one sum. Each one's part is its own count where these add up to it, else in proportion to it.
llm::usage part_of_use(embedding_batch& batch, const batch_member& me) {
  const auto& whole = batch.joined().account.use;
  llm::usage out;
  out.input = tokens{batch.shares(whole.input.value())[me.slot]};
  out.estimated = whole.estimated || batch.all_weights() != whole.input.value();
  return out;
}

net::task<void> answer_part(gateway& on, exchange& x, std::shared_ptr<embedding_batch> batch, const batch_member& me) {
  auto& j = batch->joined();
  const auto& model = *j.running->model;
  auto& account = x.account;
  x.enter(ledger::stage::encode, on.now());
  x.billed = true;
  account.use = part_of_use(*batch, me);
  account.upstream_model = j.account.upstream_model;
  x.service_tier = j.service_tier;
  account.http_status = 200;
  account.content_type = "application/json";
  account.reply_body = batch->part_of(me, account.use.input.value());
  account.reply_bytes = account.reply_body.size();
  account.delivered = ledger::delivery::complete;
  price_exchange(x, &model);
  add_common_headers(on, x, &model);
  x.headers.add_copy("content-type", batch->type().empty() ? std::string_view("application/json") : std::string_view(batch->type()));
  x.answered = true;
  if (!co_await close(on, x, &model)) {
    co_await answer_not_durable(x);
    co_return;
  }
  (void)co_await x.call->respond(200, x.headers.lines(), account.reply_body);
}

/// The joined call failed as any call of these would have: each client is told the same.
error take_failure(exchange& x, embedding_batch& batch) {
  const auto& j = batch.joined();
  x.upstream_error_body = j.upstream_error_body;
  x.upstream_error_type = j.upstream_error_type;
  x.upstream_error_status = j.upstream_error_status;
  x.retry_after = j.retry_after;
  return batch.why();
}

/// Waits until the batch has decided, within the call's own time.
net::task<std::optional<error>> wait_in(gateway& on, exchange& x, embedding_batch& batch, batch_member& me) {
  auto until = deadline::after(x.arrived(), x.route->choice->settings().deadlines.total);
  if (x.client_limit) until = until.earlier(deadline::after(x.arrived(), *x.client_limit));
  x.call->on_client_gone([&x, &me] {
    x.gone = true;
    me.turn.wake();
  });
  net::deadline_timer alarm(on.parts().on.timers(), [](void* at) { static_cast<net::wait_point*>(at)->wake(); }, &me.turn);
  alarm.arm(until);
  while (me.now == fate::waiting && !x.gone && !until.passed(on.now())) co_await me.turn.wait();
  x.call->on_client_gone(nullptr);
  batch.leave(me);
  if (me.now != fate::waiting) co_return std::nullopt;
  if (x.gone) co_return error{errc::client_gone, "The client left while its call was under way together with others."};
  co_return error{errc::total_timeout, "The call went together with others and was not answered in its time."};
}

/// What the provider did for a member that has left is its own to pay.
void book_left(exchange& x, embedding_batch& batch, const error& why) {
  if (!batch.sent() || batch.joined().running->model == nullptr) return;
  book_failed(x, *batch.joined().running->model, {relayed::end::failed_before_client, why, 0, std::nullopt});
}

}  // namespace

bool may_join(gateway& on, const exchange& x) {
  const auto& batch = x.route->batch;
  if (batch.window <= nanoseconds{} || x.asked.op != llm::operation::embeddings || x.joins != nullptr || on.draining()) return false;
  if (x.client_limit && *x.client_limit < 4 * batch.window) return false;
  if (x.facts.messages >= batch.max_inputs || x.body.size() >= batch.max_bytes) return false;
  return std::ranges::none_of(x.call->headers(), [](const net::header& line) { return net::header_equals(line.name, "idempotency-key") || net::header_equals(line.name, "openai-beta"); });
}

net::task<result<void>> dispatch_joined(gateway& on, exchange& x) {
  auto asked = llm::openai::read_embedding_request(x.facts, x.body);
  if (!asked) co_return co_await dispatch(on, x);
  const auto key = key_of(x, *asked);
  batch_member me{.x = x, .asked = std::move(*asked), .turn = {}};
  const auto& profile = *x.route->models.front()->profile;
  me.weight = std::max<std::int64_t>(1, count_request(on, x, profile).value() + static_cast<std::int64_t>(x.facts.given_tokens));
  const auto batch = on.batches().place_in(key, x, me.asked.inputs.size(), x.body.size());
  batch->join(me);
  if (auto left = co_await wait_in(on, x, *batch, me)) {
    book_left(x, *batch, *left);
    co_return std::unexpected(std::move(*left));
  }
  if (batch->sent()) take_attempts(x, *batch, me);
  if (me.now == fate::failed) co_return std::unexpected(take_failure(x, *batch));
  if (me.now == fate::alone) {
    if (auto covered = cover_failed(on, x); !covered) co_return std::unexpected(std::move(covered.error()));
    co_return co_await dispatch(on, x);
  }
  co_await answer_part(on, x, batch, me);
  co_return result<void>{};
}

}  // namespace andon::gateway
