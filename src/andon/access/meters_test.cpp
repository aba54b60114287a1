#include "andon/access/meters.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <thread>
#include <unistd.h>

#include "andon/access/user_meters.hpp"
#include "andon/base/random.hpp"

namespace andon::access {
namespace {

using namespace std::chrono_literals;

constexpr bucket_time start = 1'000'000'000'000LL * 16;
constexpr bucket_time tick_second = 1'000'000'000LL * 16;
const period today{wall_seconds{24h}, wall_seconds{48h}};
const period tomorrow{wall_seconds{48h}, wall_seconds{72h}};

template <class Work>
void in_threads(int count, Work work) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < count; ++i) threads.emplace_back([&work, i] { work(i); });
}

TEST(bucket, passes_exactly_the_limit_at_an_instant) {
  for (std::int64_t limit : {1LL, 2LL, 7LL, 60LL, 61LL, 599LL, 100'000LL}) {
    bucket b;
    const auto rate = bucket_rate::per_minute(limit);
    bucket_time retry = 0;
    for (std::int64_t i = 0; i < limit; ++i) ASSERT_TRUE(b.take(rate, 1, start, retry)) << limit << ' ' << i;
    EXPECT_FALSE(b.take(rate, 1, start, retry)) << limit;
    EXPECT_EQ(b.remaining(rate, start), 0);
    EXPECT_FALSE(b.take(rate, 1, start + retry - 1, retry)) << "one tick early";
    EXPECT_TRUE(b.take(rate, 1, start + rate.cost, retry)) << "after its share of a minute";
  }
}

TEST(bucket, large_units_and_limits) {
  for (std::int64_t limit : {200'000LL, 1'000'000'000LL, 10'000'000'000LL}) {
    bucket b;
    const auto rate = bucket_rate::per_minute(limit);
    bucket_time retry = 0;
    EXPECT_FALSE(b.take(rate, limit + 1, start, retry));
    EXPECT_EQ(retry, -1) << "can never pass";
    EXPECT_TRUE(b.take(rate, limit, start, retry));
    EXPECT_FALSE(b.take(rate, limit / 2, start, retry));
    EXPECT_GT(retry, 29 * tick_second);
    EXPECT_TRUE(b.take(rate, limit / 2, start + retry, retry));
  }
  bucket none;
  bucket_time retry = 0;
  EXPECT_FALSE(none.take(bucket_rate::per_minute(0), 0, start, retry)) << "a limit of 0 refuses everything";
  EXPECT_TRUE(none.take(bucket_rate{}, INT64_MAX, start, retry)) << "no limit";
}

TEST(bucket, debt_is_waited_for_and_bounded) {
  bucket b;
  const auto rate = bucket_rate::per_minute(1000);
  bucket_time retry = 0;
  ASSERT_TRUE(b.take(rate, 100, start, retry));
  b.give_back(rate, 100 - 2500, start);  // used 2,500
  EXPECT_EQ(b.remaining(rate, start), 0);
  EXPECT_FALSE(b.take(rate, 0, start, retry)) << "in debt";
  EXPECT_FALSE(b.take(rate, 1, start + 89 * tick_second, retry));
  EXPECT_TRUE(b.take(rate, 1, start + 91 * tick_second, retry));
  b.give_back(rate, INT64_MIN, start + 91 * tick_second);
  EXPECT_TRUE(b.take(rate, 1, start + 64 * 60 * tick_second, retry)) << "no debt lasts longer than an hour";
}

/// The same in the obvious way: a level that is refilled, capped and may be negative.
struct slow_bucket {
  __int128 level = 0, cap = 0;
  bucket_time seen = 0;
  void refill(bucket_time now) { level = std::min<__int128>(cap, level + (now - seen)); seen = now; }
};

TEST(bucket, equals_the_obvious_computation) {
  random_source random{1};
  for (int round = 0; round < 50; ++round) {
    const auto limit = static_cast<std::int64_t>(1 + random.below(round % 2 == 0 ? 20 : 500'000));
    const auto rate = bucket_rate::per_minute(limit);
    bucket fast;
    slow_bucket slow{rate.burst(), rate.burst(), start};
    auto now = start;
    for (int i = 0; i < 3000; ++i) {
      now += static_cast<bucket_time>(random.below(static_cast<std::uint64_t>(tick_second) * 4));
      slow.refill(now);
      const auto units = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(limit) + 2));
      if (random.below(4) == 0) {
        const auto back = units - limit / 2;
        fast.give_back(rate, back, now);
        slow.level = std::min<__int128>(slow.cap, slow.level + static_cast<__int128>(back) * rate.cost);
        continue;
      }
      bucket_time retry = 0;
      const bool expected = units <= limit && slow.level >= static_cast<__int128>(units) * rate.cost && slow.level >= 0;
      ASSERT_EQ(fast.take(rate, units, now, retry), expected) << limit << ' ' << units;
      if (expected) slow.level -= static_cast<__int128>(units) * rate.cost;
      else if (units <= limit) ASSERT_EQ(static_cast<__int128>(retry), static_cast<__int128>(units) * rate.cost - slow.level);
      ASSERT_EQ(static_cast<__int128>(fast.remaining(rate, now)), std::max<__int128>(slow.level / rate.cost, 0));
    }
  }
}

TEST(bucket, threads_never_pass_more_than_the_limit) {
  bucket b;
  const auto rate = bucket_rate::per_minute(5000);
  std::atomic<int> passed{0};
  in_threads(8, [&](int) {
    bucket_time retry = 0;
    for (int i = 0; i < 1000; ++i)
      if (b.take(rate, 1, start, retry)) passed.fetch_add(1);
  });
  EXPECT_EQ(passed.load(), 5000);
}

TEST(budget_account, thousand_parallel_reserves_never_overrun) {
  budget_account account;
  const nano_usd limit{300};
  std::atomic<int> taken{0};
  in_threads(8, [&](int) {
    nano_usd committed;
    for (int i = 0; i < 125; ++i)
      if (account.reserve(today, nano_usd{1}, limit, committed)) taken.fetch_add(1);
  });
  EXPECT_EQ(taken.load(), 300);
  EXPECT_EQ(account.read(today).reserved.value(), 300);
  for (int i = 0; i < 300; ++i) account.settle(today, nano_usd{1}, nano_usd{i % 2});
  EXPECT_EQ(account.read(today).spent.value(), 150);
  EXPECT_EQ(account.read(today).reserved.value(), 0);
}

TEST(budget_account, is_never_over_while_threads_reserve_and_settle) {
  budget_account account;
  constexpr std::int64_t limit = 1'000'000;
  std::atomic<bool> over{false};
  std::atomic<std::int64_t> sum{0};
  in_threads(8, [&](int seed) {
    random_source random{static_cast<std::uint64_t>(seed)};
    nano_usd committed;
    for (int i = 0; i < 20'000; ++i) {
      const auto estimate = static_cast<std::int64_t>(random.below(1000));
      if (!account.reserve(today, nano_usd{estimate}, nano_usd{limit}, committed)) continue;
      const auto r = account.read(today);
      if ((r.spent + r.reserved).value() > limit) over = true;
      const auto actual = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(estimate) + 1));
      account.settle(today, nano_usd{estimate}, nano_usd{actual});
      sum += actual;
    }
  });
  EXPECT_FALSE(over);
  const auto end = account.read(today);
  EXPECT_EQ(end.reserved.value(), 0);
  EXPECT_EQ(end.spent.value(), sum.load());
  EXPECT_LE(end.spent.value(), limit);
  EXPECT_GT(end.spent.value(), limit - 2000) << "the test must reach the limit";
}

