#pragma once
// A finished exchange for tests and benchmarks: streamed chat, a failed first attempt, a second one that served.
#include <array>

#include "andon/telemetry/exchange_facts.hpp"

namespace andon::telemetry {

struct example_exchange {
  std::array<attempt_facts, 2> attempts{
      attempt_facts{.id = {1}, .model = "gpt-4o-mini", .provider = "main", .kind = "openai", .upstream_model = "gpt-4o-mini-2024-07-18", .address = "api.openai.com", .port = 443,
                    .outcome = errc::upstream_error, .http_status = 503, .started = std::chrono::milliseconds{1}, .duration = std::chrono::milliseconds{90}},
      attempt_facts{.id = {2}, .model = "llama", .provider = "fast", .kind = "groq", .upstream_model = "llama-3.3-70b", .address = "api.groq.com", .port = 443,
                    .http_status = 200, .started = std::chrono::milliseconds{100}, .duration = std::chrono::milliseconds{900}, .first_token = std::chrono::milliseconds{300}}};

  [[nodiscard]] exchange_facts facts() const {
    exchange_facts f;
    f.project = "shop";
    f.route = "chat";
    f.model = "llama";
    f.request_id = "req_1";
    f.operation = "chat";
    f.method = "POST";
    f.path = "/v1/chat/completions";
    f.response_model = "llama-3.3-70b-versatile";
    f.response_id = "chatcmpl-1";
    f.finish_reason = "stop";
    f.stream = true;
    f.started = wall_time{std::chrono::seconds{1'760'000'000}};
    f.duration = std::chrono::milliseconds{1'000};
    f.first_token = std::chrono::milliseconds{400};
    f.overhead = std::chrono::microseconds{80};
    f.stream_events = 22;
    f.used = {.input = 100, .cached_read = 64, .output = 21, .reasoning = 5, .known = true};
    f.cost = nano_usd{12'345};
    f.price = price_fact::known;
    f.request_bytes = 420;
    f.reply_bytes = 1'500;
    f.failovers = 1;
    f.attempts = attempts;
    f.max_tokens = 256;
    f.temperature = 0.5;
    f.json_output = true;
    f.trace = {0xaa, 0xbb};
    f.span = {0xcc};
    f.sampled = true;
    return f;
  }
};

}  // namespace andon::telemetry
