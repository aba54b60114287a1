#include "andon/admin/audit.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <charconv>

#include "andon/admin/handlers.hpp"
#include "andon/admin/json_out.hpp"
#include "andon/base/time_text.hpp"

namespace andon::admin {
namespace {

namespace json = boost::json;

constexpr std::size_t longest_reason = 500;
constexpr nanoseconds a_minute = std::chrono::minutes{1};

/// `/api/v1/keys/{id}/rotate` and `key_1`: `key key_1`.
std::string default_target(std::string_view pattern, std::string_view argument) {
  auto place = pattern.find("/{");
  const bool one = place != std::string_view::npos;
  if (!one) place = pattern.size();
  const auto begin = pattern.rfind('/', place - 1) + 1;
  auto noun = pattern.substr(begin, place - begin);
  if (noun.ends_with('s')) noun.remove_suffix(1);
  return one ? fmt::format("{} {}", noun, argument) : std::string(noun);
}

std::string_view outcome_of(const ledger::audit_entry& from) {
  if (from.interrupted) return "interrupted";
  if (from.status >= 200 && from.status < 300) return "done";
  return from.status == 403 || from.status == 401 ? "refused" : "failed";
}

json::value parsed(const std::string& text) {
  boost::system::error_code failed;
  if (text.empty()) return nullptr;
  auto out = json::parse(text, failed);
  return failed ? json::value(text) : out;  // one that was cut for its length
}

result<std::optional<wall_time>> read_time(const request& asked, std::string_view name) {
  if (!asked.query.has(name)) return std::optional<wall_time>{};
  const auto text = asked.query.text(name);
  if (const auto ago = parse_duration(text)) return std::optional{asked.now - *ago};
  if (const auto at = parse_rfc3339(text)) return std::optional{*at};
  return fail(errc::invalid_argument, fmt::format("{} must be a time such as 2027-01-31T00:00:00Z, or how long ago, such as 24h", name), std::string(name));
}

std::string cursor_text(const ledger::position& at) { return fmt::format("{}.{}", at.segment, at.offset); }

result<std::optional<ledger::position>> read_cursor(const request& asked) {
  const auto text = asked.query.text("cursor");
  if (text.empty()) return std::optional<ledger::position>{};
  ledger::position out;
  const auto* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, out.segment);
  if (first.ec == std::errc{} && first.ptr != end && *first.ptr == '.')
    if (const auto second = std::from_chars(first.ptr + 1, end, out.offset); second.ec == std::errc{} && second.ptr == end) return std::optional{out};
  return fail(errc::invalid_argument, "cursor is what the page before gave as `next`", "cursor");
}

result<ledger::audit_query> read_query(const request& asked) {
  ledger::audit_query out;
  const auto since = read_time(asked, "since");
  const auto until = read_time(asked, "until");
  const auto before = read_cursor(asked);
  const auto refused = asked.query.flag("refused");
  const auto limit = asked.query.number("limit", 100, 1, 1000);
  for (const auto* why : {since ? nullptr : &since.error(), until ? nullptr : &until.error(), before ? nullptr : &before.error(),
                          refused ? nullptr : &refused.error(), limit ? nullptr : &limit.error()})
    if (why != nullptr) return std::unexpected(*why);
  out.since = *since;
  out.until = *until;
  out.before = *before;
  out.refused = *refused;
  out.limit = *limit;
  out.key = asked.query.text("key");
  out.target = asked.query.text("target");
  out.wait = asked.wait;
  if (asked.query.has("project")) out.only_project = std::string(asked.query.text("project"));
  return out;
}

}  // namespace

bool is_act(const admin_path& path) { return path.method != "GET" && path.audited; }

