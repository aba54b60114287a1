// Error-budget policies in a whole gateway: calls fail, the budget goes, and what was agreed happens.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <thread>

#include "andon/app/cli/admin_client.hpp"
#include "andon/app/serve/instance.hpp"
#include "andon/app/serve/plan_history.hpp"
#include "andon/app/serve/temporary_folder_testing.hpp"
#include "andon/sql/database.hpp"

namespace andon::app {
namespace {

namespace json = boost::json;

const std::string base = R"(
listen: { threads: 1, drain_timeout: 2s }
providers: { s: { kind: sim }, down: { url: "http://127.0.0.1:9/v1" } }
models: { m: { provider: s, price: { free: true } }, d: { provider: down, price: { free: true } }, e: { provider: down, price: { free: true } } }
projects: { shop: {} }
keys: { web: { project: shop, value: sk-declared-for-this-test } }
objectives: { all: { target: 90, window: 1h, alerts: { page: false, ticket: false } } }
)";
const std::string routes = "routes: { good: { targets: [ m ] }, broken: { targets: [ d, e ], retry: { attempts: 1 }, breaker: { failures: 0 } }, both: { targets: [ d, m ], queue: { size: 50 } } }\n";

std::string policy(const std::string& steps, const std::string& name = "strict") { return "policies: { " + name + ": { hold: 0s, min_events: 10, steps: [ " + steps + " ] } }\n"; }

class policies_test : public ::testing::Test {
protected:
  void begin(const std::string& text) {
    config_ = home_.write("a.yaml", text);
    start();
  }
  void start() {
    serve_options options{.config = config_, .data = home_.file("data"), .gateway = "127.0.0.1:0", .admin = "127.0.0.1:0"};
    diagnostics found(config_);
    const auto loaded = load_settings(config_, {}, found);
    ASSERT_TRUE(found.empty()) << found.text();
    running_ = std::make_unique<instance>(options, std::vector<local_engine>{});
    const auto opened = running_->open(loaded);
    ASSERT_TRUE(opened) << opened.error().message;
    ASSERT_TRUE(running_->start());
  }
  void end() {
    running_->drain();
    running_.reset();
  }
  void restart() {
    end();
    start();
  }
  void write(const std::string& text) { home_.write("a.yaml", text); }

  int call(const std::string& model, int times = 1, const std::string& key = "sk-declared-for-this-test") const {
    const auto where = value_codec<address>::read(cli::read_line_of(home_.file("data"), "gateway-address").value()).value();
    const auto body = json::serialize(json::object{{"model", model}, {"messages", json::array{json::object{{"role", "user"}, {"content", "hello"}}}}});
    int status = 0;
    for (int i = 0; i < times; ++i) {
      const auto got = cli::send_request({.host = where.host, .port = where.port}, "POST", "/v1/chat/completions",
                                         {{"Authorization", "Bearer " + key}, {"Content-Type", "application/json"}}, body, 10s);
      status = got ? got->status : 0;
    }
    return status;
  }
  /// The reply, or the error's message.
  [[nodiscard]] std::pair<int, json::value> ask(std::string_view method, const std::string& target, const std::string& body = {}) const {
    const auto where = value_codec<address>::read(cli::read_line_of(home_.file("data"), "admin-address").value()).value();
    const auto token = cli::read_line_of(home_.file("data"), "admin-token").value();
    const auto got = cli::send_request({.host = where.host, .port = where.port}, method, target, {{"Authorization", "Bearer " + token}}, body, 10s);
    if (!got) return {0, json::value(got.error().message)};
    boost::system::error_code failed;
    auto read = json::parse(got->body, failed);
    return {got->status, failed ? json::value(got->body) : read};
  }
  [[nodiscard]] json::array decisions(const std::string& query = {}) const { return ask("GET", "/api/v1/decisions?limit=1000" + query).second.at("data").as_array(); }
  static std::string text(const json::value& of, std::string_view name) { return std::string(std::string_view(of.at(name).as_string())); }
  /// Until the watch has counted so many calls.
  void wait_for_events(double count) const {
    double got = 0;
    const system_clock time;
    for (const auto until = deadline::after(time.mono(), 15s); got != count && !until.passed(time.mono()); std::this_thread::sleep_for(20ms))
      got = ask("GET", "/api/v1/objectives/all").second.at("events").to_number<double>();
    EXPECT_EQ(got, count);
  }
  /// Until there are so many, as the program's second goes by.
  json::array wait_for_decisions(std::size_t count, const std::string& query = {}) {
    json::array got;
    const system_clock time;
    for (const auto until = deadline::after(time.mono(), 15s); !until.passed(time.mono()); std::this_thread::sleep_for(20ms)) {
      running_->tick();
      got = decisions(query);
      if (got.size() >= count) break;
    }
    EXPECT_EQ(got.size(), count) << json::serialize(got);
    return got;
  }
  /// The watch has judged another second or two, and nothing was decided.
  void nothing_more(std::size_t count) {
    const system_clock time;
    for (const auto until = deadline::after(time.mono(), 2200ms); !until.passed(time.mono()); std::this_thread::sleep_for(20ms)) running_->tick();
    EXPECT_EQ(decisions().size(), count) << json::serialize(decisions());
  }
  [[nodiscard]] std::vector<std::string> order(const std::string& route) const {
    std::vector<std::string> out;
    for (const auto& one : ask("GET", "/api/v1/routes").second.at("data").as_array())
      if (text(one, "name") == route)
        for (const auto& target : one.at("targets").as_array()) out.push_back(text(target, "model"));
    return out;
  }
  [[nodiscard]] json::value status() const { return ask("GET", "/api/v1/status").second.at("decisions"); }

