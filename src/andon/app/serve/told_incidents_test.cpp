#include "andon/app/serve/told_incidents.hpp"

#include <gtest/gtest.h>

#include "andon/app/serve/temporary_folder_testing.hpp"

namespace andon::app {
namespace {

TEST(told_incidents, of_a_month_are_those_that_were_open_in_it) {
  const testing_support::temporary_folder home;
  simulated_clock time;
  auto opened = alert::board::open({.file = home.file("alerts.db"), .send = [](const alert::outgoing&) -> result<alert::answer> { return alert::answer{200, "", {}}; }, .seed = 3}, time, nullptr);
  ASSERT_TRUE(opened) << opened.error().message;
  auto& board = **opened;
  auto settings = std::make_shared<alert::configuration>();
  settings->escalations["primary"].steps.emplace_back();
  settings->seal();
  board.adopt(settings);
  const auto at = [&](int hours) { return time.wall() + std::chrono::hours{hours}; };
  const auto incident = [&](const char* title, int from, std::optional<int> to) {
    const auto made = board.open_incident("primary", title, "me", at(from));
    ASSERT_TRUE(made) << made.error().message;
    if (to) ASSERT_TRUE(board.resolve(made->number, "me", at(*to)));
  };
  incident("before", 0, 5);
  incident("into", 6, 11);
  incident("within", 12, 13);
  incident("out of", 19, 25);
  incident("behind", 20, 21);
  incident("still open", 15, std::nullopt);
  const auto second = [&](int hours) { return std::chrono::floor<slo::seconds>(at(hours)); };
  const auto got = told_incidents(board, second(10), second(20));
  ASSERT_TRUE(got) << got.error().message;
  std::vector<std::string> titles;
  for (const auto& one : *got) titles.push_back(one.title);
  EXPECT_EQ(titles, (std::vector<std::string>{"into", "within", "out of", "still open"}));
  EXPECT_EQ(got->back().resolved, std::nullopt);
  EXPECT_TRUE(got->back().objectives.empty()) << "one that people opened belongs to no agreement";
}

}  // namespace
}  // namespace andon::app
