#include "andon/app/serve/sim_host.hpp"

#include <gtest/gtest.h>

#include "andon/app/cli/admin_client.hpp"
#include "andon/app/serve/temporary_folder_testing.hpp"

namespace andon::app {
namespace {

using namespace std::chrono_literals;

result<cli::plain_reply> call(const net::endpoint& to) {
  return cli::send_request(to, "POST", "/v1/chat/completions", {{"Content-Type", "application/json"}}, R"({"model":"m","messages":[{"role":"user","content":"x"}]})", 5s);
}

TEST(sim_host, each_provider_and_script_has_a_listener_that_answers) {
  const testing_support::temporary_folder home;
  const auto refusing = home.write("s.yaml", "rules: [ { status: 503 } ]\n");
  const system_clock time;
  const llm::token_counter counter;
  sim_host host(time, counter);
  const auto first = host.add("a", "");
  ASSERT_TRUE(first) << first.error().message;
  ASSERT_TRUE(host.start());
  const auto second = host.add("b", refusing);  // while it runs
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_NE(first->port, second->port);
  EXPECT_EQ(host.add("a", "")->port, first->port);
  const auto good = call(*first), refused = call(*second);
  ASSERT_TRUE(good) << good.error().message;
  EXPECT_EQ(good->status, 200);
  ASSERT_TRUE(refused) << refused.error().message;
  EXPECT_EQ(refused->status, 503);
}

TEST(sim_host, the_first_provider_may_come_after_the_start) {
  const system_clock time;
  const llm::token_counter counter;
  sim_host host(time, counter);
  ASSERT_TRUE(host.start());
  const auto late = host.add("a", "");
  ASSERT_TRUE(late) << late.error().message;
  const auto good = call(*late);
  ASSERT_TRUE(good) << good.error().message;
  EXPECT_EQ(good->status, 200);
}

TEST(sim_host, a_script_that_cannot_be_read_is_an_error_that_names_it) {
  const testing_support::temporary_folder home;
  const system_clock time;
  const llm::token_counter counter;
  sim_host host(time, counter);
  for (const auto& script : {home.file("none.yaml"), home.write("bad.yaml", "rules: 5\n")}) {
    const auto added = host.add("a", script);
    ASSERT_FALSE(added);
    EXPECT_NE(added.error().message.find(script), std::string::npos) << added.error().message;
  }
}

}  // namespace
}  // namespace andon::app