  testing_support::temporary_folder home_;
  std::string config_;
  std::unique_ptr<instance> running_;
};

TEST_F(policies_test, decisions_are_counted_from_0_on) {
  begin(base + routes + policy("{ left: 25, act: freeze }"));
  const auto [status, metrics] = ask("GET", "/metrics");
  ASSERT_EQ(status, 200);
  ASSERT_TRUE(metrics.is_string());
  for (const auto* act : {"notify", "freeze", "tighten", "roll-back", "override"})
    EXPECT_NE(std::string_view(metrics.get_string()).find("andon_decisions_total{act=\"" + std::string(act) + "\"} 0\n"), std::string_view::npos) << act;
  end();
}

TEST_F(policies_test, a_freeze_refuses_changes_of_the_plan_and_an_override_needs_a_reason) {
  const auto whole = base + policy("{ left: 50, act: notify, severity: page }, { left: 25, act: freeze }");
  begin(whole + routes);
  call("good", 10);
  nothing_more(0);
  call("broken", 10);
  wait_for_events(20);
  const auto made = wait_for_decisions(2);
  EXPECT_EQ(text(made[1], "act"), "notify") << "in the order of the steps";
  EXPECT_EQ(text(made[0], "act"), "freeze");
  EXPECT_EQ(text(made[0], "step"), "freeze at 25 % left");
  EXPECT_NE(text(made[0], "reason").find("objective all has -400 % of its budget left over 1h"), std::string::npos) << text(made[0], "reason");
  EXPECT_EQ(made[0].at("evidence").at("causes").at(0).at("origin"), "provider");
  bool told = false;
  for (const auto& one : ask("GET", "/api/v2/alerts").second.as_array())
    told |= one.at("labels").at("alertname") == "ErrorBudgetPolicy" && one.at("labels").at("severity") == "page" && one.at("labels").at("policy") == "strict" && one.at("labels").at("objective") == "all";
  EXPECT_TRUE(told);

  write(whole + "routes: { good: { targets: [ m ] }, more: { targets: [ m ] } }\n");
  const auto by_file = running_->reload_because("file");
  ASSERT_FALSE(by_file);
  EXPECT_EQ(by_file.error().code, errc::plan_frozen);
  EXPECT_EQ(call("more"), 404);
  EXPECT_EQ(call("good"), 200);
  const auto [code, refusal] = ask("POST", "/api/v1/config/reload");
  EXPECT_EQ(code, 409);
  EXPECT_EQ(refusal.at("error").at("code"), "plan_frozen");
  const auto said = text(refusal.at("error"), "message");
  for (const auto* part : {"policy strict", "objective all has", "of its budget left", "dec_2", "andon reload --override --reason"}) EXPECT_NE(said.find(part), std::string::npos) << part << " in " << said;
  EXPECT_EQ(status().at("frozen_by"), "dec_2");
  EXPECT_EQ(status().at("file_in_force"), false);

  const auto [paused, why] = ask("POST", "/api/v1/targets/m/pause?for=1s");
  EXPECT_EQ(paused, 409);
  EXPECT_NE(text(why.at("error"), "message").find("the same command with `--override"), std::string::npos) << text(why.at("error"), "message");
  EXPECT_EQ(ask("POST", "/api/v1/keys", R"({"project":"shop","name":"k"})").first, 201) << "who may call is not the plan";
  EXPECT_EQ(ask("POST", "/api/v1/config/reload", R"({"override_reason":"  "})").first, 400);
  EXPECT_EQ(ask("POST", "/api/v1/config/reload", R"({"reason":"typo"})").first, 400);
  EXPECT_EQ(decisions().size(), 2U);
  EXPECT_EQ(ask("POST", "/api/v1/config/reload", R"({"override_reason":"security fix"})").first, 200);
  EXPECT_EQ(call("more"), 200);
  EXPECT_EQ(status().at("file_in_force"), true);
  const auto over = decisions("&act=override");
  ASSERT_EQ(over.size(), 1U);
  EXPECT_EQ(text(over[0], "reason"), "security fix");
  EXPECT_EQ(text(over[0], "who"), "key_admin");
  EXPECT_EQ(over[0].at("evidence").at("freeze"), "dec_2");
  EXPECT_EQ(ask("POST", "/api/v1/targets/m/pause?for=1s", R"({"override_reason":"it is on fire"})").first, 200);
  EXPECT_EQ(ask("POST", "/api/v1/targets/m/resume", R"({"override_reason":"it is out"})").first, 200);
  std::size_t audited = 0;
  for (const auto& one : ask("GET", "/api/v1/audit?limit=1000").second.at("data").as_array()) audited += one.at("action") == "decision begin" ? 1 : 0;
  EXPECT_EQ(audited, 5U) << "two steps, three overrides";
  write(whole + "routes: { good: { targets: [ m ] }, more: { targets: [ m ] } }\n# a comment\nlog: { level: error }\n");
  EXPECT_TRUE(running_->reload_because("file")) << "leaves the plan as it is";
  end();
}

TEST_F(policies_test, steps_hold_over_a_restart_and_one_that_a_person_ended_does_not_come_again) {
  begin(base + routes + policy("{ left: 50, act: notify }, { left: 25, act: freeze }"));
  call("broken", 10);
  wait_for_decisions(2);
  restart();
  nothing_more(2);
  EXPECT_EQ(status().at("frozen_by"), "dec_2");
  EXPECT_EQ(ask("POST", "/api/v1/decisions/dec_2/end", "{}").first, 400) << "needs a reason";
  EXPECT_EQ(ask("POST", "/api/v1/decisions/dec_9/end", R"({"reason":"x"})").first, 404);
  const auto [code, ended] = ask("POST", "/api/v1/decisions/dec_2/end", R"({"reason":"the provider paid"})");
  EXPECT_EQ(code, 200);
  EXPECT_TRUE(ended.at("waived").as_bool());
  EXPECT_EQ(ask("POST", "/api/v1/decisions/dec_2/end", R"({"reason":"x"})").first, 409);
  nothing_more(2);
  restart();
  nothing_more(2);
  write(base + "routes: { good: { targets: [ m ] }, more: { targets: [ m ] } }\n" + policy("{ left: 50, act: notify }, { left: 25, act: freeze }"));
  EXPECT_TRUE(running_->reload_because("file"));
  EXPECT_EQ(decisions("&open=true").size(), 1U);
  EXPECT_EQ(ask("GET", "/api/v1/decisions/dec_2").second.at("end_reason"), "the provider paid");
  end();
}

TEST_F(policies_test, routes_are_tightened_while_a_step_is_in_force) {
  begin(base + routes + policy("{ left: 25, act: tighten, routes: [ both ], avoid: [ d ], queue: 5 }, { left: 10, act: tighten, routes: [ broken ], avoid_worst: true }"));
  EXPECT_EQ(order("both"), (std::vector<std::string>{"d", "m"}));
  call("broken", 10);
  const auto made = wait_for_decisions(2);
  EXPECT_EQ(order("both"), (std::vector<std::string>{"m", "d"}));
  EXPECT_EQ(text(made[1], "outcome"), "avoid d, at most 5 calls wait");
  const auto worst = made[0].at("settings").at("avoid").as_array();
  ASSERT_EQ(worst.size(), 1U);
  EXPECT_EQ(order("broken").back(), std::string_view(worst[0].as_string())) << "the one that ate most goes last";
  EXPECT_EQ(ask("POST", "/api/v1/decisions/" + text(made[1], "id") + "/end", R"({"reason":"enough"})").first, 200);
  EXPECT_EQ(order("both"), (std::vector<std::string>{"d", "m"})) << "as the file says, when it is over";
  end();
}

TEST_F(policies_test, a_roll_back_takes_back_the_change_that_ate_the_budget_until_the_file_is_edited) {
  const auto whole = base + policy("{ left: 0, act: roll-back, within: 1h }");
  begin(whole + routes);
  call("good", 20);
  nothing_more(0);
  const auto bad = whole + "routes: { good: { targets: [ d ], retry: { attempts: 1 } } }\n";
  write(bad);
  ASSERT_TRUE(running_->reload_because("file"));
  EXPECT_NE(call("good", 20), 200);
  const auto made = wait_for_decisions(1);
  EXPECT_EQ(text(made[0], "subject"), "plan 1");
  EXPECT_EQ(made[0].at("settings").at("instead_of"), 2);
  EXPECT_EQ(call("good"), 200);
  EXPECT_EQ(status().at("file_in_force"), false);
  EXPECT_NE(text(status(), "file_apart").find("dec_1 rolled it back to plan 1"), std::string::npos);
  EXPECT_TRUE(running_->reload_because("signal")) << "the file is still the one of before";
  EXPECT_EQ(call("good"), 200);
  std::ifstream in(config_);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), bad) << "the file is left alone";
  restart();
  EXPECT_EQ(call("good"), 200) << "and over a restart";
  nothing_more(1);
  const auto plans = ask("GET", "/api/v1/plans").second;
  ASSERT_EQ(plans.at("data").as_array().size(), 3U);
  EXPECT_EQ(plans.at("data").at(0).at("who"), "dec_1");
  EXPECT_EQ(plans.at("data").at(1).at("budget_left").at("all").to_number<double>(), 1);
  EXPECT_NE(text(json::object{{"x", ask("GET", "/api/v1/plans/1/diff?with=2").second}}, "x").find("+"), std::string::npos);
  write(bad + "# edited\n");
  ASSERT_TRUE(running_->reload_because("file"));
  EXPECT_NE(call("good"), 200) << "a new file takes force";
  EXPECT_EQ(text(decisions()[0], "end_reason"), "the file is in force again");
  EXPECT_EQ(status().at("file_in_force"), true);
  EXPECT_EQ(ask("POST", "/api/v1/plans/1/roll-back", R"({"reason":""})").first, 400);
  EXPECT_EQ(ask("POST", "/api/v1/plans/99/roll-back", R"({"reason":"x"})").first, 404);
  EXPECT_EQ(ask("POST", "/api/v1/plans/1/roll-back", R"({"reason":"enough"})").first, 200);
  EXPECT_EQ(call("good"), 200);
  EXPECT_EQ(ask("POST", "/api/v1/plans/1/roll-back", R"({"reason":"enough"})").first, 409);
  EXPECT_EQ(decisions().size(), 2U);
  EXPECT_EQ(ask("POST", "/api/v1/config/reload", R"({"override_reason":"the file it is"})").first, 200);
  EXPECT_NE(call("good"), 200);
  EXPECT_EQ(decisions("&act=override").size(), 1U) << "to undo a roll-back is a Decision, too";
  end();
}

