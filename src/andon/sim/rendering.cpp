#include "andon/sim/rendering.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "andon/base/json_text.hpp"
#include "andon/llm/dialect/openai_error.hpp"

namespace andon::sim {
namespace {

void append_top(std::string& out, const content& a, std::string_view object) {
  out += "{\"id\":\"" + a.id + "\",\"object\":\"";
  out += object;
  out += fmt::format("\",\"created\":{},\"model\":", a.created);
  append_json_string(out, a.model);
  out += ",\"service_tier\":";
  append_json_string(out, a.service_tier.empty() || a.service_tier == "auto" ? "default" : std::string_view{a.service_tier});
  out += R"(,"system_fingerprint":"fp_sim")";
}

std::string joined(const std::vector<std::string>& pieces) {
  std::string out;
  for (const auto& piece : pieces) out += piece;
  return out;
}

// One entry a piece; the values are made up but constant.
void append_logprobs(std::string& out, const content& a, std::span<const std::string> pieces) {
  out += ",\"logprobs\":";
  if (!a.logprobs) {
    out += "null";
    return;
  }
  out += "{\"content\":[";
  for (const auto& piece : pieces) {
    if (&piece != pieces.data()) out += ',';
    out += "{\"token\":";
    append_json_string(out, piece);
    out += ",\"logprob\":-0.25,\"bytes\":[";
    for (std::size_t i = 0; i < piece.size(); ++i) out += fmt::format("{}{}", i ? "," : "", static_cast<unsigned char>(piece[i]));
    out += "],\"top_logprobs\":[]}";
  }
  out += "],\"refusal\":null}";
}

void append_call(std::string& out, const content& a, std::size_t choice_index, std::size_t index, const tool_call& call, bool with_index) {
  if (index > 0 && !with_index) out += ',';
  out += '{';
  if (with_index) out += fmt::format("\"index\":{},", index);
  out += fmt::format(R"("id":"call_{}_{}_{}","type":"function","function":{{"name":)", a.id.substr(a.id.find('-') + 1), choice_index, index);
  append_json_string(out, call.name);
  out += ",\"arguments\":";
  append_json_string(out, with_index ? std::string_view{} : std::string_view{call.arguments});
  out += "}}";
}

void append_finish(std::string& out, std::string_view reason) {
  out += ",\"finish_reason\":";
  append_json_string(out, reason);
}

class event_writer {
public:
  explicit event_writer(const content& a) : a_(a), chat_(a.op == llm::operation::chat) {}

  std::vector<std::string> run() {
    for (std::size_t i = 0; i < a_.choices.size(); ++i) choice_events(i);
    if (a_.include_usage && !a_.usage.missing) {
      auto out = open();
      out += ",\"choices\":[],\"usage\":" + render_usage(a_) + "}";
      events_.push_back(std::move(out));
    }
    events_.emplace_back("[DONE]");
    return std::move(events_);
  }

private:
  const content& a_;
  bool chat_;
  std::vector<std::string> events_;

  std::string open() {
    std::string out;
    append_top(out, a_, chat_ ? "chat.completion.chunk" : "text_completion");
    return out;
  }

  void event(std::size_t index, std::string_view delta, std::span<const std::string> pieces, std::string_view finish = {}) {
    auto out = open();
    out += fmt::format(",\"choices\":[{{\"index\":{},{}", index, delta);
    append_logprobs(out, a_, pieces);
    if (pieces.empty() && a_.logprobs) out.replace(out.rfind(",\"logprobs\":"), std::string::npos, ",\"logprobs\":null");
    if (finish.empty()) out += ",\"finish_reason\":null";
    else append_finish(out, finish);
    out += a_.include_usage ? "}],\"usage\":null}" : "}]}";
    events_.push_back(std::move(out));
  }

  void choice_events(std::size_t index) {
    const auto& c = a_.choices[index];
    if (chat_) event(index, c.calls.empty() ? R"("delta":{"role":"assistant","content":"","refusal":null})" : R"("delta":{"role":"assistant","content":null,"refusal":null})", {});
    for (const auto& piece : c.pieces) {
      std::string delta = chat_ ? "\"delta\":{\"content\":" : "\"text\":";
      append_json_string(delta, piece);
      if (chat_) delta += '}';
      event(index, delta, {&piece, 1});
    }
    for (std::size_t k = 0; k < c.calls.size(); ++k) call_events(index, k, c.calls[k]);
    event(index, chat_ ? "\"delta\":{}" : "\"text\":\"\"", {}, c.finish_reason);
  }

