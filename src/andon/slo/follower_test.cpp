// The watch over a real journal: restarts, crashes, series that come later, a store that is lost.
#include "andon/slo/follower.hpp"

#include "andon/base/random.hpp"
#include "andon/ledger/ledger.hpp"
#include "andon/ledger/segment_directory.hpp"
#include "andon/slo/recount.hpp"
#include "andon/slo/slo_testing.hpp"
#include "andon/sql/statement.hpp"

namespace andon::slo {
namespace {

using namespace std::chrono_literals;

class follower_test : public ::testing::Test {
protected:
  follower_test() {
    auto opened = ledger::ledger::open({.data = home.path(), .cores = 2, .segment_bytes = 64u << 10}, system, nullptr);
    EXPECT_TRUE(opened) << (opened ? "" : opened.error().message);
    records = std::move(*opened);
    plan.objectives.push_back(testing::availability("all", 0.9, rolling(30 * 24h)));
  }
  ~follower_test() override {
    stop();
    EXPECT_TRUE(records->stop());
  }
  void append(int n, errc outcome = errc::none, const std::string& route = "chat") {
    for (int i = 0; i < n; ++i) {
      auto r = testing::record_at(now, outcome, route);
      r.id = request_id::make(r.started, random);
      ASSERT_TRUE(records->writer(static_cast<std::uint32_t>(i % 2)).append_record(r));
      ++(outcome == errc::none ? good : bad);
    }
  }
  void start() {
    auto opened = watch::open(home.file("watch.db"), clock, [this](std::span<const signal> all) {
      signals.insert(signals.end(), all.begin(), all.end());
      ++told;
      if (ask) answers.push_back(watching->firing().size());
    });
    ASSERT_TRUE(opened) << opened.error().message;
    watching = std::move(*opened);
    ASSERT_TRUE(watching->adopt(plan));
    std::vector<std::uint32_t> streams;
    for (const auto& stream : records->status().journal.streams) streams.push_back(stream.next.stream);
    auto made = follower::make(*watching, records->segments(), streams);
    ASSERT_TRUE(made);
    follows.emplace(std::move(*made));
  }
  void stop() { follows.reset(), watching.reset(); }   // as a crash: nothing is saved
  void pass(seconds span) {
    for (const auto end = now + span; now < end;) {
      now += 1s;
      clock.advance(1s);
      for (auto more = follows->turn(now); ; more = follows->turn(now)) {
        ASSERT_TRUE(more) << more.error().message;
        if (!*more) break;
      }
    }
  }
  /// The segment behind `after`, whose key is not at hand any more (with 0: again).
  std::shared_ptr<ledger::segment> lock_away(std::uint32_t stream, std::uint64_t after, std::uint32_t key = 9) {
    auto found = records->segments()->at_or_after(stream, after + 1);
    EXPECT_TRUE(found);
    if (found) found->identity.key_id = key;
    return found;
  }
  /// Records of a stream before the segment that follows.
  [[nodiscard]] std::int64_t before_next(const ledger::segment& of) const {
    return static_cast<std::int64_t>(records->segments()->at_or_after(of.stream(), of.sequence() + 1)->activation.base_records);
  }
  std::int64_t rows(const char* table) {
    auto db = sql::database::open(home.file("watch.db"));
    EXPECT_TRUE(db);
    std::int64_t out = 0;
    const auto text = std::string("SELECT count(*) FROM ").append(table);
    sql::statement<sql::params<>, sql::columns<std::int64_t>> count(*db, text.c_str());
    EXPECT_TRUE(count.each([&](std::int64_t n) { out = n; }));
    return out;
  }
  void run_sql(const char* text) {
    auto db = sql::database::open(home.file("watch.db"));
    ASSERT_TRUE(db);
    ASSERT_TRUE(db->run(text));
  }
  [[nodiscard]] counts counted(const char* name) { return watching->objective(name)->budget.events; }

