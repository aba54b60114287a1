#include "andon/gateway/record_backlog.hpp"

#include <gtest/gtest.h>

#include "andon/base/json_text.hpp"
#include "andon/ledger/journal_testing.hpp"

namespace andon::gateway {
namespace {

using namespace ledger::testing;
using fate = record_backlog::fate;

struct full_journal {
  temporary_directory directory;
  system_clock time;
  failing_files files;
  std::unique_ptr<ledger::journal> log = ledger::journal::open(small_options(directory.path()), time, nullptr, &files).value();
  ledger::journal_writer& writer = log->writer(0);
  std::uint64_t next = 1;

  full_journal() {
    (void)writer.append_record(record_number(next++));
    block(true);
  }
  void block(bool now) {
    files.lasting = now;
    files.fail_at = now ? files.count : -1;
  }
  /// Uses up what is left, whole Records first, then to the last byte.
  void fill() {
    for (std::size_t body : {1000, 100, 0})
      while (writer.append_record(record_number(next, body))) ++next;
  }
  std::vector<ledger::record> records() { return read_all(log->segments()).records; }
};

TEST(record_backlog, writes_the_bare_record_where_the_whole_one_finds_no_space) {
  full_journal j;
  record_backlog late;
  auto whole = record_number(99, 30'000);
  const auto before = whole;
  ASSERT_FALSE(j.writer.append_record(whole));
  const auto kept = late.keep(whole, j.writer);
  EXPECT_EQ(kept.what, fate::written);
  EXPECT_TRUE(kept.at);
  EXPECT_EQ(whole, before);
  const auto stored = j.records().back();
  EXPECT_EQ(stored.id, whole.id);
  EXPECT_EQ(stored.request_body.size(), record_backlog::kept_text);
  EXPECT_TRUE(stored.request_truncated && stored.reply_truncated);
  EXPECT_EQ(stored.request_bytes, whole.request_body.size());
  EXPECT_EQ(stored.reply_bytes, whole.reply_body.size());
}

TEST(record_backlog, cuts_between_characters) {
  full_journal j;
  record_backlog late;
  auto whole = record_number(99, 30'000);
  whole.request_body = "x";
  for (int i = 0; i < 20'000; ++i) whole.request_body += "é";
  ASSERT_EQ(late.keep(whole, j.writer).what, fate::written);
  const auto stored = j.records().back();
  EXPECT_EQ(stored.request_body.size(), record_backlog::kept_text - 1);
  EXPECT_TRUE(is_utf8(stored.request_body));
}

TEST(record_backlog, waits_until_there_is_space_and_writes_all_in_order) {
  full_journal j;
  j.fill();
  const auto before = j.records().size();
  record_backlog late;
  for (std::uint64_t n = 1000; n < 1040; ++n) {
    auto r = record_number(n);
    ASSERT_EQ(late.keep(r, j.writer).what, fate::waiting);
  }
  late.write(j.writer);
  EXPECT_EQ(late.waiting(), 40U);
  EXPECT_EQ(j.records().size(), before);
  j.block(false);
  j.log->tick();
  late.write(j.writer);
  EXPECT_EQ(late.waiting(), 24U);
  late.write(j.writer, record_backlog::max_waiting);
  EXPECT_EQ(late.waiting(), 0U);
  const auto all = j.records();
  ASSERT_EQ(all.size(), before + 40);
  for (std::size_t i = 0; i < 40; ++i) EXPECT_EQ(all[before + i].id, id_number(1000 + i));
}

TEST(record_backlog, is_bounded_and_says_what_is_lost) {
  full_journal j;
  j.fill();
  record_backlog late;
  auto r = record_number(5000);
  for (std::size_t i = 0; i < record_backlog::max_waiting; ++i) ASSERT_EQ(late.keep(r, j.writer).what, fate::waiting);
  EXPECT_EQ(late.keep(r, j.writer).what, fate::lost);
  EXPECT_EQ(late.waiting(), record_backlog::max_waiting);
}

TEST(record_backlog, what_a_caller_makes_large_takes_little_memory) {
  full_journal j;
  j.fill();
  record_backlog late;
  auto large = record_number(6000);
  large.error_message = large.user_agent = large.path = std::string(100'000, 'e');
  large.tags.assign(50, std::string(1'000, 't'));
  large.metadata.assign(50, {std::string(1'000, 'n'), std::string(100'000, 'v')});
  large.attempts.resize(20);
  for (auto& a : large.attempts) a.error_message = std::string(100'000, 'a');
  const auto before = large;
  std::size_t kept = 0;
  while (kept < record_backlog::max_waiting && late.keep(large, j.writer).what == fate::waiting) ++kept;
  EXPECT_EQ(large, before);
  EXPECT_GT(kept, 50U);
  EXPECT_LT(kept, record_backlog::max_waiting);
  EXPECT_LE(late.bytes(), record_backlog::max_bytes);
  j.block(false);
  j.log->tick();
  late.write(j.writer, kept);
  EXPECT_EQ(late.waiting(), 0U);
  EXPECT_EQ(late.bytes(), 0U);
  const auto stored = j.records().back();
  EXPECT_EQ(stored.id, large.id);
  EXPECT_EQ(stored.error_message.size(), record_backlog::kept_name);
  EXPECT_EQ(stored.metadata.size(), record_backlog::kept_in_lists);
  EXPECT_EQ(stored.metadata[0].second.size(), record_backlog::kept_name);
}

}  // namespace
}  // namespace andon::gateway
