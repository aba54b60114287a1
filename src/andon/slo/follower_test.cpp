// The watch over a real journal: restarts, crashes, series that come later, a store that is lost.
#include "andon/slo/follower.hpp"

#include "andon/base/random.hpp"
#include "andon/ledger/ledger.hpp"
#include "andon/slo/slo_testing.hpp"
#include "andon/sql/database.hpp"

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
    auto opened = watch::open(home.file("watch.db"), clock, [this](const signal& one) { signals.push_back(one); });
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
