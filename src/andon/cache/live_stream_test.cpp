#include "andon/cache/live_stream.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "andon/base/random.hpp"
#include "andon/cache/seats_testing.hpp"

namespace andon::cache {
namespace {

using namespace testing_support;
using found = live_stream::found;
using state = seat::state;

live_stream_ptr stream(std::size_t window = 1u << 20) { return std::make_shared<live_stream>(window, "text/event-stream", model_name{"m"}); }

TEST(live_stream, every_reader_gets_the_bytes_at_its_own_pace_or_learns_that_it_lost_its_place) {
  random_source random{3};
  for (int round = 0; round < 100; ++round) {
    const std::size_t window = live_stream::chunk * (1 + random.below(6));
    live_stream live(window, {}, {});
    struct reader { std::string got; bool lost = false; };
    std::array<reader, 4> readers;
    std::string all, piece;
    const auto who = sit();
    for (int step = 0; step < 400; ++step) {
      if (random.below(3) == 0) {
        std::string part(random.below(9'000), static_cast<char>('a' + step % 26));
        live.append(part);
        all += part;
      }
      auto& one = readers[random.below(readers.size())];
      if (one.lost || random.below(4) == 0) continue;
      const auto what = live.read(one.got.size(), 1 + random.below(50'000), piece, who);
      one.lost = what == found::lost;
      if (one.lost) EXPECT_GT(all.size() - one.got.size(), window - live_stream::chunk) << "only who is far behind";
      else one.got += piece;
      EXPECT_EQ(what == found::nothing, !one.lost && piece.empty());
      ASSERT_EQ(std::string_view(all).substr(0, one.got.size()), one.got);
    }
    EXPECT_EQ(live.from_start() ? live.contents() : "", live.from_start() ? all : "");
    live.complete(nullptr);
    for (auto& one : readers) {
      while (!one.lost) {
        const auto what = live.read(one.got.size(), 10'000, piece, who);
        one.lost = what == found::lost;
        if (!one.lost) one.got += piece;
        if (what == found::last) break;
      }
      if (!one.lost) EXPECT_EQ(one.got, all);
    }
  }
}

TEST(live_stream, wakes_a_reader_once_and_hides_what_is_held_until_the_end) {
  const auto live = stream();
  const auto who = sit();
  std::string piece;
  EXPECT_EQ(live->read(0, 100, piece, who), found::nothing);
  live->append("one");
  live->append("two");
  EXPECT_EQ(who->woken, 1);
  EXPECT_EQ(live->read(0, 100, piece, who), found::more);
  EXPECT_EQ(piece, "onetwo");
  live->hold("end");
  EXPECT_EQ(live->read(6, 100, piece, who), found::nothing);
  EXPECT_EQ(live->contents(), "onetwoend");
  live->break_off(nullptr, {errc::upstream_reset, "gone"}, true);
  live->complete(nullptr);  // too late
  EXPECT_EQ(who->woken, 2);
  EXPECT_EQ(live->read(4, 2, piece, who), found::more);
  EXPECT_EQ(live->read(6, 100, piece, who), found::broken);
  EXPECT_EQ(piece, "end");
  EXPECT_EQ(live->why().code, errc::upstream_reset);
  EXPECT_TRUE(live->told());
}

TEST(live_stream, those_who_wait_and_those_who_come_follow) {
  flights f;
  const auto a = sit(), b = sit(), c = sit();
  const auto live = stream();
  f.join(key_of(1), a);
  f.join(key_of(1), b);
  f.open(*a, live);
  EXPECT_EQ(b->is(), state::following);
  EXPECT_EQ(b->woken, 1);
  EXPECT_EQ(f.join(key_of(1), c), state::following);
  EXPECT_EQ(f.followed(*c), live);
  EXPECT_EQ(f.followed(*a), nullptr);
  EXPECT_TRUE(f.wanted(*a));
  EXPECT_TRUE(f.begin(*b, live));
  EXPECT_FALSE(f.begin(*b, stream())) << "another one's stream";
  EXPECT_TRUE(f.begin(*b, live));
  live->complete(nullptr);
  f.land(*a, std::make_shared<reply>());
  EXPECT_EQ(b->is(), state::free) << "it reads on by itself";
  EXPECT_EQ(c->is(), state::served) << "it has sent nothing yet: the kept reply is as good";
  EXPECT_EQ(f.waiting(), 0u);
  EXPECT_EQ(f.under_way(), 0u);
}

TEST(live_stream, when_it_breaks_only_those_without_a_beginning_start_again) {
  flights f;
  const auto a = sit(), b = sit(), c = sit(), d = sit();
  const auto live = stream();
  for (const auto& one : {a, b, c, d}) f.join(key_of(1), one);
  f.open(*a, live);
  EXPECT_TRUE(f.begin(*b, live));
  live->break_off(nullptr, {errc::upstream_reset, {}}, true);
  f.land(*a, nullptr);
  EXPECT_EQ(b->is(), state::free);
  EXPECT_EQ(c->is(), state::leading);
  EXPECT_EQ(d->is(), state::waiting);
  EXPECT_GE(d->woken, 2) << "it must not wait for the broken stream";
  EXPECT_FALSE(f.begin(*d, live));
  EXPECT_EQ(f.waiting(), 1u);
  f.leave(*c);
  EXPECT_EQ(d->is(), state::leading);
  f.leave(*d);
  EXPECT_EQ(f.under_way(), 0u);
}

TEST(live_stream, who_comes_when_its_beginning_is_gone_calls_apart) {
  flights f;
  const auto a = sit(), b = sit();
  const auto live = stream(live_stream::chunk);
  f.join(key_of(1), a);
  f.open(*a, live);
  live->append(std::string(3 * live_stream::chunk, 'x'));
  EXPECT_EQ(f.join(key_of(1), b), state::free);
  EXPECT_FALSE(f.wanted(*a));
  std::string piece;
  EXPECT_EQ(live->read(0, 10, piece, b), found::lost);
  EXPECT_EQ(live->contents(), "");
}

TEST(live_stream, who_leaves_is_forgotten_and_the_leader_told) {
  flights f;
  const auto a = sit();
  auto b = sit();
  const auto live = stream();
  f.join(key_of(1), a);
  f.open(*a, live);
  f.join(key_of(1), b);
  EXPECT_TRUE(f.begin(*b, live));
  EXPECT_TRUE(f.wanted(*a));
  b.reset();
  EXPECT_TRUE(f.wanted(*a)) << "the flight holds it";
  const auto c = sit();
  f.join(key_of(1), c);
  f.leave(*c);
  EXPECT_EQ(f.followed(*c), nullptr);
  EXPECT_EQ(f.waiting(), 1u);
}

TEST(live_stream, readers_on_other_threads_get_all_of_it) {
  const auto live = stream();
  std::string all;
  for (int i = 0; i < 2'000; ++i) all += "event " + std::to_string(i) + "\n";
  std::array<std::string, 4> got;
  {
    std::vector<std::jthread> readers;
    for (auto& out : got)
      readers.emplace_back([&out, live] {
        const auto me = std::make_shared<sleeper>();
        std::string piece;
        for (;;) {
          const auto what = live->read(out.size(), 777, piece, me);
          out += piece;
          if (what == found::last) return;
          if (what == found::nothing) me->wait();
        }
      });
    for (std::size_t at = 0; at < all.size(); at += 31) live->append(std::string_view(all).substr(at, 31));
    live->complete(nullptr);
  }
  for (const auto& one : got) EXPECT_EQ(one, all);
}

}  // namespace
}  // namespace andon::cache
