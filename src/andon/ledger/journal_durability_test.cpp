// What is reported durable was in an fdatasync before, also while a core begins new segments at any moment.
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include "andon/ledger/journal_testing.hpp"
#include "andon/ledger/segment_directory.hpp"

namespace andon::ledger {
namespace {

using namespace testing;

/// Keeps what a power loss would leave of each file: its bytes at the last sync.
class disk_after_power_loss final : public file_operations {
public:
  std::function<void()> before_sync, after_sync;

  bool failing = false;  ///< syncs write nothing, and what was dirty passes for written from then on

  result<void> sync(int fd) override {
    if (before_sync) before_sync();
    const auto file = inode(fd);
    std::vector<unsigned char> bytes(size(fd).value());
    auto got = read_at(fd, bytes, 0);
    if (!got) return std::unexpected(got.error());
    if (failing) {
      auto& clean = clean_[file];
      for (std::size_t from = 0; from < bytes.size(); from += page_bytes) clean[from / page_bytes] = page_at(bytes, from);
      return fail(errc::io_error, "made to fail");
    }
    keep(kept_[file], bytes, clean_[file]);
    if (after_sync) after_sync();
    return {};
  }
  result<void> write_at(int fd, std::span<const unsigned char> bytes, std::uint64_t offset) override {
    auto& clean = clean_[inode(fd)];
    for (auto page = offset / page_bytes; page * page_bytes < offset + bytes.size(); ++page) clean.erase(page);
    return file_operations::write_at(fd, bytes, offset);
  }
  result<void> sync_directory(const std::filesystem::path&) override { return {}; }

  /// Whether the first `end` bytes of the file are as they were at its last sync.
  [[nodiscard]] bool holds(const std::filesystem::path& path, std::uint64_t end) {
    struct stat file {};
    if (::stat(path.c_str(), &file) != 0) return false;
    const auto kept = kept_.find(file.st_ino);
    const auto now = read_file(*this, path, 1 << 20);
    return kept != kept_.end() && now && kept->second.size() >= end && now->size() >= end &&
           std::equal(now->begin(), now->begin() + static_cast<std::ptrdiff_t>(end), kept->second.begin(),
                      [](char a, unsigned char b) { return static_cast<unsigned char>(a) == b; });
  }

private:
  using content = std::vector<unsigned char>;
  static content page_at(const content& file, std::size_t from) {
    const auto n = std::min<std::size_t>(page_bytes, file.size() - from);
    return {file.begin() + static_cast<std::ptrdiff_t>(from), file.begin() + static_cast<std::ptrdiff_t>(from + n)};
  }
  static ino_t inode(int fd) {
    struct stat file {};
    EXPECT_EQ(::fstat(fd, &file), 0);
    return file.st_ino;
  }
  /// A page that is as it was when it passed for written is not written.
  static void keep(content& kept, const content& now, std::map<std::uint64_t, content>& clean) {
    kept.resize(now.size());
    for (std::size_t from = 0; from < now.size(); from += page_bytes) {
      const auto page = page_at(now, from);
      const auto passed = clean.find(from / page_bytes);
      if (passed == clean.end() || passed->second != page) std::ranges::copy(page, kept.begin() + static_cast<std::ptrdiff_t>(from));
    }
  }
  std::map<ino_t, content> kept_;
  std::map<ino_t, std::map<std::uint64_t, content>> clean_;
};

/// Checks the segments from `from` to where the stream is durable; returns the latter.
position expect_kept(const journal& j, disk_after_power_loss& files, position from) {
  const auto durable = j.status().streams[0].durable;
  for (auto n = from.segment; n <= durable.segment; ++n) {
    const auto s = j.segments()->find(0, n);
    if (!s) continue;
    const auto end = n < durable.segment ? s->committed.load() : durable.offset;
    if (end == segment_header_bytes) continue;  // no entry yet
    EXPECT_TRUE(files.holds(j.segments()->path(*s), end)) << "segment " << n << " of " << durable.segment;
  }
  return durable;
}

TEST(journal_durability, segments_begun_during_a_sync_are_not_passed_over) {
  const temporary_directory home;
  simulated_clock clk;
  disk_after_power_loss files;
  auto j = journal::open(small_options(home.path()), clk, nullptr, &files).value();
  std::uint64_t n = 0;
  const auto begin_segment = [&] { ASSERT_TRUE(j->writer(0).append_record(record_number(n++, 4500))); };
  int left = 0;
  const auto sometimes = [&] { if (left > 0 && left-- % 2 == 1) begin_segment(); };
  files.before_sync = files.after_sync = sometimes;
  position checked{};
  for (int round = 0; round < 20; ++round) {
    begin_segment();
    left = round % 7;
    ASSERT_TRUE(j->flush());
    checked = expect_kept(*j, files, checked);
  }
  files.before_sync = files.after_sync = nullptr;  // the journal's end syncs too, when what they refer to is gone
  ASSERT_TRUE(j->flush());
  EXPECT_EQ(expect_kept(*j, files, {}), j->status().streams[0].next);
  EXPECT_GT(j->status().rotations, 30u);
}

TEST(journal_durability, what_a_failed_sync_left_out_is_written_again) {
  const temporary_directory home;
  simulated_clock clk;
  disk_after_power_loss files;
  auto j = journal::open(small_options(home.path(), 256 << 10), clk, nullptr, &files).value();
  std::uint64_t n = 0;
  const auto some = [&] { for (int i = 0; i < 5; ++i) ASSERT_TRUE(j->writer(0).append_record(record_number(n++, 4500))); };
  some();
  ASSERT_TRUE(j->flush());
  for (int round = 0; round < 12; ++round) {
    const auto before = expect_kept(*j, files, {});
    some();
    files.failing = true;
    EXPECT_FALSE(j->flush());
    EXPECT_TRUE(j->status().sync_failing);
    EXPECT_EQ(j->status().streams[0].durable, before);
    if (round % 3 == 1) some();
    if (round % 3 == 2) EXPECT_FALSE(j->flush());
    files.failing = false;
    ASSERT_TRUE(j->flush());
    EXPECT_FALSE(j->status().sync_failing);
    EXPECT_EQ(expect_kept(*j, files, {}), j->status().streams[0].next);
  }
  EXPECT_GT(j->status().rotations, 3u);
}

TEST(journal_durability, a_core_that_begins_segments_all_the_time) {
  const temporary_directory home;
  simulated_clock clk;
  disk_after_power_loss files;
  auto j = journal::open(small_options(home.path()), clk, nullptr, &files).value();
  std::atomic<bool> done{false};
  std::thread core([&] {
    for (std::uint64_t n = 0; n < 1500; ++n)
      if (!j->writer(0).append_record(record_number(n, 4500))) break;
    done = true;
  });
  position checked{};
  while (!done) {
    EXPECT_TRUE(j->flush());
    checked = expect_kept(*j, files, checked);
  }
  core.join();
  EXPECT_TRUE(j->flush());
  EXPECT_EQ(expect_kept(*j, files, checked), j->status().streams[0].next);
  EXPECT_EQ(j->status().streams[0].records, 1500u);
}

}  // namespace
}  // namespace andon::ledger
