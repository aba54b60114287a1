// Objectives in a whole gateway: counted from its calls, told of by its admin port, kept over a restart and a reload.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <thread>

#include "andon/app/cli/admin_client.hpp"
#include "andon/app/serve/instance.hpp"
#include "andon/app/serve/temporary_folder_testing.hpp"

namespace andon::app {
namespace {

namespace json = boost::json;

constexpr const char* configuration = R"(
listen: { threads: 1, drain_timeout: 2s }
providers: { s: { kind: sim }, down: { url: "http://127.0.0.1:9/v1" } }
models: { m: { provider: s, price: { free: true } }, d: { provider: down, price: { free: true } } }
routes: { good: { targets: [ m ] }, broken: { targets: [ d ], retry: { attempts: 1 } } }
projects: { shop: {} }
keys: { web: { project: shop, value: sk-declared-for-this-test } }
objectives: { all: { target: 99.9, alerts: { min_events: 5 } } }
)";

class objective_watch_test : public ::testing::Test {
protected:
  void begin(const std::string& text) {
    config_ = home_.write("a.yaml", text);
    serve_options options{.config = config_, .data = home_.file("data"), .gateway = "127.0.0.1:0", .admin = "127.0.0.1:0"};
    diagnostics found(config_);
    const auto loaded = load_settings(config_, {}, found);
    ASSERT_TRUE(found.empty()) << found.text();
    running_ = std::make_unique<instance>(options, std::vector<local_engine>{});
    ASSERT_TRUE(running_->open(loaded));
    ASSERT_TRUE(running_->start());
  }
  void end() {
    running_->drain();
    running_.reset();
  }
  void call(const std::string& model, int times) const {
    const auto where = value_codec<address>::read(cli::read_line_of(home_.file("data"), "gateway-address").value()).value();
    const auto body = json::serialize(json::object{{"model", model}, {"messages", json::array{json::object{{"role", "user"}, {"content", "hello"}}}}});
    for (int i = 0; i < times; ++i)
      EXPECT_TRUE(cli::send_request({.host = where.host, .port = where.port}, "POST", "/v1/chat/completions",
                                    {{"Authorization", "Bearer sk-declared-for-this-test"}, {"Content-Type", "application/json"}}, body, 10s));
  }
  [[nodiscard]] json::value ask(const std::string& target) const {
    const auto got = cli::admin_client::open(home_.file("data"))->call("GET", target);
    return got ? *got : json::value{};
  }
  /// The objective, once it is as wanted; the watch looks once a second.
  template <class Wanted>
  json::value wait_for(const std::string& name, Wanted&& wanted) const {
    json::value got;
    const system_clock time;
    for (const auto until = deadline::after(time.mono(), 15s); !until.passed(time.mono()); std::this_thread::sleep_for(50ms)) {
      got = ask("/api/v1/objectives/" + name);
      if (got.is_object() && wanted(got)) return got;
    }
    ADD_FAILURE() << "still " << got;
    return got;
  }
  static auto has_events(double total, double bad) {
    return [=](const json::value& one) { return one.at("events").to_number<double>() == total && one.at("bad_events").to_number<double>() == bad; };
  }

  testing_support::temporary_folder home_;
  std::string config_;
  std::unique_ptr<instance> running_;
};

TEST_F(objective_watch_test, counts_calls_pages_and_remembers) {
  begin(configuration);
  call("good", 10);
  call("broken", 6);
  const auto burning = wait_for("all", has_events(16, 6));
  EXPECT_EQ(wait_for("all", [](const json::value& one) { return one.at("state") == "exhausted" && one.at("firing").as_array().size() == 2; })
                .at("seconds_to_page_in_an_outage"),
            52);
  const auto causes = ask("/api/v1/objectives/all/causes").at("data").as_array();
  ASSERT_EQ(causes.size(), 1U);
  EXPECT_EQ(causes[0].at("origin"), "provider");
  EXPECT_EQ(causes[0].at("key"), "key_web");
  EXPECT_EQ(ask("/api/v1/signals").at("data").as_array().size(), 2U);
  end();
  begin(configuration);
  wait_for("all", has_events(16, 6));
  EXPECT_EQ(ask("/api/v1/signals").at("data").as_array().size(), 2U) << "alerts hold over a restart";
  std::ofstream(config_, std::ios::app) << "indicators: { models: { by: [ model ] } }\n";
  std::ifstream in(config_);
  std::string text((std::istreambuf_iterator<char>(in)), {});
  text.replace(text.find("objectives: {"), 13, "objectives: { good: { filter: \"route:good\", target: 99 },");
  std::ofstream(config_, std::ios::trunc) << text;
  ASSERT_TRUE(running_->reload());
  wait_for("good", has_events(10, 0));  // counted from the ledger, from before it was declared
  call("good", 1);
  wait_for("good", has_events(11, 0));
  wait_for("all", has_events(17, 6));
  end();
}

TEST_F(objective_watch_test, samples_and_load_are_indicators) {
  std::string text = configuration;
  text.replace(text.find("objectives: {"), 13, "objectives: { fine: { measure: quality, at_least: 0.8, target: 99 },");
  begin(text);
  const auto client = cli::admin_client::open(home_.file("data"));
  ASSERT_TRUE(client->call("POST", "/api/v1/measures/quality/samples", R"({"value":0.9})"));
  EXPECT_FALSE(client->call("POST", "/api/v1/measures/latency/samples", R"({"value":4})")) << "it is counted from Records";
  EXPECT_FALSE(client->call("POST", "/api/v1/measures/quality/samples", R"({"value":"good"})"));
  for (const auto* wrong : {R"({"value":90})", R"({"value":-1})"}) EXPECT_FALSE(client->call("POST", "/api/v1/measures/quality/samples", wrong)) << wrong;
  const system_clock time;
  std::size_t found = 0;
  for (const auto until = deadline::after(time.mono(), 15s); found < 3 && !until.passed(time.mono()); std::this_thread::sleep_for(50ms)) {
    found = 0;
    for (const auto* name : {"quality", "cpu", "loop_lag"})
      found += ask("/api/v1/indicators/" + std::string(name) + "/series?step=1s").at("data").as_array().empty() ? 0 : 1;
  }
  EXPECT_EQ(found, 3U);
  ASSERT_TRUE(client->call("POST", "/api/v1/measures/quality/samples", R"({"value":0.5})"));
  wait_for("fine", has_events(2, 1));
  const auto metrics = client->text("GET", "/metrics");
  ASSERT_TRUE(metrics);
  EXPECT_NE(metrics->find("andon_objective_events_total{objective=\"fine\"} 2\n"), std::string::npos) << "exported rules are over these";
  EXPECT_NE(metrics->find("andon_objective_bad_events_total{objective=\"fine\"} 1\n"), std::string::npos);
  end();
}

}  // namespace
}  // namespace andon::app
