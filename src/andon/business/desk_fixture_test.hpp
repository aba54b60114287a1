#pragma once
// A desk over a watch whose Records lie at chosen times, without a journal.
#include <gtest/gtest.h>

#include "andon/business/desk.hpp"
#include "andon/ledger/journal_testing.hpp"
#include "andon/slo/slo_testing.hpp"

namespace andon::business::testing_support {

using namespace std::chrono_literals;
using slo::testing::record_at;

/// `2026-10-01T00:00:00` in UTC.
inline instant utc(const char* text) {
  std::string local(text);
  local[10] = ' ';
  return instant{slo::parse_local_time(local).value().time_since_epoch()};
}

inline std::shared_ptr<const time_zone> zone(const char* name) { return std::make_shared<const time_zone>(time_zone::load(name).value()); }

class desk_test : public ::testing::Test {
protected:
  desk_test() {
    plan.objectives.push_back(slo::testing::availability("calls", 0.9995, slo::rolling(30 * 24h)));
    agreed.name = "acme";
    agreed.counterparty = "Acme Ltd";
    agreed.promises.push_back({"calls", share_of_percent(99.9), {{share_of_percent(99.9), share_of_percent(10)}, {share_of_percent(99), share_of_percent(25)}}});
  }

  /// Begins to watch at this time.
  void open(const char* now) {
    clock.jump_wall(wall_time{utc(now)} - clock.wall());
    auto opened = slo::watch::open(home.file("watch.db"), clock, [](std::span<const slo::signal>) {});
    ASSERT_TRUE(opened) << opened.error().message;
    watching = std::move(*opened);
    ASSERT_TRUE(watching->adopt(plan));
    watching->past_is_complete();
    tick();
    at = std::make_unique<desk>(home.path(), clock, desk_sources{[this] { return watching; }, [this](instant, instant) { return incidents; }}, files);
    adopt();
  }
  void adopt() { at->adopt({{agreed}, kpis}); }
  void tick() {
    ASSERT_TRUE(watching->tick(std::chrono::floor<seconds>(clock.wall()), {}));
    ASSERT_TRUE(watching->save({}));
  }
  void go_to(const char* now) {
    clock.jump_wall(wall_time{utc(now)} - clock.wall());
    tick();
  }
  void call(instant end, errc outcome = errc::none, nano_usd cost = {}) {
    auto r = record_at(end, outcome);
    r.cost = cost;
    r.price = ledger::price_state::known;
    ASSERT_TRUE(watching->count(slo::testing::viewed(r).view()));
  }
  void calls(instant end, int good, int bad) {
    for (int i = 0; i < good; ++i) call(end);
    for (int i = 0; i < bad; ++i) call(end, errc::upstream_error);
  }
  statement told(const char* of) {
    auto made = at->preliminary("acme", month::parse(of).value());
    EXPECT_TRUE(made) << (made ? "" : made.error().message);
    return made ? std::move(*made) : statement{};
  }

  slo::testing::temporary_directory home;
  simulated_clock clock;
  ledger::testing::failing_files files;
  slo::watch_plan plan;
  agreement agreed;
  std::vector<kpi_spec> kpis;
  std::shared_ptr<slo::watch> watching;
  std::vector<told_incident> incidents;
  std::unique_ptr<desk> at;
};

}  // namespace andon::business::testing_support
