#include "andon/telemetry/span.hpp"

#include <algorithm>

#include "andon/base/json_text.hpp"

namespace andon::telemetry {
namespace {

std::string clipped(std::string_view text) {
  if (text.size() <= max_span_text) return std::string{text};
  std::size_t size = max_span_text;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  return std::string{text.substr(0, size)};
}

double seconds(nanoseconds span) { return static_cast<double>(span.count()) / 1e9; }

class attribute_list {
public:
  explicit attribute_list(std::vector<attribute>& to) : to_(to) {}
  void text(std::string_view key, std::string_view value) { if (!value.empty()) to_.emplace_back(key, clipped(value)); }
  void number(std::string_view key, std::int64_t value) { to_.emplace_back(key, value); }
  void number(std::string_view key, double value) { to_.emplace_back(key, value); }
  void flag(std::string_view key, bool value) { to_.emplace_back(key, value); }
  template <class T>
  void maybe(std::string_view key, const std::optional<T>& value) { if (value) number(key, *value); }

private:
  std::vector<attribute>& to_;
};

void set_status(span& s, errc outcome, std::string_view message) {
  if (outcome == errc::none) return;
  s.failed = true;
  s.status_message = clipped(message.empty() ? kind_of(outcome).name : message);
  attribute_list{s.attributes}.text("error.type", kind_of(outcome).name);
}

span server_span(const exchange_facts& f) {
  span s{.trace = f.trace, .id = f.span, .parent = f.parent, .trace_state = clipped(f.trace_state), .kind = span_kind::server, .start = f.started, .end = f.started + f.duration};
  s.name = clipped(f.method) + " " + clipped(f.path);
  s.attributes.reserve(20);
  attribute_list a{s.attributes};
  a.text("http.request.method", f.method);
  a.text("url.path", f.path);
  a.number("http.response.status_code", std::int64_t{f.http_status});
  a.text("andon.request_id", f.request_id);
  a.text("andon.project", f.project);
  a.text("andon.route", f.route);
  a.text("andon.model", f.model);
  a.number("andon.overhead", seconds(f.overhead));
  if (f.retries > 0) a.number("andon.retries", std::int64_t{f.retries});
  if (f.failovers > 0) a.number("andon.failovers", std::int64_t{f.failovers});
  if (f.cut) a.flag("andon.cut", true);
  if (f.price == price_fact::known || f.price == price_fact::unknown_tier) a.number("andon.cost_nano_usd", f.cost.value());
  if ((f.price == price_fact::unknown && f.used.known) || f.price == price_fact::unknown_tier) a.flag("andon.unknown_price", true);
  set_status(s, f.outcome, f.error_message);
  // A caller's mistake is no error of a SERVER span (HTTP conventions): its status stays unset.
  if (f.http_status < 500 && kind_of(f.outcome).from != origin::provider) s.failed = false;
  return s;
}

void add_request(attribute_list& a, const exchange_facts& f) {
  if (f.choices && *f.choices != 1) a.number("gen_ai.request.choice.count", *f.choices);
  a.maybe("gen_ai.request.max_tokens", f.max_tokens);
  a.maybe("gen_ai.request.seed", f.seed);
  a.maybe("gen_ai.request.temperature", f.temperature);
  a.maybe("gen_ai.request.top_p", f.top_p);
  a.maybe("gen_ai.request.frequency_penalty", f.frequency_penalty);
  a.maybe("gen_ai.request.presence_penalty", f.presence_penalty);
  if (f.stream) a.flag("gen_ai.request.stream", true);
  if (f.json_output) a.text("gen_ai.output.type", "json");
}

void add_response(span& s, const exchange_facts& f, const attempt_facts& one) {
  attribute_list a{s.attributes};
  a.text("gen_ai.response.id", f.response_id);
  a.text("gen_ai.response.model", f.response_model);
  if (!f.finish_reason.empty()) s.attributes.emplace_back("gen_ai.response.finish_reasons", std::vector<std::string>{clipped(f.finish_reason)});
  if (one.first_token > nanoseconds::zero()) a.number("gen_ai.response.time_to_first_chunk", seconds(one.first_token));
  if (!f.used.known) return;
  a.number("gen_ai.usage.input_tokens", f.used.input);
  a.number("gen_ai.usage.output_tokens", f.used.output);
  if (f.used.cached_read > 0) a.number("gen_ai.usage.cache_read.input_tokens", f.used.cached_read);
  if (f.used.cache_write > 0) a.number("gen_ai.usage.cache_creation.input_tokens", f.used.cache_write);
  if (f.used.reasoning > 0) a.number("gen_ai.usage.reasoning.output_tokens", f.used.reasoning);
  if (f.used.estimated) a.flag("andon.usage.estimated", true);
}

span client_span(const exchange_facts& f, const attempt_facts& one, bool last) {
  span s{.trace = f.trace, .id = one.id, .parent = f.span, .trace_state = clipped(f.trace_state), .kind = span_kind::client,
         .start = f.started + one.started, .end = f.started + one.started + one.duration};
  s.name = clipped(f.operation) + " " + clipped(one.upstream_model);
  s.attributes.reserve(24);
  attribute_list a{s.attributes};
  a.text("gen_ai.operation.name", f.operation);
  a.text("gen_ai.provider.name", one.kind);
  a.text("gen_ai.request.model", one.upstream_model);
  a.text("server.address", one.address);
  if (one.port != 0) a.number("server.port", std::int64_t{one.port});
  if (one.http_status != 0) a.number("http.response.status_code", std::int64_t{one.http_status});
  a.text("andon.model", one.model);
  a.text("andon.provider", one.provider);
  add_request(a, f);
  if (last) add_response(s, f, one);
  set_status(s, one.outcome, {});
  return s;
}

}  // namespace

std::vector<span> spans_of(const exchange_facts& f) {
  std::vector<span> out;
  out.reserve(1 + f.attempts.size());
  out.push_back(server_span(f));
  for (const auto& one : f.attempts) out.push_back(client_span(f, one, &one == &f.attempts.back()));
  return out;
}

}  // namespace andon::telemetry
