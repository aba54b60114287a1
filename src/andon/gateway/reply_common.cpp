#include "andon/access/rate_headers.hpp"
#include "andon/base/money.hpp"
#include "andon/gateway/stages.hpp"
#include "andon/llm/dialect/openai_error.hpp"

namespace andon::gateway {
namespace {

constexpr nanoseconds patience_of_busy = std::chrono::seconds{1};

std::int64_t whole(nanoseconds span, nanoseconds unit) { return span / unit; }

/// What scripts written for LiteLLM read: three always, since they cost nothing, the rest for those who send its headers.
void add_litellm_headers(exchange& x, const served_model* model, std::string_view id, std::string_view cost, nanoseconds spent) {
  constexpr nanoseconds millisecond = std::chrono::milliseconds{1};
  auto& out = x.headers;
  out.add("x-litellm-call-id", id);
  if (model != nullptr) out.add("x-litellm-model-id", model->name.view());
  if (!cost.empty()) out.add("x-litellm-response-cost", cost);
  if (!x.litellm) return;
  if (x.route != nullptr) out.add("x-litellm-model-group", x.route->name.view());
  out.add_number("x-litellm-response-duration-ms", whole(spent, millisecond));
  out.add_number("x-litellm-overhead-duration-ms", whole(spent - x.account.upstream, millisecond));
  out.add_number("x-litellm-attempted-retries", x.retries);
  out.add_number("x-litellm-attempted-fallbacks", x.failovers);
}

}  // namespace

void add_common_headers(gateway& on, exchange& x, const served_model* model) {
  const auto id = x.account.id.chars();
  const std::string_view id_text{id.data(), id.size()};
  auto& out = x.headers;
  out.clear();
  const auto kept_id = out.add_copy("x-request-id", id_text);
  out.add("x-andon-request-id", kept_id);
  if (x.route != nullptr) out.add("x-andon-route", x.route->name.view());  // never the client's own text
  if (model != nullptr) out.add("x-andon-model", model->name.view());
  const auto now = on.now();
  const auto spent = now - x.arrived();
  out.add_number("openai-processing-ms", whole(spent, std::chrono::milliseconds{1}));
  out.add("openai-version", "2020-10-01");
  if (model != nullptr) out.add_number("x-andon-overhead-us", whole(spent - x.account.upstream, std::chrono::microseconds{1}));
  std::string_view cost;
  if (x.priced && x.account.price != ledger::price_state::unknown) cost = out.add_copy("x-andon-cost", format_usd(x.account.cost));
  add_cache_headers(x);
  add_litellm_headers(x, model, kept_id, cost, spent);
  out.add("access-control-expose-headers", "X-Request-ID");
  if (!x.allow.empty()) out.add("allow", x.allow);
  if (x.held.holds())
    access::write_rate_headers(x.held, now, [&out](std::string_view name, std::string_view value) { out.add_copy(name, value); });
}

net::task<void> answer_error(gateway& on, exchange& x, const error& why) {
  const auto& kind = kind_of(why.code);
  auto& account = x.account;
  account.outcome = why.code;
  account.error_message = why.message;
  const bool passed_on = !x.upstream_error_body.empty();
  if (kind.http_status == 503 && !x.retry_after) x.retry_after = patience_of_busy;
  account.http_status = static_cast<std::uint16_t>(passed_on ? x.upstream_error_status : kind.http_status);
  add_common_headers(on, x, nullptr);
  std::string body = passed_on ? std::move(x.upstream_error_body) : llm::openai::error_body(why);
  if (passed_on && !x.upstream_error_type.empty()) {
    x.headers.add_copy("content-type", x.upstream_error_type);
    if (!kind.client_may_retry) x.headers.add("x-should-retry", "false");
    if (x.retry_after) x.headers.add_number("retry-after", whole(*x.retry_after + std::chrono::milliseconds{999}, std::chrono::seconds{1}));
  } else if (x.refused) {
    x.headers.add("content-type", "application/json");
    access::write_refusal_headers(*x.refused, [&x](std::string_view name, std::string_view value) { x.headers.add_copy(name, value); });
  } else {
    for (const auto& [name, value] : llm::openai::error_headers(why, x.retry_after)) x.headers.add_both(name, value);
  }
  account.reply_body = body;
  account.reply_bytes = body.size();
  account.content_type = "application/json";
  account.delivered = x.gone ? ledger::delivery::none : ledger::delivery::complete;
  (void)co_await close(on, x, nullptr);
  (void)co_await x.call->respond(account.http_status, x.headers.lines(), account.reply_body);
}

net::task<void> answer_options(gateway& on, exchange& x) {
  x.account.http_status = 204;
  x.account.delivered = ledger::delivery::complete;
  add_common_headers(on, x, nullptr);
  (void)co_await close(on, x, nullptr);
  (void)co_await x.call->respond(204, x.headers.lines(), {});
}

}  // namespace andon::gateway