ledger::audit_entry audit_entry_of(const admin_path& path, const request& asked, std::string_view called_path, std::string_view peer) {
  ledger::audit_entry out;
  out.began = asked.now;
  out.role = "link";  // acts without a key: whoever has the link
  if (asked.who) {
    out.key = asked.who->key.str();
    out.role = access::to_string(asked.who->role);
    out.project = out.target_project = asked.who->project.str();
  }
  out.peer = peer;
  out.action = fmt::format("{} {}", path.method, path.pattern);
  out.path = path.by_link ? path.pattern : called_path;
  out.target = default_target(path.pattern, asked.argument);
  return out;
}

void conclude(ledger::audit_entry& entry, const act_note& noted, const result<reply>& with, nanoseconds took) {
  entry.took = took;
  if (!noted.target.empty()) {
    entry.target = noted.target;
    entry.target_project = noted.project.str();
    entry.before = noted.before;
    entry.after = noted.after;
  }
  entry.status = static_cast<std::uint16_t>(with ? with->status : kind_of(with.error().code).http_status);
  const std::string& why = with ? with->problem : with.error().message;
  if (!why.empty()) entry.reason = why.substr(0, longest_reason);
}

void note_act(const request& asked, std::string target, const project_id& project, json::object before, json::object after) {
  if (asked.act == nullptr) return;
  for (auto* one : {&before, &after}) one->erase("hint");
  std::vector<std::string> same;
  for (const auto& [name, value] : before)
    if (const auto* other = after.if_contains(name); other != nullptr && *other == value) same.emplace_back(name);
  for (const auto& name : same) {
    before.erase(name);
    after.erase(name);
  }
  *asked.act = {std::move(target), project, before.empty() ? std::string{} : json_text(before), after.empty() ? std::string{} : json_text(after)};
}

json::object to_json(const ledger::audit_entry& from) {
  const auto text = [](const std::string& s) { return s.empty() ? json::value(nullptr) : json::value(s); };
  json::object out;
  out["id"] = "act_" + from.id.str().substr(4);
  out["time"] = format_rfc3339(from.began);
  out["took_s"] = static_cast<double>(from.took.count()) / 1e9;
  out["key"] = from.key;
  out["role"] = from.role;
  out["key_project"] = text(from.project);
  out["peer"] = from.peer;
  out["action"] = from.action;
  out["path"] = from.path;
  out["target"] = from.target;
  out["project"] = text(from.target_project);
  out["before"] = parsed(from.before);
  out["after"] = parsed(from.after);
  out["outcome"] = outcome_of(from);
  out["status"] = from.status;
  out["reason"] = text(from.reason);
  if (from.unlisted != 0) out["unlisted_refusals"] = from.unlisted;
  return out;
}

bool refusal_pace::list(std::string_view key, mono_time now, std::uint32_t& unlisted) {
  if (keys_.size() >= max_keys) std::erase_if(keys_, [&](const auto& item) { return now - item.second.since >= a_minute; });
  if (keys_.size() >= max_keys) keys_.clear();
  auto& entry = keys_[std::string(key)];
  if (entry.listed == 0 || now - entry.since >= a_minute) {
    entry.since = now;
    entry.listed = 0;
  }
  if (entry.listed >= listed_per_minute) return ++entry.unlisted, false;
  ++entry.listed;
  unlisted = std::exchange(entry.unlisted, 0);
  return true;
}

result<reply> handlers::list_audit(const services& with, const request& asked) {
  if (with.audit == nullptr) return fail(errc::unavailable, "there is no audit log");
  auto question = read_query(asked);
  if (!question) return std::unexpected(std::move(question.error()));
  if (const auto& own = asked.who->project; !own.empty()) {
    if (question->only_project && *question->only_project != own.view()) return fail(errc::forbidden, "this key may see its own project only");
    question->only_project = own.str();
  }
  const auto page = with.audit->read(*question);
  if (!page) return std::unexpected(page.error());
  json::array data;
  for (const auto& one : page->entries) data.emplace_back(to_json(one));
  return reply{.body = json_text(json::object{{"data", std::move(data)}, {"next", page->next ? json::value(cursor_text(*page->next)) : json::value(nullptr)}})};
}

}  // namespace andon::admin
