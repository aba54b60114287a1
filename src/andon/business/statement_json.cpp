#include <boost/json.hpp>

#include "andon/base/time_text.hpp"
#include "andon/business/statement_text.hpp"

namespace andon::business {
namespace {

namespace json = boost::json;

std::string time_text(instant at) { return format_rfc3339(wall_time{at}).substr(0, 19) + "Z"; }

json::value text_or_null(const std::string& text) { return text.empty() ? json::value(nullptr) : json::value(text); }

json::object events_json(const slo::counts& of, std::int64_t unit) {
  return {{"good", of.good}, {"bad", of.bad()}, {"total", of.total}, {"counted_as", unit}, {"attained_percent", text_or_null(attained_text(of))}};
}

json::array tiers_json(const std::vector<credit_tier>& from) {
  json::array out;
  for (const auto& one : from) out.emplace_back(json::object{{"below_percent", percent_text(one.below)}, {"credit_percent", percent_text(one.credit)}});
  return out;
}

json::object line_json(const promise_line& from) {
  json::array days, causes, recount;
  for (const auto& one : from.days)
    days.emplace_back(json::object{{"date", one.date}, {"good", one.events.good}, {"total", one.events.total}, {"excluded", one.excluded.total},
                                   {"attained_percent", text_or_null(attained_text(one.events))}, {"hours_without_events", one.silent_hours}});
  for (const auto& [why, bad] : from.causes)
    causes.emplace_back(json::object{{"origin", why.origin}, {"error", why.error}, {"model", why.model}, {"key", why.key}, {"bad", bad}});
  for (const auto& one : from.recount) recount.emplace_back(one);
  return {{"objective", from.objective},
          {"title", from.title},
          {"description", from.description},
          {"promised_percent", percent_text(from.promised)},
          {"verdict", statement_words::verdict(from)},
          {"kept", from.kept ? json::value(*from.kept) : json::value(nullptr)},
          {"events", events_json(from.events, from.unit)},
          {"excluded_events", events_json(from.excluded, from.unit)},
          {"credits", tiers_json(from.tiers)},
          {"credit_percent", percent_text(from.credit)},
          {"hours", from.hours},
          {"hours_without_events", from.silent_hours},
          {"days", std::move(days)},
          {"causes", std::move(causes)},
          {"evidence", json::object{{"method", from.method}, {"measure", from.measure}, {"bound", from.bound}, {"filter", from.filter}, {"good", from.good_filter},
                                    {"objective_target_percent", percent_text(from.objective_target)}, {"series", from.identity}, {"recount", std::move(recount)}}}};
}

json::object incident_json(const told_incident& from) {
  return {{"id", from.id},           {"title", from.title},
          {"severity", from.severity}, {"state", from.state},
          {"opened", time_text(from.opened)}, {"resolved", from.resolved ? json::value(time_text(*from.resolved)) : json::value(nullptr)}};
}

json::object money_json(const money& of) {
  const auto text = money_text(of);
  return {{"amount", text.substr(0, text.find(' '))}, {"currency", of.currency}};
}

}  // namespace

std::string statement_json(const statement& from) {
  json::array excluded, lines, incidents, remarks;
  for (const auto& one : from.excluded)
    excluded.emplace_back(json::object{{"from", time_text(one.from)}, {"to", time_text(one.to)}, {"reason", one.reason}, {"objective", text_or_null(one.objective)}});
  for (const auto& one : from.lines) lines.emplace_back(line_json(one));
  for (const auto& one : from.incidents) incidents.emplace_back(incident_json(one));
  for (const auto& one : from.remarks) remarks.emplace_back(one);
  const json::object out{{"agreement", from.of.name},
                         {"title", from.of.title},
                         {"description", from.of.description},
                         {"counterparty", from.of.counterparty},
                         {"notes", from.of.notes},
                         {"month", from.when.text()},
                         {"time_zone", from.of.zone_name},
                         {"begin", time_text(from.begin)},
                         {"end", time_text(from.end)},
                         {"counted_until", time_text(from.until)},
                         {"preliminary", from.preliminary},
                         {"revision", from.revision},
                         {"reason", text_or_null(from.reason)},
                         {"made", time_text(from.made)},
                         {"credit_percent", percent_text(from.credit)},
                         {"fee", from.of.fee ? json::value(money_json(*from.of.fee)) : json::value(nullptr)},
                         {"owed", from.owed ? json::value(money_json(*from.owed)) : json::value(nullptr)},
                         {"hours", from.hours},
                         {"hours_not_watched", from.unwatched_hours ? json::value(*from.unwatched_hours) : json::value(nullptr)},
                         {"objectives", std::move(lines)},
                         {"excluded", std::move(excluded)},
                         {"incidents", std::move(incidents)},
                         {"remarks", std::move(remarks)}};
  return json::serialize(out) + "\n";
}

}  // namespace andon::business
