#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <span>

#include "andon/app/cli/admin_client.hpp"
#include "andon/app/cli/cli_context.hpp"
#include "andon/app/cli/json_rows.hpp"
#include "andon/app/cli/table.hpp"

namespace andon::app::cli {
namespace {

namespace json = boost::json;

struct decision_options {
  std::string id, reason, objective, policy, act, since, until, cursor, with;
  bool open = false;
  int limit = 50;
};

/// Asks for rows: as they came for machines, else as the function makes them cells.
template <class Cells>
int print_rows(const context& in, const std::string& target, table out, Cells&& cells, std::string_view more) {
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  const auto body = client->text("GET", target);
  if (!body) return complain(body.error());
  if (in.json) {
    for (const auto row : raw_rows(*body)) fmt::print(stdout, "{}\n", row);
    return done;
  }
  const auto got = json::parse(*body);
  for (const auto& one : got.at("data").as_array()) out.add(cells(one));
  fmt::print(stdout, "{}", out.text(in.terminal));
  if (const auto next = cell(got, "next"); next != "-") fmt::print(stdout, "more: {} --cursor {}\n", more, next);
  if (const auto apart = cell(got, "file_apart"); apart != "-") fmt::print(stdout, "The configuration file is not in force: {}.\n", clean(apart, 400));
  return done;
}

int list(const context& in, const decision_options& from) {
  return print_rows(in,
                    "/api/v1/decisions" + query_text({{"open", from.open ? "true" : ""}, {"objective", from.objective}, {"policy", from.policy}, {"act", from.act}, {"since", from.since},
                                                      {"until", from.until}, {"cursor", from.cursor}, {"limit", std::to_string(from.limit)}}),
                    table({"DECISION", "AT", "WHO", "ACT", "SUBJECT", "ENDED", "REASON"}),
                    [](const json::value& one) {
                      return std::vector<std::string>{cell(one, "id"),      cell(one, "at"), cell(one, "who"), cell(one, "act"), clean(cell(one, "subject"), 40),
                                                      cell(one, "in_force") == "true" ? "in force" : cell(one, "ended_at"), clean(cell(one, "reason"), 100)};
                    },
                    "andon decision list");
}

void print_decision(const json::value& one) {
  fmt::print(stdout, "{}: {} {}\n  by {} at {}\n  because {}\n", cell(one, "id"), cell(one, "act"), clean(cell(one, "subject")), cell(one, "who"), cell(one, "at"), clean(cell(one, "reason"), 500));
  if (cell(one, "policy") != "-") fmt::print(stdout, "  policy {}, step {}, objective {}\n", cell(one, "policy"), cell(one, "step"), cell(one, "objective"));
  if (cell(one, "outcome") != "-") fmt::print(stdout, "  {}: {}\n", cell(one, "done_at"), clean(cell(one, "outcome"), 500));
  if (cell(one, "in_force") == "true") fmt::print(stdout, "  in force\n");
  else fmt::print(stdout, "  ended {}{}{}{}\n", cell(one, "ended_at"), cell(one, "ended_by") == "-" ? "" : " by " + cell(one, "ended_by"), cell(one, "end_reason") == "-" ? "" : ": " + clean(cell(one, "end_reason"), 500),
                  cell(one, "waived") == "true" ? " (its condition still holds)" : "");
  const auto& evidence = one.at("evidence");
  const auto* causes = evidence.is_object() ? evidence.as_object().if_contains("causes") : nullptr;
  if (causes == nullptr || !causes->is_array() || causes->as_array().empty()) return;
  table out({"SHARE", "ORIGIN", "ERROR", "MODEL", "KEY"});
  for (const auto& cause : causes->as_array())
    out.add({fmt::format("{:.4g} %", cause.at("share").to_number<double>() * 100), cell(cause, "origin"), cell(cause, "error"), cell(cause, "model"), cell(cause, "key")});
  fmt::print(stdout, "  what ate the budget\n{}", out.text(false));
}

int show(const context& in, const decision_options& from) {
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  const auto got = client->call("GET", "/api/v1/decisions/" + percent_encode(from.id));
  if (!got) return complain(got.error());
  if (in.json) fmt::print(stdout, "{}\n", json::serialize(*got));
  else print_decision(*got);
  return done;
}

/// An act with a reason; prints the Decision that came of it.
int act(const context& in, const std::string& target, const std::string& reason) {
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  const auto got = client->call("POST", target, json::serialize(json::object{{"reason", reason}}));
  if (!got) return complain(got.error());
  if (in.json) fmt::print(stdout, "{}\n", json::serialize(*got));
  else print_decision(*got);
  return done;
}

/// Those that stood worst.
std::string worst_of(const json::object& budgets) {
  constexpr std::size_t most = 2;
  constexpr double lowest_told = -10;
  std::vector<std::pair<double, std::string_view>> all;
  for (const auto& [name, share] : budgets) all.emplace_back(share.to_number<double>(), name);
  std::ranges::sort(all);
  std::string out;
  for (const auto& [left, name] : std::span(all).first(std::min(all.size(), most)))
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", name, left < lowest_told ? "< -1000 %" : fmt::format("{:.4g} %", left * 100));
  return all.size() > most ? fmt::format("{}, {} more", out, all.size() - most) : out;
}

int plans(const context& in) {
  return print_rows(in, "/api/v1/plans", table({"PLAN", "IN FORCE FROM", "WHO", "HASH", "BUDGET LEFT AT THAT TIME", ""}),
                    [](const json::value& one) {
                      return std::vector<std::string>{cell(one, "number"), cell(one, "at"), cell(one, "who"), cell(one, "hash").substr(0, 12), worst_of(one.at("budget_left").as_object()), cell(one, "in_force") == "true" ? "in force" : ""};
                    },
                    {});
}

int print_text(const context& in, const std::string& target, std::string_view when_empty) {
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  const auto body = client->text("GET", target);
  if (!body) return complain(body.error());
  if (body->empty()) fmt::print(stdout, "{}\n", when_empty);
  else fmt::print(stdout, "{}{}", *body, body->ends_with('\n') ? "" : "\n");
  return done;
}

void add_decisions(command root, context& in, const std::shared_ptr<decision_options>& options) {
  auto verb = root.add_verb("decision", "What error-budget policies and people decided: freezes, roll-backs, overrides");
  verb.needs_verb();
  auto listed = add_common(verb.add_verb("list", "Decisions, newest first"), in);
  listed.add_flag("--open", options->open, "Only those in force");
  listed.add_option("--objective", options->objective, "Of this objective's budget");
  listed.add_option("--policy", options->policy, "Of this policy");
  listed.add_option("--act", options->act, "notify, freeze, tighten, roll-back or override");
  listed.add_option("--since", options->since, "Made since: a time (2026-01-31T12:00:00Z) or an age (24h)");
  listed.add_option("--until", options->until, "Made before: a time or an age");
  listed.add_option("--limit", options->limit, "Rows of a page").between(1, 1000).show_default();
  listed.add_option("--cursor", options->cursor, "Goes on where a page ended");
  listed.callback([&in, options] { in.chosen = [&in, options] { return list(in, *options); }; });
  auto shown = add_common(verb.add_verb("show", "One Decision with its evidence"), in);
  shown.add_option("id", options->id, "Its id (dec_12)").required();
  shown.callback([&in, options] { in.chosen = [&in, options] { return show(in, *options); }; });
  auto ended = add_common(verb.add_verb("end", "End a Decision although its condition holds; it comes again only after that was over"), in);
  ended.add_option("id", options->id, "Its id (dec_12)").required();
  ended.add_option("--reason", options->reason, "Why").required();
  ended.callback([&in, options] { in.chosen = [&in, options] { return act(in, "/api/v1/decisions/" + percent_encode(options->id) + "/end", options->reason); }; });
}

void add_plans(command root, context& in, const std::shared_ptr<decision_options>& options) {
  auto verb = root.add_verb("plan", "The configurations that were in force, and the way back to them");
  verb.needs_verb();
  add_common(verb.add_verb("list", "Those that are kept, newest first"), in).callback([&in] { in.chosen = [&in] { return plans(in); }; });
  const auto numbered = [&](const char* name, const char* about) -> command {
    auto made = add_common(verb.add_verb(name, about), in);
    made.add_option("number", options->id, "Its number").required();
    return made;
  };
  numbered("show", "One as YAML, secrets masked").callback([&in, options] { in.chosen = [&in, options] { return print_text(in, "/api/v1/plans/" + percent_encode(options->id), {}); }; });
  auto differs = numbered("diff", "How it differs from another one or from the file");
  differs.add_option("other", options->with, "Number of the other one; left out: the file");
  differs.callback([&in, options] {
    in.chosen = [&in, options] { return print_text(in, "/api/v1/plans/" + percent_encode(options->id) + "/diff" + query_text({{"with", options->with}}), "no difference"); };
  });
  auto back = numbered("roll-back", "Put it in force instead of the file, until that is edited");
  back.add_option("--reason", options->reason, "Why").required();
  back.callback([&in, options] { in.chosen = [&in, options] { return act(in, "/api/v1/plans/" + percent_encode(options->id) + "/roll-back", options->reason); }; });
}

}  // namespace

void add_decision_verbs(command root, context& in) {
  auto options = std::make_shared<decision_options>();
  add_decisions(root, in, options);
  add_plans(root, in, options);
}

}  // namespace andon::app::cli