TEST_F(policies_test, a_roll_back_leaves_who_may_call_as_it_is) {
  const std::string late = "keys: { web: { project: shop, value: sk-declared-since-then } }\n";
  auto rest = base + routes;
  const auto at = rest.find("keys:");
  const auto without_keys = rest.substr(0, at) + rest.substr(rest.find('\n', at) + 1);
  begin(rest);
  write(without_keys + late + "default_max_output: 77\n");
  ASSERT_TRUE(running_->reload_because("file"));
  EXPECT_EQ(call("good"), 401) << "the key of then";
  EXPECT_EQ(ask("POST", "/api/v1/plans/1/roll-back", R"({"reason":"test"})").first, 200);
  EXPECT_EQ(call("good"), 401) << "a key that was taken away does not come back";
  EXPECT_EQ(call("good", 1, "sk-declared-since-then"), 200);
  EXPECT_NE(text(decisions()[0], "outcome").find("; keys, projects and alerting stay as they are"), std::string::npos) << text(decisions()[0], "outcome");
  EXPECT_EQ(ask("POST", "/api/v1/plans/1/roll-back", R"({"reason":"test"})").first, 409) << "it is in force";
  restart();
  EXPECT_EQ(call("good", 1, "sk-declared-since-then"), 200);
  EXPECT_EQ(status().at("file_in_force"), false);
  end();
}

