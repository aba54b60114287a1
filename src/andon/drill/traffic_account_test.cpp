#include "andon/drill/traffic_account.hpp"

#include <gtest/gtest.h>

#include "andon/route/outage.hpp"

namespace andon::drill {
namespace {

using namespace std::chrono_literals;
const wall_time start{std::chrono::seconds{1'760'000'000}};

struct call {
  nanoseconds at{}, took = 10ms;
  std::vector<std::pair<std::string, bool>> tried;   ///< models; refused by the drill
  errc outcome = errc::none;
  std::string route = "chat";
};

void count(traffic_account& to, const call& one) {
  ledger::record r;
  r.started = start + one.at;
  r.duration = one.took;
  r.route = route_name{one.route};
  r.outcome = one.outcome;
  for (const auto& [model, refused] : one.tried) {
    auto& attempt = r.attempts.emplace_back();
    attempt.model = model_name{model};
    if (refused) attempt.error_message = route::outage::message;
  }
  ledger::record_encoder encoder;
  const auto bytes = encoder.encode(r);
  const std::vector<unsigned char> kept(bytes.begin(), bytes.end());
  to.count(ledger::record_view::over(kept).value());
}

realised told(const traffic_account& of) {
  realised out;
  of.tell(out);
  return out;
}

TEST(traffic_account, tells_failover_failures_and_recovery) {
  traffic_account account({"a"}, {"chat"}, start);
  count(account, {.at = 1s, .tried = {{"a", true}}, .outcome = errc::connect_failed});
  count(account, {.at = 1200ms, .took = 50ms, .tried = {{"a", true}, {"b", false}}});
  count(account, {.at = 2s, .tried = {{"b", false}}});
  account.lifted(start + 10s);
  EXPECT_FALSE(account.recovered());
  count(account, {.at = 11s, .tried = {{"b", false}}});
  count(account, {.at = 12s, .took = 100ms, .tried = {{"a", false}}});
  count(account, {.at = 13s, .tried = {{"a", false}}});
  const auto got = told(account);
  EXPECT_DOUBLE_EQ(got.failover_s.value(), 0.25);
  EXPECT_DOUBLE_EQ(got.recovery_s.value(), 2.1);
  EXPECT_EQ(got.calls, 3u);
  EXPECT_EQ(got.failed, 1u);
  EXPECT_EQ(got.refused_attempts, 2u);
}

TEST(traffic_account, leaves_out_what_says_nothing_of_targets) {
  traffic_account account({"a"}, {"chat"}, start);
  count(account, {.at = 1s, .tried = {{"a", false}}, .outcome = errc::client_gone});
  count(account, {.at = 1s, .tried = {}, .outcome = errc::requests_limited});
  count(account, {.at = 1s, .tried = {}});   // from the cache
  count(account, {.at = 1s, .tried = {{"a", false}}, .route = "other"});
  count(account, {.at = -5s, .tried = {{"a", false}}});
  EXPECT_EQ(told(account).calls, 0u);
  EXPECT_FALSE(told(account).failover_s);
}

TEST(traffic_account, an_attempt_from_before_the_end_is_no_recovery) {
  traffic_account account({"a"}, {"chat"}, start);
  account.lifted(start + 10s);
  count(account, {.at = 9s, .took = 3s, .tried = {{"a", false}}});
  EXPECT_FALSE(account.recovered());
}

TEST(traffic_account, calls_that_went_elsewhere_before_the_first_refusal_are_no_failover) {
  traffic_account account({"a"}, {"chat"}, start);
  count(account, {.at = 1s, .tried = {{"b", false}}});
  count(account, {.at = 2s, .tried = {{"a", true}}, .outcome = errc::connect_failed});
  EXPECT_FALSE(told(account).failover_s);
}

}  // namespace
}  // namespace andon::drill
