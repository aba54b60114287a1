// The board with its own threads: posts, readings, new configurations and deliveries at the same time.
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <condition_variable>
#include <filesystem>
#include <future>
#include <mutex>
#include <thread>

#include "andon/alert/alert_testing.hpp"
#include "andon/alert/api_v2.hpp"
#include "andon/alert/board.hpp"
#include "andon/base/testing_place.hpp"

namespace andon::alert {
namespace {

using namespace testing_support;

constexpr int posters = 4, posts = 15;

/// Counts the messages about each alert.
class inbox {
public:
  result<answer> take(const outgoing& what) {
    const auto body = boost::json::parse(what.body);
    const std::lock_guard lock(mutex_);
    for (const auto& one : body.at("alerts").as_array()) ++told_[std::string(one.at("labels").at("alertname").as_string())];
    changed_.notify_all();
    return answer{200, {}, {}};
  }
  bool wait_for(std::size_t alerts) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 60s, [&] { return told_.size() >= alerts; });
  }
  std::map<std::string, int> told() {
    const std::lock_guard lock(mutex_);
    return told_;
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, int> told_;
};

configuration_ptr each_alone() {
  auto out = std::make_shared<configuration>();
  out->route = {.receiver = "team", .group_by = std::vector<std::string>{"..."}, .group_wait = 0s, .group_interval = 1s, .repeat_interval = 1h};
  out->receivers["team"].ways = {way_of("webhook")};
  out->bounds.per_minute = 100'000;
  out->seal();
  return out;
}

TEST(board_threads, everything_is_told_once_while_much_else_happens) {
  const auto folder = andon::testing_support::testing_place() / ("andon-alert-threads-" + std::to_string(::getpid()));
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  const system_clock time;
  inbox box;
  auto made = board::open({.file = folder / "alerts.db", .send = [&](const outgoing& what) { return box.take(what); }, .seed = 1}, time, nullptr);
  ASSERT_TRUE(made) << made.error().message;
  auto& one = **made;
  one.adopt(each_alone());
  one.start();
  std::vector<std::thread> threads;
  for (int p = 0; p < posters; ++p)
    threads.emplace_back([&, p] {
      for (int i = 0; i < posts; ++i) {
        const auto now = time.wall();
        const auto got = one.post(std::vector{posted({{"alertname", "a" + std::to_string(p) + "_" + std::to_string(i)}}, now, now + 1h)}, now);
        EXPECT_FALSE(got.not_kept);
      }
    });
  threads.emplace_back([&] {
    for (int i = 0; i < 20; ++i) {
      one.read([](const board_view& from) { EXPECT_TRUE(api::alerts_json(from, {})); });
      one.adopt(each_alone());
    }
  });
  for (auto& thread : threads) thread.join();
  EXPECT_TRUE(box.wait_for(posters * posts));
  one.stop();
  for (const auto& [name, times] : box.told()) EXPECT_EQ(times, 1) << name;
  made->reset();
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace andon::alert
