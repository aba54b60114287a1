#include "andon/app/cli/replay.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "andon/app/cli/admin_client.hpp"
#include "andon/app/cli/table.hpp"

namespace andon::app::cli {
namespace {

namespace json = boost::json;

constexpr nanoseconds patience = std::chrono::minutes{10};

/// The body as it was, without streaming: the recorded reply is an assembled one.
std::string request_of(const json::value& record) {
  const auto* body = record.get_object().if_contains("request");
  if (body == nullptr || !body->is_object()) return cell(record, "request_text") == "-" ? "" : cell(record, "request_text");
  auto plain = body->get_object();
  plain.erase("stream");
  plain.erase("stream_options");
  return json::serialize(plain);
}

const json::value* member(const json::value& from, std::string_view name) { return from.is_object() ? from.get_object().if_contains(name) : nullptr; }

std::string shown(const json::value* value) { return value == nullptr ? "nothing" : clean(json::serialize(*value), 80); }

/// Tool calls without their ids, which are new each time.
json::value calls_of(const json::value* message) {
  const auto* calls = message == nullptr ? nullptr : member(*message, "tool_calls");
  json::array out;
  if (calls != nullptr && calls->is_array())
    for (const auto& one : calls->get_array())
      if (const auto* function = member(one, "function")) out.push_back(*function);
  return out;
}

void compare_member(const json::value* was, const json::value* is, std::string_view name, const std::string& where, std::vector<std::string>& out) {
  const auto* before = was == nullptr ? nullptr : member(*was, name);
  const auto* after = is == nullptr ? nullptr : member(*is, name);
  const bool both = before != nullptr && after != nullptr;
  const bool neither = (before == nullptr || before->is_null()) && (after == nullptr || after->is_null());
  if (neither || (both && *before == *after)) return;
  out.push_back(fmt::format("{}{}: {} → {}", where, name, shown(before), shown(after)));
}

}  // namespace

std::string_view to_string(replay_kind kind) {
  switch (kind) {
    case replay_kind::same: return "same";
    case replay_kind::different: return "different";
    case replay_kind::skipped: return "skipped";
  }
  return "";
}

std::vector<std::string> compare_replies(const json::value& recorded, const json::value& fresh) {
  std::vector<std::string> out;
  const auto* was = member(recorded, "choices");
  const auto* is = member(fresh, "choices");
  const bool chat = was != nullptr && was->is_array() && is != nullptr && is->is_array();
  if (!chat) {
    compare_member(&recorded, &fresh, "data", "", out);
    compare_member(&recorded, &fresh, "error", "", out);
    if ((was == nullptr) != (is == nullptr)) out.emplace_back("one reply has choices, the other has none");
    return out;
  }
  const auto& before = was->get_array();
  const auto& after = is->get_array();
  if (before.size() != after.size()) out.push_back(fmt::format("choices: {} → {}", before.size(), after.size()));
  for (std::size_t i = 0; i < std::min(before.size(), after.size()); ++i) {
    const auto where = fmt::format("choices[{}].", i);
    const auto* message_was = member(before[i], "message");
    const auto* message_is = member(after[i], "message");
    compare_member(&before[i], &after[i], "finish_reason", where, out);
    compare_member(&before[i], &after[i], "text", where, out);
    compare_member(message_was, message_is, "content", where + "message.", out);
    if (calls_of(message_was) != calls_of(message_is)) out.push_back(where + "message.tool_calls differ");
  }
  return out;
}

replay_outcome replay_one(const json::value& record, const net::endpoint& to, std::string_view key) {
  const auto body = request_of(record);
  if (cell(record, "method") != "POST" || body.empty()) return {replay_kind::skipped, {"it has no request body to send"}};
  if (const auto cut = cell(record, "request_truncated"); cut == "true") return {replay_kind::skipped, {"its request was stored truncated"}};
  const net::header_lines headers{{"Authorization", "Bearer " + std::string(key)}, {"Content-Type", "application/json"}};
  const auto got = send_request(to, "POST", cell(record, "path"), headers, body, patience);
  if (!got) return {replay_kind::different, {got.error().message}};
  replay_outcome out;
  if (const auto status = cell(record, "status"); status != std::to_string(got->status)) out.differences.push_back(fmt::format("status: {} → {}", status, got->status));
  boost::system::error_code failed;
  const auto fresh = json::parse(got->body, failed);
  const auto* recorded = member(record, "reply");
  if (failed) out.differences.emplace_back("the reply is not JSON");
  else if (recorded != nullptr)
    for (auto& one : compare_replies(*recorded, fresh)) out.differences.push_back(std::move(one));
  if (!out.differences.empty()) out.kind = replay_kind::different;
  return out;
}

}  // namespace andon::app::cli
