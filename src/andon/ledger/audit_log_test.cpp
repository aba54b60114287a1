#include "andon/ledger/audit_log.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <fstream>
#include <thread>

#include "andon/base/metrics.hpp"
#include "andon/ledger/journal_testing.hpp"

namespace andon::ledger {
namespace {

using testing::temporary_directory;
using namespace std::chrono_literals;

constexpr wall_time start{std::chrono::seconds{1'760'000'000}};

audit_entry act_number(int n) {
  audit_entry act;
  act.began = start + std::chrono::seconds{n};
  act.took = 3ms;
  act.key = "key_" + std::to_string(n % 3);
  act.role = "admin";
  act.peer = "127.0.0.1";
  act.action = "PATCH /api/v1/keys/{id}";
  act.path = "/api/v1/keys/key_9";
  act.target = "key key_" + std::to_string(n);
  act.target_project = n % 2 == 0 ? "shop" : "bank";
  act.before = R"({"name":"a"})";
  act.after = R"({"name":"b"})";
  act.status = n % 10 == 7 ? 403 : 200;
  return act;
}

class audit_log_test : public ::testing::Test {
protected:
  std::unique_ptr<audit_log> open(std::optional<secret> key = {}, std::uint64_t most = 1u << 20) {
    auto made = audit_log::open({.data = home.path(), .master_key = std::move(key), .segment_bytes = 16u << 10, .max_disk_bytes = most}, time, nullptr);
    EXPECT_TRUE(made) << (made ? "" : made.error().message);
    return made ? std::move(*made) : nullptr;
  }
  static std::vector<std::string> targets(const audit_page& page) {
    std::vector<std::string> out;
    for (const auto& one : page.entries) out.push_back(one.target);
    return out;
  }
  std::string files() const {
    std::string all;
    for (const auto& one : std::filesystem::recursive_directory_iterator(home.path()))
      if (one.is_regular_file()) all += std::string(std::istreambuf_iterator<char>(std::ifstream(one.path()).rdbuf()), {});
    return all;
  }
  temporary_directory home;
  system_clock time;
};

TEST_F(audit_log_test, an_act_comes_back_whole) {
  auto log = open();
  auto act = act_number(7);
  act.reason = "role developer may not do this";
  act.unlisted = 12;
  act.project = "shop";
  ASSERT_TRUE(log->begin(act));
  EXPECT_FALSE(act.id.is_nil());
  EXPECT_TRUE(log->read({})->entries.empty()) << "an act under way has no outcome yet";
  ASSERT_TRUE(log->end(act));
  const auto page = log->read({});
  ASSERT_EQ(page->entries.size(), 1U);
  EXPECT_EQ(page->entries[0], act);
  EXPECT_FALSE(page->next);
}

TEST_F(audit_log_test, bytes_that_are_no_entry_are_refused) {
  const auto whole = encode_audit(act_number(1), true);
  for (std::size_t cut = 0; cut < whole.size(); ++cut) (void)decode_audit({whole.data(), cut});
  EXPECT_FALSE(decode_audit({whole.data(), 3}));
  EXPECT_TRUE(decode_audit(whole)->second);
}

TEST_F(audit_log_test, pages_join_across_files_and_restarts) {
  auto log = open();
  for (int n = 0; n < 150; ++n) {
    auto act = act_number(n);
    ASSERT_TRUE(log->begin(act));
    ASSERT_TRUE(log->end(act));
    if (n == 70) {
      log.reset();
      log = open();
    }
  }
  std::vector<std::string> got;
  audit_query asked{.limit = 7};
  for (int pages = 0; pages < 100; ++pages) {
    const auto page = log->read(asked);
    ASSERT_TRUE(page) << page.error().message;
    for (auto& one : targets(*page)) got.push_back(one);
    if (!page->next) break;
    EXPECT_EQ(page->entries.size(), 7U);
    asked.before = page->next;
  }
  ASSERT_EQ(got.size(), 150U);
  for (int n = 0; n < 150; ++n) EXPECT_EQ(got[static_cast<std::size_t>(n)], "key key_" + std::to_string(149 - n));
}

TEST_F(audit_log_test, questions_narrow) {
  auto log = open();
  for (int n = 0; n < 40; ++n) {
    auto act = act_number(n);
    ASSERT_TRUE(log->note(act, audit_log::safety::in_memory));
  }
  const auto count = [&](const audit_query& asked) { return log->read(asked)->entries.size(); };
  EXPECT_EQ(count({}), 40U);
  EXPECT_EQ(count({.since = start + 30s}), 10U);
  EXPECT_EQ(count({.until = start + 10s}), 10U);
  EXPECT_EQ(count({.since = start + 10s, .until = start + 12s}), 2U);
  EXPECT_EQ(count({.only_project = "shop"}), 20U);
  EXPECT_EQ(count({.only_project = ""}), 0U) << "acts that concern the installation only";
  EXPECT_EQ(count({.key = "key_1"}), 13U);
  EXPECT_EQ(count({.target = "key key_5"}), 1U);
  EXPECT_EQ(count({.refused = true}), 4U);
}

TEST_F(audit_log_test, a_killed_process_loses_nothing_and_open_acts_are_closed) {
  const auto child = ::fork();
  if (child == 0) {
    auto log = audit_log::open({.data = home.path(), .segment_bytes = 16u << 10, .max_disk_bytes = 1u << 20}, time, nullptr);
    for (int n = 0; n < 20; ++n) {
      auto act = act_number(n);
      (void)(*log)->note(act, audit_log::safety::in_memory);
    }
    auto under_way = act_number(20);
    (void)(*log)->begin(under_way);
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  for (int starts = 0; starts < 2; ++starts) {
    auto log = open();
    const auto page = log->read({});
    ASSERT_EQ(page->entries.size(), 21U) << "start " << starts;
    EXPECT_TRUE(page->entries[0].interrupted);
    EXPECT_EQ(page->entries[0].target, "key key_20");
    EXPECT_EQ(page->entries[0].status, 0);
    EXPECT_EQ(page->entries[1].target, "key key_19");
  }
}

TEST_F(audit_log_test, the_quota_drops_the_oldest) {
  auto log = open({}, 64u << 10);
  for (int n = 0; n < 600; ++n) {
    auto act = act_number(n);
    ASSERT_TRUE(log->note(act, audit_log::safety::on_disk)) << n;
  }
  const auto page = log->read({.limit = 1000});
  EXPECT_GT(page->entries.size(), 20U);
  EXPECT_LT(page->entries.size(), 300U);
  EXPECT_EQ(page->entries[0].target, "key key_599");
}

TEST_F(audit_log_test, encryption_hides_it_in_the_files) {
  const auto key = [] { return secret{std::string(64, '7')}; };
  {
    auto log = open(key());
    auto act = act_number(1);
    act.after = R"({"name":"canary-in-a-coal-mine"})";
    ASSERT_TRUE(log->note(act, audit_log::safety::on_disk));
    EXPECT_EQ(log->read({})->entries[0].after, act.after);
  }
  EXPECT_EQ(files().find("canary"), std::string::npos);
  EXPECT_EQ(audit_log::open({.data = home.path()}, time, nullptr).error().code, errc::forbidden);
  EXPECT_EQ(open(key())->read({})->entries.size(), 1U);
}

TEST_F(audit_log_test, one_process_at_a_time) {
  auto log = open();
  EXPECT_EQ(audit_log::open({.data = home.path()}, time, nullptr).error().code, errc::locked);
}

TEST_F(audit_log_test, many_threads_write_and_read) {
  auto log = open();
  std::vector<std::thread> all;
  for (int t = 0; t < 4; ++t)
    all.emplace_back([&, t] {
      for (int n = 0; n < 25; ++n) {
        auto act = act_number(t * 100 + n);
        EXPECT_TRUE(log->begin(act));
        EXPECT_TRUE(log->end(act));
        EXPECT_TRUE(log->read({.limit = 3}));
      }
    });
  for (auto& one : all) one.join();
  EXPECT_EQ(log->read({.limit = 1000})->entries.size(), 100U);
}

TEST_F(audit_log_test, what_cannot_be_written_is_counted) {
  testing::failing_files files;
  metrics::registry metrics;
  auto log = audit_log::open({.data = home.path(), .segment_bytes = 16u << 10, .max_disk_bytes = 1u << 20, .files = &files}, time, &metrics);
  ASSERT_TRUE(log);
  files.fail_at = files.count;
  files.lasting = true;
  std::uint64_t failed = 0;
  for (int n = 0; n < 200; ++n) {
    auto act = act_number(n);
    if (!(*log)->note(act, audit_log::safety::on_disk)) ++failed;
  }
  EXPECT_GT(failed, 0U);
  EXPECT_EQ((*log)->failures(), failed);
  EXPECT_NE(metrics.render_prometheus().find("andon_audit_failing 1"), std::string::npos);
}

}  // namespace
}  // namespace andon::ledger