  void call_events(std::size_t index, std::size_t k, const tool_call& call) {
    std::string delta = "\"delta\":{\"tool_calls\":[";
    append_call(delta, a_, index, k, call, true);
    event(index, delta + "]}", {});
    for (std::size_t at = 0; at < call.arguments.size();) {
      std::size_t size = std::min<std::size_t>(12, call.arguments.size() - at);
      while (at + size < call.arguments.size() && (static_cast<unsigned char>(call.arguments[at + size]) & 0xc0) == 0x80) ++size;
      std::string part = fmt::format("\"delta\":{{\"tool_calls\":[{{\"index\":{},\"function\":{{\"arguments\":", k);
      append_json_string(part, std::string_view{call.arguments}.substr(at, size));
      event(index, part + "}}]}", {});
      at += size;
    }
  }
};

struct error_row {
  int status;
  std::string_view message, type, param, code;
};
constexpr error_row error_rows[] = {
    {500, "", "", "", ""},
    {429, "Rate limit reached for requests. Please try again in 1s.", "requests", "", "rate_limit_exceeded"},
    {429, "You exceeded your current quota, please check your plan and billing details.", "insufficient_quota", "", "insufficient_quota"},
    {400, "This model's maximum context length is 4096 tokens. Please reduce the length of the messages.", "invalid_request_error", "messages", "context_length_exceeded"},
    {400, "The response was filtered due to the prompt triggering the content management policy.", "invalid_request_error", "prompt", "content_filter"},
    {503, "The engine is currently overloaded, please try again later.", "server_error", "", "overloaded"},
    {500, "The server had an error while processing your request. Sorry about that!", "server_error", "", ""},
    {401, "Incorrect API key provided.", "invalid_request_error", "", "invalid_api_key"},
    {403, "You are not allowed to use this model.", "permission_error", "", "permission_denied"},
    {404, "", "invalid_request_error", "", "model_not_found"},
    {408, "Request timed out.", "timeout_error", "", "timeout"},
};
static_assert(std::size(error_rows) == static_cast<std::size_t>(canned_error::count_));

std::string_view reason_of(int status) {
  switch (status) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 429: return "Too Many Requests";
    case 500: return "Internal Server Error";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    default: return "Scripted";
  }
}

}  // namespace

std::string render_usage(const content& a) {
  std::int64_t in = a.usage.prompt >= 0 ? a.usage.prompt : a.prompt_tokens;
  std::int64_t out = a.usage.completion >= 0 ? a.usage.completion : a.completion_tokens;
  if (a.op == llm::operation::embeddings) return fmt::format(R"({{"prompt_tokens":{},"total_tokens":{}}})", in, in);
  return fmt::format(R"({{"prompt_tokens":{},"completion_tokens":{},"total_tokens":{},"prompt_tokens_details":{{"cached_tokens":{},"audio_tokens":0}},)"
                     R"("completion_tokens_details":{{"reasoning_tokens":{},"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}})",
                     in, out, in + out, std::max<std::int64_t>(a.usage.cached, 0), std::max<std::int64_t>(a.usage.reasoning, 0));
}

std::string render_whole(const content& a) {
  bool chat = a.op == llm::operation::chat;
  std::string out;
  append_top(out, a, chat ? "chat.completion" : "text_completion");
  out += ",\"choices\":[";
  for (std::size_t i = 0; i < a.choices.size(); ++i) {
    const auto& c = a.choices[i];
    out += fmt::format("{}{{\"index\":{},{}", i ? "," : "", i, chat ? "\"message\":{\"role\":\"assistant\",\"content\":" : "\"text\":");
    if (c.calls.empty()) append_json_string(out, joined(c.pieces));
    else out += "null";
    if (chat) out += ",\"refusal\":null";
    if (!c.calls.empty()) out += ",\"tool_calls\":[";
    for (std::size_t k = 0; k < c.calls.size(); ++k) append_call(out, a, i, k, c.calls[k], false);
    if (!c.calls.empty()) out += ']';
    if (chat) out += ",\"annotations\":[]}";
    append_logprobs(out, a, c.pieces);
    append_finish(out, c.finish_reason);
    out += '}';
  }
  out += ']';
  if (!a.usage.missing) out += ",\"usage\":" + render_usage(a);
  return out + "}";
}

std::vector<std::string> render_events(const content& what) { return event_writer{what}.run(); }

error_reply render_error(canned_error what, std::string_view model) {
  const auto& row = error_rows[static_cast<std::size_t>(what)];
  std::string message{row.message};
  if (what == canned_error::not_found) message = fmt::format("The model `{}` does not exist or you do not have access to it.", model);
  return {row.status, llm::openai::error_body(message, row.type, row.param, row.code)};
}

std::string render_head(int status, std::string_view content_type, std::int64_t length, std::string_view request_id,
                        const std::vector<std::pair<std::string, std::string>>& headers) {
  std::string out = fmt::format("HTTP/1.1 {} {}\r\ncontent-type: {}\r\n", status, reason_of(status), content_type);
  out += length < 0 ? "transfer-encoding: chunked\r\n" : fmt::format("content-length: {}\r\n", length);
  out += fmt::format("x-request-id: {}\r\nopenai-processing-ms: 1\r\nopenai-version: 2020-10-01\r\n", request_id);
  for (const auto& [name, value] : headers) out += fmt::format("{}: {}\r\n", name, value);
  return out + "\r\n";
}

}  // namespace andon::sim
