#include "andon/admin/decisions.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <charconv>

#include "andon/admin/alerts.hpp"
#include "andon/admin/audit.hpp"
#include "andon/admin/body_reader.hpp"
#include "andon/admin/json_out.hpp"
#include "andon/base/time_text.hpp"

namespace andon::admin {
namespace {

namespace json = boost::json;
using slo::instant;

constexpr std::size_t longest_reason = 2'000;
constexpr std::string_view not_kept = "Decisions are not kept now: <data>/decisions.db cannot be opened (see the log)";

result<slo::decision_store*> kept_decisions(const services& with) {
  if (auto* store = decisions_of(with)) return store;
  return fail(errc::unavailable, std::string(not_kept));
}

json::value text(const std::string& from) { return from.empty() ? json::value(nullptr) : json::value(from); }
json::value time(const std::optional<instant>& at) { return at ? json::value(format_rfc3339(wall_time{*at})) : json::value(nullptr); }

json::value parsed(const std::string& from) {
  boost::system::error_code failed;
  auto out = json::parse(from.empty() ? "{}" : from, failed);
  return failed ? json::value(from) : out;
}

json::object decision_json(const slo::decision& from) {
  return {{"id", from.id()},
          {"at", time(from.at)},
          {"who", from.who},
          {"act", slo::to_string(from.act)},
          {"subject", from.subject},
          {"policy", text(from.policy)},
          {"objective", text(from.objective)},
          {"step", text(from.step)},
          {"reason", from.reason},
          {"evidence", parsed(from.evidence)},
          {"settings", parsed(from.settings)},
          {"in_force", from.in_force()},
          {"done_at", time(from.done)},
          {"outcome", text(from.outcome)},
          {"ended_at", time(from.ended)},
          {"ended_by", text(from.ended_by)},
          {"end_reason", text(from.end_reason)},
          {"waived", from.waived}};
}

json::object plan_json(const slo::plan_entry& from, bool in_force) {
  json::object standing;
  for (const auto& [name, left] : from.standing) standing[name] = left;
  return {{"number", from.number}, {"at", time(from.at)}, {"who", from.who}, {"hash", from.hash}, {"budget_left", std::move(standing)}, {"in_force", in_force}};
}

result<std::int64_t> decision_number(const request& asked) {
  if (const auto number = slo::decision::parse_id(asked.argument)) return *number;
  return fail(errc::not_found, fmt::format("'{}' is no decision's id, such as dec_12; `andon decision list` (GET /api/v1/decisions) tells them", asked.argument));
}

result<std::int64_t> plan_number(const request& asked) {
  std::int64_t out = 0;
  const auto* end = asked.argument.data() + asked.argument.size();
  if (const auto read = std::from_chars(asked.argument.data(), end, out); read.ec == std::errc{} && read.ptr == end && out > 0) return out;
  return fail(errc::not_found, fmt::format("'{}' is no plan's number; `andon plan list` (GET /api/v1/plans) tells them", asked.argument));
}

/// The body's one field; every act of a person has to say why.
result<std::string> reason_of(const request& asked) {
  const auto body = parse_body(asked.body);
  if (!body) return std::unexpected(body.error());
  body_reader in(*body, {});
  std::string out;
  in.text("reason", out);
  if (out.find_first_not_of(" \t\r\n") == std::string::npos) in.complain("reason", "has to say why");
  if (out.size() > longest_reason) in.complain("reason", fmt::format("is longer than {} bytes", longest_reason));
  if (auto good = in.finish(); !good) return std::unexpected(std::move(good.error()));
  return out;
}

result<std::optional<instant>> read_time(const request& asked, std::string_view name) {
  if (!asked.query.has(name)) return std::optional<instant>{};
  const auto at = since_of(asked, name, {});
  if (!at) return std::unexpected(at.error());
  return std::optional{std::chrono::floor<slo::seconds>(*at)};
}

result<slo::decision_query> read_query(const request& asked) {
  slo::decision_query out;
  const auto open = asked.query.flag("open");
  const auto since = read_time(asked, "since"), until = read_time(asked, "until");
  const auto limit = asked.query.number("limit", 100, 1, 1000);
  for (const auto* why : {open ? nullptr : &open.error(), since ? nullptr : &since.error(), until ? nullptr : &until.error(), limit ? nullptr : &limit.error()})
    if (why != nullptr) return std::unexpected(*why);
  if (asked.query.has("cursor")) {
    out.before = slo::decision::parse_id(asked.query.text("cursor"));
    if (!out.before) return fail(errc::invalid_argument, "cursor is what the page before gave as `next`", "cursor");
  }
  out.open = *open;
  out.since = *since;
  out.until = *until;
  out.limit = *limit;
  out.objective = asked.query.text("objective");
  out.policy = asked.query.text("policy");
  out.act = asked.query.text("act");
  return out;
}

}  // namespace

slo::decision_store* decisions_of(const services& with) { return with.policies.store ? with.policies.store() : nullptr; }

result<change_cause> cause_of(const request& asked) {
  change_cause out{actor_of(asked), {}};
  const auto body = parse_body(asked.body);
  if (!body) return std::unexpected(body.error());
  body_reader in(*body, {});
  const bool given = in.text("override_reason", out.override_reason);
  if (given && out.override_reason.find_first_not_of(" \t\r\n") == std::string::npos) in.complain("override_reason", "has to say why");
  if (out.override_reason.size() > longest_reason) in.complain("override_reason", fmt::format("is longer than {} bytes", longest_reason));
  if (auto good = in.finish(); !good) return std::unexpected(std::move(good.error()));
  if (given && !access::allows(asked.who->role, access::permission::decisions_write))
    return fail(errc::forbidden, fmt::format("role {} may not override a freeze (it needs {})", access::to_string(asked.who->role), access::to_string(access::permission::decisions_write)));
  return out;
}

result<void> may_change(const services& with, const request& asked, const std::string& what) {
  const auto why = cause_of(asked);
  if (!why) return std::unexpected(why.error());
  return with.policies.may_change ? with.policies.may_change(*why, what) : result<void>{};
}

json::object decisions_json(const services& with) {
  json::object out;
  auto* store = decisions_of(with);
  if (store == nullptr || !with.policies.standing) return out;
  const auto standing = with.policies.standing();
  const auto open = store->list({.open = true, .limit = 1'000});
  out["in_force"] = open ? json::value(open->rows.size()) : json::value(nullptr);
  out["frozen_by"] = text(standing.frozen);
  out["plan_entry"] = standing.entry;
  out["file_in_force"] = standing.apart.empty();
  out["file_apart"] = text(standing.apart);
  return out;
}

result<reply> handlers::list_decisions(const services& with, const request& asked) {
  const auto store = kept_decisions(with);
  if (!store) return std::unexpected(store.error());
  const auto query = read_query(asked);
  if (!query) return std::unexpected(query.error());
  const auto page = (*store)->list(*query);
  if (!page) return std::unexpected(page.error());
  json::array data;
  for (const auto& one : page->rows) data.emplace_back(decision_json(one));
  return reply{.body = json_text(json::object{{"data", std::move(data)}, {"next", page->next ? json::value(fmt::format("dec_{}", *page->next)) : json::value(nullptr)}})};
}

result<reply> handlers::decision_by_id(const services& with, const request& asked) {
  const auto store = kept_decisions(with);
  if (!store) return std::unexpected(store.error());
  const auto number = decision_number(asked);
  if (!number) return std::unexpected(number.error());
  const auto found = (*store)->find(*number);
  if (!found) return std::unexpected(found.error());
  if (!*found) return fail(errc::not_found, fmt::format("there is no decision dec_{}; `andon decision list` (GET /api/v1/decisions) tells them", *number));
  return reply{.body = json_text(decision_json(**found))};
}

result<reply> handlers::end_decision(const services& with, const request& asked) {
  const auto number = decision_number(asked);
  if (!number) return std::unexpected(number.error());
  const auto why = reason_of(asked);
  if (!why) return std::unexpected(why.error());
  if (!with.policies.end) return fail(errc::unavailable, std::string(not_kept));
  const auto ended = with.policies.end(*number, actor_of(asked), *why);
  if (!ended) return std::unexpected(ended.error());
  note_act(asked, "decision " + ended->id(), {}, {{"in_force", true}}, {{"in_force", false}, {"reason", *why}});
  return reply{.body = json_text(decision_json(*ended))};
}

result<reply> handlers::list_plans(const services& with, const request&) {
  const auto store = kept_decisions(with);
  if (!store) return std::unexpected(store.error());
  const auto plans = (*store)->plans();
  if (!plans) return std::unexpected(plans.error());
  json::array data;
  for (const auto& one : *plans) data.emplace_back(plan_json(one, &one == plans->data()));
  const auto standing = with.policies.standing();
  return reply{.body = json_text(json::object{{"data", std::move(data)}, {"file_in_force", standing.apart.empty()}, {"file_apart", text(standing.apart)}})};
}

result<reply> handlers::plan_by_number(const services& with, const request& asked) {
  const auto store = kept_decisions(with);
  if (!store) return std::unexpected(store.error());
  const auto number = plan_number(asked);
  if (!number) return std::unexpected(number.error());
  const auto found = (*store)->plan(*number);
  if (!found) return std::unexpected(found.error());
  if (!*found) return fail(errc::not_found, fmt::format("there is no plan {}; `andon plan list` (GET /api/v1/plans) tells those that are kept", *number));
  return reply{.body = with.policies.text(**found), .content_type = "application/yaml"};
}

result<reply> handlers::plan_difference(const services& with, const request& asked) {
  const auto number = plan_number(asked);
  if (!number) return std::unexpected(number.error());
  if (!with.policies.difference) return fail(errc::unavailable, std::string(not_kept));
  const auto other = asked.query.text("with");
  auto shown = with.policies.difference(std::to_string(*number), other.empty() ? "file" : std::string(other));
  if (!shown) return std::unexpected(std::move(shown.error()));
  return reply{.body = std::move(*shown), .content_type = "text/plain; charset=utf-8"};
}

result<reply> handlers::roll_back_plan(const services& with, const request& asked) {
  const auto number = plan_number(asked);
  if (!number) return std::unexpected(number.error());
  const auto why = reason_of(asked);
  if (!why) return std::unexpected(why.error());
  if (!with.policies.roll_back) return fail(errc::unavailable, std::string(not_kept));
  const auto before = with.policies.standing();
  const auto made = with.policies.roll_back(*number, actor_of(asked), *why);
  if (!made) return std::unexpected(made.error());
  note_act(asked, "configuration", {}, {{"plan", before.entry}}, {{"plan", with.policies.standing().entry}, {"decision", made->id()}, {"reason", *why}});
  return reply{.body = json_text(decision_json(*made))};
}

}  // namespace andon::admin
