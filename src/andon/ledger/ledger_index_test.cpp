// How indexing ends: what the store refuses is given again, and what it takes too slowly waits in the journal.
#include <atomic>
#include <functional>

#include <gtest/gtest.h>

#include "andon/ledger/journal_testing.hpp"
#include "andon/ledger/ledger_index.hpp"

namespace andon::ledger {
namespace {

using namespace testing;

/// A store that something happens to before it takes a Record.
class watched_store final : public store {
public:
  watched_store(std::unique_ptr<store> inner, std::function<result<void>()> before) : inner_(std::move(inner)), before_(std::move(before)) {}
  result<applied> apply(std::span<const placed_record> batch, std::span<const checkpoint> reached) override {
    if (auto ready = before_(); !ready) return std::unexpected(ready.error());
    return inner_->apply(batch, reached);
  }
  std::vector<checkpoint> checkpoints() const override { return inner_->checkpoints(); }
  std::vector<checkpoint> visible_until() const override { return inner_->visible_until(); }
  result<void> flush() override { return inner_->flush(); }
  void rebuilt() override { inner_->rebuilt(); }
  result<page> search(const search_request& r) const override { return inner_->search(r); }
  result<aggregated> aggregate(const aggregate_request& r) const override { return inner_->aggregate(r); }
  result<followed> follow(const follow_request& r) const override { return inner_->follow(r); }
  std::uint64_t follow_from() const override { return inner_->follow_from(); }
  result<summary> find(request_id id, const scope& s, const patience& p) const override { return inner_->find(id, s, p); }
  result<std::uint64_t> remove(const filter& f, const scope& s, const patience& p) override { return inner_->remove(f, s, p); }
  std::vector<position> oldest_needed() const override { return inner_->oldest_needed(); }
  store_status status() const override { return inner_->status(); }

private:
  std::unique_ptr<store> inner_;
  std::function<result<void>()> before_;
};

TEST(ledger_index, what_the_store_refused_at_the_end_is_given_again) {
  const temporary_directory home;
  simulated_clock clk;
  auto log = journal::open(small_options(home.path() / "journal"), clk, nullptr, nullptr).value();
  std::atomic<int> given{0};
  watched_store into(open_sqlite_store({.directory = home.path() / "index"}, clk).value(), [&]() -> result<void> {
    const bool first = given.fetch_add(1) == 0;
    given.notify_all();
    if (first) return fail(errc::locked, "made to fail");
    return {};
  });
  for (std::uint64_t n = 0; n < 3; ++n) ASSERT_TRUE(log->writer(0).append_record(record_number(n)));
  ledger_index index(*log, into, clk, {.retry = std::chrono::hours{1}}, {});
  index.start();
  given.wait(0);
  index.stop();
  EXPECT_EQ(into.status().rows, 3u);
  EXPECT_EQ(index.account().indexed, 3u);
}

TEST(ledger_index, stopping_ends_in_time_and_the_next_start_goes_on) {
  const temporary_directory home;
  simulated_clock clk;
  auto log = journal::open(small_options(home.path() / "journal", 1 << 20), clk, nullptr, nullptr).value();
  std::atomic<std::uint64_t> appended{0}, given{0};
  std::atomic<bool> ending{false};
  constexpr std::uint64_t most = 50'000;
  const auto more = [&] { if (appended < most) EXPECT_TRUE(log->writer(0).append_record(record_number(appended++))); };
  {
    watched_store into(open_sqlite_store({.directory = home.path() / "index"}, clk).value(), [&]() -> result<void> {
      more();  // there is always one more
      clk.advance(std::chrono::seconds{1});
      ++given;
      given.notify_all();
      ending.wait(false);
      return {};
    });
    more();
    ledger_index index(*log, into, clk, {}, {});
    index.start();
    given.wait(0);
    ending = true;
    ending.notify_all();
    index.stop();
    EXPECT_LT(given, most);
    EXPECT_EQ(index.account().indexed, given);
    EXPECT_EQ(into.checkpoints().at(0).records, given);
  }
  watched_store into(open_sqlite_store({.directory = home.path() / "index"}, clk).value(), [] { return result<void>{}; });
  ledger_index index(*log, into, clk, {}, {});
  index.start();
  EXPECT_TRUE(index.wait_reached(log->status().streams, std::chrono::seconds{20}));
  index.stop();
  EXPECT_EQ(into.status().rows, appended);
}

TEST(ledger_index, search_is_whole_once_all_of_before_is_in_however_much_comes_meanwhile) {
  const temporary_directory home;
  simulated_clock clk;
  auto options = small_options(home.path() / "journal", 1 << 20);
  options.streams = 2;
  auto log = journal::open(options, clk, nullptr, nullptr).value();
  constexpr std::uint64_t most = 1'000;
  std::uint64_t given = 0;
  std::optional<bool> whole;
  store* inside = nullptr;
  watched_store into(open_sqlite_store({.directory = home.path() / "index"}, clk).value(), [&]() -> result<void> {
    if (given == most / 2) whole = inside->search({.where = {}})->complete;
    if (++given < most) EXPECT_TRUE(log->writer(given % 2).append_record(record_number(given)));  // to the other stream: no turn finds nothing
    return {};
  });
  inside = &into;
  ASSERT_TRUE(log->writer(0).append_record(record_number(0)));
  ledger_index index(*log, into, clk, {}, {});
  index.start();
  EXPECT_TRUE(index.wait_reached(log->status().streams, std::chrono::seconds{20}));
  index.stop();
  EXPECT_EQ(given, most);
  EXPECT_EQ(whole, true);
}

}  // namespace
}  // namespace andon::ledger