/// As after another ledger.encryption key: the step is decided once, and says why nothing came back.
TEST_F(policies_test, a_configuration_that_does_not_open_is_no_one_to_roll_back_to) {
  const auto whole = base + policy("{ left: 0, act: roll-back, within: 1h }");
  begin(whole + routes);
  call("good", 20);
  nothing_more(0);
  write(whole + "routes: { good: { targets: [ d ], retry: { attempts: 1 } } }\n");
  ASSERT_TRUE(running_->reload_because("file"));
  ASSERT_TRUE(sql::database::open(home_.file("data") + "/decisions.db")->run("UPDATE plan SET text = '00' WHERE number = 1"));
  EXPECT_NE(call("good", 20), 200);
  const auto made = wait_for_decisions(1);
  ASSERT_EQ(made.size(), 1U);
  EXPECT_EQ(text(made[0], "outcome").find("nothing to roll back to: a kept configuration"), 0U) << text(made[0], "outcome");
  nothing_more(1);
  end();
}

TEST_F(policies_test, without_a_change_there_is_nothing_to_roll_back_to_and_two_policies_stand_by_themselves) {
  begin(base + routes +
        "policies: { a: { hold: 0s, min_events: 10, steps: [ { left: 0, act: roll-back } ] }, b: { hold: 0s, min_events: 10, steps: [ { left: 0, act: freeze }, { left: 0, act: notify } ] } }\n");
  call("broken", 10);
  const auto made = wait_for_decisions(3);
  EXPECT_EQ(text(made[2], "policy"), "a");
  EXPECT_EQ(text(made[2], "outcome").find("nothing to roll back to: no change of the last"), 0U) << text(made[2], "outcome");
  EXPECT_EQ(text(made[1], "policy"), "b");
  nothing_more(3);
  EXPECT_EQ(decisions("&policy=a").size(), 1U);
  EXPECT_EQ(status().at("in_force"), 3);
  end();
}

