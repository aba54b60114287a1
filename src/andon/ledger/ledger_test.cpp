#include "andon/ledger/ledger.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <set>

#include <gtest/gtest.h>

#include "andon/base/metrics.hpp"
#include "andon/ledger/journal_testing.hpp"
#include "andon/ledger/segment_directory.hpp"
#include "andon/ledger/store.hpp"

namespace andon::ledger {
namespace {

using namespace testing;

ledger_options small_ledger(const std::filesystem::path& data) {
  return {.data = data, .segment_bytes = 64 << 10, .sync_interval = std::chrono::milliseconds{1}, .index_poll = std::chrono::milliseconds{1}, .store_retry = std::chrono::milliseconds{1}};
}
constexpr auto patient = std::chrono::seconds{20};

TEST(ledger, what_is_appended_is_found) {
  const temporary_directory home;
  const system_clock clk;
  metrics::registry metrics;
  auto l = ledger::open(small_ledger(home.path()), clk, &metrics).value();
  for (std::uint64_t n = 0; n < 300; ++n) {
    ASSERT_TRUE(l->writer(0).append_opened(opened_number(n)));
    ASSERT_TRUE(l->writer(0).append_record(record_number(n)));
  }
  ASSERT_TRUE(l->wait_indexed(patient));
  const auto now = l->status();
  EXPECT_EQ(now.appended, 300u);
  EXPECT_EQ(now.indexed, 300u);
  EXPECT_EQ(now.waiting, 0u);
  EXPECT_TRUE(now.balanced());
  EXPECT_EQ(get_record(l->index(), l->source(), id_number(7), scope::everything()).value(), record_number(7));
  EXPECT_NE(metrics.render_prometheus().find("andon_ledger_unbalanced 0"), std::string::npos);
  EXPECT_TRUE(l->stop());
}

TEST(ledger, one_process_owns_the_directory) {
  const temporary_directory home;
  const system_clock clk;
  auto l = ledger::open(small_ledger(home.path()), clk, nullptr).value();
  const auto second = ledger::open(small_ledger(home.path()), clk, nullptr);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, errc::locked);
  EXPECT_NE(second.error().message.find(std::to_string(::getpid())), std::string::npos);
}

TEST(ledger, the_account_balances_through_restarts_and_a_lost_store) {
  const temporary_directory home;
  const system_clock clk;
  std::uint64_t total = 0;
  for (int run = 0; run < 6; ++run) {
    if (run == 3) std::filesystem::remove_all(home.path() / "index");
    auto l = ledger::open(small_ledger(home.path()), clk, nullptr).value();
    for (int i = 0; i < 100; ++i, ++total) ASSERT_TRUE(l->writer(0).append_record(record_number(total)));
    if (run % 2 == 0) ASSERT_TRUE(l->wait_indexed(patient));
    const auto now = l->status();
    EXPECT_TRUE(now.balanced());
    EXPECT_EQ(now.appended, total);
    EXPECT_EQ(now.dropped, 0u);
    if (run % 2 == 0) EXPECT_EQ(now.indexed, total);
    if (run % 2 == 0) EXPECT_EQ(l->index().status().rows, total);
  }
}

TEST(ledger, a_crash_closes_what_was_open) {
  const temporary_directory home;
  const auto pid = ::fork();
  if (pid == 0) {
    const system_clock clk;
    auto l = ledger::open(small_ledger(home.path()), clk, nullptr);
    for (std::uint64_t n = 0; l && n < 50; ++n)
      if (!(*l)->writer(0).append_opened(opened_number(n)) || (n % 5 != 0 && !(*l)->writer(0).append_record(record_number(n)))) ::_exit(1);
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  const system_clock clk;
  auto l = ledger::open(small_ledger(home.path()), clk, nullptr).value();
  EXPECT_EQ(l->recovered().open.size(), 10u);
  ASSERT_TRUE(l->wait_indexed(patient));
  const auto closed = get_record(l->index(), l->source(), id_number(5), scope::everything()).value();
  EXPECT_TRUE(closed.interrupted);
  EXPECT_EQ(closed.cost, nano_usd{5});
  EXPECT_EQ(closed.price, price_state::free);
  EXPECT_EQ(closed.tags, opened_number(5).tags);
  EXPECT_EQ(l->index().status().rows, 50u);
  l.reset();
  EXPECT_TRUE(ledger::open(small_ledger(home.path()), clk, nullptr).value()->recovered().open.empty());
}

class full_disk final : public file_operations {
public:
  result<void> allocate(int, std::uint64_t) override { return fail(errc::disk_full, "made to fail"); }
};

TEST(ledger, a_full_disk_after_a_crash_does_not_keep_it_from_starting) {
  const temporary_directory home;
  const auto pid = ::fork();
  if (pid == 0) {
    const system_clock clk;
    auto l = ledger::open(small_ledger(home.path()), clk, nullptr);
    for (std::uint64_t n = 0; l && n < 10; ++n)
      if (!(*l)->writer(0).append_opened(opened_number(n))) ::_exit(1);
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  const system_clock clk;
  full_disk disk;
  metrics::registry metrics;
  auto options = small_ledger(home.path());
  options.files = &disk;
  {
    auto l = ledger::open(options, clk, &metrics);
    ASSERT_TRUE(l) << l.error().message;
    EXPECT_EQ((*l)->status().left_open, 10u);
    EXPECT_EQ((*l)->status().journal.open_exchanges, 10u);
    EXPECT_EQ((*l)->writer(0).append_opened(opened_number(50)).error().code, errc::disk_full);
    EXPECT_NE(metrics.render_prometheus().find("andon_ledger_left_open 10"), std::string::npos);
  }
  auto l = ledger::open(small_ledger(home.path()), clk, nullptr).value();
  EXPECT_EQ(l->status().left_open, 0u);
  EXPECT_EQ(l->recovered().open.size(), 10u);
  ASSERT_TRUE(l->wait_indexed(patient));
  EXPECT_EQ(l->index().status().rows, 10u);
  EXPECT_TRUE(get_record(l->index(), l->source(), id_number(5), scope::everything()).value().interrupted);
}

TEST(ledger, encryption_leaves_nothing_in_the_clear) {
  const temporary_directory home;
  const system_clock clk;
  auto options = small_ledger(home.path());
  options.master_key = secret{std::string(64, 'a')};
  auto r = record_number(1);
  r.request_body = R"({"messages":[{"role":"user","content":"canarybird"}]})";
  {
    auto l = ledger::open(options, clk, nullptr).value();
    ASSERT_TRUE(l->writer(0).append_record(r));
    ASSERT_TRUE(l->wait_indexed(patient));
    EXPECT_EQ(get_record(l->index(), l->source(), r.id, scope::everything()).value(), r);
  }
  for (const auto& file : std::filesystem::recursive_directory_iterator(home.path()))
    if (file.is_regular_file()) EXPECT_EQ(read_file(file_operations::machine(), file.path(), 1 << 30)->find("canarybird"), std::string::npos) << file.path();
  options.master_key = secret{std::string(64, 'b')};
  EXPECT_EQ(ledger::open(options, clk, nullptr).error().code, errc::forbidden);
  options.master_key.reset();
  EXPECT_EQ(ledger::open(options, clk, nullptr).error().code, errc::forbidden);
  options.master_key = secret{std::string(64, 'a')};
  EXPECT_EQ(ledger::open(options, clk, nullptr).value()->index().status().rows, 1u);
}

TEST(ledger, tasks_run_on_the_index_thread) {
  const temporary_directory home;
  const system_clock clk;
  auto l = ledger::open(small_ledger(home.path()), clk, nullptr).value();
  std::atomic<int> ran{0};
  l->on_index_thread([&](store&) { ++ran; });
  ASSERT_TRUE(l->stop());
  EXPECT_EQ(ran, 1);
}

TEST(ledger, a_new_retention_policy_is_applied_at_once) {
  const temporary_directory home;
  const system_clock clk;
  auto l = ledger::open(small_ledger(home.path()), clk, nullptr).value();
  for (std::uint64_t n = 0; n < 30; ++n) {
    auto r = record_number(n);
    if (n % 3 == 0) r.project = project_id{"kept"};
    ASSERT_TRUE(l->writer(0).append_record(r));
  }
  ASSERT_TRUE(l->wait_indexed(patient));
  l->set_retention({.keep = {}, .projects = {{project_id{"kept"}, std::chrono::hours{24 * 365 * 100}}}});
  l->set_retention({.keep = std::chrono::hours{1}, .projects = {{project_id{"kept"}, std::chrono::hours{24 * 365 * 100}}}});
  ASSERT_TRUE(l->stop());
  EXPECT_EQ(l->index().status().rows, 10u);
  EXPECT_TRUE(l->status().balanced());
}

std::ptrdiff_t files_of(const ledger& l, std::uint32_t stream) { return std::ranges::count(l.segments()->list(), stream, &segment::stream); }

// Threads were lowered: the second stream is not written to any more.
TEST(ledger, a_stream_whose_records_have_all_expired_leaves_the_disk) {
  const temporary_directory home;
  const system_clock clk;
  auto options = small_ledger(home.path());
  options.cores = 2;
  {
    auto l = ledger::open(options, clk, nullptr).value();
    for (std::uint64_t n = 0; n < 100; ++n) ASSERT_TRUE(l->writer(n % 2).append_record(record_number(n, 2000)));
    ASSERT_TRUE(l->writer(1).append_record(record_number(100)));
    EXPECT_GT(files_of(*l, 1), 2);
    ASSERT_TRUE(l->stop());
  }
  options.cores = 1;
  {
    auto l = ledger::open(options, clk, nullptr).value();
    auto fresh = record_number(101);
    fresh.started = clk.wall();
    ASSERT_TRUE(l->writer(0).append_record(fresh));
    ASSERT_TRUE(l->wait_indexed(patient));
    EXPECT_GT(files_of(*l, 1), 2);
    l->set_retention({.keep = std::chrono::hours{1}, .projects = {}});
    ASSERT_TRUE(l->stop());
    EXPECT_EQ(l->index().status().rows, 1u);
    EXPECT_EQ(files_of(*l, 1), 0);
    EXPECT_LE(files_of(*l, 0), 2);
    EXPECT_EQ(get_record(l->index(), l->source(), fresh.id, scope::everything()).value(), fresh);
  }
  for (const std::uint32_t cores : {1u, 2u}) {
    options.cores = cores;
    auto l = ledger::open(options, clk, nullptr).value();
    EXPECT_EQ(l->status().appended, 101u + cores);
    const auto at = l->writer(cores - 1).append_record(record_number(200 + cores)).value();
    if (cores == 2) EXPECT_GT(at.segment, 3u);
    ASSERT_TRUE(l->wait_indexed(patient));
    EXPECT_TRUE(l->status().balanced());
    EXPECT_EQ(l->status().dropped, 0u);
    EXPECT_EQ(l->index().status().rows, 1u + cores);
  }
}

// Nothing is appended for longer than the retention: what is finished goes, what is being written stays.
TEST(ledger, an_idle_stream_keeps_only_the_segment_it_writes) {
  const temporary_directory home;
  const system_clock clk;
  auto l = ledger::open(small_ledger(home.path()), clk, nullptr).value();
  for (std::uint64_t n = 0; n < 100; ++n) ASSERT_TRUE(l->writer(0).append_record(record_number(n, 2000)));
  ASSERT_TRUE(l->wait_indexed(patient));
  EXPECT_GT(files_of(*l, 0), 2);
  l->set_retention({.keep = std::chrono::hours{1}, .projects = {}});
  ASSERT_TRUE(l->stop());
  EXPECT_EQ(l->index().status().rows, 0u);
  EXPECT_EQ(files_of(*l, 0), 1);
  EXPECT_TRUE(l->status().balanced());
}

}  // namespace
}  // namespace andon::ledger
