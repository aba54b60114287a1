// Who is told when something is in the way: outages of receivers, names that left the configuration, alerts that join.
#include "andon/alert/board_fixture_test.hpp"
#include "andon/alert/words.hpp"

namespace andon::alert {
namespace {

using namespace testing_support;

const label_set page{{"alertname", "p"}, {"severity", "page"}}, other_page{{"alertname", "p"}, {"severity", "page"}, {"region", "eu"}};

class pages_test : public board_fixture {
protected:
  [[nodiscard]] std::string told() const {
    std::string out;
    for (const auto& one : delivered_) out.append(out.empty() ? "" : ", ").append(one.body.at("receiver").as_string()).append(" ").append(one.status);
    return out;
  }
  void adopt(const std::function<void(configuration&)>& change) {
    const auto changed = std::const_pointer_cast<configuration>(settings());
    change(*changed);
    changed->seal();
    board_->adopt(changed);
  }
  void rename_the_chain() {
    adopt([](configuration& of) {
      of.escalations["night"] = of.escalations["primary"];
      of.escalations.erase("primary");
      of.receivers["people"].ways[0].escalation = "night";
    });
  }
  std::size_t count(message_state state) { return messages(state).size(); }
};

TEST_F(pages_test, after_a_long_outage_a_receiver_is_told_how_it_stands_not_each_repetition) {
  broken_ = answer{500, "down", {}};
  post({{"alertname", "a"}, {"n", "1"}});
  run(3h, 1min);
  post({{"alertname", "a"}, {"n", "2"}});
  run(4h + 30min, 1min);
  EXPECT_EQ(count(message_state::waiting), 1U);
  EXPECT_GE(count(message_state::superseded), 6U);
  EXPECT_EQ(messages(message_state::superseded).back().problem, "message 2 tells it");
  crash();
  broken_.reset();
  run(6min);
  ASSERT_EQ(delivered_.size(), 1U);
  EXPECT_EQ(delivered_[0].names, "aa");
}

TEST_F(pages_test, an_end_does_not_take_the_place_of_a_page_that_nobody_got) {
  broken_ = answer{500, "down", {}};
  post({{"alertname", "a"}});
  run(5min);
  post({{"alertname", "a"}}, time_.wall());
  run(5min);
  broken_.reset();
  run(6min);
  EXPECT_EQ(told(), "team firing, team resolved");
}

TEST_F(pages_test, another_alert_of_the_group_pages_although_the_first_was_acknowledged) {
  post(page);
  run(1min);
  ASSERT_TRUE(board_->acknowledge(1, "alice", time_.wall()));
  run(3min);
  EXPECT_EQ(told(), "alice-phone firing");
  post(other_page);
  run(2min);
  EXPECT_EQ(told(), "alice-phone firing, alice-phone firing");
  EXPECT_EQ(timeline(1), (std::vector<std::string>{"opened alerts", "notified alice", "acknowledged alice", "triggered alerts", "changed alerts", "notified alice"}));
  ASSERT_TRUE(board_->acknowledge(1, "alice", time_.wall()));
  post(other_page, time_.wall());
  run(2min);
  crash();
  post(other_page);
  run(10min);
  EXPECT_EQ(told(), "alice-phone firing, alice-phone firing") << "one that comes and goes was acknowledged with it";
}

TEST_F(pages_test, what_is_refused_for_good_hurries_the_next_step) {
  broken_ = answer{403, "no such number", {}};
  post(page);
  run(15s);
  broken_.reset();
  run(20s);
  EXPECT_EQ(told(), "bob-phone firing") << "not after five minutes";
  EXPECT_EQ(timeline(1), (std::vector<std::string>{"opened alerts", "notified alice", "undelivered alice-phone", "notified bob"}));
}

TEST_F(pages_test, a_receiver_that_refuses_for_a_minute_does_not_use_up_the_rounds) {
  adopt([](configuration& of) { of.escalations["primary"].repeat = 3; });
  broken_ = answer{404, "being deployed", {}};
  post(page);
  run(1min);
  broken_.reset();
  run(8min);
  EXPECT_EQ(told(), "alice-phone firing") << "the next round comes when the last step has waited";
  const auto seen = timeline(1);
  EXPECT_EQ(std::ranges::count(seen, "exhausted"), 0);
}

TEST_F(pages_test, a_page_of_an_earlier_step_that_is_refused_late_hurries_nobody) {
  adopt([](configuration& of) { of.escalations["primary"].steps.push_back({.notify = {escalation_target::parse("receiver:team")}, .wait = 5min}); });
  broken_ = answer{503, "down", 350s};
  post(page);
  run(15s);
  broken_.reset();
  run(5min);
  ASSERT_EQ(told(), "bob-phone firing");
  broken_ = answer{404, "no such number", {}};
  run(1min);                    // alice's page, which was to wait
  broken_.reset();
  ASSERT_EQ(timeline(1).back(), "undelivered alice-phone");
  run(3min);
  EXPECT_EQ(told(), "bob-phone firing") << "bob has his five minutes";
  run(2min);
  EXPECT_EQ(told(), "bob-phone firing, team firing");
}

TEST_F(pages_test, an_end_that_waits_is_told_before_what_fires_anew) {
  post({{"alertname", "a"}});
  run(1min);
  broken_ = answer{500, "down", {}};
  post({{"alertname", "a"}}, time_.wall());
  run(3min);
  post({{"alertname", "a"}});
  run(3min);
  broken_.reset();
  run(6min);
  EXPECT_EQ(told(), "team firing, team resolved, team firing") << "PagerDuty ties them together by the group";
}

TEST_F(pages_test, the_age_and_the_pause_go_over_to_what_supersedes) {
  broken_ = answer{500, "down", {}};
  post({{"alertname", "a"}});
  run(25h, 1min);
  const auto dead = messages(message_state::dead);
  ASSERT_EQ(dead.size(), 1U);
  EXPECT_NE(dead[0].problem.find("given up after"), std::string::npos) << dead[0].problem;
  broken_ = answer{429, "slow down", 50min};
  post({{"alertname", "b"}, {"n", "1"}});
  run(30s);
  const auto asked = messages(message_state::waiting).front().due;
  post({{"alertname", "b"}, {"n", "2"}});
  run(2min);
  crash();
  const auto waits = messages(message_state::waiting);
  EXPECT_EQ(waits.front().due, asked) << "what the receiver asked for holds for the group's next message, too";
  EXPECT_EQ(waits.front().attempts, 1);
}

TEST_F(pages_test, an_alert_beyond_those_that_fit_into_a_message_pages_once) {
  const auto storm = [&](std::size_t from, std::size_t to) {
    std::vector<posted_alert> all;
    for (auto i = from; i < to; ++i) all.push_back(posted({{"alertname", "p"}, {"severity", "page"}, {"n", std::to_string(i)}}, time_.wall(), time_.wall() + 24h));
    ASSERT_EQ(board_->post(all, time_.wall()).taken, to - from);
  };
  storm(0, notification::most_alerts);
  run(1min);
  ASSERT_TRUE(board_->acknowledge(1, "alice", time_.wall()));
  storm(notification::most_alerts, notification::most_alerts + 1);
  run(3min);
  EXPECT_EQ(told(), "alice-phone firing, alice-phone firing");
  ASSERT_TRUE(board_->acknowledge(1, "alice", time_.wall()));
  post({{"alertname", "p"}, {"severity", "page"}, {"n", "0"}}, time_.wall());
  run(5min);
  EXPECT_EQ(told(), "alice-phone firing, alice-phone firing") << "one that moves up is no news";
}

TEST_F(pages_test, an_incident_keeps_the_title_of_all_that_fired) {
  const auto title = [&] {
    result<std::optional<incident>> got;
    board_->read([&](const board_view& from) { got = from.store.find_incident(1); });
    return got && *got ? (*got)->title : std::string{};
  };
  post({{"alertname", "p"}, {"severity", "page"}, {"n", "1"}});
  post({{"alertname", "p"}, {"severity", "page"}, {"n", "2"}});
  run(1min);
  const auto before = title();
  EXPECT_TRUE(before.starts_with("p")) << before << ": it does not say that it fires, because it will not for ever";
  post({{"alertname", "p"}, {"severity", "page"}, {"n", "2"}}, time_.wall());
  run(6min);
  EXPECT_EQ(title(), before);
}

TEST_F(pages_test, a_link_is_known_to_be_used) {
  post({{"alertname", "p"}, {"severity", "page"}});
  run(1min);
  const std::string url = delivered_[0].ack_url, prefix = "https://andon.example/alert/";
  ASSERT_TRUE(url.starts_with(prefix)) << url;
  EXPECT_FALSE(board_->is_link_used(url.substr(prefix.size())).value());
  ASSERT_TRUE(board_->follow_link(url.substr(prefix.size()), time_.wall()));
  EXPECT_TRUE(board_->is_link_used(url.substr(prefix.size())).value());
}

TEST_F(pages_test, one_opened_by_hand_says_in_its_messages_what_it_is) {
  ASSERT_TRUE(board_->open_incident("primary", "Something odder", "me", time_.wall()));
  run(1min);
  const auto got = messages(message_state::delivered);
  ASSERT_FALSE(got.empty());
  EXPECT_EQ(words_for({}, parse_notification(got[0].body).value(), {}).title, "[FIRING:1] Incident: Something odder");
}

TEST_F(pages_test, one_way_that_fails_hurries_nothing_while_another_may_reach) {
  adopt([](configuration& of) { of.receivers["alice-mail"].ways = {way_of("webhook")}; of.people["alice"].receivers.push_back("alice-mail"); });
  broken_ = answer{403, "no", {}};
  post(page);
  board_->tick(time_.wall());
  time_.advance(15s);
  board_->tick(time_.wall());
  ASSERT_TRUE(board_->send_one(time_.wall()));
  broken_.reset();
  run(2min);
  EXPECT_EQ(told(), "alice-mail firing");
}

TEST_F(pages_test, a_chain_under_another_name_goes_on) {
  post(page);
  run(1min);
  rename_the_chain();
  run(10min);
  EXPECT_EQ(told(), "alice-phone firing, alice-phone firing, bob-phone firing");
  EXPECT_EQ(timeline(1), (std::vector<std::string>{"opened alerts", "notified alice", "changed", "notified alice", "notified bob"}));
}

TEST_F(pages_test, news_for_a_chain_under_another_name_belongs_to_the_same_incident) {
  post(page);
  run(1min);
  rename_the_chain();
  time_.advance(1min);
  post(other_page);
  run(20s);
  board_->read([](const board_view& from) { EXPECT_EQ(from.open_incidents.size(), 1U); });
}

TEST_F(pages_test, siblings_with_one_chain_open_one_incident) {
  adopt([](configuration& of) {
    of.receivers["people-too"] = of.receivers["people"];
    of.route.routes[0].go_on = true;
    of.route.routes.push_back({.receiver = "people-too", .match = match("severity=\"page\"")});
  });
  post(page);
  run(1min);
  EXPECT_EQ(told(), "alice-phone firing");
  board_->read([](const board_view& from) { EXPECT_EQ(from.open_incidents.size(), 1U); });
}

TEST_F(pages_test, a_reload_or_a_restart_tells_no_end_again) {
  post({{"alertname", "a"}, {"n", "1"}});
  post({{"alertname", "a"}, {"n", "2"}});
  run(30s);
  post({{"alertname", "a"}, {"n", "1"}}, time_.wall());
  run(2min);
  ASSERT_EQ(told(), "team firing, team firing") << "one with the end";
  run(1h);
  const auto before = delivered_.size();
  board_->adopt(settings());
  run(2min);
  crash();
  run(2min);
  EXPECT_EQ(delivered_.size(), before);
  post({{"alertname", "a"}, {"n", "2"}}, time_.wall());
  crash();  // before this end is told
  run(3min);
  EXPECT_EQ(delivered_.back().status, "resolved");
}

TEST_F(pages_test, a_dead_letter_that_a_later_message_has_overtaken_is_not_sent_again) {
  broken_ = answer{403, "no", {}};
  post({{"alertname", "a"}});
  run(30s);
  const auto dead = messages(message_state::dead);
  ASSERT_EQ(dead.size(), 1U);
  broken_.reset();
  post({{"alertname", "a"}}, time_.wall());
  run(2min);
  ASSERT_EQ(told(), "team resolved");
  const auto again = board_->revive(dead[0].id, time_.wall());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, errc::conflict);
  EXPECT_EQ(again.error().message, "message 2 told 'team' later how this group stands (delivered); what this letter says is out of date: drop it");
}

TEST_F(pages_test, a_chain_waits_while_its_alerts_are_silenced) {
  post(page);
  run(1min);
  ASSERT_EQ(told(), "alice-phone firing");
  const auto silence = board_->set_silence({.id = {}, .match = match("alertname=\"p\""), .starts_at = time_.wall(), .ends_at = time_.wall() + 1h, .created_by = "me", .comment = "c"}, time_.wall());
  ASSERT_TRUE(silence);
  run(20min);
  EXPECT_EQ(told(), "alice-phone firing");
  EXPECT_EQ(timeline(1), (std::vector<std::string>{"opened alerts", "notified alice", "quiet"}));
  ASSERT_TRUE(board_->expire_silence(silence->id, time_.wall()));
  run(1min);
  EXPECT_EQ(told(), "alice-phone firing, bob-phone firing");
}

TEST_F(pages_test, who_cannot_be_told_stands_in_the_timeline_as_such) {
  adopt([](configuration& of) { of.people["alice"].receivers.clear(); });
  post(page);
  run(1min);
  EXPECT_EQ(timeline(1), (std::vector<std::string>{"opened alerts", "unreached alice", "notified bob"}));
}

class ticket_test : public pages_test {
protected:
  ticket_test() { board_->adopt(settings()); }
  configuration_ptr settings() override {
    const auto out = std::const_pointer_cast<configuration>(board_fixture::settings());
    auto ticket = way_of("github");
    ticket.place = "a/b";
    ticket.send_resolved = false;
    out->receivers["team"].ways = {ticket};
    out->seal();
    return out;
  }
};

TEST_F(ticket_test, a_new_outbreak_is_a_new_ticket) {
  std::vector<std::string> asked;
  auto made = board::open({.file = folder_ / "tickets.db", .send = [&](const outgoing& what) {
    const std::string url(what.url.reveal());
    asked.push_back(what.method + url.substr(url.find("/issues")));
    if (broken_) return result<answer>(*std::exchange(broken_, std::nullopt));
    return result<answer>(answer{201, "{\"number\": " + std::to_string(asked.size()) + "}", {}});
  }, .seed = 7, .senders = 0}, time_, nullptr);
  ASSERT_TRUE(made);
  board_ = std::move(*made);
  board_->adopt(settings());
  const label_set a{{"alertname", "a"}};
  post(a);
  run(65min);
  post(a, time_.wall());
  run(3min);
  post(a);
  run(3min);
  EXPECT_EQ(asked, (std::vector<std::string>{"POST/issues", "POST/issues/1/comments", "POST/issues"}));
  broken_ = answer{410, "This issue was deleted", {}};
  run(1h);
  EXPECT_EQ(asked, (std::vector<std::string>{"POST/issues", "POST/issues/1/comments", "POST/issues", "POST/issues/3/comments", "POST/issues"}));
}

}  // namespace
}  // namespace andon::alert
