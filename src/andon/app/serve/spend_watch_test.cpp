#include "andon/app/serve/spend_watch.hpp"

#include <gtest/gtest.h>

#include "andon/app/serve/temporary_folder_testing.hpp"

namespace andon::app {
namespace {

constexpr nano_usd dollar{1'000'000'000};

/// What a start makes of a data directory.
struct start {
  explicit start(const std::string& data) {
    auto opened = access::keyring::open(data, time, board);
    EXPECT_TRUE(opened) << (opened ? "" : opened.error().message);
    keys = std::move(*opened);
    EXPECT_TRUE(keys->declare({.projects = {{.id = project_id{"shop"}, .budgets = {{.per = {}, .limit = nano_usd{100 * dollar.value()}}}}},
                               .keys = {}, .routes = {{.name = route_name{"chat"}, .limits = {}, .budgets = {}}}, .limits = {}, .budgets = {}}));
    auto book = ledger::ledger::open({.data = data, .cores = 1, .segment_bytes = 1u << 20}, time, nullptr);
    EXPECT_TRUE(book) << (book ? "" : book.error().message);
    records = std::move(*book);
    watch = std::make_unique<spend_watch>(*records, *keys, board, limits, time, &registry);
    EXPECT_TRUE(watch->restore());
  }
  ~start() {
    watch.reset();
    EXPECT_TRUE(records->stop());
  }

  void record(std::int64_t cost, const std::string& project = "shop") {
    ledger::record r;
    r.started = time.wall();
    r.id = request_id::make(r.started, random);
    r.project = project_id{project};
    r.route = route_name{"chat"};
    r.cost = nano_usd{cost};
    r.price = ledger::price_state::known;
    EXPECT_TRUE(records->writer(0).append_record(r));
  }
  [[nodiscard]] nano_usd spent() const {
    for (const auto& one : access::read_budgets(*board.current(), time.wall())) return one.spent;
    ADD_FAILURE() << "no budget";
    return {};
  }

  system_clock time;
  random_source random{secure_seed()};
  metrics::registry registry;
  access::directory_board board;
  access::admission limits{nullptr};
  std::unique_ptr<access::keyring> keys;
  std::unique_ptr<ledger::ledger> records;
  std::unique_ptr<spend_watch> watch;
};

TEST(spend_watch, a_start_knows_what_the_ledger_says_was_spent) {
  const testing_support::temporary_folder home;
  {
    start first(home.file("data"));
    EXPECT_EQ(first.spent(), nano_usd{});
    first.record(3 * dollar.value());
    first.record(1);
    first.record(0);
    first.record(50 * dollar.value(), "someone-else");
  }  // ends without a checkpoint, as in a crash
  {
    start second(home.file("data"));
    EXPECT_EQ(second.spent(), nano_usd{3 * dollar.value() + 1});
    second.watch->start();
    second.record(2 * dollar.value());
    second.watch->stop();  // reads what is there and saves
  }
  start third(home.file("data"));
  EXPECT_EQ(third.spent(), nano_usd{5 * dollar.value() + 1}) << "from the checkpoint, nothing twice";
}

}  // namespace
}  // namespace andon::app
