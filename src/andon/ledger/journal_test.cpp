#include "andon/ledger/journal.hpp"

#include <fcntl.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <map>
#include <thread>

#include <gtest/gtest.h>

#include "andon/ledger/journal_testing.hpp"
#include "andon/ledger/segment_directory.hpp"

namespace andon::ledger {
namespace {

using namespace testing;

TEST(journal, what_is_appended_is_read_in_order_and_by_place) {
  const temporary_directory home;
  simulated_clock clk;
  auto j = journal::open(small_options(home.path()), clk).value();
  std::vector<position> places;
  for (std::uint64_t n = 0; n < 500; ++n) {
    ASSERT_TRUE(j->writer(0).append_opened(opened_number(n)));
    places.push_back(j->writer(0).append_record(record_number(n)).value());
    if (n % 7 == 0) j->tick();
  }
  EXPECT_TRUE(std::ranges::is_sorted(places));
  EXPECT_GT(j->status().segments, 5u);
  const auto all = read_all(j->segments());
  ASSERT_EQ(all.records.size(), 500u);
  for (std::uint64_t n = 0; n < 500; ++n) {
    EXPECT_EQ(all.records[n], record_number(n));
    EXPECT_EQ(read_record(*j->segments(), places[n]).value(), record_number(n));
  }
  EXPECT_EQ(j->status().streams[0].records, 500u);
  EXPECT_EQ(read_record(*j->segments(), {0, 99, 4096}).error().code, errc::not_found);
}

TEST(journal, a_restart_goes_on_where_it_ended) {
  const temporary_directory home;
  simulated_clock clk;
  std::uint64_t serial = 0;
  for (std::uint64_t run = 0; run < 5; ++run) {
    auto j = journal::open(small_options(home.path()), clk).value();
    EXPECT_EQ(j->status().streams[0].records, run * 40);
    for (std::uint64_t n = run * 40; n < run * 40 + 40; ++n) ASSERT_TRUE(j->writer(0).append_record(record_number(n)));
    if (run % 2 == 0) ASSERT_TRUE(j->stop());
  }
  auto segments = open_segments(home.path()).value();
  journal_reader reader(segments, {});
  std::uint64_t seen = 0;
  for (auto e = reader.next().value(); e; e = reader.next().value()) {
    EXPECT_GT(e->serial, serial);
    serial = e->serial;
    if (e->kind == entry_kind::record) EXPECT_EQ(decode_record(e->payload)->id, id_number(seen++));
  }
  EXPECT_EQ(seen, 200u);
  EXPECT_EQ(reader.reached().records, 200u);
  EXPECT_EQ(reader.reached().dropped, 0u);
}

TEST(journal, a_reader_resumes_from_every_checkpoint) {
  const temporary_directory home;
  simulated_clock clk;
  auto j = journal::open(small_options(home.path()), clk).value();
  for (std::uint64_t n = 0; n < 120; ++n) {
    ASSERT_TRUE(j->writer(0).append_opened(opened_number(n)));
    ASSERT_TRUE(j->writer(0).append_record(record_number(n)));
  }
  journal_reader walker(j->segments(), {});
  std::vector<checkpoint> stops{walker.reached()};
  while (walker.next().value()) stops.push_back(walker.reached());
  for (const auto& from : stops) {
    journal_reader reader(j->segments(), from);
    std::uint64_t expected = from.records;
    for (auto e = reader.next().value(); e; e = reader.next().value())
      if (e->kind == entry_kind::record) ASSERT_EQ(decode_record(e->payload)->id, id_number(expected++));
    EXPECT_EQ(expected, 120u);
  }
}

TEST(journal, open_exchanges_are_found_again) {
  const temporary_directory home;
  simulated_clock clk;
  {
    auto j = journal::open(small_options(home.path()), clk).value();
    ASSERT_TRUE(j->writer(0).append_opened(opened_number(9000)));  // stays open across many segments
    for (std::uint64_t n = 0; n < 200; ++n) {
      ASSERT_TRUE(j->writer(0).append_opened(opened_number(n)));
      ASSERT_TRUE(j->writer(0).append_record(record_number(n)));
    }
    ASSERT_TRUE(j->writer(0).append_opened(opened_number(9001)));
    EXPECT_EQ(j->writer(0).append_opened(opened_number(9001)).error().code, errc::already_exists);
  }
  for (int run = 0; run < 2; ++run) {  // the second start finds them through the carry entry alone
    auto j = journal::open(small_options(home.path()), clk).value();
    ASSERT_EQ(j->recovered().open.size(), 2u);
    EXPECT_EQ(j->recovered().open[0].what, opened_number(9000));
    EXPECT_EQ(j->recovered().open[1].what, opened_number(9001));
    ASSERT_TRUE(j->writer(0).append_record(record_number(500 + static_cast<std::uint64_t>(run))));
  }
  auto j = journal::open(small_options(home.path()), clk).value();
  ASSERT_TRUE(j->writer(0).append_record(record_number(9000)));
  ASSERT_TRUE(j->writer(0).append_record(record_number(9001)));
  j.reset();
  EXPECT_TRUE(journal::open(small_options(home.path()), clk).value()->recovered().open.empty());
}

TEST(journal, entries_larger_than_a_segment_get_their_own) {
  const temporary_directory home;
  simulated_clock clk;
  auto j = journal::open(small_options(home.path()), clk).value();
  for (std::uint64_t n = 0; n < 30; ++n) ASSERT_TRUE(j->writer(0).append_record(record_number(n, n % 3 == 0 ? 60'000 : 50)));
  const auto all = read_all(j->segments());
  ASSERT_EQ(all.records.size(), 30u);
  for (std::uint64_t n = 0; n < 30; ++n) EXPECT_EQ(all.records[n], record_number(n, n % 3 == 0 ? 60'000 : 50));
}

TEST(journal, a_body_of_32_MiB_is_stored_whole) {
  const temporary_directory home;
  simulated_clock clk;
  auto j = journal::open(small_options(home.path()), clk).value();
  const auto big = record_number(1, 32 << 20);
  const auto at = j->writer(0).append_record(big).value();
  EXPECT_EQ(read_record(*j->segments(), at).value(), big);
}

TEST(journal, the_quota_refuses_new_calls_and_closes_every_admitted_one) {
  const temporary_directory home;
  simulated_clock clk;
  auto options = small_options(home.path(), 64 << 10);
  options.max_disk_bytes = 4 * options.segment_bytes;
  auto j = journal::open(options, clk).value();
  std::vector<std::uint64_t> admitted;
  std::uint64_t n = 0;
  for (; n < 10'000; ++n) {
    j->tick();
    const auto at = j->writer(0).append_opened(opened_number(n), n % 5 * 1000);
    if (!at) {
      EXPECT_EQ(at.error().code, errc::disk_full);
      break;
    }
    admitted.push_back(n);
  }
  ASSERT_LT(n, 10'000u);
  EXPECT_TRUE(j->status().full);
  std::uint64_t strangers = 0;  // what fits where the refused one's reserve did not
  auto unopened = j->writer(0).append_record(record_number(20'000));
  while (unopened && ++strangers < 50) unopened = j->writer(0).append_record(record_number(20'000 + strangers));
  ASSERT_FALSE(unopened);
  EXPECT_EQ(unopened.error().code, errc::disk_full);
  for (const auto id : admitted) ASSERT_TRUE(j->writer(0).append_record(record_number(id, id % 5 == 4 ? 10'000 : 200))) << id;
  const auto all = read_all(j->segments());
  ASSERT_EQ(all.records.size(), admitted.size() + strangers);
  std::uint64_t cut = 0;
  for (const auto& r : all.records) {
    const bool whole = r.request_body.size() == r.request_bytes || r.request_bytes == 0;
    EXPECT_NE(whole, r.request_truncated);
    cut += r.request_truncated || r.reply_truncated ? 1 : 0;
  }
  EXPECT_EQ(cut, j->status().truncated);
  EXPECT_LE(j->status().disk_bytes, options.max_disk_bytes);
  EXPECT_EQ(j->status().open_exchanges, 0u);
}

TEST(journal, drop_oldest_counts_what_it_drops) {
  const temporary_directory home;
  simulated_clock clk;
  auto options = small_options(home.path());
  options.max_disk_bytes = 6 * options.segment_bytes;
  options.when_full = full_policy::drop_oldest;
  failing_files files;
  auto j = journal::open(options, clk, nullptr, &files).value();
  journal_reader slow(j->segments(), {});
  std::uint64_t seen = 0;
  const auto read = [&](std::uint64_t most) {
    for (std::uint64_t i = 0; i < most; ++i) {
      auto e = slow.next().value();
      if (!e) break;
      seen += e->kind == entry_kind::record ? 1 : 0;
    }
  };
  for (std::uint64_t n = 0; n < 2000; ++n) {
    ASSERT_TRUE(j->writer(0).append_record(record_number(n)));
    if (n % 10 == 0) j->tick();
    if (n % 100 == 0) read(30);
    ASSERT_LE(j->status().disk_bytes, options.max_disk_bytes);
  }
  read(1'000'000);
  EXPECT_GT(j->status().dropped_segments, 0u);
  EXPECT_EQ(slow.reached().records, 2000u);
  EXPECT_EQ(slow.reached().records - slow.reached().dropped, seen);
  EXPECT_GT(slow.reached().dropped, 0u);
}

TEST(journal, retention_keeps_the_segments_of_open_exchanges) {
  const temporary_directory home;
  simulated_clock clk;
  auto j = journal::open(small_options(home.path()), clk).value();
  for (std::uint64_t n = 0; n < 200; ++n) ASSERT_TRUE(j->writer(0).append_record(record_number(n)));
  const auto held = j->writer(0).append_opened(opened_number(9000)).value();
  for (std::uint64_t n = 200; n < 400; ++n) ASSERT_TRUE(j->writer(0).append_record(record_number(n)));
  j->tick();
  const auto before = j->status();
  EXPECT_GT(j->remove_before({before.streams[0].next}), 0u);
  const auto after = j->status();
  EXPECT_LT(after.disk_bytes, before.disk_bytes);
  EXPECT_TRUE(read_entry(*j->segments(), held, entry_kind::opened));
  EXPECT_EQ(after.streams[0].records, 400u);
  EXPECT_GT(after.streams[0].first_records, 0u);
}

TEST(journal, durable_positions_call_back_once_synced) {
  const temporary_directory home;
  simulated_clock clk;
  failing_files files;
  auto j = journal::open(small_options(home.path()), clk, nullptr, &files).value();
  const auto at = j->writer(0).append_record(record_number(1)).value();
  int ok = 0, bad = 0;
  const auto count = [&](result<void> how) { (how ? ok : bad)++; };
  j->on_durable(at, count);
  EXPECT_EQ(ok, 0);
  j->tick();
  EXPECT_EQ(ok, 1);
  j->on_durable(at, count);
  EXPECT_EQ(ok, 2);
  const auto next = j->writer(0).append_record(record_number(2)).value();
  j->on_durable(next, count);
  files.code = errc::io_error;
  files.fail_at = files.count;
  j->tick();
  EXPECT_EQ(bad, 1);
  EXPECT_TRUE(j->status().sync_failing);
  j->tick();
  EXPECT_FALSE(j->status().sync_failing);
}

TEST(journal, a_live_reader_on_another_thread_sees_everything_once) {
  const temporary_directory home;
  const system_clock clk;
  auto options = small_options(home.path(), 32 << 10);
  options.background = true;
  options.sync_interval = std::chrono::milliseconds{1};
  auto j = journal::open(options, clk).value();
  constexpr std::uint64_t total = 5000;
  std::atomic<bool> wrong{false};
  std::thread reading([&] {
    journal_reader reader(j->segments(), {});
    for (std::uint64_t n = 0; n < total;) {
      auto e = reader.next();
      if (!e) { wrong = true; return; }
      if (!*e) { std::this_thread::yield(); continue; }
      if ((*e)->kind != entry_kind::record) continue;
      const auto view = record_view::over((*e)->payload);
      if (!view || view->id() != id_number(n)) wrong = true;
      ++n;
    }
  });
  for (std::uint64_t n = 0; n < total; ++n) ASSERT_TRUE(j->writer(0).append_record(record_number(n)));
  reading.join();
  EXPECT_FALSE(wrong);
  EXPECT_TRUE(j->stop());
}

// A model: which exchanges are open and which Records exist, through restarts, ticks and random sizes.
TEST(journal, random_operations_against_a_model) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    const temporary_directory home;
    simulated_clock clk;
    random_source random{seed};
    failing_files files;  // never fails, but spares the disk
    auto options = small_options(home.path());
    options.streams = 2;
    auto j = journal::open(options, clk, nullptr, &files).value();
    std::map<std::uint64_t, std::uint32_t> open;
    std::map<std::uint64_t, std::size_t> closed;
    for (std::uint64_t n = 0; n < 1500; ++n) {
      const auto stream = static_cast<std::uint32_t>(random.below(2));
      const auto what = random.below(100);
      if (what < 45 && open.size() < 60) {
        ASSERT_TRUE(j->writer(stream).append_opened(opened_number(n)));
        open[n] = stream;
      } else if (what < 85 && !open.empty()) {
        auto it = open.lower_bound(random.below(n + 1));
        if (it == open.end()) it = open.begin();
        closed[it->first] = random.below(random.below(20) == 0 ? 30'000 : 400);
        ASSERT_TRUE(j->writer(it->second).append_record(record_number(it->first, closed[it->first])));
        open.erase(it);
      } else if (what < 97) {
        j->tick();
      } else {
        j.reset();
        j = journal::open(options, clk, nullptr, &files).value();
        std::vector<request_id> expected, found;
        for (const auto& [id, s] : open) expected.push_back(id_number(id));
        for (const auto& u : j->recovered().open) found.push_back(u.what.id);
        std::ranges::sort(expected);
        std::ranges::sort(found);
        ASSERT_EQ(found, expected);
        ASSERT_EQ(j->recovered().lost_entries, 0u);
      }
    }
    const auto all = read_all(j->segments());
    ASSERT_EQ(all.records.size(), closed.size());
    for (const auto& r : all.records) {
      const auto n = static_cast<std::uint64_t>(r.cost.value());
      ASSERT_EQ(r, record_number(n, closed.at(n)));
    }
    EXPECT_EQ(all.dropped(), 0u);
  }
}

TEST(journal, options_are_checked) {
  const temporary_directory home;
  simulated_clock clk;
  auto options = small_options(home.path());
  options.segment_bytes = 1000;
  EXPECT_EQ(journal::open(options, clk).error().code, errc::invalid_argument);
  options = small_options(home.path());
  options.max_disk_bytes = options.segment_bytes;
  EXPECT_EQ(journal::open(options, clk).error().code, errc::invalid_argument);
}

}  // namespace
}  // namespace andon::ledger