TEST(budget_account, overruns_by_no_more_than_the_calls_in_flight_were_underestimated) {
  budget_account account;
  nano_usd committed;
  int flying = 0;
  while (account.reserve(today, nano_usd{10}, nano_usd{100}, committed)) ++flying;
  for (int i = 0; i < flying; ++i) account.settle(today, nano_usd{10}, nano_usd{13});
  EXPECT_EQ(account.read(today).spent.value(), 100 + flying * 3);
  EXPECT_FALSE(account.reserve(today, nano_usd{0}, nano_usd{100}, committed)) << "exhausted: unknown estimates are refused too";
}

TEST(budget_account, settles_in_the_period_that_reserved_and_finds_totals_after_a_jump_back) {
  budget_account account;
  nano_usd committed;
  ASSERT_TRUE(account.reserve(today, nano_usd{5}, nano_usd{10}, committed));
  ASSERT_TRUE(account.reserve(tomorrow, nano_usd{10}, nano_usd{10}, committed)) << "a new period is empty";
  account.settle(today, nano_usd{5}, nano_usd{4});
  EXPECT_EQ(account.read(today).spent.value(), 4);
  EXPECT_EQ(account.read(tomorrow).spent.value(), 0);
  EXPECT_FALSE(account.reserve(today, nano_usd{7}, nano_usd{10}, committed)) << "the clock jumped back: 4 are still spent";
  EXPECT_TRUE(account.reserve(today, nano_usd{6}, nano_usd{10}, committed));
}