  testing::temporary_directory home;
  system_clock system;
  instant now{seconds{1'790'000'000}};
  simulated_clock clock{wall_time{now}};
  random_source random{3};
  std::unique_ptr<ledger::ledger> records;
  watch_plan plan;
  std::unique_ptr<watch> watching;
  std::optional<follower> follows;
  std::vector<signal> signals;
  bool ask = false;                    ///< the watch, as soon as it tells of something
  std::vector<std::size_t> answers;
  int told = 0;
  std::int64_t good = 0, bad = 0;
};

TEST_F(follower_test, nothing_is_lost_or_counted_twice_by_crashes) {
  start();
  for (int round = 0; round < 30; ++round) {
    append(40);
    append(3, errc::upstream_error);
    pass(seconds{1 + round % 7});
    if (round % 3 == 2) {
      stop();
      append(5);                 // while nobody watches
      start();
      pass(1s);
    }
    EXPECT_EQ(counted("all"), (counts{good, good + bad})) << round;
  }
}

TEST_F(follower_test, a_series_that_comes_later_is_filled_from_the_journal) {
  start();
  append(100);
  append(10, errc::upstream_error, "other");
  pass(20s);
  plan.objectives.push_back(testing::availability("other", 0.9, rolling(30 * 24h), "route:other"));
  ASSERT_TRUE(watching->adopt(plan));
  follows->plan_changed();
  append(7, errc::none, "other");
  pass(2s);
  EXPECT_EQ(counted("other"), (counts{7, 17}));
  EXPECT_FALSE(watching->is_filling());
  stop();
  start();
  pass(1s);
  EXPECT_EQ(counted("other"), (counts{7, 17})) << "what was filled is filled once";
  EXPECT_EQ(counted("all"), (counts{107, 117}));
}

TEST_F(follower_test, the_journal_counted_again_says_the_same) {
  start();
  const auto began = now;
  append(50);
  append(5, errc::upstream_error);
  append(3, errc::invalid_key);  // none of the events
  pass(30s);
  append(7, errc::upstream_error);
  pass(2s);
  const auto again = [&](instant from, instant to) { return recount(plan.objectives[0], records->segments(), from, to, [] { return true; }); };
  const auto all = again(began, now);
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ(all->events, counted("all"));
  EXPECT_EQ(all->records, 65U);
  EXPECT_EQ(again(began, began + 30s)->events, (counts{50, 55}));
  EXPECT_EQ(again(began - 60s, began)->events, counts{});
  EXPECT_EQ(recount(plan.objectives[0], records->segments(), began, now, [] { return false; }).error().code, errc::cancelled);
  auto slices = plan.objectives[0];
  slices.method = budgeting::timeslices;
  EXPECT_EQ(recount(slices, records->segments(), began, now, [] { return true; }).error().code, errc::invalid_argument);
}

TEST_F(follower_test, a_crash_in_the_middle_of_filling_begins_it_again) {
  start();
  append(12'000);
  pass(1s);
  plan.objectives.push_back(testing::availability("late", 0.9, rolling(30 * 24h), "project:shop"));
  ASSERT_TRUE(watching->adopt(plan));
  follows->plan_changed();
  now += 1s;
  ASSERT_TRUE(follows->turn(now));
  ASSERT_TRUE(watching->is_filling());
  ASSERT_TRUE(follows->save());
  stop();
  start();
  pass(5s);
  EXPECT_EQ(counted("late"), (counts{good, good}));
}

TEST_F(follower_test, a_lost_store_is_made_again_from_the_ledger) {
  start();
  append(500);
  append(50, errc::connect_failed);
  pass(15s);
  const auto before = counted("all");
  stop();
  for (const auto* name : {"watch.db", "watch.db-wal", "watch.db-shm"}) std::filesystem::remove(home.file(name));
  start();
  pass(2s);
  EXPECT_EQ(counted("all"), before);
  const auto eaten = watching->eaten("all", now - 1h, now);
  ASSERT_TRUE(eaten);
  EXPECT_EQ(eaten->size(), 1U);
  EXPECT_EQ(eaten->begin()->first, (cause{"provider", "connect_failed", "m", "key_1"}));
  EXPECT_EQ(eaten->begin()->second, 50);
}

TEST_F(follower_test, a_store_that_is_locked_loses_nothing) {
  start();
  append(20);
  pass(12s);
  append(30);
  {
    auto other = sql::database::open(home.file("watch.db"));
    ASSERT_TRUE(other);
    const auto held = sql::transaction::begin(*other);
    ASSERT_TRUE(held);
    now += 15s;
    const auto refused = follows->turn(now);      // it has to be saved now, and waits five seconds for it
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::locked);
  }
  stop();
  start();
  pass(1s);
  EXPECT_EQ(counted("all"), (counts{50, 50}));
}

TEST_F(follower_test, an_outage_pages_in_time_and_is_over_later) {
  plan.objectives[0] = testing::availability("all", 0.999, rolling(30 * 24h));
  start();
  for (int i = 0; i < 7 * 3'600; ++i) {
    append(1);
    pass(1s);
  }
  const auto began = now;
  const auto page = [this] { return std::ranges::find(signals, "page", &signal::severity); };
  while (page() == signals.end() && now - began < 120s) {
    append(1, errc::upstream_error);
    pass(1s);
  }
  ASSERT_NE(page(), signals.end());
  EXPECT_NEAR(static_cast<double>((page()->since - began).count()), 51.84, 2) << "60 s, of which Andon's own share is a second";
  stop();
  start();                                              // the alert is remembered
  EXPECT_TRUE(std::ranges::any_of(watching->firing(), [&](const signal& one) { return one.severity == "page" && one.since == page()->since; }));
  for (int i = 0; i < 2'500; ++i) {
    append(1);
    pass(1s);
  }
  EXPECT_TRUE(std::ranges::any_of(signals, [](const signal& one) { return one.severity == "page" && one.resolved; }));
  EXPECT_EQ(std::ranges::count_if(signals, [](const signal& one) { return one.severity == "page" && !one.resolved; }), 1);
}

TEST_F(follower_test, charts_hold_what_was_counted_at_every_resolution) {
  indicator_spec latency{.name = "latency", .description = {}, .what = {}, .by = {dimension::route}};
  latency.what.what = measure::latency;
  plan.indicators.push_back(latency);
  start();
  const auto began = now;
  for (int i = 0; i < 200; ++i) {
    append(2);
    append(1, errc::upstream_error, "other");
    pass(1s);
  }
  const auto total = [](const result<chart>& drawn) {
    counts out;
    for (const auto& one : drawn->points) out += one.of.events;
    return out;
  };
  for (const auto step : {1s, 10s, 60s, 3'600s}) {
    const auto from = floor_to(began, 1h), to = floor_to(now, 1h) + 1h;
    const auto drawn = watching->objective_chart("all", from, to, step);
    ASSERT_TRUE(drawn) << drawn.error().message;
    EXPECT_EQ(total(drawn), (counts{400, 600})) << step.count();
    EXPECT_LE(drawn->points.size(), static_cast<std::size_t>((to - from) / drawn->step));
    const auto all = watching->indicator_chart("latency", {}, from, to, step), one = watching->indicator_chart("latency", {"chat"}, from, to, step);
    ASSERT_TRUE(all && one);
    EXPECT_EQ(total(all), (counts{400, 400})) << "calls that failed have no latency";
    EXPECT_EQ(total(one), (counts{400, 400}));
    EXPECT_NEAR(*one->points.front().of.values.quantile(0.95), 0.25, 0.0026);
  }
  EXPECT_EQ(watching->objective_chart("nothing", began, now, 1s).error().code, errc::not_found);
  EXPECT_EQ(watching->indicator_chart("nothing", {}, began, now, 1s).error().code, errc::not_found);
  EXPECT_EQ(watching->objective_chart("all", now, now, 1s).error().code, errc::invalid_argument);
  EXPECT_EQ(watching->objective_chart("all", now - 30 * 24h, now, 60s).error().code, errc::invalid_argument) << "43,200 points";
  EXPECT_EQ(watching->objective_chart("all", now - 10 * 24h, now, 1s)->step, 60s) << "ten days ago there are no seconds any more";
}

TEST_F(follower_test, what_cannot_be_read_now_is_no_silence) {
  plan.objectives[0].burns = {{.severity = "page", .long_window = 1h, .short_window = 5min, .factor = 2}};
  start();
  append(50, errc::upstream_error);
  pass(2s);
  ASSERT_EQ(signals.size(), 1U);
  append(2'000, errc::upstream_error);
  const auto hidden = lock_away(0, follows->reached()[0].next.segment);
  pass(2h);
  EXPECT_TRUE(follows->is_blind());
  EXPECT_NE(follows->problem().find("its key 9 is not at hand"), std::string::npos) << follows->problem();
  EXPECT_EQ(signals.size(), 1U) << "the page is not over because nobody looks";
  hidden->identity.key_id = 0;
  pass(1s);
  EXPECT_FALSE(follows->is_blind());
  EXPECT_TRUE(follows->problem().empty());
  EXPECT_EQ(counted("all"), (counts{0, bad}));
  EXPECT_EQ(signals.size(), 2U) << "two hours without a call";
}

TEST_F(follower_test, a_past_whose_key_is_gone_does_not_hold_up_what_comes_later) {
  start();
  append(2'000);
  pass(1s);
  const auto hidden = lock_away(1, 0);
  plan.objectives.push_back(testing::availability("late", 0.9, rolling(30 * 24h), "route:chat"));
  ASSERT_TRUE(watching->adopt(plan));
  follows->plan_changed();
  pass(3s);
  EXPECT_FALSE(watching->is_filling());
  EXPECT_TRUE(follows->problem().empty());
  EXPECT_GT(before_next(*hidden), 0);
  EXPECT_EQ(counted("late").total, good - before_next(*hidden));
  EXPECT_EQ(counted("all").total, good);
  stop();
  for (const auto* name : {"watch.db", "watch.db-wal", "watch.db-shm"}) std::filesystem::remove(home.file(name));
  start();
  pass(3s);
  EXPECT_FALSE(follows->is_blind());
  EXPECT_EQ(counted("all").total, good - before_next(*hidden)) << "nor what is counted again";
}

TEST_F(follower_test, what_a_second_brings_is_told_at_once_and_without_the_lock) {
  plan.objectives.clear();
  for (const auto* name : {"a", "b", "c"}) {
    plan.objectives.push_back(testing::availability(name, 0.9, rolling(30 * 24h)));
    plan.objectives.back().burns = {{.severity = "page", .long_window = 1h, .short_window = 5min, .factor = 2}};
  }
  start();
  ask = true;                                          // would wait for ever if the lock were held
  append(50, errc::upstream_error);
  pass(2s);
  EXPECT_EQ(signals.size(), 3U);
  EXPECT_EQ(told, 1);
  EXPECT_EQ(answers, std::vector<std::size_t>{3});
  plan.objectives.clear();
  ASSERT_TRUE(watching->adopt(plan));
  EXPECT_EQ(signals.size(), 6U);
  EXPECT_EQ(told, 2);
}

TEST_F(follower_test, adopting_and_tidying_are_done_whole_or_not_at_all) {
  start();
  append(20, errc::upstream_error);
  pass(12s);
  const auto known = rows("series");
  plan.objectives.push_back(testing::availability("one", 0.9, rolling(24h), "route:one"));
  plan.objectives.push_back(testing::availability("two", 0.9, rolling(24h), "route:two"));
  run_sql("CREATE TRIGGER second_refused BEFORE INSERT ON series WHEN NEW.identity LIKE '%two%' BEGIN SELECT RAISE(ABORT, 'refused'); END");
  EXPECT_FALSE(watching->adopt(plan));
  EXPECT_EQ(rows("series"), known);
  run_sql("DROP TRIGGER second_refused");
  stop();
  start();
  pass(1s);
  EXPECT_EQ(rows("series"), known + 2);
  ASSERT_GT(rows("block WHERE tier = 0"), 0);
  run_sql("CREATE TRIGGER losses_refused BEFORE DELETE ON loss BEGIN SELECT RAISE(ABORT, 'refused'); END");
  now += 4 * 366 * 24h;                                // everything is old, blocks are removed before losses are
  EXPECT_FALSE(follows->turn(now));
  EXPECT_GT(rows("block WHERE tier = 0"), 0);
}

TEST_F(follower_test, an_objective_that_goes_resolves_its_alerts) {
  start();
  append(50, errc::upstream_error);
  plan.objectives[0].burns = {{.severity = "page", .long_window = 1h, .short_window = 5min, .factor = 2}};
  ASSERT_TRUE(watching->adopt(plan));
  pass(2s);
  ASSERT_EQ(signals.size(), 1U);
  plan.objectives.clear();
  ASSERT_TRUE(watching->adopt(plan));
  ASSERT_EQ(signals.size(), 2U);
  EXPECT_TRUE(signals[1].resolved);
  EXPECT_EQ(signals[1].labels, signals[0].labels);
}

}  // namespace
}  // namespace andon::slo
