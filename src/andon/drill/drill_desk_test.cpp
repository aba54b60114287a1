#include "andon/drill/drill_desk.hpp"

#include <boost/json.hpp>
#include <future>

#include "andon/drill/drill_testing.hpp"

namespace andon::drill {
namespace {

using namespace std::chrono_literals;
using namespace testing_support;

class desk : public ::testing::Test {
protected:
  void SetUp() override {
    records = open_ledger(home.path(), clk);
    audit = ledger::audit_log::open({.data = home.path()}, clk, nullptr).value();
    health = table.of(model_name{"a"});
  }
  std::unique_ptr<drill_desk> open(std::string supervisor = "systemd") {
    return drill_desk::open({.time = clk, .records = records.get(), .audit = audit.get(), .data = home.path(), .version = "1", .supervisor = std::move(supervisor),
                             .find = [this](std::string_view name) { return name == "a" ? places{.models = {{"a", health}}, .routes = {"chat"}} : places{}; },
                             .paging = [this] { return paging; },
                             .told = [this](const drill& one) { told.set_value(one); },
                             .die = [this] { died.set_value(); }},
                            {.enabled = enabled, .longest = 1min, .settle = 300ms})
        .value();
  }
  drill ended() { return told.get_future().get(); }
  static order of(kind what, nanoseconds span = 100ms) { return {.what = what, .target = what == kind::provider_down ? "a" : "", .span = span, .who = "key_1", .role = "operator"}; }

