#include "andon/gateway/feedback.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "andon/base/ids.hpp"
#include "andon/gateway/server_refusals.hpp"
#include "andon/llm/json_cursor.hpp"

namespace andon::gateway {
namespace {

constexpr std::size_t max_label = 256, max_comment = 8'192;

using type = llm::json_cursor::type;

/// One field of the body: its type, and where its value goes. An answer says what is wrong with the value.
struct member {
  std::string_view name;
  type kind;
  std::string (*take)(feedback& to, std::string_view value);
};

std::string keep(std::string& to, std::string_view value, std::size_t most = max_label) {
  if (value.empty()) return "must not be empty";
  if (value.size() > most) return fmt::format("is longer than {} bytes", most);
  to = value;
  return {};
}

std::string keep_whole(std::optional<std::int64_t>& to, std::string_view text, std::int64_t least, std::int64_t most) {
  std::int64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc{} || end != text.data() + text.size() || value < least || value > most) return fmt::format("must be a whole number from {} to {}", least, most);
  to = value;
  return {};
}

constexpr std::array members{
    member{"request_id", type::string, [](feedback& to, std::string_view v) { return request_id::parse(v) ? keep(to.request, v) : std::string{"is no id of a request: send the reply's header x-andon-request-id"}; }},
    member{"session", type::string, [](feedback& to, std::string_view v) { return keep(to.session, v); }},
    member{"user", type::string, [](feedback& to, std::string_view v) { return keep(to.user, v); }},
    member{"prompt_version", type::string, [](feedback& to, std::string_view v) { return keep(to.prompt, v); }},
    member{"score", type::number, [](feedback& to, std::string_view v) {
             double value = -1;
             const auto [end, code] = std::from_chars(v.data(), v.data() + v.size(), value);
             if (code != std::errc{} || end != v.data() + v.size() || !(value >= 0 && value <= 1)) return std::string{"must be a number from 0 to 1"};
             to.score = value;
             return std::string{};
           }},
    member{"thumbs", type::string, [](feedback& to, std::string_view v) {
             if (v != "up" && v != "down") return std::string{"must be \"up\" or \"down\""};
             to.thumbs_up = v == "up";
             return std::string{};
           }},
    member{"csat", type::number, [](feedback& to, std::string_view v) { return keep_whole(to.csat, v, 1, 5); }},
    member{"nps", type::number, [](feedback& to, std::string_view v) { return keep_whole(to.nps, v, 0, 10); }},
    member{"resolved", type::boolean, [](feedback& to, std::string_view v) { return to.resolved = v == "true", std::string{}; }},
    member{"comment", type::string, [](feedback& to, std::string_view v) {
             std::string text;
             auto wrong = keep(text, v, max_comment);
             to.comment = wrong.empty();
             return wrong;
           }},
};

std::string_view name_of(type kind) {
  return kind == type::string ? "a string" : kind == type::number ? "a number" : "true or false";
}

const member* find(std::string_view name) {
  for (const auto& one : members)
    if (one.name == name) return &one;
  return nullptr;
}

std::unexpected<error> wrong(std::string_view name, std::string_view what) {
  return fail(errc::bad_request, fmt::format("The field '{}' {}.", name, what), std::string(name));
}

std::string known_names() {
  std::string out;
  for (const auto& one : members) out += (out.empty() ? "" : ", ") + std::string(one.name);
  return out;
}

/// The text of the next value, which is of this type.
std::string_view value_of(llm::json_cursor& at, std::string_view body, type kind, std::string& storage) {
  if (kind == type::string) return llm::text_of(at.string(), storage);
  if (kind == type::number) return at.number();
  const auto span = at.skip();
  return body.substr(span.offset, span.size);
}

}  // namespace

