#pragma once
// From what an answer says to its JSON: whole replies and stream events of the OpenAI dialect. Pure.
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "andon/llm/request.hpp"
#include "andon/sim/script.hpp"

namespace andon::sim {

struct tool_call {
  std::string name, arguments;
};

struct choice {
  std::vector<std::string> pieces;   ///< of the text
  std::vector<tool_call> calls;
  std::string finish_reason = "stop";
};

struct content {
  llm::operation op = llm::operation::chat;
  std::string id, model;
  std::string service_tier;          ///< as asked; empty: `default`
  std::int64_t created = 0;
  std::vector<choice> choices;
  std::int64_t prompt_tokens = 0, completion_tokens = 0;
  bool logprobs = false;
  bool include_usage = false;
  usage_override usage;
};

std::string render_whole(const content& what);
/// The data of each event, `[DONE]` last.
std::vector<std::string> render_events(const content& what);
std::string render_usage(const content& what);

/// An error as a status and a body.
struct error_reply {
  int status = 500;
  std::string body;
};
error_reply render_error(canned_error what, std::string_view model);
/// `HTTP/1.1 …` with its header lines and the empty line; `length` below 0 makes it chunked.
std::string render_head(int status, std::string_view content_type, std::int64_t length, std::string_view request_id,
                        const std::vector<std::pair<std::string, std::string>>& headers);

}  // namespace andon::sim