/// What kill -9 leaves: the Decision is kept, the act was not done.
TEST_F(policies_test, a_decision_without_its_act_is_carried_out_at_the_next_start) {
  const auto whole = base + policy("{ left: 25, act: tighten, routes: [ both ], avoid: [ d ] }, { left: 0, act: roll-back }");
  const auto bad = whole + "routes: { good: { targets: [ d ] }, both: { targets: [ d, m ] } }\n";
  begin(whole + routes);
  call("broken", 1);
  write(bad);
  ASSERT_TRUE(running_->reload_because("file"));
  end();
  {
    auto store = std::move(*slo::decision_store::open(home_.file("data") + "/decisions.db", wall_time{}));
    slo::decision one{.number = 0, .at = std::chrono::floor<slo::seconds>(system_clock{}.wall()), .who = "policy strict", .act = slo::decision_act::tighten, .subject = "routes both"};
    one.policy = "strict";
    one.objective = "all";
    one.step = "tighten at 25 % left";
    one.severity = "ticket";
    one.settings = to_json(slo::tightening{{"both"}, {"d"}, false, {}, {}, false});
    ASSERT_TRUE(store->begin(one));
    one.act = slo::decision_act::freeze;
    one.subject = "the configuration";
    one.step = "freeze at 10 % left";
    one.settings = "{}";
    ASSERT_TRUE(store->begin(one));
    one.act = slo::decision_act::roll_back;
    one.step = "roll-back at 0 % left";
    ASSERT_TRUE(store->begin(one, slo::rolled_back{1, 0, plan_hash(bad)}));
  }
  start();
  EXPECT_EQ(call("good"), 200) << "rolled back";
  EXPECT_EQ(order("both"), (std::vector<std::string>{"m", "d"})) << "and tightened";
  for (const auto& one : decisions()) EXPECT_EQ(text(one, "outcome"), "carried out at the start, after an interruption");
  EXPECT_TRUE(decisions("&act=override").empty()) << "nobody overrode the freeze: a decision rolled back";
  end();
}