result<feedback> read_feedback(std::string_view body) {
  feedback out;
  llm::json_cursor at(body);
  if (!llm::valid_utf8(body)) return fail(errc::bad_json, "The body is not valid UTF-8.");
  bool first = true;
  llm::json_cursor::token key;
  std::string key_storage, storage;
  if (at.peek() != type::object) return fail(errc::bad_json, "The body must be a JSON object.");
  at.begin_object();
  while (at.next_member(first, key)) {
    const auto name = llm::text_of(key, key_storage);
    const auto* field = find(name);
    if (field == nullptr) return wrong(name.substr(0, 64), "is unknown; feedback has " + known_names());
    const auto found = at.peek();
    if (found == type::null) {
      at.skip();
      continue;
    }
    if (found != field->kind) return wrong(name, fmt::format("must be {}", name_of(field->kind)));
    const auto value = value_of(at, body, field->kind, storage);
    if (at.failed()) break;
    if (const auto problem = field->take(out, value); !problem.empty()) return wrong(name, problem);
  }
  at.finish();
  if (at.failed()) return fail(errc::bad_json, "The body is not valid JSON: " + at.failure());
  if (out.request.empty() && out.session.empty()) return fail(errc::bad_request, "Feedback needs 'request_id' or 'session': what it is about.", "request_id");
  if (!out.score && !out.thumbs_up && !out.csat && !out.nps && !out.resolved && !out.comment)
    return fail(errc::bad_request, "Feedback needs at least one of score, thumbs, csat, nps, resolved and comment.", "score");
  return out;
}

std::vector<std::pair<std::string, std::string>> as_metadata(const feedback& said) {
  std::vector<std::pair<std::string, std::string>> out;
  const auto add = [&out](const char* name, std::string value) {
    if (!value.empty()) out.emplace_back(name, std::move(value));
  };
  add("feedback.request", said.request);
  add("feedback.prompt", said.prompt);
  if (said.score) add("feedback.score", fmt::format("{}", *said.score));
  if (said.thumbs_up) add("feedback.thumbs", *said.thumbs_up ? "up" : "down");
  if (said.csat) add("feedback.csat", fmt::format("{}", *said.csat));
  if (said.nps) add("feedback.nps", fmt::format("{}", *said.nps));
  if (said.resolved) add("feedback.resolved", *said.resolved ? "true" : "false");
  if (said.comment) add("feedback.comment", "true");
  return out;
}

bool is_feedback_path(std::string_view path) { return path == "/v1/feedback" || path == "/feedback"; }

net::task<result<void>> take_feedback(gateway& on, exchange& x) {
  auto& account = x.account;
  account.op = ledger::operation::feedback;
  if (!access::allows(x.who->role, access::permission::models_call))
    co_return fail(errc::forbidden, "A key of role " + std::string(access::to_string(x.who->role)) + " may not give feedback; use one of role caller.");
  if (auto entered = let_in(on, x); !entered) co_return std::unexpected(std::move(entered.error()));
  const auto body = co_await x.call->read_body();
  if (!body) co_return std::unexpected(in_full(body.error()));
  account.request_body = body->substr(0, max_comment * 8);
  account.request_bytes = body->size();
  account.request_truncated = account.request_body.size() < body->size();
  auto said = read_feedback(*body);
  if (!said) co_return std::unexpected(std::move(said.error()));
  account.metadata.assign(x.who->metadata.begin(), x.who->metadata.end());
  for (auto& pair : as_metadata(*said)) account.metadata.push_back(std::move(pair));
  account.tags = x.who->tags;
  if (!said->session.empty()) account.session = said->session;
  if (!said->user.empty()) account.user = said->user;
  account.http_status = 201;
  account.content_type = "application/json";
  account.reply_body = R"({"object":"feedback","id":")" + account.id.str() + R"("})";
  account.reply_bytes = account.reply_body.size();
  account.delivered = ledger::delivery::complete;
  add_common_headers(on, x, nullptr);
  x.headers.add("content-type", "application/json");
  if (!co_await close(on, x, nullptr)) co_return fail(errc::ledger_unavailable, "The feedback could not be stored; send it again.");
  (void)co_await x.call->respond(201, x.headers.lines(), account.reply_body);
  co_return result<void>{};
}

}  // namespace andon::gateway