  const temporary_directory home;
  const system_clock clk;
  std::unique_ptr<ledger::ledger> records;
  std::unique_ptr<ledger::audit_log> audit;
  route::health_table table;
  std::shared_ptr<route::target_health> health;
  std::vector<std::string> paging;
  bool enabled = true;
  std::promise<drill> told;
  std::promise<void> died;
};

TEST_F(desk, refuses_what_must_not_be) {
  const auto it = open("");
  const auto refused = [&](order asked) { return it->start(std::move(asked)).error().code; };
  EXPECT_EQ(refused(of(kind::store_down, 10ms)), errc::invalid_argument);
  EXPECT_EQ(refused(of(kind::store_down, 2min)), errc::invalid_argument);
  EXPECT_EQ(refused({.what = kind::provider_down, .target = "nobody", .span = 1s}), errc::not_found);
  EXPECT_EQ(refused({.what = kind::provider_down, .span = 1s}), errc::invalid_argument);
  EXPECT_EQ(refused({.what = kind::provider_down, .target = "a", .share = 0, .span = 1s}), errc::invalid_argument);
  EXPECT_EQ(refused(of(kind::node_kill)), errc::unavailable);   // nobody restarts it
  paging = {"Outage"};
  EXPECT_EQ(refused(of(kind::store_down)), errc::conflict);
  it->limit({.enabled = false});
  paging.clear();
  EXPECT_EQ(refused(of(kind::store_down)), errc::forbidden);
  EXPECT_TRUE(it->list(10)->empty());
}

TEST_F(desk, an_alert_can_be_overruled) {
  paging = {"Outage"};
  const auto it = open();
  auto asked = of(kind::store_down);
  asked.even_when_firing = true;
  ASSERT_TRUE(it->start(asked));
  EXPECT_EQ(ended().outcome, "recovered");
}

TEST_F(desk, a_target_is_down_within_the_bound_and_one_drill_runs_at_a_time) {
  const auto it = open();
  const auto begun = it->start(of(kind::provider_down, 30s));
  ASSERT_TRUE(begun);
  while (!health->staged().on(clk.mono())) std::this_thread::yield();
  EXPECT_EQ(it->start(of(kind::store_down)).error().code, errc::conflict);
  EXPECT_EQ(it->current()->id, begun->id);
  const auto stopped = it->stop("key_2");
  ASSERT_TRUE(stopped);
  EXPECT_FALSE(health->staged().on(clk.mono()));
  EXPECT_EQ(stopped->outcome, "stopped");
  EXPECT_NE(stopped->note.find("key_2"), std::string::npos);
  EXPECT_FALSE(it->current());
  EXPECT_EQ(it->stop("key_2").error().code, errc::not_found);
}

TEST_F(desk, without_calls_nothing_was_measured) {
  const auto it = open();
  ASSERT_TRUE(it->start(of(kind::provider_down)));
  const auto one = ended();
  EXPECT_EQ(one.outcome, "no-traffic");
  EXPECT_EQ(one.got.calls, 0u);
  EXPECT_FALSE(one.got.recovery_s);
}

TEST_F(desk, it_is_no_success_when_nobody_stood_in) {
  const auto it = open();
  random_source random(3);
  const auto call = [&](errc outcome) {
    ledger::record r;
    r.started = clk.wall();
    r.id = request_id::make(r.started, random);
    r.route = route_name{"chat"};
    r.outcome = outcome;
    auto& attempt = r.attempts.emplace_back();
    attempt.model = model_name{"a"};
    if (outcome != errc::none) attempt.error_message = route::outage::message;
    ASSERT_TRUE(records->writer(0).append_record(r));
  };
  ASSERT_TRUE(it->start(of(kind::provider_down, 200ms)));
  while (!health->staged().on(clk.mono())) std::this_thread::yield();
  call(errc::connect_failed);
  while (health->staged().on(clk.mono())) std::this_thread::sleep_for(1ms);
  std::this_thread::sleep_for(100ms);
  call(errc::none);
  const auto one = ended();
  EXPECT_EQ(one.outcome, "no-failover");
  EXPECT_NE(one.note.find("no other target served"), std::string::npos) << one.note;
  EXPECT_EQ(one.got.failed, 1u);
  EXPECT_TRUE(one.got.recovery_s);
}

TEST_F(desk, a_store_that_was_down_loses_nothing) {
  const auto it = open();
  append(*records, 10, clk);
  ASSERT_TRUE(records->wait_indexed(20s));
  ASSERT_TRUE(it->start(of(kind::store_down, 300ms)));
  while (records->status().index_problem.empty()) append(*records, 1, clk);   // until the index met its refusal
  append(*records, 50, clk);
  const auto one = ended();
  EXPECT_EQ(one.outcome, "recovered");
  EXPECT_GE(one.got.appended.value(), 51u);
  EXPECT_EQ(one.got.data_loss, 0u);
  EXPECT_GT(one.got.most_waiting.value(), 0u);
  EXPECT_TRUE(one.got.recovery_s);
  EXPECT_TRUE(records->status().balanced());
  EXPECT_TRUE(records->status().index_problem.empty());
}

TEST_F(desk, a_restored_ledger_has_every_record_and_the_scratch_folder_is_gone) {
  const auto it = open();
  append(*records, 200, clk);
  ASSERT_TRUE(it->start(of(kind::restore, 20s)));
  const auto one = ended();
  EXPECT_EQ(one.outcome, "recovered") << one.note;
  EXPECT_EQ(one.got.records, 200u);
  EXPECT_EQ(one.got.data_loss, 0u);
  EXPECT_FALSE(std::filesystem::exists(home.path() / "drill-scratch"));
}

TEST_F(desk, a_folder_that_cannot_be_looked_at_fails_the_drill_and_not_the_gateway) {
  const auto it = open();
  append(*records, 3, clk);
  std::filesystem::create_symlink("statements", home.path() / "statements");   // leads to itself
  ASSERT_TRUE(it->start(of(kind::restore, 20s)));
  const auto one = ended();
  EXPECT_EQ(one.outcome, "failed");
  EXPECT_NE(one.note.find("statements"), std::string::npos) << one.note;
  EXPECT_FALSE(std::filesystem::exists(home.path() / "drill-scratch"));
}

TEST_F(desk, whatever_is_thrown_in_a_drill_ends_it_as_failed) {
  int asked = 0;
  const auto it = drill_desk::open({.time = clk, .records = records.get(), .audit = audit.get(), .data = home.path(), .version = "1",
                                    .find = [&](std::string_view) { return asked++ == 0 ? places{.models = {{"a", health}}, .routes = {"chat"}} : throw std::runtime_error("the plan is gone"); },
                                    .paging = [this] { return paging; },
                                    .told = [this](const drill& one) { told.set_value(one); },
                                    .die = [] {}},
                                   {.enabled = true, .longest = 1min, .settle = 300ms})
                      .value();
  ASSERT_TRUE(it->start(of(kind::provider_down)));
  const auto one = ended();
  EXPECT_EQ(one.outcome, "failed");
  EXPECT_EQ(one.note, "the plan is gone");
}

TEST_F(desk, a_kill_is_ended_by_the_next_start) {
  {
    const auto it = open();
    append(*records, 30, clk);
    ASSERT_TRUE(it->start(of(kind::node_kill, 1s)));
    died.get_future().wait();
  }
  const auto next = open();
  next->look_back();
  next->is_ready();
  const auto one = ended();
  EXPECT_EQ(one.outcome, "recovered");
  EXPECT_EQ(one.got.data_loss, 0u);
  EXPECT_GE(one.got.recovery_s.value(), 0);
  EXPECT_EQ(next->find(one.id)->outcome, "recovered");
}

TEST_F(desk, a_kill_that_lost_records_says_so) {
  {
    const auto it = open();
    append(*records, 30, clk);
    ASSERT_TRUE(it->start(of(kind::node_kill, 1s)));
    died.get_future().wait();
  }
  ASSERT_TRUE(records->stop());
  records.reset();
  std::filesystem::remove_all(home.path() / "journal");
  std::filesystem::remove_all(home.path() / "index");
  std::filesystem::remove(home.path() / "ledger.state");
  records = open_ledger(home.path(), clk);
  const auto next = open();
  next->look_back();
  next->is_ready();
  const auto one = ended();
  EXPECT_EQ(one.outcome, "not-recovered");
  EXPECT_EQ(one.got.data_loss, 30u);
}

TEST_F(desk, beginning_and_end_stand_in_the_audit_log) {
  const auto it = open();
  ASSERT_TRUE(it->start(of(kind::store_down)));
  (void)ended();
  const auto page = audit->read({});
  ASSERT_TRUE(page);
  ASSERT_EQ(page->entries.size(), 2u);
  EXPECT_EQ(page->entries[1].action, "drill begin");
  EXPECT_EQ(page->entries[0].action, "drill end");
  EXPECT_EQ(page->entries[0].key, "key_1");
  EXPECT_NE(page->entries[0].after.find("\"outcome\":\"recovered\""), std::string::npos);
}

TEST(drill_document, reads_what_it_writes) {
  drill one{.id = 4, .asked = {.what = kind::node_kill, .target = "a", .share = 0.5, .span = 90s, .even_when_firing = true, .back_by = restarter::caller, .who = "key_1", .role = "admin"},
            .now = phase::killed, .began = wall_time{std::chrono::seconds{1'760'000'000}}, .outcome = "recovered", .note = "n"};
  one.got = {.failover_s = 0.5, .data_loss = 3};
  one.mark = kill_mark{.at = one.began, .mono = mono_time{5s}, .boot = "b", .streams = {{0, 7}, {1, 9}}};
  const auto again = from_json(boost::json::serialize(to_json(one, detail::kept)));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(boost::json::serialize(to_json(*again, detail::kept)), boost::json::serialize(to_json(one, detail::kept)));
  EXPECT_EQ(again->mark->streams, one.mark->streams);
  EXPECT_FALSE(from_json("{}"));
  EXPECT_FALSE(from_json("nonsense"));
}

}  // namespace
}  // namespace andon::drill