TEST(budget_account, threads_that_cross_midnight_lose_nothing) {
  budget_account account;
  std::atomic<std::int64_t> spent[2]{};
  in_threads(4, [&](int seed) {
    random_source random{static_cast<std::uint64_t>(seed)};
    nano_usd committed;
    for (int i = 0; i < 5000; ++i) {
      const auto day = random.below(2);
      const auto in = day == 0 ? today : tomorrow;
      ASSERT_TRUE(account.reserve(in, nano_usd{3}, nano_usd{1'000'000'000}, committed));
      account.settle(in, nano_usd{3}, nano_usd{2});
      spent[day] += 2;
    }
  });
  EXPECT_EQ(account.read(today).spent.value(), spent[0].load());
  EXPECT_EQ(account.read(tomorrow).spent.value(), spent[1].load());
  EXPECT_EQ(account.read(today).reserved.value() + account.read(tomorrow).reserved.value(), 0);
}

TEST(budget_account, restores_without_lowering) {
  budget_account account;
  nano_usd committed;
  ASSERT_TRUE(account.reserve(today, nano_usd{5}, nano_usd{100}, committed));
  account.restore(today, nano_usd{50});
  account.restore(today, nano_usd{20});
  EXPECT_EQ(account.read(today).spent.value(), 50);
  EXPECT_EQ(account.read(today).reserved.value(), 5);
  EXPECT_FALSE(account.reserve(today, nano_usd{46}, nano_usd{100}, committed));
  EXPECT_TRUE(account.reserve(today, nano_usd{45}, nano_usd{100}, committed));
}

std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

TEST(user_limit_table, a_million_users_stay_within_its_capacity) {
  user_limit_table table{1U << 14};
  const auto rate = bucket_rate::per_minute(10);
  const auto before = resident_bytes();
  random_source random{5};
  for (int i = 0; i < 1'000'000; ++i) {
    const auto now = start + i * (tick_second / 1000);  // 1,000 new users a second
    auto* e = table.pin(random(), now);
    ASSERT_NE(e, nullptr);
    bucket_time retry = 0;
    ASSERT_TRUE(e->state.requests.take(rate, 1, now, retry)) << "a new user begins afresh";
    user_limit_table::unpin(e);
  }
  EXPECT_LE(table.used(), table.capacity());
  EXPECT_EQ(table.capacity(), 1U << 14);
#if !__has_feature(thread_sanitizer)
  EXPECT_LT(resident_bytes() - before, 4U << 20);
#endif
  (void)before;
}

TEST(user_limit_table, keeps_the_busy_and_never_moves_the_pinned) {
  user_limit_table table{16};
  const auto rate = bucket_rate::per_minute(1);
  bucket_time retry = 0;
  auto* busy = table.pin(1, start);
  ASSERT_TRUE(busy->state.requests.take(rate, 1, start, retry));
  user_limit_table::unpin(busy);
  for (std::uint64_t user = 2; user < 200; ++user) user_limit_table::unpin(table.pin(user, start));
  auto* again = table.pin(1, start);
  EXPECT_FALSE(again->state.requests.take(rate, 1, start, retry)) << "idle users made place, not the busy one";
  EXPECT_EQ(table.evicted_active(), 0U);
  std::vector<user_limit_table::entry*> held{again};
  for (std::uint64_t user = 1000; held.size() < 16; ++user) held.push_back(table.pin(user, start));
  EXPECT_EQ(table.pin(5000, start), nullptr) << "all pinned";
  EXPECT_EQ(table.pin(1, start), again) << "but one that is there is found";
  user_limit_table::unpin(again);
  for (auto* e : held) user_limit_table::unpin(e);
  EXPECT_NE(table.pin(5000, start), nullptr);
}

TEST(user_budget_table, never_undercounts_however_many_users_there_are) {
  user_budget_table table{64};
  random_source random{6};
  constexpr std::int64_t limit = 100;
  std::map<std::uint64_t, std::int64_t> spent;
  for (int i = 0; i < 50'000; ++i) {
    const auto user = random.below(random.below(2) == 0 ? 40 : 2000) * 0x9e3779b97f4a7c15ULL + 1;
    const auto estimate = static_cast<std::int64_t>(random.below(5));
    nano_usd committed;
    user_budget_table::entry* held = nullptr;
    if (table.reserve(user, today, today.begin, nano_usd{estimate}, nano_usd{limit}, committed, held) != user_budget_table::outcome::taken) continue;
    const auto actual = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(estimate) + 1));
    table.settle(user, today, held, nano_usd{estimate}, nano_usd{actual});
    ASSERT_LE(spent[user] += actual, limit);
    ASSERT_GE(table.read(user, today).spent.value(), spent[user]);
  }
  EXPECT_GT(table.evicted_active(), 0U);
}

TEST(user_budget_table, past_periods_make_place_first) {
  user_budget_table table{16};
  nano_usd committed;
  user_budget_table::entry* held = nullptr;
  for (std::uint64_t user = 1; user <= 16; ++user) {
    ASSERT_EQ(table.reserve(user, today, today.begin, nano_usd{9}, nano_usd{10}, committed, held), user_budget_table::outcome::taken);
    table.settle(user, today, held, nano_usd{9}, nano_usd{9});
  }
  for (std::uint64_t user = 100; user < 116; ++user) {
    ASSERT_EQ(table.reserve(user, tomorrow, tomorrow.begin, nano_usd{9}, nano_usd{10}, committed, held), user_budget_table::outcome::taken) << user;
    EXPECT_EQ(committed.value(), 0);
  }
  EXPECT_EQ(table.evicted_active(), 0U);
  EXPECT_EQ(table.reserve(999, tomorrow, tomorrow.begin, nano_usd{1}, nano_usd{10}, committed, held), user_budget_table::outcome::full) << "all 16 in flight";
}

TEST(user_budget_table, threads_never_overrun_a_user) {
  user_budget_table table{1024};
  std::atomic<int> taken{0};
  in_threads(8, [&](int) {
    nano_usd committed;
    user_budget_table::entry* held = nullptr;
    for (int i = 0; i < 125; ++i)
      if (table.reserve(42, today, today.begin, nano_usd{1}, nano_usd{300}, committed, held) == user_budget_table::outcome::taken) taken.fetch_add(1);
  });
  EXPECT_EQ(taken.load(), 300);
}

}  // namespace
}  // namespace andon::access
