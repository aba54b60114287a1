// What happens to the journal when the process dies, the disk fails or bytes rot.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>

#include <gtest/gtest.h>

#include "andon/base/random.hpp"
#include "andon/ledger/journal_testing.hpp"
#include "andon/ledger/segment_directory.hpp"

namespace andon::ledger {
namespace {

using namespace testing;

/// Appends for ever; tells each Record's number through the pipe once it is appended.
[[noreturn]] void child(const std::filesystem::path& home, std::uint64_t first, int pipe_end) {
  const system_clock clk;
  auto options = small_options(home, 64 << 10);
  options.background = true;
  options.sync_interval = std::chrono::milliseconds{1};
  auto j = journal::open(options, clk);
  if (!j) ::_exit(3);
  auto& writer = (*j)->writer(0);
  for (const auto& u : (*j)->recovered().open)
    if (!writer.append_record(record_number(static_cast<std::uint64_t>(u.what.reserved.value())))) ::_exit(4);
  for (std::uint64_t n = first;; ++n) {
    if (!writer.append_opened(opened_number(n)) || !writer.append_record(record_number(n, n % 50 == 0 ? 90'000 : 300))) ::_exit(5);
    if (::write(pipe_end, &n, sizeof n) != sizeof n) ::_exit(6);
  }
}

std::uint64_t run_and_kill(const std::filesystem::path& home, std::uint64_t first, random_source& random, std::set<std::uint64_t>& acknowledged) {
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  const auto pid = ::fork();
  if (pid == 0) {
    ::close(ends[0]);
    child(home, first, ends[1]);
  }
  ::close(ends[1]);
  const auto until = random.below(120);
  std::uint64_t n = first, last = first;
  for (std::uint64_t got = 0; ::read(ends[0], &n, sizeof n) == sizeof n; ++got) {
    acknowledged.insert(n);
    last = n;
    if (got == until) ::kill(pid, SIGKILL);
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(pid, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << WEXITSTATUS(status);
  return last + 2;
}

TEST(journal_crash, kill_9_loses_and_doubles_nothing) {
  const temporary_directory home;
  random_source random{7};
  std::set<std::uint64_t> acknowledged;
  std::uint64_t next = 0;
  for (int round = 0; round < 60; ++round) next = run_and_kill(home.path(), next, random, acknowledged);
  const system_clock clk;
  auto j = journal::open(small_options(home.path(), 64 << 10), clk).value();
  EXPECT_EQ(j->recovered().lost_entries, 0u);
  EXPECT_LE(j->recovered().open.size(), 1u);
  std::map<std::uint64_t, int> seen;
  const auto all = read_all(j->segments());
  for (const auto& r : all.records) ++seen[static_cast<std::uint64_t>(r.cost.value())];
  for (const auto n : acknowledged) ASSERT_EQ(seen[n], 1) << n;
  for (const auto& [n, times] : seen) ASSERT_EQ(times, 1) << n;
  EXPECT_EQ(all.records.size(), j->status().streams[0].records);
  EXPECT_EQ(all.dropped(), 0u);
}

std::string bytes_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void put_bytes(const std::filesystem::path& file, std::string_view bytes) { std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes; }

struct small_journal {
  std::vector<std::filesystem::path> files;
  std::uint64_t records = 0;
};
small_journal make_small(const std::filesystem::path& home, const keyring* keys = nullptr) {
  simulated_clock clk;
  small_journal made;
  for (int run = 0; run < 2; ++run) {  // two segments: a sealed one and the last one
    auto j = journal::open(small_options(home), clk, keys).value();
    for (int i = 0; i < 3; ++i, ++made.records) {
      EXPECT_TRUE(j->writer(0).append_opened(opened_number(made.records)));
      EXPECT_TRUE(j->writer(0).append_record(record_number(made.records, 20)));
    }
    EXPECT_TRUE(j->stop());
  }
  for (const auto& file : file_operations::machine().list(home).value())
    if (file.extension() == ".seg") made.files.push_back(file);
  return made;
}

std::uint64_t first_records(const segment_directory& segments, std::uint32_t stream) {
  return segments.at_or_after(stream, 0)->activation.base_records;
}

void expect_exact(const std::filesystem::path& home, std::uint64_t records, const std::string& what, const keyring* keys = nullptr) {
  const auto segments = open_segments(home, keys).value();
  (void)verify(*segments);
  auto found = read_all(segments);
  for (const auto& r : found.records) {
    const auto n = static_cast<std::uint64_t>(r.cost.value());
    ASSERT_LT(n, records) << what;
    ASSERT_EQ(r, record_number(n, 20)) << what;
  }
  std::uint64_t last_known = 0;
  for (const auto& c : found.reached) {
    const auto before = first_records(*segments, c.next.stream);  // of a first segment whose header is gone nothing is known
    ASSERT_EQ(c.records - c.dropped - before, found.records.size()) << what;
    last_known = c.records;
  }
  ASSERT_LE(last_known, records) << what;
}

TEST(journal_crash, every_damaged_byte_is_noticed) {
  const temporary_directory made, trial;
  const auto small = make_small(made.path());
  ASSERT_EQ(small.files.size(), 2u);
  simulated_clock clk;
  failing_files files;  // never fails, but spares the disk
  std::map<std::filesystem::path, std::string> originals;
  for (const auto& file : small.files) originals[file] = bytes_of(file);
  for (const auto& file : small.files) {
    const auto whole = bytes_of(file);
    for (std::size_t at = 0; at < whole.size(); ++at) {
      if (whole[at] == 0 && at % 97 != 0) continue;
      auto bytes = whole;
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << (at % 8)));
      for (const auto& f : small.files) put_bytes(trial.path() / f.filename(), f == file ? bytes : originals[f]);
      const auto what = file.filename().native() + " byte " + std::to_string(at);
      expect_exact(trial.path(), small.records, what);
      auto j = journal::open(small_options(trial.path()), clk, nullptr, &files);
      ASSERT_TRUE(j) << what << j.error().message;
      // What the scan of the end missed is reported, and the account goes on without reusing a number.
      ASSERT_TRUE((*j)->writer(0).append_record(record_number(5, 20))) << what;
      const auto all = read_all((*j)->segments());
      ASSERT_EQ(all.records.size() + all.dropped(), (*j)->status().streams[0].records - (*j)->status().streams[0].first_records) << what;
      j->reset();
      for (const auto& f : files.list(trial.path()).value()) std::filesystem::remove(f);
    }
  }
}

// The process may die between any two steps of making a spare; that is no damage, and one with an entry in it is.
TEST(journal_crash, a_spare_that_was_being_made_is_removed_without_a_word) {
  const temporary_directory home;
  const auto small = make_small(home.path());
  const auto used = bytes_of(small.files[0]);
  const auto identity = used.substr(0, 30) + std::string((16u << 10) - 30, '\0');
  put_bytes(home.path() / "spare-000071.seg", "");
  put_bytes(home.path() / "spare-000072.seg", std::string(16u << 10, '\0'));
  put_bytes(home.path() / "spare-000073.seg", identity);
  put_bytes(home.path() / "spare-000074.seg", std::string(2048, '\0') + used.substr(2048));
  const system_clock clk;
  auto j = journal::open(small_options(home.path()), clk).value();
  EXPECT_EQ(j->recovered().bad_segments, 1u) << "only the one with entries";
  EXPECT_TRUE(std::filesystem::exists(home.path() / "spare-000074.seg.damaged"));
  for (const char* spare : {"spare-000071.seg.damaged", "spare-000072.seg.damaged", "spare-000073.seg.damaged"}) EXPECT_FALSE(std::filesystem::exists(home.path() / spare)) << spare;
  EXPECT_EQ(read_all(j->segments()).records.size(), small.records);
}

TEST(journal_crash, a_file_cut_anywhere_is_read_as_far_as_it_goes) {
  const temporary_directory made, trial;
  const auto small = make_small(made.path());
  for (const auto& file : small.files) {
    const auto whole = bytes_of(file);
    for (std::size_t size = 0; size < whole.size(); size += 61) {
      for (const auto& f : small.files) put_bytes(trial.path() / f.filename(), f == file ? whole.substr(0, size) : bytes_of(f));
      expect_exact(trial.path(), small.records, file.filename().native() + " cut at " + std::to_string(size));
    }
  }
}

TEST(journal_crash, damage_in_the_middle_costs_one_entry) {
  const temporary_directory home;
  const auto small = make_small(home.path());
  simulated_clock clk;
  const auto segments = open_segments(home.path()).value();
  journal_reader reader(segments, {});
  position second{};
  for (auto e = reader.next().value(); e; e = reader.next().value())
    if (e->kind == entry_kind::record && decode_record(e->payload)->id == id_number(1)) second = e->at;
  auto bytes = bytes_of(small.files[0]);
  bytes[second.offset + 100] ^= 1;
  put_bytes(small.files[0], bytes);
  const auto all = read_all(open_segments(home.path()).value());
  EXPECT_EQ(all.records.size(), small.records - 1);
  EXPECT_EQ(all.dropped(), 1u);
  EXPECT_EQ(read_record(*open_segments(home.path()).value(), second).error().code, errc::corrupt);
  const auto reports = verify(*open_segments(home.path()).value());
  EXPECT_EQ(reports[0].lost_records, 1u);
  EXPECT_FALSE(reports[0].problem.empty());
  EXPECT_TRUE(reports[1].problem.empty());
}

// Every file operation fails once, and then all from it on, with a full disk and with a broken one. Whatever was
// acknowledged is there afterwards.
TEST(journal_crash, every_failing_file_operation) {
  for (const auto code : {errc::disk_full, errc::io_error}) {
    for (const bool lasting : {false, true}) {
      for (std::int64_t n = 0;; ++n) {
        const temporary_directory home;
        simulated_clock clk;
        failing_files files;
        files.fail_at = n;
        files.code = code;
        files.lasting = lasting;
        std::set<request_id> acknowledged;
        std::uint64_t admitted = 0, closed = 0;
        if (auto j = journal::open(small_options(home.path()), clk, nullptr, &files)) {
          for (std::uint64_t i = 0; i < 60; ++i) {
            if ((*j)->writer(0).append_opened(opened_number(i))) {
              ++admitted;
              const auto done = (*j)->writer(0).append_record(record_number(i));
              ASSERT_TRUE(done) << done.error().message;
              ++closed;
              acknowledged.insert(id_number(i));
            }
            if (i % 20 == 0) (*j)->tick();
          }
        }
        EXPECT_EQ(admitted, closed);
        const bool reached_the_end = files.count <= n;
        files.fail_at = -1;
        auto again = journal::open(small_options(home.path()), clk, nullptr, &files).value();
        const auto all = read_all(again->segments());
        ASSERT_EQ(all.records.size(), acknowledged.size());
        for (const auto& r : all.records) ASSERT_TRUE(acknowledged.contains(r.id));
        if (reached_the_end || n >= 60) break;
      }
    }
  }
}

}  // namespace
}  // namespace andon::ledger
