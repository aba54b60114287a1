#include <fmt/format.h>

#include <boost/json.hpp>

#include "andon/app/cli/admin_client.hpp"
#include "andon/app/cli/cli_context.hpp"
#include "andon/app/cli/json_rows.hpp"
#include "andon/app/cli/table.hpp"

namespace andon::app::cli {
namespace {

namespace json = boost::json;

/// What a change gives when the plan is frozen.
struct override_options {
  bool wanted = false;
  std::string reason;

  void add(command verb) {
    auto flag = verb.add_flag("--override", wanted, "Although an error-budget policy freezes the plan; needs a reason");
    verb.add_option("--reason", reason, "Why it has to be").only_with(flag);
  }
  /// The request's body; nothing when a reason is missing.
  [[nodiscard]] std::optional<std::string> body() const {
    if (!wanted) return std::string{};
    if (reason.empty()) return std::nullopt;
    return json::serialize(json::object{{"override_reason", reason}});
  }
};

/// What was changed in the file but is in force only after a restart.
void print_waiting(const json::value& from) {
  const auto* waiting = from.as_object().if_contains("needs_restart");
  if (waiting == nullptr || !waiting->is_array()) return;
  std::string names;
  for (const auto& one : waiting->get_array()) names.append(names.empty() ? "" : ", ").append(one.as_string());
  fmt::print(stdout, "  RESTART     changed, and in force after a restart only: {}\n", names);
}

int call_and_say(const context& in, std::string_view method, std::string_view target, std::string_view said, const override_options& over = {}) {
  const auto body = over.body();
  if (!body) return complain({errc::invalid_argument, "--override needs a reason: --reason \"why it has to be\""});
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  const auto got = client->call(method, target, *body);
  if (!got) return complain(got.error());
  if (in.json) return fmt::print(stdout, "{}\n", json::serialize(*got)), done;
  fmt::print(stdout, "{}\n", said);
  print_waiting(*got);
  if (const auto* apart = got->as_object().if_contains("file_not_in_force"); apart != nullptr && apart->is_string())
    fmt::print(stdout, "but the configuration file is not in force: {}\n", clean(cell(*got, "file_not_in_force"), 400));
  return done;
}

std::string state_text(const json::value& status) {
  if (cell(status, "draining") == "true") return fmt::format("draining ({} calls open)", cell(status, "calls_under_way"));
  return cell(status, "ready") == "true" ? "ready" : "not ready";
}

result<json::value> parse_answer(const std::string& body) {
  boost::system::error_code failed;
  auto out = json::parse(body, failed);
  if (failed || !out.is_object()) return fail(errc::upstream_bad_reply, "the gateway's answer is not JSON");
  return out;
}

int status(const context& in) {
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  const auto body = client->text("GET", "/api/v1/status");
  if (!body) return complain(body.error());
  if (in.json) return fmt::print(stdout, "{}\n", *body), done;
  const auto got = parse_answer(*body);
  if (!got) return complain(got.error());
  const json::value nothing;
  const auto* ledger = got->as_object().if_contains("ledger");
  const auto& from = ledger != nullptr ? *ledger : nothing;
  fmt::print(stdout, "andon {}: {}\n  gateway     {}/v1\n  started     {} ({} s ago)\n  keys        {} in {} projects\n  under way   {} calls\n",
             cell(*got, "version"), state_text(*got), cell(*got, "gateway"), cell(*got, "started"),
             cell(*got, "uptime_s"), cell(*got, "keys"), cell(*got, "projects"), cell(*got, "calls_under_way"));
  if (const auto* alerts = got->as_object().if_contains("alerts"); alerts != nullptr && alerts->is_object())
    fmt::print(stdout, "  alerts      {} firing ({} of them quieted), {} incidents open, {} messages wait, {} dead letters\n", cell(*alerts, "firing"), cell(*alerts, "quiet"), cell(*alerts, "open_incidents"), cell(*alerts, "waiting_messages"), cell(*alerts, "dead_letters"));
  print_waiting(*got);
  if (const auto* decided = got->as_object().if_contains("decisions"); decided != nullptr && decided->is_object()) {
    fmt::print(stdout, "  decisions   {} in force\n", cell(*decided, "in_force"));
    if (const auto by = cell(*decided, "frozen_by"); by != "-") fmt::print(stdout, "  FROZEN      the plan is frozen by {} (andon decision show {})\n", by, by);
    if (const auto apart = cell(*decided, "file_apart"); apart != "-") fmt::print(stdout, "  APART       the configuration file is not in force: {}\n", clean(apart, 400));
  }
  if (const auto* drill = got->as_object().if_contains("drill"); drill != nullptr && drill->is_object())
    fmt::print(stdout, "  DRILL       {} {} is {} since {}, by {}; andon drill stop ends it\n", cell(*drill, "kind"), cell(*drill, "target"), cell(*drill, "phase"), cell(*drill, "began").substr(0, 19), cell(*drill, "who"));
  if (!from.is_object()) return fmt::print(stdout, "  ledger      off\n"), done;
  fmt::print(stdout, "  ledger      {} Records: {} indexed, {} waiting, {} dropped{}\n", cell(from, "appended"), cell(from, "indexed"), cell(from, "waiting"),
             cell(from, "dropped"), cell(from, "balanced") == "true" ? "" : "  (DOES NOT BALANCE)");
  if (cell(from, "full") == "true") fmt::print(stdout, "  ALARM       the journal has no space\n");
  if (const auto problem = cell(from, "index_problem"); problem != "-") fmt::print(stdout, "  ALARM       {}\n", clean(problem));
  return done;
}

int list(const context& in, std::string_view target, const std::vector<std::pair<std::string, std::string>>& columns) {
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  const auto body = client->text("GET", target);
  if (!body) return complain(body.error());
  if (in.json) {
    for (const auto row : raw_rows(*body)) fmt::print(stdout, "{}\n", row);
    return done;
  }
  const auto got = parse_answer(*body);
  if (!got) return complain(got.error());
  std::vector<std::string> heads;
  for (const auto& [head, name] : columns) heads.push_back(head);
  table out(heads);
  for (const auto& one : got->at("data").as_array()) {
    std::vector<std::string> row;
    for (const auto& [head, name] : columns) row.push_back(cell(one, name));
    out.add(std::move(row));
  }
  fmt::print(stdout, "{}", out.text(in.terminal));
  return done;
}

int routes(const context& in) {
  const auto client = admin_client::open(in.data);
  if (!client) return complain(client.error());
  const auto got = client->call("GET", "/api/v1/routes");
  if (!got) return complain(got.error());
  table out({"ROUTE", "STRATEGY", "MODEL", "STATE", "IN FLIGHT", "ERROR RATE", "ADDRESS"});
  for (const auto& route : got->at("data").as_array()) {
    if (in.json) fmt::print(stdout, "{}\n", json::serialize(route));
    for (const auto& target : route.at("targets").as_array())
      out.add({cell(route, "name"), cell(route, "strategy"), cell(target, "model"), cell(target, "state"), cell(target, "in_flight"), cell(target, "error_rate"), cell(target, "address")});
  }
  if (!in.json) fmt::print(stdout, "{}", out.text(in.terminal));
  return done;
}

void add_target_verbs(command root, context& in) {
  auto target = root.add_verb("target", "Take models out of all routes and in again");
  target.needs_verb();
  auto model = std::make_shared<std::string>();
  auto span = std::make_shared<std::string>();
  auto over = std::make_shared<override_options>();
  auto pause = add_common(target.add_verb("pause", "Take a model out"), in);
  pause.add_option("model", *model, "Model, as the configuration names it").required();
  pause.add_option("--for", *span, "How long (1h, 2d); without it until resumed");
  over->add(pause);
  pause.callback([&in, model, span, over] {
    in.chosen = [&in, model, span, over] {
      return call_and_say(in, "POST", "/api/v1/targets/" + percent_encode(*model) + "/pause" + query_text({{"for", *span}}), "paused " + *model, *over);
    };
  });
  auto resume = add_common(target.add_verb("resume", "Take a model in again"), in);
  resume.add_option("model", *model, "Model, as the configuration names it").required();
  over->add(resume);
  resume.callback([&in, model, over] {
    in.chosen = [&in, model, over] { return call_and_say(in, "POST", "/api/v1/targets/" + percent_encode(*model) + "/resume", "resumed " + *model, *over); };
  });
}

}  // namespace

void add_status_verbs(command root, context& in) {
  add_common(root.add_verb("status", "What the running gateway does"), in).callback([&in] { in.chosen = [&in] { return status(in); }; });
  add_common(root.add_verb("routes", "Routes, their targets and the targets' health"), in).callback([&in] { in.chosen = [&in] { return routes(in); }; });
  add_common(root.add_verb("budgets", "Budgets: limit, spent, reserved, reset"), in).callback([&in] {
    in.chosen = [&in] {
      return list(in, "/api/v1/budgets", {{"BUDGET", "name"}, {"PERIOD", "period"}, {"LIMIT $", "limit_usd"}, {"SPENT $", "spent_usd"},
                                          {"RESERVED $", "reserved_usd"}, {"LEFT $", "left_usd"}, {"ALARM", "alarm"}, {"RESETS", "resets"}});
    };
  });
  add_target_verbs(root, in);
  auto over = std::make_shared<override_options>();
  auto reload = add_common(root.add_verb("reload", "Make the gateway read its configuration file again"), in);
  over->add(reload);
  reload.callback([&in, over] {
    in.chosen = [&in, over] { return call_and_say(in, "POST", "/api/v1/config/reload", "reloaded", *over); };
  });
  add_common(root.add_verb("drain", "End the gateway gracefully: no new work, calls under way finish"), in).callback([&in] {
    in.chosen = [&in] { return call_and_say(in, "POST", "/api/v1/drain", "draining"); };
  });
}

}  // namespace andon::app::cli
