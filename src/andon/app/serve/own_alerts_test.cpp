#include "andon/app/serve/own_alerts.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "andon/app/serve/temporary_folder_testing.hpp"

namespace andon::app {
namespace {

using namespace std::chrono_literals;

TEST(own_alerts, says_that_objectives_are_blind_for_as_long_as_they_are) {
  const testing_support::temporary_folder folder;
  simulated_clock time{wall_time{std::chrono::sys_days{std::chrono::January / 5 / 2026}}};
  metrics::registry registry;
  auto board = alert::board::open({.file = folder.file("alerts.db"), .send = [](const alert::outgoing&) -> result<alert::answer> { return alert::answer{200, "", {}}; }, .seed = 1}, time, &registry);
  ASSERT_TRUE(board) << board.error().message;
  std::filesystem::create_directories(folder.file("data"));
  const auto audit = ledger::audit_log::open({.data = folder.file("data"), .master_key = {}}, time, &registry);
  ASSERT_TRUE(audit) << audit.error().message;
  own_alerts alerts(**board, nullptr, **audit, folder.file("data"));
  const auto firing = [&] {
    std::vector<std::string> out;
    (*board)->read([&](const alert::board_view& in) {
      for (const auto& [id, one] : in.book.all())
        if (!one.resolved(time.wall())) out.push_back(one.labels.at("alertname") + ": " + one.annotations.at("summary"));
    });
    return out;
  };
  alerts.look(time.wall(), {});
  EXPECT_TRUE(firing().empty());
  for (int i = 0; i < 900; ++i) {
    alerts.look(time.wall(), {.objectives = "segment 0/3 is gone", .decisions = {}, .file = {}});
    time.advance(1s);
  }
  EXPECT_EQ(firing(), std::vector<std::string>{"AndonObjectivesBlind: Objectives are not judged, or new ones not filled: segment 0/3 is gone"});
  alerts.look(time.wall(), {});
  time.advance(1s);
  EXPECT_TRUE(firing().empty());
}

TEST(own_alerts, names_damaged_files_for_as_long_as_they_lie_there) {
  const testing_support::temporary_folder folder;
  simulated_clock time{wall_time{std::chrono::sys_days{std::chrono::January / 5 / 2026}}};
  metrics::registry registry;
  auto board = alert::board::open({.file = folder.file("alerts.db"), .send = [](const alert::outgoing&) -> result<alert::answer> { return alert::answer{200, "", {}}; }, .seed = 1}, time, &registry);
  ASSERT_TRUE(board) << board.error().message;
  const std::filesystem::path data = folder.file("data");
  std::filesystem::create_directories(data / "index");
  const auto audit = ledger::audit_log::open({.data = data, .master_key = {}}, time, &registry);
  ASSERT_TRUE(audit) << audit.error().message;
  own_alerts alerts(**board, nullptr, **audit, data);
  const auto told = [&] {
    time.advance(1min);
    alerts.look(time.wall(), {});
    time.advance(1s);
    std::string out;
    (*board)->read([&](const alert::board_view& in) {
      for (const auto& [id, one] : in.book.all())
        if (!one.resolved(time.wall())) out += one.labels.at("alertname") + ": " + one.annotations.at("summary");
    });
    return out;
  };
  EXPECT_EQ(told(), "");
  std::ofstream(data / "watch.db.damaged") << "x";
  std::ofstream(data / "index" / "index.db.damaged") << "x";
  EXPECT_TRUE(told().starts_with("AndonFileDamaged: Damaged files were set aside and begun anew: watch.db.damaged, index.db.damaged.")) << told();
  std::filesystem::remove(data / "watch.db.damaged");
  std::filesystem::remove(data / "index" / "index.db.damaged");
  EXPECT_EQ(told(), "");
}

}  // namespace
}  // namespace andon::app
