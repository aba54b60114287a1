#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "andon/access/keyring.hpp"
#include "andon/admin/handlers.hpp"
#include "andon/admin/json_out.hpp"
#include "andon/base/time_text.hpp"
#include "andon/ledger/store.hpp"
#include "andon/slo/feedback_summary.hpp"

namespace andon::admin::handlers {
namespace {

namespace json = boost::json;
using ledger::operation;

/// What one question reads at most; beyond it the answer says that it is not complete.
constexpr std::size_t most_answers = 100'000, most_rows = 10'000;

constexpr std::uint64_t bit(operation of) { return std::uint64_t{1} << static_cast<unsigned>(of); }
/// Calls that somebody reads the reply of.
constexpr std::uint64_t rateable = bit(operation::chat) | bit(operation::completion);

struct question {
  std::string project, route;  ///< empty: all
  wall_time from, to;          ///< to: not included
  ledger::scope visible = ledger::scope::everything();

  [[nodiscard]] bool concerns(std::string_view of_project, std::string_view of_route) const {
    return (project.empty() || of_project == project) && (route.empty() || of_route == route);
  }
  [[nodiscard]] ledger::filter over(std::uint64_t operations) const {
    ledger::filter_node which{.kind = ledger::node_kind::compare, .which = ledger::field::operation, .how = ledger::comparison::set, .members = operations};
    ledger::filter_node when{.kind = ledger::node_kind::compare, .which = ledger::field::started, .how = ledger::comparison::range};
    when.low = from.time_since_epoch().count();
    when.high = to.time_since_epoch().count() - 1;
    return {.root = {.kind = ledger::node_kind::all_of, .children = {std::move(which), std::move(when)}}};
  }
};

/// Ages end in 1970, so that no sum of times overflows.
result<wall_time> read_time(const request& asked, std::string_view name, wall_time missing) {
  const auto text = asked.query.text(name);
  if (text.empty()) return missing;
  if (const auto age = parse_duration(text)) return std::max(asked.now - *age, wall_time{});
  if (const auto at = parse_rfc3339(text)) return *at;
  return fail(errc::invalid_argument, fmt::format("{}: '{}' is neither a time (2026-01-31T12:00:00Z) nor an age (6h)", name, text), std::string(name));
}

result<question> read_question(const request& asked) {
  question out{.project = std::string(asked.query.text("project")), .route = std::string(asked.query.text("route")), .from = {}, .to = {}};
  const auto to = read_time(asked, "to", asked.now);
  if (!to) return std::unexpected(to.error());
  const auto from = read_time(asked, "from", *to - std::chrono::days{30});
  if (!from) return std::unexpected(from.error());
  if (*from >= *to) return fail(errc::invalid_argument, "from must lie before to", "from");
  out.from = *from;
  out.to = *to;
  if (!asked.who->project.empty()) out.visible = ledger::scope::only(asked.who->project);
  return out;
}

/// Calls that were answered, by project and route. Returns whether these are all.
result<bool> add_calls(slo::feedback_summary& to, const services& with, const question& of, const request& asked) {
  const auto found = with.records->index().aggregate({.where = of.over(rateable), .visible = of.visible, .group_by = {"project", "route"}, .max_groups = most_rows, .wait = asked.wait});
  if (!found) return std::unexpected(found.error());
  for (const auto& group : found->groups)
    if (of.concerns(group.keys[0], group.keys[1])) to.add_calls({group.keys[0], group.keys[1]}, group.count - group.errors);
  return found->complete && !found->other;
}

/// The call that feedback is about; nothing when it names none, or one that is not known in its project.
result<std::optional<ledger::summary>> call_of(const services& with, const ledger::summary& said, const request& asked) {
  const auto name = std::ranges::find(said.metadata, std::string_view("feedback.request"), [](const auto& pair) { return std::string_view(pair.first); });
  const auto id = name == said.metadata.end() ? std::nullopt : request_id::parse(name->second);
  if (!id) return std::nullopt;
  auto found = with.records->index().find(*id, ledger::scope::only(project_id{said.project}), asked.wait);
  if (found) return std::move(*found);
  if (found.error().code == errc::not_found) return std::nullopt;
  return std::unexpected(std::move(found.error()));
}

bool could_be_rated(const ledger::summary& call, const question& of) {
  return (bit(call.op) & rateable) != 0 && call.outcome == errc::none && call.started >= of.from && call.started < of.to;
}

result<void> add_answer(slo::feedback_summary& to, const services& with, const question& of, const ledger::summary& said, const request& asked) {
  if (said.outcome != errc::none || (!of.project.empty() && said.project != of.project)) return {};
  const auto call = call_of(with, said, asked);
  if (!call) return std::unexpected(call.error());
  const auto route = *call ? (*call)->route : std::string{};
  if (!of.concerns(said.project, route)) return {};
  to.add_feedback({said.project, route}, *call && could_be_rated(**call, of) ? std::optional((*call)->id) : std::nullopt, said.metadata);
  return {};
}

/// Returns whether these are all.
result<bool> add_answers(slo::feedback_summary& to, const services& with, const question& of, const request& asked) {
  std::string cursor;
  for (std::size_t read = 0; read < most_answers;) {
    auto page = with.records->index().search({.where = of.over(bit(operation::feedback)), .visible = of.visible, .cursor = cursor, .limit = 1000, .wait = asked.wait});
    if (!page) return std::unexpected(std::move(page.error()));
    for (const auto& said : page->rows)
      if (const auto added = add_answer(to, with, of, said, asked); !added) return std::unexpected(added.error());
    if (page->next.empty()) return page->complete;
    read += page->rows.size();
    cursor = std::move(page->next);
  }
  return false;
}

json::value number(const std::optional<double>& from) { return from ? json::value(*from) : json::value(nullptr); }

void add_bounds(json::object& to, const std::optional<slo::interval>& of) {
  to["low"] = of ? json::value(of->low) : json::value(nullptr);
  to["high"] = of ? json::value(of->high) : json::value(nullptr);
}

json::object share_json(const slo::answer_share& of) {
  json::object out{{"good", of.good}, {"total", of.total}, {"share", number(of.share())}};
  add_bounds(out, of.bounds());
  return out;
}

json::object mean_json(const slo::sample& of) {
  json::object out{{"total", of.count()}, {"mean", number(of.mean())}};
  add_bounds(out, of.mean_interval());
  return out;
}

json::object nps_json(const slo::feedback_row& of) {
  json::object out{{"promoters", of.promoters}, {"detractors", of.detractors}, {"total", of.nps_answers}, {"nps", number(of.nps())}};
  add_bounds(out, slo::nps_interval(of.promoters, of.detractors, of.nps_answers));
  return out;
}

json::object row_json(const slo::feedback_row_name& name, const slo::feedback_row& of) {
  return {{"project", name.project},
          {"route", name.route},
          {"answers", of.answers},
          {"response", share_json(of.response())},
          {"csat", share_json(of.csat_satisfied)},
          {"csat_mean", mean_json(of.csat)},
          {"thumbs", share_json(of.thumbs)},
          {"resolved", share_json(of.resolved)},
          {"score", mean_json(of.score)},
          {"nps", nps_json(of)}};
}

}  // namespace

result<reply> feedback_sums(const services& with, const request& asked) {
  if (with.records == nullptr) return fail(errc::unavailable, "the ledger is switched off (ledger.enabled)");
  const auto of = read_question(asked);
  if (!of) return std::unexpected(of.error());
  slo::feedback_summary sums;
  const auto all_calls = add_calls(sums, with, *of, asked);
  if (!all_calls) return std::unexpected(all_calls.error());
  const auto all_answers = add_answers(sums, with, *of, asked);
  if (!all_answers) return std::unexpected(all_answers.error());
  if (sums.rows().empty() && !of->project.empty() && asked.who->project.empty() &&
      std::ranges::none_of(with.keys.projects(), [&](const auto& one) { return one.id.view() == of->project; }))
    return fail(errc::not_found, fmt::format("no project is named '{}'; `andon project list` (GET /api/v1/projects) tells them", of->project), "project");
  json::array data;
  for (const auto& [name, row] : sums.rows()) data.emplace_back(row_json(name, row));
  return reply{.body = json_text(json::object{{"from", format_rfc3339(of->from)},
                                              {"to", format_rfc3339(of->to)},
                                              {"confidence", 0.95},
                                              {"complete", *all_calls && *all_answers},
                                              {"data", std::move(data)}})};
}

}  // namespace andon::admin::handlers
