// The whole room on a simulated clock: what is accepted is told, through faults of receivers and crashes at every step.
#include "andon/alert/board_fixture_test.hpp"

namespace andon::alert {
namespace {

using namespace testing_support;
namespace json = boost::json;

using board_test = board_fixture;

TEST_F(board_test, a_posted_alert_is_told_and_its_end_too) {
  post({{"alertname", "a"}});
  run(30s);
  ASSERT_EQ(delivered_.size(), 1U);
  EXPECT_EQ(delivered_[0].at, t0 + 10s);
  EXPECT_EQ(delivered_[0].body.at("receiver").as_string(), "team");
  post({{"alertname", "a"}}, time_.wall());
  run(2min);
  ASSERT_EQ(delivered_.size(), 2U);
  EXPECT_EQ(delivered_[1].status, "resolved");
  EXPECT_NE(delivered_[0].key, delivered_[1].key);
  EXPECT_EQ(messages(message_state::delivered).size(), 2U);
  std::vector<std::string> history;
  board_->read([&](const board_view& from) { for (const auto& one : from.store.history(t0, t0 + 1h).value()) history.push_back(one.what); });
  EXPECT_EQ(history, (std::vector<std::string>{"fired", "resolved"}));
}

TEST_F(board_test, invalid_ones_do_not_keep_others_out) {
  const auto got = board_->post(std::vector{posted({}), posted({{"a", "1"}}), posted({{"\xff", "1"}})}, t0);
  EXPECT_EQ(got.taken, 1U);
  EXPECT_EQ(got.problems.size(), 2U);
}

TEST_F(board_test, tries_are_counted_from_0_on) {
  const auto shows = [this](const std::string& line) { return metrics_.render_prometheus().find("andon_alert_messages_total{receiver=" + line + "\n") != std::string::npos; };
  for (const auto* outcome : {"delivered", "again", "dead"}) EXPECT_TRUE(shows("\"team\",channel=\"webhook\",outcome=\"" + std::string(outcome) + "\"} 0")) << outcome;
  EXPECT_FALSE(shows("\"people\",channel=\"escalation\",outcome=\"delivered\"} 0")) << "it sends nothing itself";
  post({{"alertname", "a"}});
  run(1min);
  EXPECT_TRUE(shows("\"team\",channel=\"webhook\",outcome=\"delivered\"} 1"));
}

TEST_F(board_test, a_receiver_that_is_down_gets_it_later_once_and_in_order) {
  broken_ = answer{0, {}, {}};
  post({{"alertname", "a"}});
  run(10min);
  EXPECT_TRUE(delivered_.empty());
  post({{"alertname", "a"}}, time_.wall());
  run(10min);
  EXPECT_EQ(messages(message_state::waiting).size(), 2U);
  EXPECT_GT(messages(message_state::waiting).back().attempts, 4);
  EXPECT_LT(messages(message_state::waiting).back().attempts, 20) << "pauses grow";
  broken_.reset();
  run(6min);
  ASSERT_EQ(delivered_.size(), 2U);
  EXPECT_EQ(delivered_[0].status, "firing");
  EXPECT_EQ(delivered_[1].status, "resolved");
}

TEST_F(board_test, what_is_refused_for_good_is_a_dead_letter_and_can_be_sent_again) {
  broken_ = answer{403, "no", {}};
  post({{"alertname", "a"}});
  run(1min);
  const auto dead = messages(message_state::dead);
  ASSERT_EQ(dead.size(), 1U);
  EXPECT_EQ(dead[0].attempts, 1);
  EXPECT_EQ(dead[0].problem, "HTTP 403: no");
  broken_.reset();
  EXPECT_TRUE(board_->revive(dead[0].id, time_.wall()));
  EXPECT_FALSE(board_->revive(dead[0].id, time_.wall())) << "it waits already";
  run(10s);
  EXPECT_EQ(delivered_.size(), 1U);
  EXPECT_TRUE(messages(message_state::dead).empty());
  EXPECT_FALSE(board_->drop(dead[0].id, time_.wall()));
}

TEST_F(board_test, is_given_up_after_a_day) {
  broken_ = answer{500, "down", {}};
  ASSERT_TRUE(board_->test("team", t0));
  run(25h, 1min);
  const auto dead = messages(message_state::dead);
  ASSERT_GE(dead.size(), 1U);
  EXPECT_NE(dead.back().problem.find("given up after"), std::string::npos) << dead.back().problem;
}

TEST_F(board_test, silences_survive) {
  ASSERT_TRUE(board_->set_silence({.id = {}, .match = match("alertname=\"a\""), .starts_at = t0, .ends_at = t0 + 1h, .created_by = "me", .comment = "c",
                                   .recurrence = {.times = {"00:00-24:00"}}}, t0));
  crash();
  post({{"alertname", "a"}});
  run(30min);
  EXPECT_TRUE(delivered_.empty());
  run(40min);
  EXPECT_EQ(delivered_.size(), 1U);
}

TEST_F(board_test, killed_at_any_step_it_loses_no_page_and_decides_on_none_twice) {
  for (int at = 0;; ++at) {
    delivered_.clear();
    graveyard_.clear();
    board_.reset();
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    generation_ = points_ = 0;
    crash_at_ = at;
    crash_wanted_ = false;
    open();
    const auto began = time_.wall();
    post({{"alertname", "a"}});
    run(20s);
    post({{"alertname", "b"}});
    run(40s);
    post({{"alertname", "b"}}, time_.wall());
    run(2min);
    std::map<std::string, int> keys, told;
    for (const auto& one : delivered_) {
      EXPECT_LT(one.at - began, 1h) << "within the repeat interval";
      if (++keys[one.key] == 1) ++told[one.status + one.names];
      EXPECT_LE(keys[one.key], 2) << "crash at " << at;
    }
    EXPECT_EQ(told, (std::map<std::string, int>{{"firinga", 1}, {"firingb", 1}, {"resolved", 1}})) << "crash at " << at;
    EXPECT_LE(delivered_.size(), 4U) << "at most the one under way comes again, under the same key";
    if (points_ <= at) {
      EXPECT_GT(at, 40);
      break;
    }
  }
}

TEST_F(board_test, a_page_escalates_until_somebody_acknowledges) {
  post({{"alertname", "p"}, {"severity", "page"}});
  run(1min);
  ASSERT_EQ(delivered_.size(), 1U);
  EXPECT_EQ(delivered_[0].body.at("receiver").as_string(), "alice-phone");
  EXPECT_NE(delivered_[0].body.at("incident").at("note").as_string().find("alice"), std::string_view::npos);
  crash();
  run(5min);
  ASSERT_EQ(delivered_.size(), 2U);
  EXPECT_EQ(delivered_[1].body.at("receiver").as_string(), "bob-phone");
  const std::string url = delivered_[1].ack_url, prefix = "https://andon.example/alert/";
  ASSERT_TRUE(url.starts_with(prefix)) << url;
  const auto token = url.substr(prefix.size());
  const auto done = board_->follow_link(token, time_.wall());
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->state, incident_state::acknowledged);
  EXPECT_EQ(done->acknowledged_by, "bob");
  EXPECT_EQ(board_->follow_link(token, time_.wall()).error().code, errc::conflict) << "good for one act";
  EXPECT_EQ(board_->acknowledge(1, "me", time_.wall()).error().code, errc::conflict);
  run(30min);
  EXPECT_EQ(delivered_.size(), 2U) << "the escalation has stopped";
  post({{"alertname", "p"}, {"severity", "page"}}, time_.wall());
  run(2min);
  ASSERT_EQ(delivered_.size(), 4U) << "both hear the end";
  EXPECT_EQ(delivered_[3].status, "resolved");
  EXPECT_EQ(timeline(1), (std::vector<std::string>{"opened alerts", "notified alice", "notified bob", "acknowledged bob", "resolved alerts"}));
  EXPECT_EQ(board_->resolve(1, "me", time_.wall()).error().code, errc::conflict);
  EXPECT_EQ(board_->resolve(2, "me", time_.wall()).error().code, errc::not_found);
}

TEST_F(board_test, an_escalation_that_nobody_answers_ends_and_says_so) {
  const auto made = board_->open_incident("primary", "the shop is slow", "me", t0);
  ASSERT_TRUE(made);
  EXPECT_EQ(board_->open_incident("nothing", "x", "me", t0).error().code, errc::not_found);
  run(30min);
  EXPECT_EQ(delivered_.size(), 2U);
  EXPECT_EQ(timeline(1), (std::vector<std::string>{"opened me", "notified alice", "notified bob", "exhausted"}));
  EXPECT_TRUE(board_->resolve(1, "me", time_.wall()));
  run(10s);
  EXPECT_EQ(delivered_.size(), 4U);
  EXPECT_EQ(delivered_[3].status, "resolved");
}

TEST_F(board_test, events_of_pagerduty_become_alerts) {
  const auto event = [](const std::string& action, const std::string& severity = "critical") {
    return R"({"routing_key":"rrr","dedup_key":"d1","event_action":")" + action + R"(","payload":{"summary":"disk full","source":"db-1","severity":")" + severity + R"("}})";
  };
  const auto send = [&](const std::string& body) {
    auto read = api::read_intake(body, "fresh");
    ASSERT_TRUE(read) << read.error().message;
    ASSERT_TRUE(api::take_event(*board_, std::move(*read), time_.wall()));
  };
  const auto firing = [&] {
    json::array out;
    board_->read([&](const board_view& from) { out = api::alerts_json(from, {}).value(); });
    return out;
  };
  send(event("trigger"));
  ASSERT_EQ(firing().size(), 1U);
  EXPECT_EQ(firing()[0].at("labels").at("alertname").as_string(), "disk full");  // the summary, as there is no class
  EXPECT_EQ(firing()[0].at("annotations").at("summary").as_string(), "disk full");
  time_.advance(1min);
  send(event("trigger", "warning"));
  ASSERT_EQ(firing().size(), 1U) << "the same event, another severity";
  EXPECT_EQ(firing()[0].at("labels").at("severity").as_string(), "warning");
  time_.advance(1min);
  auto other = *api::read_intake(event("resolve"), "");
  other.routing_key = "another";
  ASSERT_TRUE(api::take_event(*board_, other, time_.wall()));
  EXPECT_EQ(firing().size(), 1U) << "another routing key does not end it";
  send(event("resolve"));
  EXPECT_EQ(firing().size(), 0U);
  for (const auto* bad : {"[]", "{}", R"({"event_action":"trigger","routing_key":"r"})", R"({"event_action":"resolve","routing_key":"r"})",
                          R"({"event_action":"trigger","routing_key":"r","payload":{"summary":"s","source":"x","severity":"bad"}})"})
    EXPECT_FALSE(api::read_intake(bad, "f")) << bad;
}

TEST_F(board_test, shows_alerts_as_alertmanager_does) {
  post({{"alertname", "a"}, {"team", "x"}});
  post({{"alertname", "b"}, {"severity", "page"}});
  ASSERT_TRUE(board_->set_silence({.id = {}, .match = match("alertname=\"a\""), .starts_at = t0, .ends_at = t0 + 1h, .created_by = "me", .comment = "c"}, t0));
  board_->read([&](const board_view& from) {
    const auto all = api::alerts_json(from, {}).value();
    ASSERT_EQ(all.size(), 2U);
    for (const auto& one : all) {
      const bool a = one.at("labels").at("alertname").as_string() == "a";
      EXPECT_EQ(one.at("status").at("state").as_string(), a ? "suppressed" : "active");
      EXPECT_EQ(one.at("status").at("silencedBy").as_array().size(), a ? 1U : 0U);
      EXPECT_EQ(one.at("receivers").at(0).at("name").as_string(), a ? "team" : "people");
    }
    EXPECT_EQ(api::alerts_json(from, {.silenced = false})->size(), 1U);
    EXPECT_EQ(api::alerts_json(from, {.active = false})->size(), 1U);
    EXPECT_EQ(api::alerts_json(from, {.filter = match("team=\"x\"")})->size(), 1U);
    EXPECT_EQ(api::alerts_json(from, {.receiver = "peop.*"})->size(), 1U);
    EXPECT_EQ(api::alerts_json(from, {.receiver = "peop"})->size(), 0U);
    EXPECT_FALSE(api::alerts_json(from, {.receiver = "("}));
    const auto groups = api::groups_json(from, {}).value();
    ASSERT_EQ(groups.size(), 2U);
    EXPECT_EQ(json::serialize(groups[0].at("labels")), R"({"alertname":"a"})");
    EXPECT_EQ(api::silences_json(from, match("alertname=\"a\"")).size(), 1U);
    EXPECT_EQ(api::silences_json(from, match("alertname=\"b\"")).size(), 0U);
    EXPECT_EQ(api::receivers_json(from).size(), 4U);
    EXPECT_EQ(json::parse(from.settings.alertmanager_text()).at("route").at("receiver").as_string(), "team");
  });
}

TEST_F(board_test, a_full_or_slow_receiver_does_not_hold_up_others) {
  outbox box({.per_minute = 2, .parallel = 1, .most_waiting = 3}, random_source(1));
  for (std::int64_t i = 1; i <= 4; ++i) box.add({i, i == 4 ? "other" : "slow", "webhook", "g" + std::to_string(i), t0, t0, 0});
  EXPECT_TRUE(box.is_full("slow"));
  EXPECT_EQ(box.take(t0)->id, 1);
  EXPECT_EQ(box.take(t0)->id, 4) << "one at a time to the first receiver";
  EXPECT_FALSE(box.take(t0));
  EXPECT_EQ(box.finish(1, {}, t0).what, verdict::delivered);
  EXPECT_EQ(box.take(t0)->id, 2);
  box.finish(2, {}, t0);
  EXPECT_FALSE(box.take(t0 + 29s)) << "two a minute";
  EXPECT_EQ(box.take(t0 + 30s)->id, 3);
}

TEST_F(board_test, overrides_are_checked_and_kept) {
  EXPECT_EQ(board_->put_override({0, "nothing", "alice", t0, t0 + 1h, "me"}, t0).error().code, errc::not_found);
}

}  // namespace
}  // namespace andon::alert
