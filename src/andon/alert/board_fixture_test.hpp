#pragma once
// A board without threads on a simulated clock, over a folder of its own, whose receivers write down what reaches them.
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <filesystem>

#include "andon/alert/alert_testing.hpp"
#include "andon/alert/api_v2.hpp"
#include "andon/alert/board.hpp"
#include "andon/base/metrics.hpp"
#include "andon/base/testing_place.hpp"

namespace andon::alert::testing_support {

struct delivery {
  wall_time at;
  std::string key, status, names, ack_url;
  boost::json::value body;
};

class board_fixture : public ::testing::Test {
protected:
  board_fixture() : folder_(andon::testing_support::testing_place() / ("andon-alert-" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    open();
  }
  ~board_fixture() override {
    board_.reset();
    std::filesystem::remove_all(folder_);
  }
  [[nodiscard]] std::filesystem::path file() const { return folder_ / ("alerts" + std::to_string(generation_) + ".db"); }
  void open() {
    auto made = board::open({.file = file(), .send = [this](const outgoing& what) { return take(what); }, .seed = 7, .senders = 0}, time_, &metrics_);
    ASSERT_TRUE(made) << made.error().message;
    board_ = std::move(*made);
    board_->adopt(settings());
  }
  /// The same as kill -9: what is on the disk now is what the next life begins with.
  void crash() {
    const auto before = file();
    ++generation_;
    for (const auto* suffix : {"", "-wal"})
      if (std::filesystem::exists(before.string() + suffix)) std::filesystem::copy_file(before.string() + suffix, file().string() + suffix);
    graveyard_.push_back(std::move(board_));  // what it still does goes to a file that nobody reads
    open();
  }
  virtual configuration_ptr settings() {
    auto out = std::make_shared<configuration>();
    out->external_url = "https://andon.example";
    out->route = {.receiver = "team", .group_by = std::vector<std::string>{"alertname"}, .group_wait = 10s, .group_interval = 1min, .repeat_interval = 1h};
    out->receivers["team"].ways = {way_of("webhook")};
    out->receivers["alice-phone"].ways = {way_of("webhook")};
    out->receivers["bob-phone"].ways = {way_of("webhook")};
    auto chain = way_of("escalation");
    chain.escalation = "primary";
    out->receivers["people"].ways = {chain};
    out->route.routes.push_back({.receiver = "people", .match = match("severity=\"page\"")});
    out->people["alice"] = {"Alice", {"alice-phone"}};
    out->people["bob"] = {"Bob", {"bob-phone"}};
    escalation steps;
    steps.steps.push_back({.notify = {escalation_target::parse("alice")}, .wait = 5min});
    steps.steps.push_back({.notify = {escalation_target::parse("bob")}, .wait = 5min});
    out->escalations["primary"] = steps;
    out->bounds.per_minute = 1000;
    out->seal();
    return out;
  }
  result<answer> take(const outgoing& what) {
    crash_point();
    if (broken_) return broken_->status == 0 ? result<answer>(fail(errc::connect_failed, "refused")) : result<answer>(*broken_);
    delivery one{time_.wall(), {}, {}, {}, {}, boost::json::parse(what.body)};
    for (const auto& [name, value] : what.headers)
      if (name == "Idempotency-Key") one.key = value.reveal();
    one.status = one.body.at("status").as_string();
    for (const auto& a : one.body.at("alerts").as_array())
      if (a.at("status").as_string() == "firing") one.names += std::string(a.at("labels").at("alertname").as_string());
    if (const auto* incident = one.body.as_object().if_contains("incident")) one.ack_url = incident->at("ack_url").as_string();
    delivered_.push_back(std::move(one));
    crash_point();
    return answer{200, {}, {}};
  }
  void crash_point() {
    if (crash_at_ && points_++ == *crash_at_) crash_wanted_ = true, snapshot();
  }
  void snapshot() {
    for (const auto* suffix : {"", "-wal"}) {
      const auto from = file().string() + suffix;
      const auto to = (folder_ / ("alerts" + std::to_string(generation_ + 1) + ".db")).string() + suffix;
      if (std::filesystem::exists(from)) std::filesystem::copy_file(from, to);
    }
  }
  void crash_if_wanted() {
    if (!std::exchange(crash_wanted_, false)) return;
    ++generation_;
    graveyard_.push_back(std::move(board_));
    open();
  }
  void step() {
    crash_point();
    crash_if_wanted();
    board_->tick(time_.wall());
    crash_point();
    crash_if_wanted();
    while (board_->send_one(time_.wall())) crash_if_wanted();
    crash_if_wanted();
  }
  void run(nanoseconds span, nanoseconds by = 5s) {
    for (nanoseconds gone{}; gone < span; gone += by, time_.advance(by)) step();
  }
  void post(const label_set& labels, std::optional<wall_time> ends = {}) {
    const auto got = board_->post(std::vector{posted(labels, ends ? std::optional<wall_time>{} : std::optional(time_.wall()), ends ? ends : std::optional(time_.wall() + 24h))}, time_.wall());
    EXPECT_EQ(got.taken, 1U);
    EXPECT_FALSE(got.not_kept);
  }
  std::vector<message_row> messages(std::optional<message_state> only = {}) {
    std::vector<message_row> out;
    board_->read([&](const board_view& from) { out = from.store.messages(only, {}, 1000).value(); });
    return out;
  }
  std::vector<std::string> timeline(std::int64_t incident) {
    std::vector<std::string> out;
    board_->read([&](const board_view& from) {
      for (const auto& one : from.store.events(incident).value()) out.push_back(one.kind + (one.who.empty() ? "" : " " + one.who));
    });
    return out;
  }

  std::filesystem::path folder_;
  simulated_clock time_{t0};
  metrics::registry metrics_;
  std::unique_ptr<board> board_;
  std::vector<std::unique_ptr<board>> graveyard_;
  std::vector<delivery> delivered_;
  std::optional<answer> broken_;
  std::optional<int> crash_at_;
  int points_ = 0, generation_ = 0;
  bool crash_wanted_ = false;
};

}  // namespace andon::alert::testing_support
