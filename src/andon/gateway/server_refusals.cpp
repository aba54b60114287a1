#include "andon/gateway/server_refusals.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "andon/llm/dialect/openai_error.hpp"

namespace andon::gateway {
namespace {

struct bound {
  std::string_view field, setting;
};
constexpr std::array bounds{bound{"max_head", "listen.max_headers"}, bound{"max_body", "listen.max_body"}, bound{"head_timeout", "listen.request_timeout"},
                            bound{"body_timeout", "listen.request_timeout"}, bound{"max_connections", "listen.max_connections"}};
constexpr std::string_view served_methods = "GET, HEAD, POST, OPTIONS";

std::string sentence(std::string text) {
  if (text.empty()) return text;
  if (text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  if (text.back() != '.') text += '.';
  return text;
}

}  // namespace

error in_full(error why) {
  why.message = sentence(std::move(why.message));
  const auto found = std::ranges::find(bounds, why.param, &bound::field);
  if (found != bounds.end()) why.message.append(" The gateway's setting ").append(found->setting).append(" sets this bound.");
  why.param.clear();
  return why;
}

net::refusal_answer answer_of(const error& why, const request_id& id) {
  net::refusal_answer out;
  const bool busy = kind_of(why.code).http_status == 503;
  out.body = llm::openai::error_body(in_full(why));
  for (auto& [name, value] : llm::openai::error_headers(why, busy ? std::optional<nanoseconds>{std::chrono::seconds{1}} : std::nullopt)) {
    if (name == "content-type") out.content_type = std::move(value);
    else out.more.push_back({std::move(name), std::move(value)});
  }
  if (why.code == errc::method_not_allowed) out.more.push_back({"allow", std::string(served_methods)});
  out.more.push_back({"x-request-id", id.str()});
  out.more.push_back({"x-andon-request-id", id.str()});
  return out;
}

}  // namespace andon::gateway
