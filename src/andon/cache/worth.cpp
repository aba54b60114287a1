#include "andon/cache/worth.hpp"

#include <algorithm>
#include <array>

namespace andon::cache {
namespace {

/// Bare quotes cannot stand inside a JSON string, so these find members and values, never text of the answer.
constexpr std::string_view filter_reason = "\"content_filter\"";
constexpr std::string_view refusal_name = "\"refusal\"";
constexpr std::string_view end_marker = "data: [DONE]";
constexpr std::size_t marker_within = 32;

/// A `refusal` whose value is a string that is not empty.
bool has_refusal(std::string_view body) {
  for (auto at = body.find(refusal_name); at != std::string_view::npos; at = body.find(refusal_name, at)) {
    at += refusal_name.size();
    at = body.find_first_not_of(" \t\r\n", at);
    if (at == std::string_view::npos || body[at] != ':') continue;
    at = body.find_first_not_of(" \t\r\n", at + 1);
    if (at == std::string_view::npos) return false;
    if (body[at] == '"' && body.substr(at, 2) != "\"\"") return true;
  }
  return false;
}

bool ends_marked(std::string_view events) {
  return events.substr(events.size() - std::min(events.size(), marker_within)).find(end_marker) != std::string_view::npos;
}

}  // namespace

worth judge(const reply_facts& reply) {
  if (!reply.complete || reply.status != 200 || reply.body.empty()) return worth::incomplete;
  if (reply.stream && !ends_marked(reply.body)) return worth::incomplete;
  if (reply.op == llm::operation::chat || reply.op == llm::operation::completion) {
    if (reply.finish_reason.empty()) return worth::incomplete;
    if (reply.finish_reason == "length" && !reply.length_asked) return worth::cut_short;
    if (reply.body.find(filter_reason) != std::string_view::npos || has_refusal(reply.body)) return worth::filtered;
  }
  if (!reply.as_asked) return worth::unstructured;
  return reply.price_known ? worth::keep : worth::unpriced;
}

std::string_view to_string(worth what) {
  constexpr std::array<std::string_view, 6> names{"keep", "incomplete", "filtered", "cut_short", "unstructured", "unpriced"};
  return names[static_cast<std::size_t>(what)];
}

}  // namespace andon::cache
