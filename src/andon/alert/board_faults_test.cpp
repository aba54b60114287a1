// What must not lose a page: ends in silence, clocks that are set back, stores that fail, a book that others fill.
#include "andon/alert/board_fixture_test.hpp"
#include "andon/sql/database.hpp"

namespace andon::alert {
namespace {

using namespace testing_support;

const label_set page{{"alertname", "p"}, {"severity", "page"}};

class faults_test : public board_fixture {
protected:
  void silence_pages(nanoseconds span) {
    ASSERT_TRUE(board_->set_silence({.id = {}, .match = match("alertname=\"p\""), .starts_at = time_.wall(), .ends_at = time_.wall() + span, .created_by = "me", .comment = "c"}, time_.wall()));
  }
  [[nodiscard]] std::string told() const {
    std::string out;
    for (const auto& one : delivered_) out.append(out.empty() ? "" : ", ").append(one.body.at("receiver").as_string()).append(" ").append(one.status);
    return out;
  }
  [[nodiscard]] std::string last_token() const { return delivered_.back().ack_url.substr(std::string("https://andon.example/alert/").size()); }
  [[nodiscard]] std::size_t firing() const {
    std::size_t out = 0;
    board_->read([&](const board_view& from) { out = static_cast<std::size_t>(std::ranges::count_if(from.book.all(), [&](const auto& item) { return !item.second.resolved(time_.wall()); })); });
    return out;
  }
  post_outcome event(const std::string& action) {
    auto read = api::read_intake(R"({"routing_key":"rrr","dedup_key":"d1","event_action":")" + action + R"(","payload":{"summary":"disk full","source":"db-1","severity":"critical","class":"page"}})", "fresh");
    EXPECT_TRUE(read) << (read ? "" : read.error().message);
    return api::take_event(*board_, std::move(*read), time_.wall()).value();
  }
};

TEST_F(faults_test, an_incident_that_ends_in_silence_is_over_and_the_next_one_pages) {
  post(page);
  run(1min);
  ASSERT_TRUE(board_->acknowledge(1, "me", time_.wall()));
  silence_pages(20min);
  post(page, time_.wall());
  run(5min);
  EXPECT_EQ(timeline(1), (std::vector<std::string>{"opened alerts", "notified alice", "acknowledged me", "resolved alerts"}));
  crash();
  run(16min);
  EXPECT_EQ(told(), "alice-phone firing, alice-phone resolved");
  post(page);
  run(1min);
  EXPECT_EQ(told(), "alice-phone firing, alice-phone resolved, alice-phone firing") << "within the repeat interval of an hour";
  EXPECT_EQ(timeline(2), (std::vector<std::string>{"opened alerts", "notified alice"}));
}

TEST_F(faults_test, an_outage_of_its_own_is_no_end_of_what_fires) {
  const auto said = [&] { ASSERT_EQ(board_->post(std::vector{posted(page, time_.wall(), time_.wall() + 4min)}, time_.wall()).taken, 1U); };
  said();
  run(1min);
  ASSERT_TRUE(board_->acknowledge(1, "me", time_.wall()));
  time_.advance(6min);   // nobody is here when it is said again
  crash();
  run(1min);
  said();
  run(10min);
  EXPECT_EQ(told(), "alice-phone firing, alice-phone resolved") << "it ended when it was not said any more";
  EXPECT_EQ(timeline(1), (std::vector<std::string>{"opened alerts", "notified alice", "acknowledged me", "resolved alerts"}));
  crash();
  run(5min);
  EXPECT_EQ(firing(), 0U) << "what was told to be over stays so";
}

TEST_F(faults_test, what_nobody_answered_is_told_again_at_the_repetition) {
  post(page);
  run(50min);
  EXPECT_EQ(told(), "alice-phone firing, bob-phone firing");
  EXPECT_EQ(timeline(1).back(), "exhausted");
  run(20min);   // the repeat interval is an hour
  EXPECT_EQ(told(), "alice-phone firing, bob-phone firing, alice-phone firing, bob-phone firing");
}

TEST(outbox, receivers_that_are_dead_leave_senders_to_the_others) {
  const wall_time now{std::chrono::seconds{1'760'000'000}};
  outbox box({}, random_source(1));
  std::int64_t id = 0;
  const auto add = [&](const std::string& receiver) { box.add({++id, receiver, "webhook", std::to_string(id), now, now, 0, {}}); };
  for (int i = 0; i < 40; ++i) add(i % 2 == 0 ? "dead" : "gone");
  std::vector<std::int64_t> senders;
  for (int i = 0; i < 4; ++i) senders.push_back(box.take(now)->id);
  EXPECT_FALSE(box.take(now)) << "two at a time to each";
  add("pager");
  box.finish(senders[0], {verdict::again, "no answer", std::nullopt}, now);
  EXPECT_EQ(box.take(now)->receiver, "pager");
}

class gap_test : public board_fixture {
protected:
  gap_test() { board_->adopt(settings()); }
  configuration_ptr settings() override {
    const auto out = std::const_pointer_cast<configuration>(board_fixture::settings());
    out->schedules["week"] = {};
    escalation steps;
    steps.steps.push_back({.notify = {escalation_target::parse("schedule:week")}, .wait = 5min});
    steps.repeat = 3;
    out->escalations["primary"] = steps;
    out->seal();
    return out;
  }
};

TEST_F(gap_test, an_hour_without_anybody_on_call_does_not_use_up_an_escalation_at_once) {
  post(page);
  run(2min);
  const auto soon = timeline(1);
  EXPECT_EQ(std::ranges::count(soon, "exhausted"), 0);
  run(30min);
  const auto later = timeline(1);
  EXPECT_EQ(std::ranges::count(later, "exhausted"), 1);
}

TEST_F(faults_test, an_escalation_stops_when_its_alert_ends_in_silence) {
  post(page);
  run(1min);
  silence_pages(2h);
  post(page, time_.wall());
  run(1h);
  EXPECT_EQ(told(), "alice-phone firing, alice-phone resolved") << "bob is not woken for what is over";
}

TEST_F(faults_test, an_alert_that_fires_again_before_its_end_was_told_keeps_its_incident) {
  post(page);
  run(55s);
  post(page, time_.wall());
  run(10s);  // the incident is looked at after a minute, the group again after 70 s
  post(page);
  run(3min);
  EXPECT_EQ(timeline(1), (std::vector<std::string>{"opened alerts", "notified alice"}));
}

TEST_F(faults_test, an_incident_by_hand_stays_open) {
  ASSERT_TRUE(board_->open_incident("primary", "slow", "me", t0));
  run(3min);
  EXPECT_EQ(timeline(1), (std::vector<std::string>{"opened me", "notified alice"}));
}

TEST_F(faults_test, a_clock_set_back_stops_no_escalation) {
  post(page);
  run(1min);
  time_.jump_wall(-3h);
  run(6min);
  EXPECT_EQ(told(), "alice-phone firing, bob-phone firing");
}

TEST_F(faults_test, a_clock_set_back_delays_no_message) {
  outbox box({.per_minute = 1000}, random_source(1));
  box.add({1, "a", "webhook", "g", t0, t0, 0});
  ASSERT_TRUE(box.take(t0 - 2h)) << "one that was not tried yet goes out at once";
  box.finish(1, {verdict::again, "down", {}}, t0);
  EXPECT_FALSE(box.take(t0 - 2h));
  EXPECT_TRUE(box.take(t0 - 2h + 2s)) << "the pause after the first try is about a second";
  box.finish(1, {verdict::again, "slow down", 30min}, t0);
  EXPECT_FALSE(box.take(t0 + 29min)) << "what the receiver asked for is honoured";
}

TEST_F(faults_test, a_pause_is_known_after_a_restart) {
  broken_ = answer{500, "down", {}};
  post({{"alertname", "a"}});
  run(30s);
  ASSERT_EQ(messages(message_state::waiting).size(), 1U);
  crash();
  broken_.reset();
  time_.jump_wall(-3h);
  run(1min);
  EXPECT_EQ(told(), "team firing");
}

TEST_F(faults_test, a_link_is_used_up_only_by_what_it_did) {
  post(page);
  run(1min);
  const auto token = last_token();
  ASSERT_TRUE(board_->acknowledge(1, "me", time_.wall()));
  for (int i = 0; i < 2; ++i) {
    const auto refused = board_->follow_link(token, time_.wall());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message, "incident inc_1 was acknowledged by me");
  }
}

TEST_F(faults_test, a_silence_that_is_not_kept_does_not_hold) {
  silence wanted{.id = {}, .match = match("alertname=\"a\""), .starts_at = t0, .ends_at = t0 + 1h, .created_by = "me", .comment = "c"};
  const auto first = board_->set_silence(wanted, t0);
  ASSERT_TRUE(first);
  auto other = sql::database::open(file());
  ASSERT_TRUE(other);
  ASSERT_TRUE(other->run("CREATE TRIGGER broken BEFORE INSERT ON silence BEGIN SELECT RAISE(ABORT, 'broken'); END"));
  const auto silenced = [&](const char* name) {
    bool out = false;
    board_->read([&](const board_view& from) { out = from.silences.silences({{"alertname", name}}, t0 + 1s); });
    return out;
  };
  EXPECT_FALSE(board_->expire_silence(first->id, t0 + 1s));
  EXPECT_TRUE(silenced("a")) << "it has not ended";
  wanted.match = match("alertname=\"b\"");
  EXPECT_FALSE(board_->set_silence(wanted, t0 + 1s));
  EXPECT_FALSE(silenced("b"));
  ASSERT_TRUE(other->run("DROP TRIGGER broken"));
  EXPECT_TRUE(board_->set_silence(wanted, t0 + 1s));
  EXPECT_TRUE(silenced("b"));
}

TEST_F(faults_test, a_silence_that_finds_no_room_does_not_end_the_one_it_should_replace) {
  silence_book book(random_source(1), 1);
  silence wanted{.id = {}, .match = match("a=\"1\""), .starts_at = t0, .ends_at = t0 + 1h, .created_by = "me", .comment = "c"};
  const auto first = book.set(wanted, t0);
  ASSERT_TRUE(first);
  wanted.id = first->id;
  wanted.match = match("a=\"2\"");
  EXPECT_EQ(book.set(wanted, t0).error().code, errc::overloaded);
  EXPECT_TRUE(book.silences({{"a", "1"}}, t0 + 1s));
}

TEST_F(faults_test, own_alerts_find_room_in_a_book_that_others_filled) {
  auto made = board::open({.file = folder_ / "small.db", .send = [](const outgoing&) { return result<answer>(answer{200, {}, {}}); }, .seed = 1, .most_alerts = 20}, time_, nullptr);
  ASSERT_TRUE(made);
  std::vector<posted_alert> many;
  for (int i = 0; i < 30; ++i) many.push_back(posted({{"alertname", "a" + std::to_string(i)}, {"source", "andon"}}));
  const auto got = (*made)->post(many, t0);
  EXPECT_EQ(got.taken, 18U);
  EXPECT_EQ(got.problems.size(), 12U);
  EXPECT_EQ((*made)->post(std::vector{posted({{"alertname", "AndonLedgerFull"}})}, t0, poster::own).taken, 1U);
  EXPECT_EQ((*made)->post(std::vector{posted({{"alertname", "x"}})}, t0).taken, 0U);
  EXPECT_EQ((*made)->post(std::span(many).first(5), t0).taken, 5U) << "those that are known are taken";
}

TEST_F(faults_test, an_event_lasts_a_day_from_its_last_trigger) {
  EXPECT_EQ(event("trigger").taken, 1U);
  time_.advance(20h);
  EXPECT_EQ(event("trigger").taken, 1U);
  time_.advance(23h);
  EXPECT_EQ(firing(), 1U);
  time_.advance(1h);
  EXPECT_EQ(firing(), 0U);
}

class intake_faults_test : public faults_test {
protected:
  intake_faults_test() { board_->adopt(all_pages()); }
  /// Events page, too.
  configuration_ptr all_pages() {
    auto out = std::make_shared<configuration>();
    auto chain = way_of("escalation");
    chain.escalation = "primary";
    out->receivers["people"].ways = {chain};
    out->receivers["alice-phone"].ways = {way_of("webhook")};
    out->route = {.receiver = "people", .group_by = std::vector<std::string>{"alertname"}, .group_wait = 10s, .group_interval = 1min, .repeat_interval = 1h};
    out->people["alice"] = {"Alice", {"alice-phone"}};
    out->escalations["primary"].steps.push_back({.notify = {escalation_target::parse("alice")}, .wait = 5min});
    out->external_url = "https://andon.example";
    out->seal();
    return out;
  }
};

TEST_F(intake_faults_test, resolving_an_incident_ends_its_events) {
  event("trigger");
  post({{"alertname", "page"}, {"n", "posted"}});
  run(1min);
  ASSERT_EQ(firing(), 2U);
  ASSERT_TRUE(board_->resolve(1, "me", time_.wall()));
  EXPECT_EQ(firing(), 1U) << "one that its source posts again and again is its source's";
  board_->read([&](const board_view& from) {
    for (const auto& one : from.store.alerts().value()) EXPECT_EQ(one.resolved(time_.wall()), one.labels.contains("integration")) << labels_text(one.labels);
  });
  post({{"alertname", "page"}, {"n", "posted"}}, time_.wall());
  run(3min);
  EXPECT_EQ(event("trigger").taken, 1U);
  run(1min);
  EXPECT_EQ(told(), "alice-phone firing, alice-phone resolved, alice-phone firing");
}

TEST_F(intake_faults_test, an_event_that_comes_back_before_its_end_was_told_pages_again) {
  event("trigger");
  run(1min);
  ASSERT_TRUE(board_->resolve(1, "me", time_.wall()));
  EXPECT_EQ(event("trigger").taken, 1U);
  run(2min);
  EXPECT_EQ(told(), "alice-phone firing, alice-phone resolved, alice-phone firing");
}

}  // namespace
}  // namespace andon::alert