TEST_F(policies_test, a_start_with_another_file_is_never_refused_but_noted) {
  begin(base + routes + policy("{ left: 25, act: freeze }"));
  call("broken", 10);
  wait_for_decisions(1);
  end();
  write(base + "routes: { good: { targets: [ m ] }, more: { targets: [ m ] } }\n" + policy("{ left: 25, act: freeze }"));
  start();
  EXPECT_EQ(call("more"), 200);
  const auto over = decisions("&act=override");
  ASSERT_EQ(over.size(), 1U);
  EXPECT_EQ(text(over[0], "who"), "start");
  end();
}

TEST_F(policies_test, a_store_that_cannot_be_opened_keeps_no_call_from_being_served) {
  std::filesystem::create_directories(home_.file("data"));
  std::ofstream(home_.file("data") + "/decisions.db") << "this is no database, and never was one; it is long enough to be looked at";
  begin(base + routes + policy("{ left: 25, act: freeze }"));
  EXPECT_EQ(call("good"), 200);
  running_->tick();
  EXPECT_EQ(ask("GET", "/api/v1/decisions").first, 503);
  bool told = false;
  for (const auto& one : ask("GET", "/api/v2/alerts").second.as_array()) told |= one.at("labels").at("alertname") == "AndonDecisionsNotKept";
  EXPECT_TRUE(told);
  EXPECT_TRUE(running_->reload_because("file"));
  end();
}

TEST_F(policies_test, a_file_with_faults_is_told_of_until_it_is_mended) {
  const auto good = base + "routes: { good: { targets: [ m ] } }\n";
  begin(good);
  EXPECT_EQ(status().at("file_in_force"), true);
  write(good + "routs: { }\n");
  EXPECT_FALSE(running_->reload_because("file"));
  EXPECT_NE(text(status(), "file_apart").find("it has faults"), std::string::npos) << text(status(), "file_apart");
  EXPECT_NE(text(status(), "file_apart").find("routs"), std::string::npos) << text(status(), "file_apart");
  write(good);
  EXPECT_TRUE(running_->reload_because("file"));
  EXPECT_EQ(status().at("file_in_force"), true);
}

}  // namespace
}  // namespace andon::app
