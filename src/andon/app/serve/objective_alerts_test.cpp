#include "andon/app/serve/objective_alerts.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "andon/app/serve/temporary_folder_testing.hpp"

namespace andon::app {
namespace {

using namespace std::chrono_literals;

class objective_alerts_test : public ::testing::Test {
protected:
  testing_support::temporary_folder folder;
  simulated_clock time{wall_time{std::chrono::sys_days{std::chrono::January / 5 / 2026}}};
  metrics::registry registry;
  std::unique_ptr<alert::board> board = open();
  objective_alerts alerts{*board};
  slo::signal burn{.name = "ObjectiveBurn", .severity = "page", .labels = {{"objective", "chat"}}, .annotations = {{"summary", "s"}}, .since = slo::instant{std::chrono::floor<std::chrono::seconds>(time.wall())}, .resolved = {}};

  std::unique_ptr<alert::board> open() {
    auto made = alert::board::open({.file = folder.file("alerts.db"), .send = [](const alert::outgoing&) -> result<alert::answer> { return alert::answer{200, "", {}}; }, .seed = 1, .most_alerts = 2'000}, time, &registry);
    EXPECT_TRUE(made) << (made ? "" : made.error().message);
    return std::move(*made);
  }
  [[nodiscard]] std::size_t firing() {
    std::size_t count = 0;
    board->read([&](const alert::board_view& in) {
      for (const auto& [id, one] : in.book.all()) count += !one.resolved(time.wall());
    });
    return count;
  }
};

TEST_F(objective_alerts_test, a_signal_becomes_an_alert_and_ends_with_it) {
  alerts.told({&burn, 1}, time.wall());
  EXPECT_EQ(firing(), 1U);
  const auto posted = posted_of(burn, time.wall());
  EXPECT_EQ(posted.labels.at("alertname"), "ObjectiveBurn");
  EXPECT_EQ(posted.labels.at("severity"), "page");
  EXPECT_EQ(posted.labels.at("objective"), "chat");
  burn.resolved = slo::instant{std::chrono::floor<std::chrono::seconds>(time.wall())};
  time.advance(1s);
  alerts.told({&burn, 1}, time.wall());
  EXPECT_EQ(firing(), 0U);
}

TEST_F(objective_alerts_test, an_end_that_is_told_meanwhile_stays) {
  alerts.told({&burn, 1}, time.wall());
  auto over = burn;
  over.resolved = slo::instant{std::chrono::floor<std::chrono::seconds>(time.wall())};
  std::thread ending;
  alerts.look(
      [&] {
        std::vector<slo::signal> read{burn};
        ending = std::thread([&] { alerts.told({&over, 1}, time.wall()); });
        std::this_thread::sleep_for(20ms);
        return read;
      },
      time.wall());
  ending.join();
  EXPECT_EQ(firing(), 0U);
}

TEST_F(objective_alerts_test, all_of_a_second_are_posted_together) {
  std::vector<slo::signal> all;
  for (int i = 0; i < 1'000; ++i) {
    all.push_back(burn);
    all.back().labels = {{"objective", std::to_string(i)}};
  }
  alerts.told(all, time.wall());
  EXPECT_EQ(firing(), 1'000U);
}

TEST_F(objective_alerts_test, lasts_as_long_as_it_is_told_again) {
  alerts.told({&burn, 1}, time.wall());
  for (int i = 0; i < 900; ++i) {
    time.advance(1s);
    alerts.look([&] { return std::vector{burn}; }, time.wall());
  }
  EXPECT_EQ(firing(), 1U) << "a quarter of an hour later";
  time.advance(301s);
  EXPECT_EQ(firing(), 0U) << "its watch is no more";
}

TEST_F(objective_alerts_test, finds_room_where_others_fill_the_board) {
  std::vector<alert::posted_alert> many;
  for (int i = 0; i < 3'000; ++i) many.push_back({{{"alertname", "a" + std::to_string(i)}}, {}, time.wall(), time.wall() + 1h});
  const auto others = board->post(many, time.wall()).taken;
  EXPECT_LT(others, 2'000U);
  alerts.told(std::span(&burn, 1), time.wall());
  EXPECT_EQ(firing(), others + 1);
}

}  // namespace
}  // namespace andon::app
