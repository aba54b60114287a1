#include "andon/gateway/exchange_telemetry.hpp"

#include <algorithm>
#include <array>

namespace andon::gateway {
namespace {

constexpr std::array<std::string_view, 6> operation_names{"chat", "text_completion", "embeddings", "models", "other", "feedback"};
constexpr std::size_t most_attempts = 16;

telemetry::token_facts tokens_of(const exchange& x) {
  const auto& use = x.account.use;
  return {use.input.value(), use.cached_read.value(), (use.cache_write_5m + use.cache_write_1h).value(), use.output.value(),
          use.reasoning.value(), x.billed, use.estimated, !x.billed && x.failed_model != nullptr && x.account.cache < ledger::cache_use::hit};
}

const served_model* model_of(const exchange& x, const model_name& name) {
  if (x.route == nullptr) return nullptr;
  const auto& all = x.route->all_models();
  const auto found = std::ranges::find(all, name, [](const served_model* m) { return m->name; });
  return found == all.end() ? nullptr : *found;
}

telemetry::attempt_facts facts_of(const exchange& x, const ledger::attempt& attempt, const telemetry::span_id& id) {
  const auto* model = model_of(x, attempt.model);
  auto out = model ? target_facts(*model) : telemetry::attempt_facts{};
  out.id = id;
  out.model = attempt.model.view();
  out.provider = attempt.provider.view();
  if (model == nullptr) out.kind = out.provider;
  out.upstream_model = attempt.upstream_model;
  out.outcome = attempt.outcome;
  out.http_status = attempt.http_status;
  out.started = attempt.started;
  out.duration = attempt.total;
  if (x.account.stream) out.first_token = attempt.first_byte;
  return out;
}

}  // namespace

std::string_view operation_name(ledger::operation op) { return operation_names[static_cast<std::size_t>(op)]; }

telemetry::attempt_facts target_facts(const served_model& model) {
  telemetry::attempt_facts out;
  out.model = model.name.view();
  out.provider = model.provider.view();
  out.kind = model.flavour->telemetry_name;
  out.upstream_model = model.upstream_model;
  out.address = model.to.host;
  out.port = model.to.port;
  return out;
}

telemetry::exchange_facts told_facts(const exchange& x) {
  const auto& a = x.account;
  telemetry::exchange_facts out;
  out.project = a.project.view();
  out.route = x.route ? a.route.view() : std::string_view{};  // a name that no route has is the client's text: not a label
  out.model = a.model.view();
  out.operation = operation_name(a.op);
  out.method = a.method;
  out.path = a.path;
  out.response_model = a.upstream_model;
  out.finish_reason = a.finish_reason;
  out.outcome = a.outcome;
  out.http_status = a.http_status;
  out.error_message = a.error_message;
  out.stream = a.stream;
  out.cut = a.delivered == ledger::delivery::cut;
  out.started = a.started;
  out.duration = a.duration;
  out.first_token = a.first_token;
  out.overhead = a.duration - a.upstream;
  out.stream_events = a.stream_events;
  out.used = tokens_of(x);
  out.cost = a.cost;
  out.price = static_cast<telemetry::price_fact>(a.price);
  out.request_bytes = a.request_bytes;
  out.reply_bytes = a.reply_bytes;
  out.retries = x.retries;
  out.failovers = x.failovers;
  if (x.facts.max_output) out.max_tokens = x.facts.max_output->value();
  out.temperature = x.facts.temperature;
  out.top_p = x.facts.top_p;
  out.frequency_penalty = x.facts.frequency_penalty;
  out.presence_penalty = x.facts.presence_penalty;
  out.seed = x.facts.seed;
  out.choices = x.facts.choices;
  out.json_output = x.facts.has_response_format;
  out.response_id = x.response_id;
  out.trace = x.trace;
  out.span = x.span;
  out.parent = x.parent;
  out.trace_state = x.trace_state;
  out.sampled = x.sampled;
  return out;
}

void tell(gateway& on, const exchange& x) {
  auto& meter = on.parts().meter;
  if (x.streaming) meter.stream_closed();
  if (x.counted) meter.ended();
  if (x.joins != nullptr) return;  // those who share it tell of it
  const auto id = x.account.id.chars();
  std::array<telemetry::attempt_facts, most_attempts> attempts;
  const auto count = std::min({x.account.attempts.size(), x.attempt_spans.size(), most_attempts});
  for (std::size_t i = 0; i < count; ++i) attempts[i] = facts_of(x, x.account.attempts[i], x.attempt_spans[i]);
  auto facts = told_facts(x);
  facts.request_id = {id.data(), id.size()};
  facts.attempts = {attempts.data(), count};
  if (!x.who && facts.outcome != errc::none) meter.rejected(facts.outcome);  // strangers: no project's
  else meter.observe(facts);
  if (x.refused) meter.refused(access::to_string(x.refused->what), x.refused->code);
  if (on.parts().exporter != nullptr && x.sampled) on.parts().exporter->offer(facts);
}

}  // namespace andon::gateway
