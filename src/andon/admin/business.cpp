// Agreements with their statements, and KPIs.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "andon/admin/audit.hpp"
#include "andon/admin/body_reader.hpp"
#include "andon/admin/handlers.hpp"
#include "andon/admin/json_out.hpp"
#include "andon/base/time_text.hpp"
#include "andon/business/desk.hpp"

namespace andon::admin::handlers {
namespace {

namespace json = boost::json;
using business::instant;

constexpr std::size_t longest_note = 2'000;
constexpr std::uint64_t most_revisions = 1'000;

result<business::desk*> desk_of(const services& with) {
  if (with.business != nullptr) return with.business;
  return fail(errc::unavailable, "agreements and KPIs are not kept by this program");
}

std::string time_text(instant at) { return format_rfc3339(wall_time{at}); }

template <class T>
json::value known(const std::optional<T>& from) { return from ? json::value(*from) : json::value(nullptr); }

json::array tiers_json(const std::vector<business::credit_tier>& from) {
  json::array out;
  for (const auto& one : from) out.emplace_back(json::object{{"below_percent", business::percent_text(one.below)}, {"credit_percent", business::percent_text(one.credit)}});
  return out;
}

json::object agreement_json(const business::agreement& from, const std::vector<business::issued_about>& issued) {
  json::array promises, exclusions;
  for (const auto& one : from.promises)
    promises.emplace_back(json::object{{"objective", one.objective}, {"promised_percent", business::percent_text(one.promised)}, {"credits", tiers_json(one.credits)}});
  for (const auto& one : from.exclusions) exclusions.emplace_back(json::object{{"from", time_text(one.when.from)}, {"to", time_text(one.when.to)}, {"reason", one.reason}});
  return {{"name", from.name},
          {"title", from.title},
          {"description", from.description},
          {"counterparty", from.counterparty},
          {"notes", from.notes},
          {"time_zone", from.zone_name},
          {"fee", from.fee ? json::value(business::money_text(*from.fee)) : json::value(nullptr)},
          {"issue_after_s", std::chrono::duration<double>(from.issue_after).count()},
          {"objectives", std::move(promises)},
          {"exclusions", std::move(exclusions)},
          {"last_issued", issued.empty() ? json::value(nullptr) : json::value(issued[0].when.text())}};
}

/// `2026-10`, or `now` and `last` as the agreement's zone has them.
struct asked_month {
  business::desk* desk;
  business::month when;
};
result<asked_month> read_month(const services& with, const request& asked) {
  const auto desk = desk_of(with);
  if (!desk) return std::unexpected(desk.error());
  if (asked.second == "now" || asked.second == "last") {
    const auto of = (*desk)->agreement_of(asked.argument);
    if (!of) return std::unexpected(of.error());
    const auto present = business::month::of(std::chrono::floor<business::seconds>(asked.now), *of->zone);
    return asked_month{*desk, asked.second == "now" ? present : present.previous()};
  }
  const auto when = business::month::parse(asked.second);
  if (!when) return std::unexpected(when.error());
  return asked_month{*desk, *when};
}

std::string_view content_type_of(business::form as) {
  switch (as) {
    case business::form::json: return "application/json";
    case business::form::html: return "text/html; charset=utf-8";
    case business::form::pdf: break;
  }
  return "application/pdf";
}

json::object window_json(const business::kpi_window& from) {
  return {{"begin", time_text(from.when.begin)}, {"end", time_text(from.when.end)}, {"value", known(from.value)}, {"state", business::to_string(from.stands)}};
}

json::value trend_json(const std::optional<slo::slope>& from) {
  if (!from) return nullptr;
  json::object out{{"per_window", from->by_x}, {"windows", from->points}, {"low", nullptr}, {"high", nullptr}};
  if (from->within) out["low"] = from->within->low, out["high"] = from->within->high;
  return out;
}

json::value part_json(const std::optional<business::kpi_part>& from) {
  if (!from) return nullptr;
  return json::object{{"indicator", from->indicator}, {"statistic", slo::to_string(from->of)}};
}

json::object report_json(const business::kpi_report& from) {
  json::array before, objectives;
  for (const auto& one : from.before) before.emplace_back(window_json(one));
  for (const auto& [name, state] : from.objectives) objectives.emplace_back(json::object{{"name", name}, {"state", state}});
  return {{"name", from.what.name},
          {"title", from.what.title},
          {"description", from.what.description},
          {"owner", from.what.owner},
          {"unit", from.what.unit},
          {"from", from.what.from_outside() ? "outside" : "indicators"},
          {"measured", part_json(from.what.part)},
          {"per", part_json(from.what.per)},
          {from.what.how == slo::comparison::lte ? "at_most" : "at_least", from.what.target},
          {"window", from.what.over.text()},
          {"state", business::to_string(from.present.stands)},
          {"value", known(from.present.value)},
          {"change", known(from.change)},
          {"trend", trend_json(from.trend)},
          {"present", window_json(from.present)},
          {"before", std::move(before)},
          {"objectives", std::move(objectives)}};
}

}  // namespace

result<reply> agreements(const services& with, const request&) {
  const auto desk = desk_of(with);
  if (!desk) return std::unexpected(desk.error());
  json::array data;
  for (const auto& one : (*desk)->agreements()) data.emplace_back(agreement_json(one, (*desk)->issued(one.name)));
  return reply{.body = json_text(json::object{{"data", std::move(data)}})};
}

result<reply> agreement_statements(const services& with, const request& asked) {
  const auto desk = desk_of(with);
  if (!desk) return std::unexpected(desk.error());
  if (const auto of = (*desk)->agreement_of(asked.argument); !of) return std::unexpected(of.error());
  json::array data;
  for (const auto& one : (*desk)->issued(asked.argument))
    data.emplace_back(json::object{{"month", one.when.text()}, {"revisions", one.revisions}, {"issued", time_text(one.issued)}});
  return reply{.body = json_text(json::object{{"data", std::move(data)}})};
}

result<reply> agreement_statement(const services& with, const request& asked) {
  const auto of = read_month(with, asked);
  if (!of) return std::unexpected(of.error());
  const auto as = asked.query.has("format") ? business::parse_form(asked.query.text("format")) : business::form::json;
  if (!as) return fail(errc::invalid_argument, fmt::format("format: '{}' is none of json, html and pdf", asked.query.text("format")), "format");
  const auto revision = asked.query.number("revision", 0, 1, most_revisions);
  if (!revision) return std::unexpected(revision.error());
  auto got = of->desk->get(asked.argument, of->when, static_cast<std::int64_t>(*revision), *as);
  if (!got) return std::unexpected(std::move(got.error()));
  return reply{.body = std::move(got->bytes), .content_type = content_type_of(*as), .has_form = *as == business::form::html};  // the policy that allows no scripts
}

result<reply> issue_statement(const services& with, const request& asked) {
  const auto of = read_month(with, asked);
  if (!of) return std::unexpected(of.error());
  const auto body = parse_body(asked.body);
  if (!body) return std::unexpected(body.error());
  body_reader in(*body, {});
  std::string reason;
  if (in.text("reason", reason) && (reason.empty() || reason.size() > longest_note)) in.complain("reason", fmt::format("has to be a text of 1 to {} bytes", longest_note));
  if (auto done = in.finish(); !done) return std::unexpected(std::move(done.error()));
  const auto issued = of->desk->issue(asked.argument, of->when, reason);
  if (!issued) return std::unexpected(issued.error());
  if (issued->made)
    note_act(asked, fmt::format("statement {} {}", asked.argument, of->when.text()), {}, {}, json::object{{"revision", issued->revision}, {"reason", reason}});
  else note_act(asked, fmt::format("statement {} {}", asked.argument, of->when.text()), {}, {}, {});
  return reply{.body = json_text(json::object{{"agreement", asked.argument}, {"month", of->when.text()}, {"revision", issued->revision}, {"issued_now", issued->made}})};
}

result<reply> kpis(const services& with, const request&) {
  const auto desk = desk_of(with);
  if (!desk) return std::unexpected(desk.error());
  const auto all = (*desk)->reports();
  if (!all) return std::unexpected(all.error());
  json::array data;
  for (const auto& one : *all) data.emplace_back(report_json(one));
  return reply{.body = json_text(json::object{{"data", std::move(data)}})};
}

result<reply> kpi_by_name(const services& with, const request& asked) {
  const auto desk = desk_of(with);
  if (!desk) return std::unexpected(desk.error());
  const auto one = (*desk)->report(asked.argument);
  if (!one) return std::unexpected(one.error());
  return reply{.body = json_text(report_json(*one))};
}

result<reply> put_kpi_value(const services& with, const request& asked) {
  const auto desk = desk_of(with);
  if (!desk) return std::unexpected(desk.error());
  const auto body = parse_body(asked.body);
  if (!body) return std::unexpected(body.error());
  body_reader in(*body, {});
  business::kpi_value given{.at = std::chrono::floor<business::seconds>(asked.now)};
  std::string at;
  if (in.text("at", at)) {
    const auto time = parse_rfc3339(at);
    if (time) given.at = std::chrono::floor<business::seconds>(*time);
    else in.complain("at", time.error().message);
  }
  const auto* value = in.value("value");
  if (value == nullptr || !value->is_number()) in.complain("value", "has to be a number");
  else given.value = value->to_number<double>();
  if (in.text("note", given.note) && given.note.size() > longest_note) in.complain("note", fmt::format("is longer than {} bytes", longest_note));
  if (auto done = in.finish(); !done) return std::unexpected(std::move(done.error()));
  const auto before = (*desk)->put_value(asked.argument, given);
  if (!before) return std::unexpected(before.error());
  const auto value_json = [](const business::kpi_value& of) { return json::object{{"at", time_text(of.at)}, {"value", of.value}, {"note", of.note}}; };
  note_act(asked, fmt::format("kpi {}", asked.argument), {}, *before ? value_json(**before) : json::object{}, value_json(given));
  return reply{.body = json_text(json::object{{"kpi", asked.argument}, {"value", value_json(given)}, {"replaced", *before ? json::value(value_json(**before)) : json::value(nullptr)}})};
}

}  // namespace andon::admin::handlers
