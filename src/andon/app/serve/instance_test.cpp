// A gateway from its configuration file to its end, in this process.
#include "andon/app/serve/instance.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "andon/app/cli/admin_client.hpp"
#include "andon/app/serve/temporary_folder_testing.hpp"

namespace andon::app {
namespace {

namespace json = boost::json;

constexpr const char* one_route = R"(
listen: { threads: 1, drain_timeout: 2s }
providers: { s: { kind: sim } }
models: { m: { provider: s, price: { input: 1000, output: 1000 } } }
routes: { a: { targets: [ m ] } }
projects: { shop: { budget: { monthly: 500 USD } } }
keys: { web: { project: shop, value: sk-declared-for-this-test } }
)";

class instance_test : public ::testing::Test {
protected:
  result<void> begin(const std::string& text) {
    config_ = home_.write("a.yaml", text);
    serve_options options{.config = config_, .data = home_.file("data"), .gateway = "127.0.0.1:0", .admin = "127.0.0.1:0"};
    diagnostics found(config_);
    const auto loaded = load_settings(config_, {}, found);
    EXPECT_TRUE(found.empty()) << found.text();
    running_ = std::make_unique<instance>(options, std::vector<local_engine>{});
    if (auto opened = running_->open(loaded); !opened) return opened;
    return running_->start();
  }
  void end() {
    running_->drain();
    running_.reset();
  }

  cli::plain_reply call(const std::string& model, std::string_view key = "sk-declared-for-this-test") const {
    const auto where = value_codec<address>::read(cli::read_line_of(home_.file("data"), "gateway-address").value()).value();
    const auto body = json::serialize(json::object{{"model", model}, {"messages", json::array{json::object{{"role", "user"}, {"content", "hello"}}}}});
    auto reply = cli::send_request({.host = where.host, .port = where.port}, "POST", "/v1/chat/completions",
                                   {{"Authorization", "Bearer " + std::string(key)}, {"Content-Type", "application/json"}}, body, 10s);
    EXPECT_TRUE(reply) << (reply ? "" : reply.error().message);
    return reply ? *reply : cli::plain_reply{};
  }
  [[nodiscard]] json::value ask(const std::string& target) const {
    const auto client = cli::admin_client::open(home_.file("data"));
    EXPECT_TRUE(client);
    const auto got = client->call("GET", target);
    EXPECT_TRUE(got) << (got ? "" : got.error().message);
    return got ? *got : json::value{};
  }
  [[nodiscard]] std::string spent() const {
    for (const auto& one : ask("/api/v1/budgets").at("data").as_array())
      if (std::string(one.at("name").as_string()).find("shop") != std::string::npos) return json::serialize(one.at("spent_usd"));
    return "no such budget";
  }

  testing_support::temporary_folder home_;
  std::string config_;
  std::unique_ptr<instance> running_;
};

TEST_F(instance_test, serves_what_the_file_says_and_ends) {
  ASSERT_TRUE(begin(one_route));
  EXPECT_EQ(call("a").status, 200);
  EXPECT_EQ(call("nowhere").status, 404);
  EXPECT_EQ(call("a", "sk-of-somebody-else-entirely").status, 401);
  EXPECT_TRUE(ask("/api/v1/status").at("ready").as_bool());
  EXPECT_FALSE(ask("/api/v1/status").at("draining").as_bool());
  EXPECT_NE(running_->greeting(instance::reader::file).find("gateway  http://127.0.0.1:"), std::string::npos);
  end();
}

TEST_F(instance_test, the_admin_token_is_told_once_or_to_a_person) {
  ASSERT_TRUE(begin(one_route));
  const auto token = cli::read_line_of(home_.file("data"), "admin-token").value();
  EXPECT_NE(running_->greeting(instance::reader::file).find("/#token=" + token), std::string::npos) << "made at this start";
  end();
  ASSERT_TRUE(begin(one_route));
  EXPECT_NE(running_->greeting(instance::reader::person).find("/#token=" + token), std::string::npos);
  const auto kept = running_->greeting(instance::reader::file);
  EXPECT_EQ(kept.find(token), std::string::npos) << kept;
  EXPECT_NE(kept.find(home_.file("data") + "/admin-token"), std::string::npos) << kept;
  end();
}

TEST_F(instance_test, a_reload_adds_routes_and_a_wrong_file_changes_nothing) {
  ASSERT_TRUE(begin(one_route));
  EXPECT_EQ(call("b").status, 404);
  home_.write("a.yaml", std::string(one_route) + "\ntime_zone: Europe/Vienna\nlimits: { parallel: 50 }\n");
  ASSERT_TRUE(running_->reload());
  auto two = std::string(one_route);
  two.replace(two.find("routes: {"), 9, "routes: { b: { targets: [ m ] },");
  home_.write("a.yaml", two);
  ASSERT_TRUE(running_->reload());
  EXPECT_EQ(call("b").status, 200);
  home_.write("a.yaml", "routes: { c: { targets: [ nothing ] } }\nlog: { level: loud }\n");
  const auto refused = running_->reload();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message.substr(0, config_.size() + 5), config_ + ":2:15");
  std::filesystem::remove(config_);
  EXPECT_FALSE(running_->reload());
  EXPECT_EQ(call("b").status, 200) << "the Plan of before is in force";
  end();
}

TEST_F(instance_test, says_what_a_restart_has_to_take_up_and_reads_a_text_once) {
  ASSERT_TRUE(begin(one_route));
  const auto plan = [this] { return ask("/api/v1/status").at("plan").at("version").as_int64(); };
  const auto first = plan();
  EXPECT_FALSE(ask("/api/v1/status").as_object().contains("needs_restart"));
  std::string more(one_route);
  more.replace(more.find("threads: 1"), 10, "threads: 2");
  home_.write("a.yaml", more);
  ASSERT_TRUE(running_->reload());
  EXPECT_EQ(plan(), first + 1);
  EXPECT_EQ(ask("/api/v1/status").at("needs_restart"), (json::array{"listen"}));
  ASSERT_TRUE(running_->reload_because("file"));
  EXPECT_EQ(plan(), first + 1) << "it is in force already";
  ASSERT_TRUE(running_->reload());
  EXPECT_EQ(ask("/api/v1/status").at("needs_restart"), (json::array{"listen"})) << "though nothing changed since the last reload";
  home_.write("a.yaml", one_route);
  ASSERT_TRUE(running_->reload_because("file"));
  EXPECT_FALSE(ask("/api/v1/status").as_object().contains("needs_restart"));
  end();
}

TEST_F(instance_test, what_was_spent_is_known_after_a_restart) {
  ASSERT_TRUE(begin(one_route));
  EXPECT_EQ(call("a").status, 200);
  const auto before = spent();
  EXPECT_NE(before, "\"0\"");
  end();
  ASSERT_TRUE(begin(one_route));
  EXPECT_EQ(spent(), before);
  end();
}

TEST_F(instance_test, a_taken_port_is_an_error) {
  ASSERT_TRUE(begin(one_route));
  const auto taken = cli::read_line_of(home_.file("data"), "gateway-address").value();
  const testing_support::temporary_folder other;
  diagnostics found(config_);
  instance second({.config = config_, .data = other.file("data"), .gateway = taken, .admin = "127.0.0.1:0"}, {});
  ASSERT_TRUE(second.open(load_settings(config_, {}, found)));
  EXPECT_FALSE(second.start());
  instance third({.config = config_, .data = other.file("data-3"), .gateway = "nonsense", .admin = {}}, {});
  EXPECT_FALSE(third.open(load_settings(config_, {}, found)));
  end();
}

}  // namespace
}  // namespace andon::app
