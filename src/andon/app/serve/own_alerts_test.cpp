#include "andon/app/serve/own_alerts.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "andon/app/serve/temporary_folder_testing.hpp"

namespace andon::app {
namespace {

using namespace std::chrono_literals;

class own_alerts_test : public ::testing::Test {
protected:
  own_alerts_test() : data_(folder_.file("data")) {
    std::filesystem::create_directories(data_ / "index");
    begin();
  }
  /// A life of the program on the files of the one before.
  void begin() {
    alerts_.reset();
    audit_.reset();
    board_.reset();
    auto board = alert::board::open({.file = folder_.file("alerts.db"), .send = [](const alert::outgoing&) -> result<alert::answer> { return alert::answer{200, "", {}}; }, .seed = 1}, time_, &registry_);
    ASSERT_TRUE(board) << board.error().message;
    board_ = std::move(*board);
    auto audit = ledger::audit_log::open({.data = data_, .master_key = {}}, time_, &registry_);
    ASSERT_TRUE(audit) << audit.error().message;
    audit_ = std::move(*audit);
    alerts_ = std::make_unique<own_alerts>(*board_, nullptr, *audit_, data_);
  }
  /// What fires a minute later.
  std::string told(const own_troubles& troubles = {}) {
    time_.advance(1min);
    alerts_->look(time_.wall(), troubles);
    time_.advance(1s);
    std::string out;
    board_->read([&](const alert::board_view& in) {
      for (const auto& [id, one] : in.book.all())
        if (!one.resolved(time_.wall())) out += one.labels.at("alertname") + ": " + one.annotations.at("summary");
    });
    return out;
  }

  testing_support::temporary_folder folder_;
  std::filesystem::path data_;
  simulated_clock time_{wall_time{std::chrono::sys_days{std::chrono::January / 5 / 2026}}};
  metrics::registry registry_;
  std::unique_ptr<alert::board> board_;
  std::unique_ptr<ledger::audit_log> audit_;
  std::unique_ptr<own_alerts> alerts_;
};

const own_troubles blind{.objectives = "segment 0/3 is gone", .decisions = {}, .file = {}};

TEST_F(own_alerts_test, says_that_objectives_are_blind_for_as_long_as_they_are) {
  EXPECT_EQ(told(), "");
  for (int i = 0; i < 15; ++i) EXPECT_EQ(told(blind), "AndonObjectivesBlind: Objectives are not judged, or new ones not filled: segment 0/3 is gone");
  EXPECT_EQ(told(), "");
}

TEST_F(own_alerts_test, ends_what_a_life_before_began) {
  EXPECT_NE(told(blind), "");
  begin();
  EXPECT_NE(told(blind), "") << "it goes on";
  begin();
  EXPECT_EQ(told(), "") << "not five minutes later, when it would end by itself";
}

TEST_F(own_alerts_test, names_damaged_files_for_as_long_as_they_lie_there) {
  EXPECT_EQ(told(), "");
  std::ofstream(data_ / "watch.db.damaged") << "x";
  std::ofstream(data_ / "index" / "index.db.damaged") << "x";
  EXPECT_TRUE(told().starts_with("AndonFileDamaged: Damaged files were set aside and begun anew: watch.db.damaged, index.db.damaged.")) << told();
  std::filesystem::remove(data_ / "watch.db.damaged");
  std::filesystem::remove(data_ / "index" / "index.db.damaged");
  EXPECT_EQ(told(), "");
}

TEST_F(own_alerts_test, says_that_a_page_reached_nobody) {
  auto settings = std::make_shared<alert::configuration>();
  settings->route.receiver = "people";
  settings->receivers["people"];
  settings->escalations["empty"].steps.push_back({.notify = {alert::escalation_target::parse("schedule:gone")}});
  settings->seal();
  board_->adopt(settings);
  ASSERT_TRUE(board_->open_incident("empty", "slow", "me", time_.wall()));
  for (int i = 0; i < 3; ++i, time_.advance(10min)) board_->tick(time_.wall());
  EXPECT_TRUE(told().starts_with("AndonPageUnheard: Nobody was told, for nobody is on call or no step has anybody: inc_1.")) << told();
  ASSERT_TRUE(board_->acknowledge(1, "me", time_.wall()));
  EXPECT_EQ(told(), "") << "somebody has seen it";
}

}  // namespace
}  // namespace andon::app
