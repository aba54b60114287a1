#include "andon/app/serve/integrity_watch.hpp"

#include <gtest/gtest.h>

#include "andon/app/serve/temporary_folder_testing.hpp"

namespace andon::app {
namespace {

using namespace std::chrono_literals;

class integrity : public ::testing::Test {
protected:
  std::unique_ptr<ledger::ledger> open() { return ledger::ledger::open({.data = home.file("data"), .segment_bytes = 64 << 10}, clk, nullptr).value(); }
  static void append(ledger::ledger& to, int count) {
    random_source random(3);
    for (int n = 0; n < count; ++n) {
      ledger::record r;
      r.id = request_id::make(wall_time{std::chrono::seconds{1'760'000'000}}, random);
      for (int i = 0; i < 2'000; ++i) r.reply_body += static_cast<char>('!' + random.below(90));  // too much for one segment, however it is packed
      ASSERT_TRUE(to.writer(0).append_record(r));
    }
  }
  const testing_support::temporary_folder home;
  const system_clock clk;
};

TEST_F(integrity, remembers_when_all_was_whole) {
  const auto records = open();
  append(*records, 100);
  integrity_watch watch(*records, home.file("data"), clk, {});
  EXPECT_FALSE(watch.last_whole());
  const auto before = clk.wall();
  EXPECT_TRUE(watch.check());
  EXPECT_EQ(watch.damage(), "");
  EXPECT_GE(watch.last_whole().value(), before);
  const integrity_watch again(*records, home.file("data"), clk, {});
  EXPECT_NEAR(static_cast<double>((*again.last_whole() - *watch.last_whole()).count()), 0, 2'000);   // microseconds are kept
}

TEST_F(integrity, damage_is_told_and_the_last_good_time_stays) {
  const auto records = open();
  append(*records, 100);
  integrity_watch watch(*records, home.file("data"), clk, {});
  ASSERT_TRUE(watch.check());
  const auto good = watch.last_whole();
  for (const auto& one : std::filesystem::directory_iterator(home.file("data") + "/journal")) {
    std::fstream file(one.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(6'000);
    if (file.get() == 0) continue;  // nothing was written there yet
    file.seekp(6'000);
    file.write("\xff\xff\xff\xff", 4);
  }
  EXPECT_TRUE(watch.check());
  EXPECT_NE(watch.damage().find("damaged"), std::string::npos);
  EXPECT_EQ(watch.last_whole(), good);
}

TEST_F(integrity, keeps_its_pace_and_ends_when_told) {
  const auto records = open();
  append(*records, 100);
  integrity_watch slow(*records, home.file("data"), clk, {.interval = 1h, .bytes_per_second = 1});
  std::thread check([&] { EXPECT_FALSE(slow.check()); });   // it would take hours
  slow.stop();
  check.join();
  EXPECT_FALSE(slow.last_whole());
}

TEST_F(integrity, a_time_from_the_future_counts_as_now) {
  const auto records = open();
  home.write("data/integrity", "2200-01-01T00:00:00Z\n");
  const integrity_watch watch(*records, home.file("data"), clk, {});
  EXPECT_LE(watch.last_whole().value(), clk.wall());
}

}  // namespace
}  // namespace andon::app
